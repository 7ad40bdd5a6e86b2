import { describe, expect, test } from 'vitest';
import { FetchSessionCache, type FetchContext, type FetchPartitionResponse } from '../../../electron/cluster/broker/fetch-session.ts';
import { FollowerSession, type WantedPartition } from '../../../electron/cluster/broker/replica-fetcher-session.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import type { RequestIn, RequestOf } from '../../../electron/cluster/protocol/schema.ts';
import { Writer } from '../../../electron/cluster/protocol/writer.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ';
const VERSION = 17;

/** Encoded and decoded, so that defaults are those of the wire format. */
function request(fields: Partial<RequestIn<typeof fetch>>): RequestOf<typeof fetch> {
  const codec = fetch.request.codec(VERSION);
  const writer = new Writer();
  codec.encode(writer, { maxWaitMs: 0, minBytes: 1, topics: [], ...fields });
  return codec.decode(new Reader(writer.finishBuffer()));
}

function topics(...partitions: [partition: number, offset: bigint][]): RequestIn<typeof fetch>['topics'] {
  return [
    { topicId: TOPIC, partitions: partitions.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: 100 })) },
  ];
}

function setup(maxSessions = 2) {
  const clock = new VirtualClock();
  const cache = new FetchSessionCache({ clock, random: seededRandom(1), maxSessions });
  const open = (fields: Partial<RequestIn<typeof fetch>>, replicaId = -1, version = VERSION): FetchContext => {
    const context = cache.open(request(fields), version, replicaId, (id) => (id === TOPIC ? 'orders' : undefined));
    if ('errorCode' in context) throw new Error(`session error ${context.errorCode}`);
    return context;
  };
  const error = (fields: Partial<RequestIn<typeof fetch>>, version = VERSION): number | undefined => {
    const context = cache.open(request(fields), version, -1, () => undefined);
    return 'errorCode' in context ? context.errorCode : undefined;
  };
  return { clock, cache, open, error };
}

/** Results for all entries with this high watermark; entries in `full` have records. */
function answer(context: FetchContext, highWatermark = 5n, full: readonly number[] = []) {
  const results = [...context.entries].map((entry) => {
    const response: FetchPartitionResponse = {
      partitionIndex: entry.partition,
      errorCode: entry.topic === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.NONE,
      highWatermark,
      lastStableOffset: highWatermark,
      logStartOffset: 0n,
      abortedTransactions: null,
      records: full.includes(entry.partition) ? Buffer.from('records') : null,
    };
    return { entry, response };
  });
  const { sessionId, responses } = context.respond(results);
  return { sessionId, partitions: responses.flatMap((topic) => topic.partitions.map(({ partitionIndex }) => partitionIndex)) };
}

