import type { Partition } from '../../../electron/cluster/broker/partition.ts';
import { describe, expect, test } from 'vitest';
import { createCoordinatorStorage } from '../../../electron/cluster/broker/coordinator-storage.ts';
import { handleDescribeLogDirs } from '../../../electron/cluster/broker/handlers/describe-log-dirs.ts';
import { handleInitProducerId } from '../../../electron/cluster/broker/handlers/init-producer-id.ts';
import { handleOffsetForLeaderEpoch } from '../../../electron/cluster/broker/handlers/offset-for-leader-epoch.ts';
import { handleProduce, produceApi } from '../../../electron/cluster/broker/handlers/produce.ts';
import { isInternalTopic } from '../../../electron/cluster/broker/topic-rules.ts';
import { ProducerIds } from '../../../electron/cluster/broker/producer-ids.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { listOffsets } from '../../../electron/cluster/protocol/apis/list-offsets.ts';
import { produce } from '../../../electron/cluster/protocol/apis/produce.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import type { RequestIn } from '../../../electron/cluster/protocol/schema.ts';
import { checkProducible } from '#shared/topic-rules';
import { connection } from '../../helpers/fake-broker.ts';
import { TestCluster, TOPIC, TOPIC_ID } from './harness.ts';
import { append } from '../log/helpers.ts';

const CONTEXT = { version: 13, clientId: 'test', listener: 'PLAINTEXT', session: connection.session, connection };

function single(): TestCluster {
  const cluster = new TestCluster({ brokers: 1 });
  cluster.createTopic([1], [1]);
  return cluster;
}

function fetchRequest(
  fields: Partial<RequestIn<typeof fetch>> = {},
  fetchOffset = 0n,
  partitionMaxBytes = 1_000_000,
): RequestIn<typeof fetch> {
  return {
    maxWaitMs: 0,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [{ topicId: TOPIC_ID, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes }] }],
    ...fields,
  };
}

