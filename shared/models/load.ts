/**
 * Load: real clients (kafkajs, in workers) that write and read as they are told, and count honestly. Every record they write
 * carries who wrote it and its number, so that what became of each can be told by reading the log.
 */

export type LoadKeys =
  /** No key: the client's partitioner spreads them. */
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
  /** Ends by itself after so many; null: when it is ended. */
  records: number | null;
}

export interface GroupLoad {
  kind: 'group';
  /** The group's id. */
  name: string;
  topics: string[];
  members: number;
  /** What a member takes for each record, as a consumer with work to do would. */
  perRecordMs: number;
  from: 'oldest' | 'newest';
  sessionTimeoutMs: number;
  /** A member ends without leaving every so often and another takes its place; null: never. */
  crashEveryMs: number | null;
}

export type LoadSpec = ProducerLoad | GroupLoad;

export type LoadState = 'starting' | 'running' | 'stopping' | 'ended' | 'failed';

export interface LoadRow {
  /** Grows by one with every load of a run. */
  id: number;
  spec: LoadSpec;
  state: LoadState;
  /** Wall-clock ms at which it was started. */
  since: number;
  /** Why it failed, or what its clients complained of last; null: of nothing. */
  error: string | null;
  /** What it counted; the one of its kind. */
  written: WrittenCounts | null;
  consumed: ConsumedCounts | null;
}

/** Of a producer load. All are numbers of records, but for the last four. */
export interface WrittenCounts {
  sent: number;
  /** With acks=none: handed to the network, which is all that such a client knows. */
  acknowledged: number;
  /** Given up by the client; some of them may be stored all the same. */
  failed: number;
  /** Sent, and neither acknowledged nor given up yet. */
  waiting: number;
  /** Acknowledged a second, over the last seconds. */
  perSecond: number;
  /** From the send to the acknowledgement, over the last seconds; null while nothing is acknowledged. */
  medianMs: number | null;
  p99Ms: number | null;
  /** What reading the log found last; null before it was read for the first time. */
  audit: LoadAudit | null;
}

/** What a reader of the log found of a producer load's records. */
export interface LoadAudit {
  /** Wall-clock ms at which the reading was done. */
  at: number;
  /** The reading went from the first record to the end of every partition; false: some partition could not be read. */
  complete: boolean;
  /** Acknowledged when the reading began, and so accounted for: found + lost + removed + unread. */
  acknowledged: number;
  /** Of these: found. */
  found: number;
  /** Of these: not where they have to be, in what could be read. */
  lost: number;
  /** Of these: deleted by rule since (retention, DeleteRecords; a later record of the same key on a compacted topic). Not lost. */
  removed: number;
  /** Of these: in a partition, or behind an end, that nobody could read now. Only with `complete` false. */
  unread: number;
  /** Found more than once, the second and further times. */
  duplicated: number;
  /** Found, though the client had given them up. */
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
  /** Consumed again by some member: at least once means that. */
  repeated: number;
  perSecond: number;
  /** Times that a member was given partitions anew. */
  rebalances: number;
  /** Times that a member ended without leaving. */
  crashes: number;
  members: LoadMember[];
  /** How far the furthest of them has come, by partition: `next` is the offset after it. Of partitions that some member was given. */
  positions: { topic: string; partition: number; next: string }[];
}

export interface LoadMember {
  /** 1, 2, … within the load; a member that takes a crashed one's place has a number of its own. */
  number: number;
  /** The coordinator's name for it; null before it has joined. */
  memberId: string | null;
  state: 'joining' | 'consuming' | 'paused' | 'ended';
  assignment: { topic: string; partitions: number[] }[];
  consumed: number;
}
