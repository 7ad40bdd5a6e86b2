/** Fetch sessions (KIP-227), the follower's side: what to name in the next fetch so that the leader knows all that is wanted. */
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
  private told = new Map<string, WantedPartition>();

  /** Forgets the session: the next request names everything. */
  reset(): void {
    this.id = 0;
    this.epoch = 0;
    this.told.clear();
  }

  /** The part of a fetch request that says what is wanted now. */
  request(wanted: readonly WantedPartition[]): SessionPart {
    if (this.epoch === 0) this.told.clear();
    const named: WantedPartition[] = [];
    const before = this.told.size;
    let stay = 0;
    for (const one of wanted) {
      const key = keyOf(one);
      const known = this.told.get(key);
      if (known !== undefined) stay++;
      if (known !== undefined && same(known, one)) continue;
      this.told.set(key, one);
      named.push(one);
    }
    const forgotten: { topicId: string; partitions: number[] }[] = [];
    for (const [key, one] of stay < before ? this.notWanted(wanted) : []) {
      this.told.delete(key);
      const last = forgotten.at(-1);
      if (last?.topicId === one.topicId) last.partitions.push(one.partition);
      else forgotten.push({ topicId: one.topicId, partitions: [one.partition] });
    }
    return { sessionId: this.id, sessionEpoch: this.epoch, topics: byTopic(named), forgottenTopicsData: forgotten };
  }

  /** What the leader was told to send that is not wanted any more. */
  private notWanted(wanted: readonly WantedPartition[]): Map<string, WantedPartition> {
    const gone = new Map(this.told);
    for (const one of wanted) gone.delete(keyOf(one));
    return gone;
  }

  /** Takes note of the answer. False when the session is lost and the request has to be made anew. */
  answered(response: ResponseOf<typeof fetch>): boolean {
    if (response.errorCode !== ErrorCode.NONE) {
      const lost = response.errorCode;
      this.reset();
      return !SESSION_ERRORS.has(lost);
    }
    if (response.sessionId === 0) this.reset();
    else {
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

function byTopic(wanted: readonly WantedPartition[]): SessionPart['topics'] {
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

function keyOf(one: WantedPartition): string {
  return `${one.partition}:${one.topicId}`;
}
