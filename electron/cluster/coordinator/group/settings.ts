/** Settings of the group coordinator, with Kafka's name of each broker setting. */
export interface GroupSettings {
  /** Id of this coordinator's broker, for the timeline. */
  brokerId: number;
  /** `group.initial.rebalance.delay.ms` */
  initialRebalanceDelayMs: number;
  /** `group.min.session.timeout.ms` */
  minSessionTimeoutMs: number;
  /** `group.max.session.timeout.ms` */
  maxSessionTimeoutMs: number;
  /** `group.max.size`: also bounds the pending member ids. */
  maxSize: number;
  /** `offsets.retention.minutes`, in milliseconds. */
  offsetsRetentionMs: number;
  /** `offsets.retention.check.interval.ms` */
  offsetsRetentionCheckIntervalMs: number;
  /** `offset.metadata.max.bytes` */
  offsetMetadataMaxBytes: number;
  /** How long a member may wait in its first JoinGroup: without a member id it cannot send heartbeats. Kafka has a fixed 5 minutes. */
  newMemberJoinTimeoutMs: number;
}

/** Apache Kafka's defaults, except for `maxSize`, which is unlimited there: every queue here has a bound. */
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
