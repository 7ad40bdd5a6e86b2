/**
 * What the pages show of a cluster. Offsets and other 64-bit numbers are decimal strings, since these shapes are
 * serialised; `null` is unknown and is drawn as "?", never as 0.
 */

/** The state of a replica; one glyph each: ● ○ ◐ ✕ ◌, and a grey ring for `unknown`: its broker does not answer. */
export type ReplicaState = 'leader' | 'inSync' | 'lagging' | 'offline' | 'electing' | 'unknown';

export interface Connection {
  id: string;
  name: string;
  kind: 'embedded' | 'remote';
  /** `host:port,host:port`. */
  bootstrap: string;
  /** A colour role that marks it in the side bar. */
  colour: 'flow' | 'accent' | 'warn' | 'bad' | 'control';
}

export interface ClusterView {
  connection: Connection;
  clusterId: string | null;
  /** The active controller's node id where the cluster says (DescribeQuorum, else DescribeCluster). */
  controllerId: number | null;
  brokers: BrokerRow[];
  topics: TopicRow[];
  groups: GroupRow[];
  quorum: QuorumView | null;
  rates: { inBytesPerSecond: number | null; outBytesPerSecond: number | null; recordsInPerSecond: number | null };
  /** Brokers that did not answer the last round, and why. `otherCluster`: the id of the cluster that answers at the broker's address. */
  unreachable: { broker: number; error: string; otherCluster: string | null }[];
  /** Wall-clock milliseconds of the last metadata answer that this view is made of; 0: none yet. */
  asOf: number;
  /** Wall-clock milliseconds of the last complete round of offsets; 0: none yet. Topics that it left out have an age of their own. */
  offsetsAsOf: number;
  /** The same of groups: the older of their last descriptions and of the last round that read their lag. */
  groupsAsOf: number;
}

export type BrokerState = 'starting' | 'online' | 'fenced' | 'shuttingDown' | 'down' | 'frozen' | 'unreachable';

export interface BrokerRow {
  id: number;
  host: string | null;
  port: number | null;
  rack: string | null;
  state: BrokerState;
  /** Since when it is in that state, wall-clock ms, where known. */
  since: number | null;
  isController: boolean;
  /** `voter, leader of epoch 14`, in parts. */
  quorumRole: 'leader' | 'follower' | 'candidate' | 'observer' | null;
  leaders: number | null;
  replicas: number | null;
  /** Replicas on this broker that are in their partition's ISR. */
  inSync: number | null;
  /** Set by `shared/health.ts` for a broker that has stopped and is in sync in no partition: ISRs of metadata that still list it. */
  listed?: number;
  /** Milliseconds since its last heartbeat reached the controller (embedded cluster only). */
  sessionAgeMs: number | null;
  sessionTimeoutMs: number | null;
  logBytes: string | null;
  /** Null: the broker does not report its volumes (DescribeLogDirs before version 4), or does not answer. */
  disk: BrokerDisk | null;
  /** Present for the embedded cluster: what the lab can do with it. */
  lab: { port: number; controllerPort: number; running: boolean; memoryBytes: number | null } | null;
}

/** The volume of the broker's log directory; of several directories, the one whose volume is closest to full. */
export interface BrokerDisk {
  directory: string;
  /** Log directories of the broker. */
  directories: number;
  totalBytes: string;
  /** What the broker may still use: what the system reserves is not part of it. */
  usableBytes: string;
}

export interface TopicRow {
  name: string;
  id: string | null;
  internal: boolean;
  replicationFactor: number;
  partitions: PartitionRow[];
  cleanupPolicy: string | null;
  minInsyncReplicas: number | null;
  /** Sum over partitions; null while any is unknown. */
  records: string | null;
  sizeBytes: string | null;
  /** True where `records` can only be an estimate (compacted or transactional). */
  recordsEstimated: boolean;
  /**
   * Null: the last round of offsets read this topic (`ClusterView.offsetsAsOf`). Else wall-clock ms of the last round that did,
   * since no client shows the topic; 0: none has.
   */
  offsetsAsOf: number | null;
}

export interface PartitionRow {
  partition: number;
  /** Null: no leader. */
  leader: number | null;
  leaderEpoch: number | null;
  /** Set by `shared/health.ts` where the leader that metadata names does not answer. */
  leaderState?: 'silent' | 'unknown';
  replicas: { broker: number; state: ReplicaState }[];
  /** As metadata has it, with replicas that have stopped and that the leader has not removed. */
  isr: number[];
  /** Set by `shared/health.ts`: replicas on brokers that are known to have stopped. A fenced broker that runs is not one of them. */
  stopped?: number[];
  startOffset: string | null;
  endOffset: string | null;
  sizeBytes: string | null;
  /** Kafka's error name when this partition could not be read. */
  error: string | null;
}

export type GroupState =
  'Stable' | 'PreparingRebalance' | 'CompletingRebalance' | 'Empty' | 'Dead' | 'Assigning' | 'Reconciling' | 'Unknown';

