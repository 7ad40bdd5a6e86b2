import { describe, expect, test } from 'vitest';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { listOffsets } from '../../../electron/cluster/protocol/apis/list-offsets.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { TestCluster, TOPIC, TOPIC_ID, type TestClusterOptions } from './harness.ts';

/** Broker 1 leads; the followers send nothing unless a test lets them fetch or fetches for them. */
function setup(options: TestClusterOptions = {}): TestCluster {
  const cluster = new TestCluster(options);
  for (const id of [2, 3]) cluster.cut.add(`${id}>1`);
  cluster.createTopic([1, 2, 3]);
  return cluster;
}

/** A follower's fetch. */
async function follow(
  cluster: TestCluster,
  replicaId: number,
  fetchOffset: bigint,
  fields: { epoch?: number; replicaEpoch?: bigint; lastFetchedEpoch?: number } = {},
) {
  const { epoch = cluster.state().leaderEpoch, replicaEpoch = BigInt(replicaId * 10), lastFetchedEpoch = -1 } = fields;
  const response = await cluster.ask(1, fetch, {
    replicaState: { replicaId, replicaEpoch },
    maxWaitMs: 0,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [
      {
        topicId: TOPIC_ID,
        partitions: [{ partition: 0, currentLeaderEpoch: epoch, fetchOffset, lastFetchedEpoch, partitionMaxBytes: 1_000_000 }],
      },
    ],
  });
  const answer = response.responses[0]?.partitions[0];
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

async function latest(cluster: TestCluster, currentLeaderEpoch = -1, version = listOffsets.maxVersion) {
  const response = await cluster.ask(
    1,
    listOffsets,
    { replicaId: -1, topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp: -1n, currentLeaderEpoch }] }] },
    version,
  );
  return response.topics[0]?.partitions[0];
}

const write = (cluster: TestCluster, ...values: string[]) => cluster.produce(1, values, { acks: 1 });

describe('high watermark', () => {
  test('is the least log end of the ISR', async () => {
    const cluster = setup();
    await write(cluster, 'a', 'b', 'c');
    const { log } = cluster.partition(1);
    expect(log.highWatermark).toBe(0n);
    await follow(cluster, 2, 3n);
    expect(log.highWatermark).toBe(0n);
    await follow(cluster, 3, 2n);
    expect(log.highWatermark).toBe(2n);
    await follow(cluster, 3, 3n);
    expect(log.highWatermark).toBe(3n);
  });

  test('counts a follower that a pending proposal would add (maximal ISR), until the controller has refused', async () => {
    const cluster = setup({ isr: [1, 2] });
    await write(cluster, 'a');
    await follow(cluster, 2, 1n);
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
    let answer: (code: number) => void = () => undefined;
    cluster.interceptAlterPartition = (request) =>
      new Promise((resolve) => {
        answer = (errorCode) =>
          resolve({
            throttleTimeMs: 0,
            errorCode: 0,
            topics: request.topics.map(({ topicId }) => ({
              topicId,
              partitions: [
                { partitionIndex: 0, errorCode, leaderId: -1, leaderEpoch: -1, isr: [], leaderRecoveryState: 0, partitionEpoch: -1 },
              ],
            })),
          });
      });
    await follow(cluster, 3, 1n);
    await cluster.clock.advance(1);
    expect(cluster.partition(1).maximalIsr).toEqual([1, 2, 3]);
    expect(cluster.partition(1).isr).toEqual([1, 2]);
    await write(cluster, 'b');
    await follow(cluster, 2, 2n);
    // The controller may have added broker 3 already: it must hold all committed records.
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
    // Unknown whether it was changed: only a newer state decides.
    answer(ErrorCode.INVALID_UPDATE_VERSION);
    await cluster.clock.advance(1);
    expect(cluster.partition(1).maximalIsr).toEqual([1, 2, 3]);
    // Broker 3 sends nothing for longer than replica.lag.time.max.ms; then a newer state comes without it.
    await cluster.clock.advance(4100);
    await write(cluster, 'c');
    await follow(cluster, 2, 3n);
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
    cluster.interceptAlterPartition = undefined;
    cluster.change({ isr: [1, 2] });
    expect(cluster.partition(1).maximalIsr).toEqual([1, 2]);
    expect(cluster.partition(1).log.highWatermark).toBe(3n);
  });

  test('does not move while the ISR is smaller than min.insync.replicas (KIP-966)', async () => {
    const cluster = setup({ minIsr: 2, isr: [1] });
    await write(cluster, 'a');
    expect(cluster.partition(1).log.highWatermark).toBe(0n);
    await follow(cluster, 2, 1n);
    await cluster.clock.advance(10);
    expect(cluster.state().isr).toEqual([1, 2]);
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
  });

  test('a partition with fewer replicas than min.insync.replicas can still be written', async () => {
    const cluster = new TestCluster({ brokers: 1, minIsr: 2 });
    cluster.createTopic([1]);
    expect(await cluster.produce(1, ['a'])).toMatchObject({ errorCode: 0 });
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
  });
});

