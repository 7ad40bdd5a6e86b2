/**
 * Fetch sessions (KIP-227), the follower's side: what to name in the next fetch so that the leader knows all that is wanted. A request costs
 * what has changed since the last one, however many partitions are followed.
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
  /** Of those, what the next request has to name where the session goes on. */
  private readonly changed = new Map<string, WantedPartition>();
  private readonly dropped = new Map<string, WantedPartition>();

  /** The next request names everything, and ends the session that there was at the leader. */
  reset(): void {
    this.epoch = 0;
  }

  /** How many partitions are wanted. */
  get size(): number {
    return this.wanted.size;
  }

  /** What the last request said of the partition, if nothing was said to `want` and `drop` since. */
  asked(key: string): WantedPartition | undefined {
    return this.wanted.get(key);
  }

  /** Wants that of the partition from the next request on. */
  want(key: string, one: WantedPartition): void {
    const known = this.wanted.get(key);
    if (known !== undefined && same(known, one)) return;
    this.wanted.set(key, one);
    this.changed.set(key, one);
    this.dropped.delete(key);
  }

  /** Wants nothing of it any more. */
  drop(key: string): void {
    const known = this.wanted.get(key);
    if (known === undefined) return;
    this.wanted.delete(key);
    this.changed.delete(key);
    this.dropped.set(key, known);
  }

  /** The part of a fetch request that says what is wanted now. */
  request(): SessionPart {
    const anew = this.epoch === 0;
    const named = anew ? this.wanted : this.changed;
    const forgotten: { topicId: string; partitions: number[] }[] = [];
    if (!anew) {
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

  /** Takes note of the answer. False when the session is lost and the request has to be made anew. */
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
