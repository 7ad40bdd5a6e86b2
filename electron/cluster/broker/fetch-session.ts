/**
 * Fetch sessions (KIP-227), the broker's side: a client names its partitions once, then only changes, and a response
 * holds only partitions with changes. Session errors are top-level errors of the response.
 *
 * A follower has one session: a new one replaces the earlier one, whose response it may have lost.
 * The cache is bounded. A session is evicted for another only when it was idle for `EVICTION_MS`, or when the new one belongs to a
 * follower (which takes precedence) or covers more partitions.
 */
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { fetch } from '../protocol/apis/fetch.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../protocol/schema.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';

type FetchRequest = RequestOf<typeof fetch>;
export type FetchTopicResponse = ResponseIn<typeof fetch>['responses'][number];
/** Not read-only: the leader's hint is added when the response is built. */
export type FetchPartitionResponse = Writable<FetchTopicResponse['partitions'][number]>;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** One partition of a fetch. `topic` is undefined while the topic id is unknown. */
export interface FetchEntry {
  topic: string | undefined;
  topicId: string;
  partition: number;
  currentLeaderEpoch: number;
  fetchOffset: bigint;
  lastFetchedEpoch: number;
  logStartOffset: bigint;
  maxBytes: number;
  /** The values last sent to the client in this session; undefined before the first response. */
  sentHighWatermark?: bigint | undefined;
}

interface SessionEntry extends FetchEntry {
  sentHighWatermark: bigint | undefined;
  sentLogStartOffset: bigint;
}

interface Session {
  readonly id: number;
  readonly usesTopicIds: boolean;
  /** −1: a consumer's. */
  readonly replicaId: number;
  /** The epoch that the next request has to carry. */
  epoch: number;
  lastUsedAt: number;
  /** In the order in which they are read: partitions that returned records move to the end, so that none starves. */
  readonly entries: Map<string, SessionEntry>;
}

/** The partitions that one fetch request reads, and how its response is built from the results. */
export interface FetchContext {
  readonly entries: readonly FetchEntry[];
  /** True when the request reads no partition. */
  readonly empty: boolean;
  /** `results` in the order of `entries`. */
  respond(results: readonly FetchResult[]): { sessionId: number; responses: FetchTopicResponse[] };
}

export interface FetchResult {
  entry: FetchEntry;
  response: FetchPartitionResponse;
}

const INITIAL_EPOCH = 0;
const FINAL_EPOCH = -1;
const EVICTION_MS = 120_000;
/** Maximum number of partitions in the sessions of clients in total; beyond it a client has to name all partitions in each fetch. */
const MAX_SESSION_PARTITIONS = 250_000;
/** A request with more partitions is checked for duplicates. */
const MANY_PARTITIONS = 100;

export interface FetchSessionCacheOptions {
  clock: Clock;
  random: Random;
  /** `max.incremental.fetch.session.cache.slots`. */
  maxSessions: number;
}

export class FetchSessionCache {
  private readonly options: FetchSessionCacheOptions;
  private readonly sessions = new Map<number, Session>();

  constructor(options: FetchSessionCacheOptions) {
    this.options = options;
  }

  get size(): number {
    return this.sessions.size;
  }

