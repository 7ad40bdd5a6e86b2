import { expect, test } from 'vitest';
import type { CleanupPolicy } from '../../../electron/cluster/log/log-config.ts';
import { deleteRecords } from '../../../electron/cluster/protocol/apis/delete-records.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { TestCluster, TOPIC } from './harness.ts';

function remove(
  cluster: TestCluster,
  broker: number,
  offset: bigint,
  more: { topic?: string; partitionIndex?: number; timeoutMs?: number } = {},
) {
  const { topic = TOPIC, partitionIndex = 0, timeoutMs = 10_000 } = more;
  return cluster
    .ask(broker, deleteRecords, { topics: [{ name: topic, partitions: [{ partitionIndex, offset }] }], timeoutMs })
    .then((answer) => answer.topics[0]?.partitions[0]);
}

async function filled(options: ConstructorParameters<typeof TestCluster>[0] = {}): Promise<TestCluster> {
  const cluster = new TestCluster(options);
  cluster.createTopic([1, 2, 3]);
  await cluster.clock.settled(cluster.produce(1, ['a', 'b', 'c', 'd', 'e']));
  return cluster;
}

test('raises the log start on all replicas, and then responds', async () => {
  const cluster = await filled();
  const before = cluster.clock.now();
  const answer = await cluster.clock.settled(remove(cluster, 1, 3n));
  expect(answer).toMatchObject({ errorCode: ErrorCode.NONE, lowWatermark: 3n });
  expect([1, 2, 3].map((id) => cluster.partition(id).log.logStartOffset)).toEqual([3n, 3n, 3n]);
  expect(cluster.clock.now() - before).toBeLessThan(1_500);
  // A later log start is kept; a request for an earlier one changes nothing.
  expect(await cluster.clock.settled(remove(cluster, 1, 1n))).toMatchObject({ errorCode: ErrorCode.NONE, lowWatermark: 3n });
  expect(await cluster.clock.settled(remove(cluster, 1, -1n))).toMatchObject({ errorCode: ErrorCode.NONE, lowWatermark: 5n });
  expect(cluster.partition(2).log.logStartOffset).toBe(5n);
});

test('returns an error for each partition where records cannot be deleted', async () => {
  const cluster = await filled();
  const codes = [];
  codes.push(await cluster.clock.settled(remove(cluster, 1, 6n)));
  codes.push(await cluster.clock.settled(remove(cluster, 1, -2n)));
  codes.push(await cluster.clock.settled(remove(cluster, 2, 1n)));
  codes.push(await cluster.clock.settled(remove(cluster, 1, 1n, { partitionIndex: 4 })));
  codes.push(await cluster.clock.settled(remove(cluster, 1, 1n, { topic: '__consumer_offsets' })));
  expect(codes.map((one) => one?.errorCode)).toEqual([
    ErrorCode.OFFSET_OUT_OF_RANGE,
    ErrorCode.OFFSET_OUT_OF_RANGE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.INVALID_TOPIC_EXCEPTION,
  ]);
  expect(codes.every((one) => one?.lowWatermark === -1n)).toBe(true);
  expect(cluster.partition(1).log.logStartOffset).toBe(0n);
});

test('refuses to delete records of a topic that is only compacted', async () => {
  const cluster = new TestCluster({ config: { cleanupPolicy: new Set<CleanupPolicy>(['compact']) } });
  cluster.createTopic([1, 2, 3]);
  expect((await cluster.clock.settled(remove(cluster, 1, 0n)))?.errorCode).toBe(ErrorCode.POLICY_VIOLATION);
});

test('waits for an unreachable follower up to the timeout, and does not wait for a fenced one', async () => {
  const cluster = await filled();
  cluster.cut.add('1>3');
  const late = await cluster.clock.settled(remove(cluster, 1, 2n, { timeoutMs: 2_000 }));
  expect(late?.errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
  expect(cluster.partition(1).log.logStartOffset).toBe(2n);
  cluster.fence(3);
  expect(await cluster.clock.settled(remove(cluster, 1, 4n))).toMatchObject({ errorCode: ErrorCode.NONE, lowWatermark: 4n });
});

test('returns an error when the leadership is lost', async () => {
  const cluster = await filled();
  cluster.cut.add('1>3');
  const waiting = remove(cluster, 1, 2n);
  cluster.elect(2, [1, 2]);
  expect((await cluster.clock.settled(waiting))?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
});
