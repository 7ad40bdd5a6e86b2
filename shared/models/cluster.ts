/**
 * What the pages show of a cluster. Offsets and other 64-bit numbers are decimal strings, since these shapes are
 * serialised; `null` is unknown and is drawn as "?", never as 0.
 */

/** How a replica stands; one glyph each: ● ○ ◐ ✕ ◌. */
export type ReplicaState = 'leader' | 'inSync' | 'lagging' | 'offline' | 'electing';

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
  /** Brokers that did not answer the last round, and why. */
  unreachable: { broker: number; error: string }[];
  /** Wall-clock milliseconds of the last metadata answer that this view is made of; 0: none yet. */
  asOf: number;
  /** Wall-clock milliseconds of the last complete round of offsets; 0: none yet. Topics that it left out have an age of their own. */
  offsetsAsOf: number;
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
  /** Milliseconds since the controller last heard its heartbeat (embedded only). */
  sessionAgeMs: number | null;
  sessionTimeoutMs: number | null;
  logBytes: string | null;
  /** Present for the embedded cluster: what the lab can do with it. */
  lab: { port: number; controllerPort: number; running: boolean; memoryBytes: number | null } | null;
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
  replicas: { broker: number; state: ReplicaState }[];
  isr: number[];
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
  /** Sum of known lags; null when none is known. */
  lag: string | null;
  /** Partitions whose lag is unknown. */
  unknown: number;
  error: string | null;
  /** Wall-clock ms of the oldest answer that this row is made of: its description, or the offsets of a topic that it reads; 0: none yet. */
  asOf: number;
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
  /** Null: nobody. */
  memberId: string | null;
  leader: number | null;
  /** Null: never committed. */
  committed: string | null;
  endOffset: string | null;
  lag: string | null;
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

/** One sample of a group's lag, for charts. */
export interface LagSample {
  at: number;
  /** Lag by topic; null is a gap. */
  topics: Record<string, number | null>;
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
}