  /**
   * The partitions that this request reads. `topicName` resolves topic ids. An error is FETCH_SESSION_ID_NOT_FOUND,
   * INVALID_FETCH_SESSION_EPOCH or FETCH_SESSION_TOPIC_ID_ERROR.
   */
  open(
    request: FetchRequest,
    version: number,
    replicaId: number,
    topicName: (id: string) => string | undefined,
  ): FetchContext | { errorCode: number } {
    const usesTopicIds = version >= 13;
    if (version < 7 || request.sessionEpoch === FINAL_EPOCH) {
      if (version >= 7 && request.sessionId !== 0) this.sessions.delete(request.sessionId);
      return wholeContext(collect(request, usesTopicIds, topicName), () => 0);
    }
    if (request.sessionEpoch === INITIAL_EPOCH) {
      if (request.sessionId !== 0) this.sessions.delete(request.sessionId);
      const entries = collect(request, usesTopicIds, topicName);
      return wholeContext(entries, (results) => this.create(results, usesTopicIds, replicaId));
    }
    const session = this.sessions.get(request.sessionId);
    if (session === undefined) return { errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND };
    if (session.epoch !== request.sessionEpoch) return { errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH };
    if (session.usesTopicIds !== usesTopicIds) return { errorCode: ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR };
    session.epoch = nextEpoch(session.epoch);
    session.lastUsedAt = this.options.clock.monotonic();
    const added = request.topics.reduce((sum, { partitions }) => sum + partitions.length, 0);
    if (added > MANY_PARTITIONS && session.replicaId < 0 && !this.holds(added)) {
      this.sessions.delete(session.id);
      return { errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND };
    }
    this.update(session, request, topicName);
    // An empty session is closed: Kafka sends one more response, without an id.
    if (session.entries.size === 0) this.sessions.delete(session.id);
    return incrementalContext(session);
  }

  private update(session: Session, request: FetchRequest, topicName: (id: string) => string | undefined): void {
    for (const entry of collect(request, session.usesTopicIds, topicName)) {
      const known = session.entries.get(entryKey(entry));
      if (known === undefined) session.entries.set(entryKey(entry), { ...entry, sentHighWatermark: undefined, sentLogStartOffset: -1n });
      else Object.assign(known, entry);
    }
    for (const topic of request.forgottenTopicsData)
      for (const partition of topic.partitions)
        session.entries.delete(entryKeyOf(session.usesTopicIds ? topic.topicId : topic.topic, partition));
    if (!session.usesTopicIds) return;
    for (const entry of session.entries.values()) entry.topic ??= topicName(entry.topicId);
  }

  /** The new session's id, or 0 when the cache is full. */
  private create(results: readonly FetchResult[], usesTopicIds: boolean, replicaId: number): number {
    const privileged = replicaId >= 0;
    if (privileged) for (const session of this.sessions.values()) if (session.replicaId === replicaId) this.sessions.delete(session.id);
    if (results.length === 0 || !(privileged || this.holds(results.length)) || !this.makeRoom(results.length, privileged)) return 0;
    let id = 0;
    while (id === 0 || this.sessions.has(id)) id = 1 + this.options.random.int(0x7fff_fffe);
    const entries = new Map<string, SessionEntry>();
    for (const { entry, response } of results)
      entries.set(entryKey(entry), {
        ...entry,
        sentHighWatermark: sentHighWatermark(response),
        sentLogStartOffset: response.logStartOffset ?? -1n,
      });
    this.sessions.set(id, {
      id,
      usesTopicIds,
      replicaId,
      epoch: nextEpoch(INITIAL_EPOCH),
      lastUsedAt: this.options.clock.monotonic(),
      entries,
    });
    return id;
  }

  /** Whether the sessions of clients may have that many more partitions. */
  private holds(partitions: number): boolean {
    let sum = partitions;
    for (const { entries, replicaId } of this.sessions.values()) if (replicaId < 0) sum += entries.size;
    return sum <= MAX_SESSION_PARTITIONS;
  }

  private makeRoom(partitions: number, privileged: boolean): boolean {
    if (this.sessions.size < this.options.maxSessions) return true;
    const idleBefore = this.options.clock.monotonic() - EVICTION_MS;
    let victim: Session | undefined;
    for (const session of this.sessions.values()) {
      if (session.lastUsedAt <= idleBefore) {
        victim = session;
        break;
      }
      if (session.replicaId >= 0 && !privileged) continue;
      const outranked = privileged && session.replicaId < 0;
      if ((outranked || session.entries.size < partitions) && (victim === undefined || session.entries.size < victim.entries.size))
        victim = session;
    }
    if (victim === undefined) return false;
    this.sessions.delete(victim.id);
    return true;
  }
}