describe('acks=all', () => {
  test('is refused before anything is written when the ISR is too small', async () => {
    const cluster = setup({ minIsr: 2 });
    cluster.change({ isr: [1] });
    expect(await cluster.produce(1, ['a'])).toMatchObject({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS, baseOffset: -1n });
    expect(cluster.partition(1).log.logEndOffset).toBe(0n);
  });

  test('waits out an ISR that becomes too small, and reports it at the timeout', async () => {
    const cluster = setup({ minIsr: 2 });
    let answered = false;
    const answer = cluster.produce(1, ['a'], { timeoutMs: 200 }).finally(() => (answered = true));
    await cluster.clock.advance(1);
    cluster.change({ isr: [1] });
    await cluster.clock.advance(150);
    expect(answered).toBe(false);
    await cluster.clock.advance(50);
    expect(await answer).toMatchObject({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND });
    expect(cluster.partition(1).log.logEndOffset).toBe(1n);
  });

  test('succeeds when an ISR that was too small has grown again', async () => {
    const cluster = setup({ minIsr: 2 });
    const answer = cluster.produce(1, ['a'], { timeoutMs: 30_000 });
    await cluster.clock.advance(1);
    cluster.change({ isr: [1] });
    await cluster.clock.advance(100);
    await follow(cluster, 2, 1n);
    // Replica 3 kept up until recently: the write waits for it up to replica.lag.time.max.ms.
    await cluster.clock.advance(20_000);
    expect(await answer).toMatchObject({ errorCode: 0, baseOffset: 0n });
  });

  test('gives batches in flight behind a temporarily refused one the same error, and no more than can be in flight', async () => {
    const cluster = setup({ minIsr: 2 });
    const send = (baseSequence: number) =>
      cluster.produce(1, ['x'], { batch: { producerId: 7n, producerEpoch: 0, baseSequence }, timeoutMs: 1 });
    const code = async (baseSequence: number): Promise<number> => (await send(baseSequence)).errorCode;
    const first = send(0);
    await cluster.clock.advance(1);
    await first;
    cluster.change({ isr: [1] });
    expect(await code(1)).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
    cluster.change({ isr: [1, 2, 3] });
    // Sequence 1 is missing, and the client knows it.
    expect(await code(2)).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
    expect(await code(3)).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
    const again = send(1);
    await cluster.clock.advance(1);
    expect((await again).errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
    expect(cluster.partition(1).log.logEndOffset).toBe(2n);
    // Nothing was refused since, so a gap is out of order.
    expect(await code(9)).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
    cluster.change({ isr: [1] });
    expect(await code(2)).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
    cluster.change({ isr: [1, 2, 3] });
    const behind = [];
    for (let sequence = 3; sequence < 10; sequence++) behind.push(await code(sequence));
    expect(behind).toEqual([19, 19, 19, 19, 19, 45, 45]);
  });

  test('does not accept the second batch of an unknown producer while the first is to be retried', async () => {
    const cluster = setup({ minIsr: 2 });
    const send = (baseSequence: number) =>
      cluster.produce(1, ['x'], { batch: { producerId: 8n, producerEpoch: 0, baseSequence }, timeoutMs: 1 });
    const code = async (baseSequence: number): Promise<number> => (await send(baseSequence)).errorCode;
    cluster.change({ isr: [1] });
    expect(await code(0)).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
    cluster.change({ isr: [1, 2, 3] });
    expect(await code(1)).toBe(ErrorCode.NOT_ENOUGH_REPLICAS);
    expect(cluster.partition(1).log.logEndOffset).toBe(0n);
    for (const sequence of [0, 1]) {
      const sent = send(sequence);
      await cluster.clock.advance(1);
      expect((await sent).errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
    }
    expect(cluster.partition(1).log.logEndOffset).toBe(2n);
  });

  test('a new leader attributes a gap to a batch that the previous leader refused, for as many batches as can be in flight', async () => {
    const cluster = setup({ minIsr: 1 });
    const send = async (producerId: bigint, baseSequence: number): Promise<number> =>
      (await cluster.produce(2, ['x'], { batch: { producerId, producerEpoch: 0, baseSequence }, acks: 1 })).errorCode;
    cluster.elect(2, [2]);
    // Its first batch is with broker 1: a partition that does not know the producer would begin with the second.
    expect(await send(8n, 1)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect(await send(8n, 0)).toBe(0);
    expect(await send(8n, 1)).toBe(0);
    const gaps = [];
    for (let sequence = 3; sequence < 10; sequence++) gaps.push(await send(8n, sequence));
    expect(gaps).toEqual([6, 6, 6, 6, 6, 45, 45]);
    expect(await send(8n, 2)).toBe(0);
    await cluster.clock.advance(60_000);
    expect(await send(8n, 4)).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
    // Much later, an unknown producer may continue with any sequence (KIP-360).
    expect(await send(9n, 7)).toBe(0);
  });

  test('times out, and returns an error as soon as the leadership is lost', async () => {
    const cluster = setup();
    const late = cluster.produce(1, ['a'], { timeoutMs: 200 });
    const moved = cluster.produce(1, ['b'], { timeoutMs: 30_000 });
    await cluster.clock.advance(200);
    expect((await late).errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
    cluster.elect(2, [2, 3]);
    expect(await moved).toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, currentLeader: { leaderId: 2, leaderEpoch: 1 } });
    expect(cluster.broker(1).replicas.waiting.produces).toBe(0);
  });

  test('returns the original offset for a duplicate, which waits for the original to be committed', async () => {
    const cluster = setup();
    const batch = { producerId: 7n, producerEpoch: 0, baseSequence: 0 };
    const first = cluster.produce(1, ['a', 'b'], { batch });
    const again = cluster.produce(1, ['a', 'b'], { batch });
    await cluster.clock.advance(1);
    expect(cluster.partition(1).log.logEndOffset).toBe(2n);
    for (const id of [2, 3]) await follow(cluster, id, 2n);
    expect(await first).toMatchObject({ errorCode: 0, baseOffset: 0n });
    expect(await again).toMatchObject({ errorCode: 0, baseOffset: 0n });
    const gap = await cluster.produce(1, ['c'], { batch: { ...batch, baseSequence: 9 } });
    expect(gap.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
  });
});

describe('ISR', () => {
  test('a silent follower is removed after replica.lag.time.max.ms, with the reason; the write that waited for it is committed', async () => {
    const cluster = setup();
    const answer = cluster.produce(1, ['a']);
    await cluster.clock.advance(1);
    cluster.cut.delete('2>1');
    const start = cluster.clock.monotonic();
    expect((await cluster.clock.settled(answer, 10_000)).errorCode).toBe(0);
    expect(cluster.clock.monotonic() - start).toBeLessThanOrEqual(6100);
    expect(cluster.state().isr).toEqual([1, 2]);
    const [shrunk] = cluster.broker(1).events.filter(({ type }) => type === 'partition/isrShrunk');
    expect(shrunk).toMatchObject({
      topic: TOPIC,
      partitions: [0],
      reason: 'broker 3 has not fetched from this leader',
      details: { isr: [1, 2], before: [1, 2, 3] },
    });
  });

  test('a follower that fetches and cannot catch up is removed', async () => {
    const cluster = setup();
    await write(cluster, 'a', 'b');
    for (let i = 0; i < 20 && cluster.state().isr.length === 3; i++) {
      for (const id of [2, 3]) await follow(cluster, id, id === 2 ? 2n : 1n);
      await cluster.clock.advance(500);
    }
    const [shrunk] = cluster.broker(1).events.filter(({ type }) => type === 'partition/isrShrunk');
    expect(shrunk?.reason).toMatch(/^broker 3 did not catch up for \d\.\d s$/);
    expect(cluster.state().isr).toEqual([1, 2]);
  });

  test('a follower joins only past the high watermark and the start of the epoch', async () => {
    const cluster = setup({ isr: [1, 2] });
    await write(cluster, 'a', 'b', 'c');
    await follow(cluster, 2, 2n);
    await follow(cluster, 3, 1n);
    await cluster.clock.advance(10);
    expect(cluster.state().isr).toEqual([1, 2]);
    await follow(cluster, 3, 2n);
    await cluster.clock.advance(10);
    expect(cluster.state().isr).toEqual([1, 2, 3]);

    cluster.change({ isr: [1, 2], leaderEpoch: 1 });
    // At the high watermark, yet below what the log held when this epoch began.
    await follow(cluster, 3, 2n);
    await cluster.clock.advance(10);
    expect(cluster.state().isr).toEqual([1, 2]);
    await follow(cluster, 3, 3n);
    await cluster.clock.advance(10);
    expect(cluster.state().isr).toEqual([1, 2, 3]);
  });

  test('fenced brokers and earlier runs of a broker stay out (KIP-841, KIP-903)', async () => {
    const cluster = setup();
    cluster.change({ isr: [1, 2] });
    let asked = 0;
    cluster.interceptAlterPartition = () => {
      asked++;
      return undefined;
    };
    cluster.fence(3);
    await follow(cluster, 3, 0n, { replicaEpoch: 29n });
    cluster.fence(3, false);
    await follow(cluster, 3, 0n, { replicaEpoch: 29n });
    await cluster.clock.advance(10);
    expect(asked).toBe(0);
    await follow(cluster, 3, 0n, { replicaEpoch: 30n });
    await cluster.clock.advance(10);
    expect(asked).toBe(1);
    expect(cluster.state().isr).toEqual([1, 2, 3]);
    expect((await follow(cluster, 3, 0n, { replicaEpoch: 29n })).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  });

  test('a handover names the successor first and keeps the other members of the ISR', async () => {
    const cluster = setup();
    let asked: number[] | undefined;
    cluster.interceptAlterPartition = (request) => {
      asked = request.topics[0]?.partitions[0]?.newIsrWithEpochs?.map(({ brokerId }) => brokerId);
      return undefined;
    };
    expect(cluster.partition(1).handOver(3, 'its leader cannot read')).toBe(true);
    await cluster.clock.advance(10);
    expect(asked).toEqual([3, 2]);
  });

  test('counts the states in which this broker was, or may have been, out of the ISR', () => {
    const cluster = setup();
    const { isrGaps } = cluster.partition(2);
    cluster.change({ isr: [1, 2] });
    expect(cluster.partition(2).isrGaps).toBe(isrGaps);
    cluster.change({ isr: [1] });
    cluster.change({ isr: [1, 2] });
    expect(cluster.partition(2).isrGaps).toBe(isrGaps + 1);
    // Between two states that this broker has seen it may have left and joined again.
    cluster.partition(2).apply({ ...cluster.state(), partitionEpoch: cluster.state().partitionEpoch + 2 });
    expect(cluster.partition(2).isrGaps).toBe(isrGaps + 2);
  });

  test('a proposal without a response is repeated; its change arrives with the metadata', async () => {
    const cluster = setup();
    cluster.change({ isr: [1, 2] });
    cluster.broker(1).deaf = true;
    cluster.cut.add('0>1');
    await follow(cluster, 3, 0n);
    await cluster.clock.advance(1);
    expect(cluster.state().isr).toEqual([1, 2, 3]);
    expect(cluster.partition(1).isr).toEqual([1, 2]);
    cluster.cut.delete('0>1');
    await cluster.clock.advance(200);
    // Refused as outdated, so the proposal stays: the high watermark still counts broker 3.
    expect(cluster.partition(1).maximalIsr).toEqual([1, 2, 3]);
    cluster.catchUp(1);
    expect(cluster.partition(1).isr).toEqual([1, 2, 3]);
    expect(cluster.broker(1).events.filter(({ type }) => type === 'partition/isrExpanded')).toHaveLength(1);
  });

  test('a change by the controller during a proposal takes precedence', async () => {
    const cluster = setup({ isr: [1, 2] });
    await write(cluster, 'a');
    await follow(cluster, 2, 1n);
    cluster.interceptAlterPartition = () => {
      cluster.interceptAlterPartition = undefined;
      cluster.change({ isr: [1] });
      return undefined;
    };
    await follow(cluster, 3, 1n);
    await cluster.clock.advance(10);
    expect(cluster.state().isr).toEqual([1]);
    expect(cluster.partition(1)).toMatchObject({ isr: [1], maximalIsr: [1] });
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
    await follow(cluster, 3, 1n);
    await cluster.clock.advance(10);
    expect(cluster.state().isr).toEqual([1, 3]);
  });
});

describe('leader epochs', () => {
  test('an older one is fenced, a newer one unknown; -1 names none', async () => {
    const cluster = setup();
    cluster.change({ leaderEpoch: 3 });
    expect((await latest(cluster, 2))?.errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH);
    expect((await latest(cluster, 4))?.errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
    expect((await latest(cluster, 3))?.errorCode).toBe(0);
    expect((await follow(cluster, 2, 0n, { epoch: 2 })).errorCode).toBe(ErrorCode.FENCED_LEADER_EPOCH);
    expect((await follow(cluster, 2, 0n, { epoch: 4 })).errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
  });

  test('a position from another epoch moves no high watermark', async () => {
    const cluster = setup();
    await write(cluster, 'a');
    cluster.change({ leaderEpoch: 1, isr: [1, 2] });
    await follow(cluster, 2, 1n, { epoch: 0 });
    await follow(cluster, 2, 1n, { epoch: 2 });
    expect(cluster.partition(1).log.highWatermark).toBe(0n);
    await follow(cluster, 2, 1n);
    expect(cluster.partition(1).log.highWatermark).toBe(1n);
  });

  test('a broker without a replica gets UNKNOWN_LEADER_EPOCH', async () => {
    const cluster = setup();
    expect((await follow(cluster, 9, 0n)).errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
  });

  test('a diverging follower gets the end of its epoch, and does not count for the high watermark', async () => {
    const cluster = setup();
    await write(cluster, 'a', 'b');
    cluster.change({ leaderEpoch: 2, isr: [1, 2] });
    // Broker 2 holds three records of epoch 1, which this leader never received.
    expect(await follow(cluster, 2, 5n, { lastFetchedEpoch: 1 })).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 0, endOffset: 2n },
    });
    expect(await follow(cluster, 2, 3n, { lastFetchedEpoch: 0 })).toMatchObject({
      errorCode: 0,
      divergingEpoch: { epoch: 0, endOffset: 2n },
    });
    expect(cluster.partition(1).follower(2)?.logEndOffset).toBe(-1n);
    expect(cluster.partition(1).log.highWatermark).toBe(0n);
    expect(await follow(cluster, 2, 2n, { lastFetchedEpoch: 0 })).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: -1 } });
    expect(cluster.partition(1).log.highWatermark).toBe(2n);
  });

  test('after an election the latest offset is unavailable until the high watermark has reached the start of the epoch', async () => {
    const cluster = setup();
    await write(cluster, 'a', 'b');
    expect((await latest(cluster))?.offset).toBe(0n);
    cluster.change({ leaderEpoch: 1 });
    expect((await latest(cluster))?.errorCode).toBe(ErrorCode.OFFSET_NOT_AVAILABLE);
    expect((await latest(cluster, -1, 4))?.errorCode).toBe(ErrorCode.LEADER_NOT_AVAILABLE);
    for (const id of [2, 3]) await follow(cluster, id, 2n);
    expect(await latest(cluster)).toMatchObject({ errorCode: 0, offset: 2n, leaderEpoch: 1 });
  });
});
