/**
 * Loads: real clients (kafkajs, in workers) that produce and consume as specified, and count the results. Every record has the id of its
 * load and a number, so that reading the log shows which records are stored.
 */

export type LoadKeys =
  /** No key: the client's partitioner distributes the records. */
  | { kind: 'none' }
  /** `key-0` … `key-(distinct − 1)`, in turn. */
  | { kind: 'even'; distinct: number }
  /** As `even`, but that share (0 to 1) of the records has the first key. */
  | { kind: 'hot'; distinct: number; share: number };

export interface ProducerLoad {
  kind: 'producer';
  /** Unique among the loads of its kind. */
  name: string;
  topic: string;
  /** kafkajs producers that share the rate. */
  clients: number;
  /** Of all clients together. */
  recordsPerSecond: number;
  valueBytes: number;
  acks: 'all' | 'one' | 'none';
  idempotent: boolean;
  keys: LoadKeys;
  /** Ends by itself after so many records; null: runs until it is stopped. */
  records: number | null;
}

export interface GroupLoad {
  kind: 'group';
  /** The group's id. */
  name: string;
  topics: string[];
  members: number;
  /** Processing time of a member for each record. */
  perRecordMs: number;
  from: 'oldest' | 'newest';
  sessionTimeoutMs: number;
  /** Interval at which a member ends without leaving and is replaced; null: never. */
  crashEveryMs: number | null;
}

export type LoadSpec = ProducerLoad | GroupLoad;

export type LoadState = 'starting' | 'running' | 'stopping' | 'ended' | 'failed';

export interface LoadRow {
  /** Ascending within a run of the app. */
  id: number;
  spec: LoadSpec;
  state: LoadState;
  /** Wall-clock ms at which it was started. */
  since: number;
  /** Why it failed, or the last error of its clients; null without an error. */
  error: string | null;
  /** What it counted; the one of its kind. */
  written: WrittenCounts | null;
  consumed: ConsumedCounts | null;
}

/** Of a producer load. All are numbers of records, but for the last four. */
export interface WrittenCounts {
  sent: number;
  /** With acks=none: passed to the network, which is all that such a client knows. */
  acknowledged: number;
  /** Failed at the client; some of them may be stored nevertheless. */
  failed: number;
  /** In flight: sent, and neither acknowledged nor failed. */
  waiting: number;
  /** Acknowledged a second, over the last seconds. */
  perSecond: number;
  /** From the send to the acknowledgement, over the last seconds; null while nothing is acknowledged. */
  medianMs: number | null;
  p99Ms: number | null;
  /** Result of the last audit; null before the first one. */
  audit: LoadAudit | null;
}

/** Result of reading the log for the records of a producer load. */
export interface LoadAudit {
  /** Wall-clock ms at which the reading was done. */
  at: number;
  /** The reading went from the first record to the end of every partition; false: some partition could not be read. */
  complete: boolean;
  /** Acknowledged when the reading began, and so accounted for: found + lost + removed + unread. */
  acknowledged: number;
  /** Of these: found. */
  found: number;
  /** Of these: missing in what could be read. */
  lost: number;
  /** Of these: deleted by retention, DeleteRecords or compaction. Not lost. */
  removed: number;
  /** Of these: in a partition, or above an end offset, that could not be read. Only with `complete` false. */
  unread: number;
  /** Found more than once, the second and further times. */
  duplicated: number;
  /** Found, although they failed at the client. */
  storedThoughFailed: number;
  /**
   * Which were lost: at most 100 ranges of numbers, oldest first; of those between `from` and `to` the `count` that went to this partition.
   * `offset`: at which the broker had acknowledged the first of them; −1 where it never said (acks=none).
   */
  lostRanges: { from: number; to: number; partition: number; offset: string; count: number }[];
}

/** Of a group load. All are numbers of records, but for what is said otherwise. */
export interface ConsumedCounts {
  consumed: number;
  /** Redelivered: consumed more than once, as at-least-once delivery allows. */
  repeated: number;
  perSecond: number;
  /** Number of assignments that members received. */
  rebalances: number;
  /** Number of members that ended without leaving. */
  crashes: number;
  members: LoadMember[];
  /** The highest position of all members by partition, for assigned partitions: `next` is the next offset. */
  positions: { topic: string; partition: number; next: string }[];
}

export interface LoadMember {
  /** 1, 2, … within the load; the replacement of a crashed member has a new number. */
  number: number;
  /** Member id from the coordinator; null before it has joined. */
  memberId: string | null;
  state: 'joining' | 'consuming' | 'paused' | 'ended';
  assignment: { topic: string; partitions: number[] }[];
  consumed: number;
}