function collect(request: FetchRequest, usesTopicIds: boolean, topicName: (id: string) => string | undefined): FetchEntry[] {
  const entries: FetchEntry[] = [];
  for (const topic of request.topics) {
    const name = usesTopicIds ? topicName(topic.topicId) : topic.topic;
    for (const p of topic.partitions) {
      entries.push({
        topic: name,
        topicId: topic.topicId,
        partition: p.partition,
        currentLeaderEpoch: p.currentLeaderEpoch,
        fetchOffset: p.fetchOffset,
        lastFetchedEpoch: p.lastFetchedEpoch,
        logStartOffset: p.logStartOffset,
        maxBytes: p.partitionMaxBytes,
      });
    }
  }
  // As in Apache Kafka, the last occurrence of a duplicate partition counts.
  return entries.length <= MANY_PARTITIONS ? entries : [...new Map(entries.map((entry) => [entryKey(entry), entry])).values()];
}

function wholeContext(entries: readonly FetchEntry[], sessionId: (results: readonly FetchResult[]) => number): FetchContext {
  return {
    entries,
    empty: entries.length === 0,
    respond: (results) => ({ sessionId: sessionId(results), responses: group(results) }),
  };
}

function incrementalContext(session: Session): FetchContext {
  return {
    entries: [...session.entries.values()],
    empty: session.entries.size === 0,
    respond(results) {
      const news: FetchResult[] = [];
      for (const result of results) {
        const key = entryKey(result.entry);
        const entry = session.entries.get(key);
        const { response } = result;
        const hasRecords = recordsLength(response) > 0;
        const highWatermark = sentHighWatermark(response);
        const changed =
          hasRecords ||
          response.errorCode !== ErrorCode.NONE ||
          (response.divergingEpoch !== undefined && response.divergingEpoch.epoch !== -1) ||
          (response.preferredReadReplica ?? -1) !== -1 ||
          entry === undefined ||
          entry.sentHighWatermark !== highWatermark ||
          entry.sentLogStartOffset !== response.logStartOffset;
        if (!changed) continue;
        news.push(result);
        if (entry === undefined) continue;
        entry.sentHighWatermark = highWatermark;
        entry.sentLogStartOffset = response.logStartOffset ?? -1n;
        if (hasRecords) {
          session.entries.delete(key);
          session.entries.set(key, entry);
        }
      }
      return { sessionId: session.entries.size === 0 ? 0 : session.id, responses: group(news) };
    },
  };
}

/** After an error the values sent are unknown, so the next successful response includes the partition. */
function sentHighWatermark(response: FetchPartitionResponse): bigint | undefined {
  return response.errorCode === ErrorCode.NONE ? response.highWatermark : undefined;
}

export function recordsLength(response: FetchPartitionResponse): number {
  const { records } = response;
  if (records === null) return 0;
  if (records instanceof Uint8Array) return records.length;
  let length = 0;
  for (const chunk of records) length += chunk.length;
  return length;
}

function group(results: readonly FetchResult[]): FetchTopicResponse[] {
  const topics: { topic: string; topicId: string; partitions: FetchPartitionResponse[] }[] = [];
  const byKey = new Map<string, { topic: string; topicId: string; partitions: FetchPartitionResponse[] }>();
  for (const { entry, response } of results) {
    const key = entry.topicId === ZERO_UUID ? (entry.topic ?? '') : entry.topicId;
    let topic = byKey.get(key);
    if (topic === undefined) {
      topic = { topic: entry.topic ?? '', topicId: entry.topicId, partitions: [] };
      byKey.set(key, topic);
      topics.push(topic);
    }
    topic.partitions.push(response);
  }
  return topics;
}

function entryKey(entry: FetchEntry): string {
  return entryKeyOf(entry.topicId === ZERO_UUID ? (entry.topic ?? '') : entry.topicId, entry.partition);
}

function entryKeyOf(topic: string, partition: number): string {
  return `${partition}:${topic}`;
}

/** Epochs run from 1 to 2³¹ − 1 and then from 1 again. */
export function nextEpoch(epoch: number): number {
  return epoch === 0x7fff_ffff ? 1 : epoch + 1;
}
