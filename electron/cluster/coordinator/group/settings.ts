/** What the group coordinator is configured with; Kafka's name of each broker setting stands beside it. */
export interface GroupSettings {
  /** The broker that this coordinator runs on, for the timeline. */
  brokerId: number;
  /** `group.initial.rebalance.delay.ms` */
  initialRebalanceDelayMs: number;
  /** `group.min.session.timeout.ms` */
  minSessionTimeoutMs: number;
  /** `group.max.session.timeout.ms` */
  maxSessionTimeoutMs: number;
  /** `group.max.size`: also bounds the members that were given an id and have not joined yet. */
  maxSize: number;
  /** `offsets.retention.minutes`, in milliseconds. */
  offsetsRetentionMs: number;
  /** `offsets.retention.check.interval.ms` */
  offsetsRetentionCheckIntervalMs: number;
  /** `offset.metadata.max.bytes` */
  offsetMetadataMaxBytes: number;
  /** How long a member may wait in its first JoinGroup. It knows no member id yet, so it can send no heartbeat. Kafka has 5 minutes, fixed. */
  newMemberJoinTimeoutMs: number;
}

/** Apache Kafka's defaults, but for `maxSize`, which is without limit there: every queue here has a bound. */
export const DEFAULT_GROUP_SETTINGS: Omit<GroupSettings, 'brokerId'> = {
  initialRebalanceDelayMs: 3000,
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  maxSize: 10_000,
  offsetsRetentionMs: 7 * 24 * 60 * 60 * 1000,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetMetadataMaxBytes: 4096,
  newMemberJoinTimeoutMs: 300_000,
};