describe('fetch sessions', () => {
  test('an incremental fetch names only changes and returns only changed partitions', () => {
    const { open } = setup();
    const first = answer(open({ sessionEpoch: 0, topics: topics([0, 0n], [1, 0n], [2, 0n]) }));
    expect(first.sessionId).toBeGreaterThan(0);
    expect(first.partitions).toEqual([0, 1, 2]);
    const session = { sessionId: first.sessionId };

    expect(answer(open({ ...session, sessionEpoch: 1 })).partitions).toEqual([]);
    const moved = open({ ...session, sessionEpoch: 2, topics: topics([1, 7n]) });
    expect([...moved.entries].map(({ fetchOffset }) => fetchOffset)).toEqual([0n, 7n, 0n]);
    // A partition with records is returned, and moves to the end of the order.
    expect(answer(moved, 5n, [0]).partitions).toEqual([0]);
    expect([...open({ ...session, sessionEpoch: 3 }).entries].map(({ partition }) => partition)).toEqual([1, 2, 0]);
    // A new high watermark is a change for every partition.
    expect(answer(open({ ...session, sessionEpoch: 4 }), 6n).partitions).toEqual([1, 2, 0]);
    const less = open({ ...session, sessionEpoch: 5, forgottenTopicsData: [{ topicId: TOPIC, partitions: [1] }] });
    expect([...less.entries].map(({ partition }) => partition)).toEqual([2, 0]);
  });

  test('session errors are top-level errors', () => {
    const { open, error } = setup();
    const { sessionId } = answer(open({ sessionEpoch: 0, topics: topics([0, 0n]) }));
    expect(error({ sessionId: sessionId + 1, sessionEpoch: 1 })).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    expect(error({ sessionId, sessionEpoch: 2 })).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
    expect(error({ sessionId, sessionEpoch: 1 }, 12)).toBe(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR);
    expect(error({ sessionId, sessionEpoch: 1 })).toBeUndefined();
  });

  test('the final epoch ends a session; an old client never gets one', () => {
    const { open, error, cache } = setup();
    const { sessionId } = answer(open({ sessionEpoch: 0, topics: topics([0, 0n]) }));
    expect(answer(open({ sessionId, sessionEpoch: -1, topics: topics([0, 0n]) })).sessionId).toBe(0);
    expect(error({ sessionId, sessionEpoch: 1 })).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND);
    expect(answer(open({ sessionEpoch: 0, topics: topics([0, 0n]) }, -1, 6)).sessionId).toBe(0);
    expect(cache.size).toBe(0);
  });

  test('a partition with an error is returned every time', () => {
    const { open } = setup();
    const unknown = [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAg', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 }] }];
    const { sessionId } = answer(open({ sessionEpoch: 0, topics: unknown }));
    expect(answer(open({ sessionId, sessionEpoch: 1 })).partitions).toEqual([0]);
    expect(answer(open({ sessionId, sessionEpoch: 2 })).partitions).toEqual([0]);
  });

  test('a full cache evicts for replicas, for larger sessions and idle ones, else refuses a session', async () => {
    const { clock, cache, open } = setup(2);
    const small = answer(open({ sessionEpoch: 0, topics: topics([0, 0n]) })).sessionId;
    answer(open({ sessionEpoch: 0, topics: topics([0, 0n], [1, 0n]) }));
    expect(answer(open({ sessionEpoch: 0, topics: topics([0, 0n]) })).sessionId).toBe(0);
    const replica = answer(open({ sessionEpoch: 0, topics: topics([0, 0n]) }, 3)).sessionId;
    expect(replica).toBeGreaterThan(0);
    expect(() => open({ sessionId: small, sessionEpoch: 1 })).toThrow();
    // A consumer's session cannot evict an active one of a replica, however large it is.
    answer(open({ sessionEpoch: 0, topics: topics([0, 0n], [1, 0n], [2, 0n]) }));
    expect(answer(open({ sessionId: replica, sessionEpoch: 1 })).sessionId).toBe(replica);
    await clock.advance(120_000);
    expect(answer(open({ sessionEpoch: 0, topics: topics([0, 0n]) })).sessionId).toBeGreaterThan(0);
    expect(cache.size).toBe(2);
  });
});

describe("a follower's session", () => {
  const wanted = (partition: number, fetchOffset: bigint): WantedPartition => ({
    topicId: TOPIC,
    partition,
    currentLeaderEpoch: 3,
    fetchOffset,
    lastFetchedEpoch: 3,
    logStartOffset: 0n,
    partitionMaxBytes: 100,
  });

  test('names exactly the changes, so that both sides have the same partitions', () => {
    const { cache } = setup();
    const session = new FollowerSession();
    const rounds: WantedPartition[][] = [
      [wanted(0, 0n), wanted(1, 0n)],
      [wanted(0, 0n), wanted(1, 0n)],
      [wanted(0, 4n), wanted(1, 0n), wanted(2, 0n)],
      [wanted(2, 0n)],
      [wanted(0, 9n), wanted(2, 1n)],
    ];
    const named: number[] = [];
    for (const round of rounds) {
      for (const key of [0, 1, 2]) {
        const one = round.find(({ partition }) => partition === key);
        if (one === undefined) session.drop(String(key));
        else session.want(String(key), one);
      }
      expect(session.size).toBe(round.length);
      const part = session.request();
      named.push(part.topics.flatMap((topic) => topic.partitions).length);
      const context = cache.open(request(part), VERSION, 2, () => 'orders');
      if ('errorCode' in context) throw new Error('session error');
      const seen = [...context.entries].map(({ partition, fetchOffset }) => `${partition}@${fetchOffset}`).sort();
      expect(seen).toEqual(round.map(({ partition, fetchOffset }) => `${partition}@${fetchOffset}`));
      const { sessionId } = answer(context);
      expect(session.answered({ ...EMPTY_RESPONSE, sessionId })).toBe(true);
    }
    expect(named).toEqual([2, 0, 2, 0, 2]);
  });

  test('starts a new session when the broker has lost it', () => {
    const session = new FollowerSession();
    session.want('0', wanted(0, 0n));
    session.request();
    session.answered({ ...EMPTY_RESPONSE, sessionId: 7 });
    session.want('0', wanted(0, 0n));
    expect(session.request()).toMatchObject({ sessionId: 7, sessionEpoch: 1, topics: [] });
    expect(session.answered({ ...EMPTY_RESPONSE, errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND })).toBe(false);
    session.want('1', wanted(1, 0n));
    session.drop('1');
    expect(session.request()).toMatchObject({ sessionId: 0, forgottenTopicsData: [], sessionEpoch: 0, topics: [{ topicId: TOPIC }] });
  });
});

const EMPTY_RESPONSE = { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses: [], nodeEndpoints: [] };