describe('produce', () => {
  test('refuses partitions that it cannot append to, one by one', async () => {
    const cluster = new TestCluster({ brokers: 2 });
    cluster.createTopic([1], [2]);
    const records = buildBatch({ records: [{ value: Buffer.from('a') }], timestamp: 1n });
    const damaged = Buffer.from(records);
    damaged[damaged.length - 1] = 0xff;
    const response = await cluster.ask(1, produce, {
      acks: 1,
      timeoutMs: 100,
      topicData: [
        {
          topicId: TOPIC_ID,
          partitionData: [
            { index: 1, records },
            { index: 2, records },
            { index: 0, records: null },
            { index: 0, records: damaged },
            { index: 0, records },
          ],
        },
        { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitionData: [{ index: 0, records }] },
      ],
    });
    expect(response.responses.flatMap((topic) => topic.partitionResponses.map(({ errorCode }) => errorCode))).toEqual([
      ErrorCode.NOT_LEADER_OR_FOLLOWER,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      ErrorCode.INVALID_RECORD,
      ErrorCode.CORRUPT_MESSAGE,
      ErrorCode.NONE,
      ErrorCode.UNKNOWN_TOPIC_ID,
    ]);
    expect(response.responses[0]?.partitionResponses[0]?.currentLeader).toEqual({ leaderId: 2, leaderEpoch: 0 });
    expect(response.nodeEndpoints).toEqual([{ nodeId: 2, host: 'host2', port: 9092, rack: null }]);
  });

  test('other acks than -1, 0 and 1 are invalid; a failed acks=0 request closes the connection', () => {
    const { context } = single().broker(1);
    const request = { transactionalId: null, acks: 2, timeoutMs: 1, topicData: [] };
    expect(() => handleProduce(request, CONTEXT, context)).toThrow(expect.objectContaining({ code: ErrorCode.INVALID_REQUIRED_ACKS }));
    const silent = { ...request, acks: 0, topicData: [{ name: '', topicId: TOPIC_ID, partitionData: [{ index: 0, records: null }] }] };
    expect(() => handleProduce(silent, CONTEXT, context)).toThrow(expect.objectContaining({ code: ErrorCode.INVALID_RECORD }));
    expect(() => produceApi.failed(silent, { errorCode: ErrorCode.INVALID_RECORD, errorMessage: '' }, 13)).toThrow(/INVALID_RECORD/);
  });

  test('transactional records are refused, with a transactional id and without one', () => {
    const { context } = single().broker(1);
    const records = buildBatch({ records: [{}], transactional: true, producerId: 77n, producerEpoch: 0, baseSequence: 0 });
    const request = {
      transactionalId: null,
      acks: 1,
      timeoutMs: 1,
      topicData: [{ name: '', topicId: TOPIC_ID, partitionData: [{ index: 0, records }] }],
    };
    expect(() => handleProduce(request, CONTEXT, context)).toThrow(
      expect.objectContaining({ code: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }),
    );
    expect(() => handleProduce({ ...request, transactionalId: 't' }, CONTEXT, context)).toThrow(
      expect.objectContaining({ code: ErrorCode.INVALID_TXN_STATE }),
    );
    expect(context.replicas.partition(TOPIC, 0)?.log.lastStableOffset).toBe(0n);
    expect(context.replicas.partition(TOPIC, 0)?.log.logEndOffset).toBe(0n);
  });

  test('broker and app agree on the topics that accept no client records', () => {
    for (const name of ['__consumer_offsets', '__transaction_state', '__share_group_state']) {
      expect(isInternalTopic(name)).toBe(true);
      expect(checkProducible(name)).toContain('only brokers write to it');
    }
    expect([isInternalTopic('orders'), checkProducible('orders')]).toEqual([false, null]);
  });

  test('zstd needs version 7', async () => {
    const { context } = single().broker(1);
    const records = (): Buffer => buildBatch({ records: [{ value: Buffer.from('a') }], compression: 'zstd' });
    const produceAs = async (version: number): Promise<number | undefined> => {
      const topicData = [{ name: TOPIC, topicId: '', partitionData: [{ index: 0, records: records() }] }];
      const request = { transactionalId: null, acks: 1, timeoutMs: 1, topicData };
      const response = await handleProduce(request, { ...CONTEXT, version }, context);
      return response?.responses[0]?.partitionResponses[0]?.errorCode;
    };
    expect(await produceAs(6)).toBe(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE);
    expect(await produceAs(7)).toBe(ErrorCode.NONE);
  });

  test.each([
    [80_000, 'gzip', 'producer'],
    [10, 'gzip', 'producer'],
    [10, 'none', 'gzip'],
  ] as const)(
    'a request of three batches of %i bytes, sent as %s and stored as %s, is appended over several turns',
    async (bytes, sent, stored) => {
      const cluster = single();
      const { context } = cluster.broker(1);
      const { log } = context.replicas.partition(TOPIC, 0) as Partition;
      log.updateConfig({ ...log.config, compressionType: stored });
      const noise = Buffer.from(seededRandom(1).bytes(bytes));
      const entry = (text: string): { index: number; records: Buffer } => ({
        index: 0,
        records: buildBatch({ records: [{ value: noise }, { value: Buffer.from(text) }], compression: sent }),
      });
      // Each read of the clock ends the turn.
      let time = 0;
      let turns = 0;
      const clock = {
        ...{ now: () => 0, monotonic: () => (time += 50) },
        setTimer: (_delayMs: number, callback: () => void) => {
          turns++;
          queueMicrotask(callback);
          return { cancel: () => undefined };
        },
      };
      const topicData = [{ name: '', topicId: TOPIC_ID, partitionData: [entry('a'), entry('b'), entry('c')] }];
      const response = await handleProduce({ transactionalId: null, acks: 1, timeoutMs: 1, topicData }, CONTEXT, { ...context, clock });
      expect(response?.responses[0]?.partitionResponses.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual([
        [0, 0n],
        [0, 2n],
        [0, 4n],
      ]);
      expect(turns).toBe(3);
    },
  );

  test('a request appended over several turns waits in the purgatory as one operation, and completes per partition', async () => {
    const cluster = new TestCluster({ brokers: 2 });
    cluster.createTopic([1, 2], [1, 2], [1, 2]);
    await cluster.clock.advance(10);
    cluster.cut.add('2>1');
    const { context } = cluster.broker(1);
    const noise = Buffer.from(seededRandom(1).bytes(80_000));
    let time = 0;
    let turns = 0;
    const clock = {
      ...{ now: () => 0, monotonic: () => (time += 50) },
      setTimer: (_delayMs: number, callback: () => void) => {
        // The leadership of the first partition changes between two turns.
        if (++turns === 2) cluster.elect(2, [2], 0);
        queueMicrotask(callback);
        return { cancel: () => undefined };
      },
    };
    const partitionData = [0, 1, 2].map((index) => ({ index, records: buildBatch({ records: [{ value: noise }], compression: 'gzip' }) }));
    const request = { transactionalId: null, acks: -1, timeoutMs: 30_000, topicData: [{ name: '', topicId: TOPIC_ID, partitionData }] };
    const answer = handleProduce(request, CONTEXT, { ...context, clock });
    await cluster.clock.advance(10);
    expect(turns).toBe(3);
    expect(context.replicas.waiting.produces).toBe(1);
    cluster.cut.clear();
    await cluster.clock.advance(5_000);
    expect((await answer)?.responses[0]?.partitionResponses.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.NOT_LEADER_OR_FOLLOWER,
      ErrorCode.NONE,
      ErrorCode.NONE,
    ]);
    expect(context.replicas.waiting.produces).toBe(0);
  });

  test('a committed write that waits behind a later one does not expire as timed out', async () => {
    const cluster = new TestCluster({ brokers: 2 });
    cluster.createTopic([1, 2]);
    await cluster.clock.advance(10);
    cluster.cut.add('2>1');
    const { replicas } = cluster.broker(1);
    const append = (value: string) => {
      const records = buildBatch({ records: [{ value: Buffer.from(value) }] });
      const params = { requiredAcks: -1, timeoutMs: 100, origin: 'client' as const };
      const result = replicas.appends.appendEntry(params, { topic: TOPIC, topicId: TOPIC_ID, partition: 0, records });
      return { result, wait: () => Promise.resolve(replicas.appends.awaitCommits(params, [result])) };
    };
    const [first, second] = [append('a'), append('b')];
    const waits = [second.wait(), first.wait()];
    cluster.partition(1).log.updateHighWatermark(1n);
    await cluster.clock.advance(200);
    await Promise.all(waits);
    expect([first.result.errorCode, second.result.errorCode]).toEqual([ErrorCode.NONE, ErrorCode.REQUEST_TIMED_OUT]);
  });

  test('uses topic names before v13', async () => {
    const cluster = single();
    const records = buildBatch({ records: [{ value: Buffer.from('a') }], timestamp: 1n });
    const response = await cluster.ask(
      1,
      produce,
      { acks: -1, timeoutMs: 100, topicData: [{ name: TOPIC, partitionData: [{ index: 1, records }] }] },
      9,
    );
    expect(response.responses[0]).toMatchObject({ name: TOPIC, partitionResponses: [{ index: 1, errorCode: 0, baseOffset: 0n }] });
  });
});