export interface GroupRow {
  id: string;
  state: GroupState;
  protocolType: string;
  protocol: string | null;
  /** Null while it moves. */
  coordinator: number | null;
  members: GroupMember[];
  partitions: GroupPartition[];
  /** Sum of known lags; null when none is known. A lower bound while `unknown` is not 0. */
  lag: string | null;
  /** Partitions whose lag is unknown. */
  unknown: number;
  error: string | null;
  /** Null: `ClusterView.groupsAsOf`. Else wall-clock ms of the oldest answer that this row is made of; 0: none yet. */
  asOf: number | null;
}

export interface GroupMember {
  memberId: string;
  instanceId: string | null;
  clientId: string;
  host: string;
  assignment: { topic: string; partitions: number[] }[];
}

export interface GroupPartition {
  topic: string;
  partition: number;
  /** Null: assigned to no member. */
  memberId: string | null;
  leader: number | null;
  /** Null: never committed. */
  committed: string | null;
  /** Log start and end offset, read after the committed offset; null: unknown. */
  startOffset: string | null;
  endOffset: string | null;
  /** Offsets that can still be read: from the committed offset, or the log start where that is higher, to the end. Null: unknown, or `absent`. */
  lag: string | null;
  /** Why `lag` is unknown; null where it is known, or `absent`. */
  unknown: 'neverCommitted' | 'committed' | 'offsets' | null;
  /** The cluster has no such topic, or no such partition of it: nothing can be read, and no sum counts it. */
  absent: 'topic' | 'partition' | null;
  /** Offsets between the committed offset and the log start: deleted before they were read. Null: none, or unknown. */
  goneBeforeRead: string | null;
  /** Offsets by which the committed offset is above the end, as after the topic was re-created. Null: none, or unknown. */
  beyondEnd: string | null;
  /** Offsets up to the end that hold no record, such as transaction markers: `lag` is 0 then. Null: none, or not read. */
  emptyOffsets: string | null;
  /** Wall-clock ms of the timestamp of the next unread record; null where there is none, or it has not been read. */
  nextUnreadAt: number | null;
  /** True while a transaction is open: members with isolation.level=read_committed wait at the last stable offset. */
  openTransaction: boolean;
  /** Wall-clock ms at which the committed offset was last seen to change. */
  committedAt: number | null;
  metadata: string | null;
}

export interface QuorumView {
  leaderId: number | null;
  leaderEpoch: number | null;
  highWatermark: string | null;
  /** Wall-clock ms since when that leader leads, where known. */
  leaderSince: number | null;
  voters: QuorumReplica[];
  observers: QuorumReplica[];
}

export interface QuorumReplica {
  id: number;
  logEndOffset: string | null;
  /** Records behind the leader. */
  lag: string | null;
  lastFetchAt: number | null;
  lastCaughtUpAt: number | null;
}

/** One sample of a group's lag, for charts. A list, since topic names are no safe keys of an object. */
export interface LagSample {
  /** Wall-clock ms. */
  at: number;
  topics: TopicLag[];
}

export interface TopicLag {
  topic: string;
  /** Sum over its partitions; null while one of them could not be read: a gap. */
  lag: number | null;
  /** True where a part is unknown, as that of a partition which was never committed: the sum is a lower bound. */
  atLeast: boolean;
}

export interface RecordRow {
  partition: number;
  offset: string;
  timestamp: number | null;
  timestampType: 'create' | 'logAppend';
  key: RecordValue;
  value: RecordValue;
  /** The first hundred. */
  headers: { key: string; value: RecordValue }[];
  /** Of the record: more than `headers` holds where some are left out. */
  headerCount: number;
  /** Bytes of key and value. */
  sizeBytes: number;
  compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';
}

/** Text when the bytes are UTF-8, else hexadecimal; at most 64 KiB of either, `truncated` says when more is there. */
export interface RecordValue {
  encoding: 'null' | 'utf8' | 'hex';
  text: string;
  truncated: boolean;
  sizeBytes: number;
}

/** A record batch of which not every record could be shown. */
export interface CutBatch {
  partition: number;
  /** Of its first and last record. */
  offset: string;
  lastOffset: string;
  /** As its header counts them; null where that cannot be read. */
  records: number | null;
  /** As stored; `decompressedBytes` is null where it was not decompressed. */
  sizeBytes: number;
  decompressedBytes: number | null;
  shown: number;
  /** RECORDS: more than the limit; SIZE: decompresses to more than may be decompressed; SEVERAL batches; else the error's name. */
  reason: string;
}

export interface ConfigEntry {
  name: string;
  value: string | null;
  source: 'topic' | 'dynamicBroker' | 'dynamicDefault' | 'staticBroker' | 'default' | 'unknown';
  readOnly: boolean;
  sensitive: boolean;
  type: string;
  documentation: string | null;
  /** The value after a reset: that of the next source. Absent where the broker has not reported it. */
  inherited?: string | null;
}
