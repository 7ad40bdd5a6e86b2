import { describe, expect, test } from 'vitest';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { TestCluster, type TestClusterOptions, TOPIC, TOPIC_ID } from './harness.ts';

function setup(options: TestClusterOptions = { racks: ['east', 'west', 'west'] }): TestCluster {
  const cluster = new TestCluster(options);
  cluster.createTopic([1, 2, 3]);
  return cluster;
}

/** A consumer's fetch, with the fields that matter here. */
async function read(
  cluster: TestCluster,
  broker: number,
  fetchOffset: bigint,
  options: { rackId?: string; version?: number; maxWaitMs?: number; epoch?: number } = {},
) {
  const { rackId = 'west', version = fetch.maxVersion, maxWaitMs = 0, epoch = -1 } = options;
  const partitions = [{ partition: 0, currentLeaderEpoch: epoch, fetchOffset, partitionMaxBytes: 1_000_000 }];
  const body = {
    maxWaitMs,
    minBytes: 1,
    sessionEpoch: -1,
    ...(version >= 11 ? { rackId } : {}),
    topics: [version >= 13 ? { topicId: TOPIC_ID, partitions } : { topic: TOPIC, partitions }],
  };
  const answer = (await cluster.ask(broker, fetch, body, version)).responses[0]?.partitions[0];
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

describe('reading from the closest replica (KIP-392)', () => {
  test('a leader sends a consumer to an in-sync follower in its rack, which serves it up to its high watermark', async () => {
    const cluster = setup();
    await cluster.clock.settled(cluster.produce(1, ['a']));
    await cluster.clock.advance(10);
    const sent = await read(cluster, 1, 0n);
    expect(sent.preferredReadReplica).toBe(2);
    expect(sent.records?.length).toBe(0);
    const served = await read(cluster, 2, 0n);
    expect(served).toMatchObject({ errorCode: 0, preferredReadReplica: -1, highWatermark: 1n });
    expect(served.records?.length).toBeGreaterThan(0);
  });

  test('stays with the leader in its own rack, without a rack, with a rack without an in-sync replica, and without a selector', async () => {
    const cluster = setup();
    await cluster.clock.settled(cluster.produce(1, ['a']));
    for (const rackId of ['east', '', 'north']) {
      const answer = await read(cluster, 1, 0n, { rackId });
      expect([answer.preferredReadReplica, answer.records?.length], rackId).toEqual([-1, expect.any(Number)]);
      expect(answer.records?.length).toBeGreaterThan(0);
    }
    cluster.fence(2);
    cluster.change({ isr: [1] });
    expect((await read(cluster, 1, 0n)).preferredReadReplica).toBe(-1);
    expect((await read(setup({}), 1, 0n)).preferredReadReplica).toBe(-1);
  });

  test('a follower gets a new high watermark at once, and wakes the fetches that wait for it', async () => {
    const cluster = setup();
    await cluster.clock.advance(1000);
    const waiting = read(cluster, 3, 0n, { maxWaitMs: 5000 });
    const start = cluster.clock.monotonic();
    await cluster.produce(1, ['a'], { acks: 1 });
    const answer = await cluster.clock.settled(waiting);
    expect(answer.records?.length).toBeGreaterThan(0);
    expect(cluster.clock.monotonic() - start).toBeLessThan(50);
  });

  test('a follower that is behind returns a retriable error, and no consumer resets its position', async () => {
    const cluster = setup();
    await cluster.clock.advance(10);
    expect((await read(cluster, 2, 5n)).errorCode).toBe(ErrorCode.OFFSET_NOT_AVAILABLE);
    expect((await read(cluster, 1, 5n)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
    expect((await read(cluster, 2, -1n)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE);
    expect((await read(cluster, 2, 0n, { epoch: 7 })).errorCode).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH);
  });

  test('clients without support for it are served by the leader only', async () => {
    const cluster = setup();
    await cluster.clock.settled(cluster.produce(1, ['a']));
    expect((await read(cluster, 2, 0n, { version: 10 })).errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
    expect((await read(cluster, 1, 0n, { version: 10 })).records?.length).toBeGreaterThan(0);
  });
});