describe('fetch', () => {
  test('returns only committed records to consumers, and waits for them', async () => {
    const cluster = new TestCluster();
    cluster.createTopic([1, 2, 3]);
    await cluster.clock.advance(10);
    cluster.cut.add('2>1');
    const waiting = cluster.ask(1, fetch, fetchRequest({ maxWaitMs: 5000 }));
    await cluster.produce(1, ['a'], { acks: 1 });
    await cluster.clock.advance(100);
    expect(cluster.broker(1).replicas.waiting.fetches).toBe(1);
    cluster.cut.clear();
    await cluster.clock.until(() => cluster.broker(1).replicas.waiting.fetches === 0, 5000);
    const answer = (await waiting).responses[0]?.partitions[0];
    expect(answer).toMatchObject({ errorCode: 0, highWatermark: 1n });
    expect(answer?.records?.length).toBeGreaterThan(0);
  });

  test('waits for min bytes, at most for max wait', async () => {
    const cluster = single();
    const size = buildBatch({ records: [{ value: Buffer.from('a') }] }).length;
    const enough = cluster.ask(1, fetch, fetchRequest({ maxWaitMs: 1000, minBytes: 3 * size }));
    const short = cluster.ask(1, fetch, fetchRequest({ maxWaitMs: 300, minBytes: 1_000_000 }));
    for (const value of ['a', 'b']) await cluster.produce(1, [value]);
    await cluster.clock.advance(299);
    expect(cluster.broker(1).replicas.waiting.fetches).toBe(2);
    await cluster.clock.advance(1);
    expect((await short).responses[0]?.partitions[0]?.records?.length).toBe(2 * size);
    await cluster.produce(1, ['c']);
    expect((await enough).responses[0]?.partitions[0]?.records?.length).toBe(3 * size);
  });

  test('returns whole batches, the first however large, and stays within max bytes over all partitions', async () => {
    const cluster = single();
    for (const index of [0, 1]) await cluster.produce(1, ['x'.repeat(1000)], { index });
    const both = [0, 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 10 }));
    const response = await cluster.ask(1, fetch, fetchRequest({ maxBytes: 100, topics: [{ topicId: TOPIC_ID, partitions: both }] }));
    const lengths = response.responses[0]?.partitions.map(({ records }) => records?.length ?? 0);
    expect(lengths?.[0]).toBeGreaterThan(1000);
    expect(lengths?.[1]).toBe(0);
  });

  test('is refused by a broker without a replica, which names the leader; a position outside the log is out of range', async () => {
    const cluster = new TestCluster({ brokers: 3 });
    cluster.createTopic([1, 2]);
    const refused = await cluster.ask(3, fetch, fetchRequest());
    expect(refused.responses[0]?.partitions[0]).toMatchObject({
      errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
      currentLeader: { leaderId: 1, leaderEpoch: 0 },
    });
    expect(refused.nodeEndpoints).toEqual([{ nodeId: 1, host: 'host1', port: 9092, rack: null }]);
    const beyond = await cluster.ask(1, fetch, fetchRequest({ maxWaitMs: 1000 }, 1n));
    expect(beyond.responses[0]?.partitions[0]?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
  });

  test('sessions: an idle one returns no partition, changed partitions are returned', async () => {
    const cluster = single();
    const first = await cluster.ask(1, fetch, fetchRequest({ sessionEpoch: 0 }));
    const next = (sessionEpoch: number) => cluster.ask(1, fetch, fetchRequest({ sessionId: first.sessionId, sessionEpoch, topics: [] }));
    expect((await next(1)).responses).toEqual([]);
    await cluster.produce(1, ['a']);
    expect((await next(2)).responses[0]?.partitions[0]?.highWatermark).toBe(1n);
    expect((await next(2)).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH);
  });

  test('a lost leadership answers waiting fetches at once', async () => {
    const cluster = new TestCluster();
    cluster.createTopic([1, 2, 3]);
    const partition = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1_000 };
    // One consumer that may read from the leader only, and one whose request has a leader epoch.
    const old = cluster.ask(1, fetch, { maxWaitMs: 60_000, minBytes: 1, topics: [{ topic: TOPIC, partitions: [partition] }] }, 10);
    const named = { ...partition, currentLeaderEpoch: 0 };
    const fenced = cluster.ask(1, fetch, fetchRequest({ maxWaitMs: 60_000, topics: [{ topicId: TOPIC_ID, partitions: [named] }] }));
    await cluster.clock.advance(10);
    cluster.elect(2, [1, 2, 3]);
    expect((await old).responses[0]?.partitions[0]?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect((await fenced).responses[0]?.partitions[0]?.errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH);
  });
});

