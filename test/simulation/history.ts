/** The operations of clients and their results, for the checker. Times are true time, ms. */

/** A value that a producer sent, and its outcome. */
export interface Write {
  readonly producer: string;
  readonly topic: string;
  readonly partition: number;
  readonly value: string;
  /** Rank among the values of its producer for its partition. */
  readonly rank: number;
  readonly acks: number;
  /** In a compacted topic; each producer has its own keys. */
  readonly key: string | undefined;
  /** Whether retries have to be recognised. */
  readonly idempotent: boolean;
  /** Time of the first attempt; undefined before it. */
  firstSentAt?: number;
  /** Time of the last attempt. */
  sentAt: number;
  ackedAt?: number;
  /** −1: acknowledged as a duplicate, with an offset that the broker no longer knew. */
  offset?: bigint;
}

/** One batch of records that a consumer received. */
export interface Poll {
  readonly consumer: string;
  readonly topic: string;
  readonly partition: number;
  readonly at: number;
  /** Position before the poll: no record between it and the first offset may be left out. */
  readonly position: bigint;
  readonly records: readonly { offset: bigint; value: string; epoch: number }[];
}

export interface Commit {
  readonly group: string;
  readonly member: string;
  readonly generation: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly sentAt: number;
  answeredAt?: number;
  acked: boolean;
}

export interface CommittedRead {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  readonly askedAt: number;
  /** −1: none. */
  readonly offset: bigint;
}

/** A member started with its partitions in a generation. */
export interface Assignment {
  readonly group: string;
  readonly member: string;
  readonly generation: number;
  readonly at: number;
  readonly partitions: readonly string[];
}

export interface Violation {
  readonly kind: string;
  readonly at: number;
  readonly text: string;
}

export class History {
  readonly writes: Write[] = [];
  readonly polls: Poll[] = [];
  readonly commits: Commit[] = [];
  readonly committedReads: CommittedRead[] = [];
  readonly assignments: Assignment[] = [];
  readonly violations: Violation[] = [];
  private readonly seen = new Set<string>();

  /** A violation of a kind is reported once for each place. */
  violation(kind: string, at: number, text: string, place = ''): void {
    const key = `${kind} ${place}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.violations.push({ kind, at, text });
  }
}
