/** deleteRecordsBefore with several leaders: one request per leader, retries while leaders move, and a result for every partition. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { deleteRecordsBefore, type Deleted } from '../../electron/admin/delete-records.ts';
import { UnreachableError, type AdminError } from '../../electron/admin/errors.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';

/** Leader, log start and end of each partition of a topic. */
class Brokers {
  leaders = [1, 2, 1];
  starts = [0n, 0n, 0n];
  ends = [10n, 10n, 10n];
  dead = new Set<number>();
  asked: { broker: number; partitions: number[] }[] = [];
  retrying = ClusterClient.prototype.retrying;

  eachBroker = ClusterClient.prototype.eachBroker;

  metadata = () => {
    if (this.dead.size === 3) return Promise.reject(new UnreachableError('the cluster', 'all brokers are down'));
    const partitions = this.leaders.map((leaderId, partitionIndex) => ({ errorCode: 0, partitionIndex, leaderId, leaderEpoch: 0 }));
    return Promise.resolve({ topics: [{ errorCode: 0, name: 't', partitions }], brokers: [] });
  };

  onBroker = (
    broker: number,
    _api: unknown,
    { topics }: { topics: { partitions: { partitionIndex: number; offset: bigint }[] }[] },
  ): Promise<unknown> => {
    const wanted = topics[0]?.partitions ?? [];
    this.asked.push({ broker, partitions: wanted.map(({ partitionIndex }) => partitionIndex) });
    if (this.dead.has(broker)) return Promise.reject(new UnreachableError(`broker ${broker}`, 'it is dead'));
    const partitions = wanted.map(({ partitionIndex, offset }) => {
      const end = this.ends[partitionIndex] ?? 0n;
      const to = offset < 0n ? end : offset;
      const errorCode = to > end ? ErrorCode.OFFSET_OUT_OF_RANGE : 0;
      if (errorCode === 0) this.starts[partitionIndex] = to;
      return { partitionIndex, errorCode, lowWatermark: errorCode === 0 ? to : -1n };
    });
    return Promise.resolve({ topics: [{ name: 't', partitions }] });
  };
}

let brokers: Brokers;
beforeEach(() => {
  vi.useFakeTimers();
  brokers = new Brokers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function run(before: Map<number, bigint | null>): Promise<Map<number, Deleted>> {
  const result = deleteRecordsBefore(brokers as unknown as ClusterClient, 't', before);
  const settled = result.then(
    () => undefined,
    () => undefined,
  );
  await vi.advanceTimersByTimeAsync(20_000);
  await settled;
  return result;
}
const places = (...all: [number, bigint | null][]): Map<number, bigint | null> => new Map(all);
const plain = (results: Map<number, Deleted>): [number, bigint | string][] =>
  [...results].sort(([a], [b]) => a - b).map(([partition, one]) => [partition, 'error' in one ? one.error.app.code : one.startOffset]);

test('deleteRecordsBefore: sends one request to each leader, with an offset or −1 for each partition', async () => {
  expect(plain(await run(places([0, 4n], [1, null], [2, 7n])))).toEqual([
    [0, 4n],
    [1, 10n],
    [2, 7n],
  ]);
  expect(brokers.asked).toEqual([
    { broker: 1, partitions: [0, 2] },
    { broker: 2, partitions: [1] },
  ]);
});

test('deleteRecordsBefore: does not retry a final error, and completes the other partitions', async () => {
  expect(plain(await run(places([0, 11n], [2, 5n])))).toEqual([
    [0, 'OFFSET_OUT_OF_RANGE'],
    [2, 5n],
  ]);
  expect(brokers.asked).toHaveLength(1);
});

test('deleteRecordsBefore: retries a partition at its new leader, and only that partition', async () => {
  brokers.dead.add(2);
  setTimeout(() => (brokers.leaders = [1, 3, 1]), 1_000);
  expect(plain(await run(places([0, 4n], [1, 6n])))).toEqual([
    [0, 4n],
    [1, 6n],
  ]);
  expect(brokers.asked.filter(({ broker }) => broker === 1)).toHaveLength(1);
  expect(brokers.asked.at(-1)).toEqual({ broker: 3, partitions: [1] });
});

test('deleteRecordsBefore: returns the error of a partition without a leader beside the results of the others', async () => {
  brokers.leaders = [1, -1, 1];
  expect(plain(await run(places([0, 4n], [1, 6n], [7, 1n])))).toEqual([
    [0, 4n],
    [1, 'LEADER_NOT_AVAILABLE'],
    [7, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ]);
});

test('deleteRecordsBefore: a partition that does not exist is answered soon, and asked for no longer', async () => {
  const result = deleteRecordsBefore(brokers as unknown as ClusterClient, 't', places([7, 1n]));
  await vi.advanceTimersByTimeAsync(3_000);
  const { error } = (await result).get(7) as { error: AdminError };
  expect(error.app).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'Topic t has no partition 7: it has 3, counted from 0.' });
  expect(brokers.asked).toEqual([]);
});

test('deleteRecordsBefore: a partition that becomes known a moment after it was created is asked for', async () => {
  setTimeout(() => (brokers.leaders = [1, 2, 1, 2]), 1_000);
  brokers.ends.push(10n);
  brokers.starts.push(0n);
  expect(plain(await run(places([3, 4n])))).toEqual([[3, 4n]]);
});

test('deleteRecordsBefore: returns completed partitions although no broker answers any longer', async () => {
  brokers.leaders = [1, -1, 1];
  setTimeout(() => (brokers.dead = new Set([1, 2, 3])), 1_000);
  expect(plain(await run(places([0, 4n], [1, 6n])))).toEqual([
    [0, 4n],
    [1, 'LEADER_NOT_AVAILABLE'],
  ]);
  await expect(run(places([0, 5n]))).rejects.toMatchObject({ app: { code: 'BROKER_UNREACHABLE' } });
});