describe('list offsets', () => {
  const ask = async (cluster: TestCluster, timestamp: bigint, version = listOffsets.maxVersion) => {
    const request = { replicaId: -1, topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp }] }] };
    return (await cluster.ask(1, listOffsets, request, version)).topics[0]?.partitions[0];
  };

  test('finds log ends, timestamps and the largest timestamp; no tiered offset', async () => {
    const cluster = single();
    const at = BigInt(cluster.clock.now());
    for (const [index, value] of ['a', 'b', 'c'].entries())
      await cluster.produce(1, [value], { batch: { timestamp: at + BigInt([0, 20, 10][index] as number) } });
    expect(await ask(cluster, -1n)).toMatchObject({ errorCode: 0, offset: 3n, timestamp: -1n, leaderEpoch: 0 });
    expect(await ask(cluster, -2n)).toMatchObject({ offset: 0n, leaderEpoch: 0 });
    expect(await ask(cluster, -3n)).toMatchObject({ offset: 1n, timestamp: at + 20n });
    expect(await ask(cluster, -4n)).toMatchObject({ offset: 0n });
    expect(await ask(cluster, -5n)).toMatchObject({ errorCode: 0, offset: -1n });
    expect(await ask(cluster, at + 5n)).toMatchObject({ offset: 1n, timestamp: at + 20n });
    expect(await ask(cluster, at + 21n)).toMatchObject({ errorCode: 0, offset: -1n, timestamp: -1n });
    expect((await ask(cluster, -3n, 6))?.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
    expect((await ask(cluster, -7n))?.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
  });
});

