/**
 * Fetch sessions (KIP-227), the follower's side: which partitions the next fetch has to name so that the leader knows all wanted ones. A
 * request holds only changes since the last one, however many partitions are followed.
 */
import type { fetch } from '../protocol/apis/fetch.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { RequestIn, ResponseOf } from '../protocol/schema.ts';
import { nextEpoch } from './fetch-session.ts';

export interface WantedPartition {
  readonly topicId: string;
  readonly partition: number;
  readonly currentLeaderEpoch: number;
  readonly fetchOffset: bigint;
  readonly lastFetchedEpoch: number;
  readonly logStartOffset: bigint;
  readonly partitionMaxBytes: number;
}

type SessionPart = Pick<RequestIn<typeof fetch>, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'>;

export class FollowerSession {
  private id = 0;
  private epoch = 0;
  private readonly wanted = new Map<string, WantedPartition>();
  /** Those of them that the next request has to name where the session continues. */
  private readonly changed = new Map<string, WantedPartition>();
  private readonly dropped = new Map<string, WantedPartition>();

  /** The next request names all partitions, and ends the existing session at the leader. */
  reset(): void {
    this.epoch = 0;
  }

  /** How many partitions are wanted. */
  get size(): number {
    return this.wanted.size;
  }

  /** The values of the partition in the last request, unless `want` or `drop` was called since. */
  asked(key: string): WantedPartition | undefined {
    return this.wanted.get(key);
  }

  /** Fetches the partition with these values from the next request on. */
  want(key: string, one: WantedPartition): void {
    const known = this.wanted.get(key);
    if (known !== undefined && same(known, one)) return;
    this.wanted.set(key, one);
    this.changed.set(key, one);
    this.dropped.delete(key);
  }

  /** Removes the partition. */
  drop(key: string): void {
    const known = this.wanted.get(key);
    if (known === undefined) return;
    this.wanted.delete(key);
    this.changed.delete(key);
    this.dropped.set(key, known);
  }

  /** The part of a fetch request that names partitions. */
  request(): SessionPart {
    const isFull = this.epoch === 0;
    const named = isFull ? this.wanted : this.changed;
    const forgotten: { topicId: string; partitions: number[] }[] = [];
    if (!isFull) {
      for (const one of this.dropped.values()) {
        const last = forgotten.at(-1);
        if (last?.topicId === one.topicId) last.partitions.push(one.partition);
        else forgotten.push({ topicId: one.topicId, partitions: [one.partition] });
      }
    }
    const part = { sessionId: this.id, sessionEpoch: this.epoch, topics: byTopic(named.values()), forgottenTopicsData: forgotten };
    this.changed.clear();
    this.dropped.clear();
    return part;
  }

  /** Processes the session part of a response. False when the session is lost and the request has to be rebuilt. */
  answered(response: ResponseOf<typeof fetch>): boolean {
    if (response.errorCode !== ErrorCode.NONE) {
      const lost = response.errorCode;
      if (lost === ErrorCode.FETCH_SESSION_ID_NOT_FOUND) this.id = 0;
      this.reset();
      return !SESSION_ERRORS.has(lost);
    }
    if (response.sessionId === 0) {
      this.id = 0;
      this.reset();
    } else {
      this.id = response.sessionId;
      this.epoch = nextEpoch(this.epoch);
    }
    return true;
  }
}

const SESSION_ERRORS: ReadonlySet<number> = new Set([
  ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
  ErrorCode.INVALID_FETCH_SESSION_EPOCH,
  ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
]);

function byTopic(wanted: Iterable<WantedPartition>): SessionPart['topics'] {
  const topics: { topicId: string; partitions: WantedPartition[] }[] = [];
  for (const one of wanted) {
    const last = topics.at(-1);
    if (last?.topicId === one.topicId) last.partitions.push(one);
    else topics.push({ topicId: one.topicId, partitions: [one] });
  }
  return topics;
}

function same(a: WantedPartition, b: WantedPartition): boolean {
  return (
    a.fetchOffset === b.fetchOffset &&
    a.currentLeaderEpoch === b.currentLeaderEpoch &&
    a.lastFetchedEpoch === b.lastFetchedEpoch &&
    a.logStartOffset === b.logStartOffset &&
    a.partitionMaxBytes === b.partitionMaxBytes
  );
}