describe('other handlers', () => {
  test('only the leader returns the end of an epoch', async () => {
    const cluster = new TestCluster({ brokers: 2 });
    cluster.createTopic([1, 2]);
    await cluster.clock.settled(cluster.produce(1, ['a', 'b']));
    cluster.change({ leaderEpoch: 4 });
    const request = {
      replicaId: -1,
      topics: [{ topic: TOPIC, partitions: [0, 4, 5].map((leaderEpoch) => ({ partition: 0, currentLeaderEpoch: 4, leaderEpoch })) }],
    };
    const ends = handleOffsetForLeaderEpoch(request, CONTEXT, cluster.broker(1).context).topics[0]?.partitions;
    expect(ends?.map(({ leaderEpoch, endOffset }) => [leaderEpoch, endOffset])).toEqual([
      [0, 2n],
      [4, 2n],
      [-1, -1n],
    ]);
    const refused = handleOffsetForLeaderEpoch(request, CONTEXT, cluster.broker(2).context).topics[0]?.partitions[0];
    expect(refused?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  });

  test('producer ids come from blocks, with one request for many waiting producers', async () => {
    let asked = 0;
    const ids = new ProducerIds({
      brokerId: 1,
      brokerEpoch: () => 5n,
      send: async () => {
        await Promise.resolve();
        if (++asked === 2) throw new Error('no controller');
        return { throttleTimeMs: 0, errorCode: 0, producerIdStart: BigInt(asked * 1000), producerIdLen: 3 };
      },
    });
    expect(await Promise.all([ids.next(), ids.next(), ids.next()])).toEqual([1000n, 1001n, 1002n]);
    await expect(ids.next()).rejects.toMatchObject({ code: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS });
    expect(await Promise.all([ids.next(), ids.next()])).toEqual([3000n, 3001n]);
    const context = { ...single().broker(1).context, producerIds: ids };
    const request = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 };
    expect(await handleInitProducerId(request, CONTEXT, context)).toEqual({ errorCode: 0, producerId: 3002n, producerEpoch: 0 });
    await expect(handleInitProducerId({ ...request, transactionalId: 't' }, CONTEXT, context)).rejects.toMatchObject({
      code: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    });
  });

  test('DescribeLogDirs returns the sizes of all or of the requested replicas', async () => {
    const cluster = single();
    await cluster.produce(1, ['a']);
    const { context } = cluster.broker(1);
    const all = handleDescribeLogDirs({ topics: null }, CONTEXT, context).results[0];
    expect(all?.logDir).toBe('/data/1');
    expect(all?.topics[0]?.partitions.map(({ partitionIndex, partitionSize }) => [partitionIndex, partitionSize > 0n])).toEqual([
      [0, true],
      [1, false],
    ]);
    expect(all).not.toHaveProperty('totalBytes');
    cluster.broker(1).disk.options = { capacityBytes: 1_000_000 };
    const { totalBytes, usableBytes } = handleDescribeLogDirs({ topics: null }, CONTEXT, context).results[0] ?? {};
    expect(totalBytes).toBe(1_000_000n);
    expect(usableBytes).toBeLessThan(1_000_000n);
    expect(usableBytes).toBeGreaterThan(0n);
    const one = handleDescribeLogDirs(
      {
        topics: [
          { topic: TOPIC, partitions: [1, 7] },
          { topic: 'none', partitions: [0] },
        ],
      },
      CONTEXT,
      context,
    );
    expect(one.results[0]?.topics).toMatchObject([{ name: TOPIC, partitions: [{ partitionIndex: 1 }] }]);
  });

  test('a coordinator appends as leader of its epoch and reads the whole log', async () => {
    const cluster = new TestCluster({ minIsr: 2 });
    cluster.createTopic([1, 2, 3]);
    await cluster.clock.advance(10);
    const storage = createCoordinatorStorage({
      replicas: cluster.broker(1).replicas,
      clock: cluster.clock,
      topic: TOPIC,
      commitTimeoutMs: 5000,
    });
    expect(storage.partitionCount()).toBe(1);
    const batch = (value: string): Buffer => buildBatch({ records: [{ key: Buffer.from('k'), value: Buffer.from(value) }], timestamp: 1n });
    const first = storage.append(0, 0, batch('a'));
    expect(first.nextOffset).toBe(1n);
    await cluster.clock.settled(first.committed);
    expect(() => storage.append(0, 1, batch('b'))).toThrow(expect.objectContaining({ code: ErrorCode.NOT_LEADER_OR_FOLLOWER }));
    cluster.cut.add('1>2').add('1>3');
    const second = storage.append(0, 0, batch('b'));
    const outcome = expect(second.committed).rejects.toMatchObject({ code: ErrorCode.NOT_LEADER_OR_FOLLOWER });
    const chunks: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of storage.read(0)) chunks.push(chunk);
    })();
    await cluster.clock.settled(reading);
    expect(Buffer.concat(chunks).length).toBe(2 * batch('a').length);
    cluster.elect(2, [2, 3]);
    await outcome;
  });
});

describe('metadata changes', () => {
  test('a deleted topic removes its logs and ends waiting requests; a moved replica removes its own', async () => {
    const cluster = new TestCluster();
    cluster.createTopic([1, 2, 3]);
    await cluster.clock.advance(10);
    cluster.cut.add('2>1');
    const waiting = cluster.produce(1, ['a']);
    await cluster.clock.advance(10);
    cluster.change({ replicas: [1, 2], isr: [1, 2] });
    expect(cluster.broker(3).replicas.partition(TOPIC, 0)).toBeUndefined();
    expect([...cluster.broker(3).logs.logs()]).toEqual([]);
    const before = cluster.image;
    const after = { ...before, topics: new Map(), topicsById: new Map() };
    const broker = cluster.broker(1);
    broker.image = after;
    broker.replicas.applyChange({ before, after, partitions: [], deletedTopics: [...before.topics.values()], brokers: [], configs: [] });
    expect((await waiting).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect([...broker.logs.logs()]).toEqual([]);
    expect((await cluster.ask(1, fetch, fetchRequest())).responses[0]?.partitions[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID);
  });

  test('a topic that was re-created while the broker was down starts with an empty log; stray logs are deleted', async () => {
    const cluster = new TestCluster();
    cluster.createTopic([1], [1]);
    await cluster.produce(1, ['old']);
    append(cluster.broker(1).logs.create(TOPIC, 1, cluster.state().topicId), 'old');
    cluster.kill(1);
    const renewed = { ...cluster.state(), topicId: 'TmV3TmV3TmV3TmV3TmV3TQ' };
    const topic = { id: renewed.topicId, name: TOPIC, partitions: [renewed] };
    cluster.image = { ...cluster.image, topics: new Map([[TOPIC, topic]]), topicsById: new Map([[topic.id, topic]]) };
    cluster.restart(1);
    expect(cluster.partition(1).log.logEndOffset).toBe(0n);
    expect([...cluster.broker(1).logs.logs()]).toHaveLength(2);
    cluster.broker(1).replicas.deleteStrays();
    expect([...cluster.broker(1).logs.logs()].map(({ partition }) => partition)).toEqual([0]);
  });

  test('min.insync.replicas takes effect when it is changed', async () => {
    const cluster = new TestCluster({ minIsr: 2, isr: [1] });
    cluster.createTopic([1, 2]);
    cluster.cut.add('2>1');
    await cluster.produce(1, ['a'], { acks: 1 });
    expect(cluster.partition(1).log.highWatermark).toBe(0n);
    cluster.minIsr = 1;
    const { image } = cluster;
    cluster
      .broker(1)
      .replicas.applyChange({ before: image, after: image, partitions: [], deletedTopics: [], brokers: [], configs: [`2:${TOPIC}`] });
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
  });
});
