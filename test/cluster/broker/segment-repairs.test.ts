import { expect, test } from 'vitest';
import { FollowerState } from '../../../electron/cluster/broker/partition-follower.ts';
import type { Partition } from '../../../electron/cluster/broker/partition.ts';
import type { Peer } from '../../../electron/cluster/broker/replica-fetcher.ts';
import { readError } from '../../../electron/cluster/broker/partition-reads.ts';
import { SegmentRepairs } from '../../../electron/cluster/broker/segment-repairs.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { CorruptBatchError } from '../../../electron/cluster/log/corruption.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import { EMPTY_IMAGE, type MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { testImage } from '../../helpers/metadata-image.ts';
import { append, createHarness, contents, copyAll, DIRECTORY, ManualClock, type LogHarness } from '../log/helpers.ts';

const OFFSET = 0n;

/** A log of several closed segments; the first is corrupt, and a read has found it. */
function corruptLog(): { harness: LogHarness; replica: Buffer; all: string[] } {
  const harness = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
  for (let i = 0; i < 12; i++) append(harness.log, `value ${i}`);
  harness.log.updateHighWatermark(harness.log.logEndOffset);
  const replica = copyAll(harness.log);
  const all = contents(harness.log);
  const log = harness.reopen({ highWatermark: harness.log.logEndOffset });
  const file = harness.disk.open(`${DIRECTORY}/00000000000000000000.log`);
  file.write([Buffer.from('!')], 70);
  file.close();
  expect(() => log.read(OFFSET, 1, { maxOffset: log.logEndOffset, minOneMessage: true })).toThrow(CorruptBatchError);
  return { harness, replica, all };
}

interface Replica {
  readonly harness: LogHarness;
  readonly partition: Partition;
  readonly repairs: SegmentRepairs;
}

/** Brokers 1 and 2 hold the partition, and both have a corrupt segment at the same offsets. */
function bothCorrupt() {
  const clock = new ManualClock();
  const brokers = new Map([1, 2].map((id) => [id, { id, fenced: false }]));
  const image = {
    ...EMPTY_IMAGE,
    brokers,
    topics: new Map([['t', { name: 't', partitions: [{ topic: 't', partition: 0 }] }]]),
  } as unknown as MetadataImage;
  const replicas = new Map<number, Replica>();
  const replicaOf = (id: number): Replica => {
    const found = replicas.get(id);
    if (found === undefined) throw new Error(`no broker ${id}`);
    return found;
  };
  /** The error code and records of a fetch from the broker. */
  const fetchFrom = (id: number, offset: bigint) => {
    const { partition, repairs } = replicaOf(id);
    const { highWatermark } = partition.log;
    try {
      const { records } = partition.log.read(offset, 1 << 20, { maxOffset: highWatermark, minOneMessage: true });
      return {
        errorCode: ErrorCode.NONE as number,
        records: Buffer.concat(records),
        highWatermark,
        logStartOffset: partition.log.logStartOffset,
      };
    } catch (error) {
      if (!(error instanceof CorruptBatchError)) throw error;
      const errorCode = readError({ mayRepair: (one) => repairs.mayRepair(one) }, partition, error);
      return { errorCode, records: null, highWatermark };
    }
  };
  const peerOf = (id: number): Peer => ({
    send: (_api, _version, body) => {
      const { fetchOffset } = (body as { topics: { partitions: { fetchOffset: bigint }[] }[] }).topics[0]?.partitions[0] ?? {};
      const answer = { errorCode: ErrorCode.NONE, responses: [{ partitions: [fetchFrom(id, fetchOffset ?? 0n)] }] };
      return Promise.resolve(answer as never);
    },
    close: () => undefined,
  });
  const made = corruptLog();
  for (const brokerId of [1, 2]) {
    const { harness } = brokerId === 1 ? made : corruptLog();
    const partition = {
      name: 't-0',
      topic: 't',
      topicId: 'jKfGsCXpQWmGQDO3oMzNHw',
      index: 0,
      leader: 1,
      isr: [1, 2],
      replicas: [1, 2],
      log: harness.log,
    } as unknown as Partition;
    const repairs = new SegmentRepairs({
      brokerId,
      clock,
      disk: { admit: () => Promise.resolve() },
      logger: silentLogger,
      events: () => undefined,
      timeoutMs: 1_000,
      image: () => image,
      partition: () => partition,
      connect: peerOf,
      repaired: () => undefined,
    });
    replicas.set(brokerId, { harness, partition, repairs });
    repairs.add('t', 0);
    repairs.start();
  }
  /** `count` rounds of both, each with the promises that it waits for. */
  const runRounds = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round++) {
      clock.advance(1_000);
      for (let i = 0; i < 100; i++) await Promise.resolve();
    }
  };
  const stop = (): void => replicas.forEach(({ repairs }) => repairs.stop());
  return { replicaOf, fetchFrom, runRounds, stop, replica: made.replica, all: made.all };
}

test('two replicas with the same corrupt segment answer CORRUPT_MESSAGE, until one of them has the records', async () => {
  const { replicaOf, fetchFrom, runRounds, stop, replica, all } = bothCorrupt();
  expect([1, 2].map((id) => fetchFrom(id, OFFSET).errorCode)).toEqual([ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.KAFKA_STORAGE_ERROR]);
  await runRounds(3);
  expect([1, 2].map((id) => fetchFrom(id, OFFSET).errorCode)).toEqual([ErrorCode.CORRUPT_MESSAGE, ErrorCode.CORRUPT_MESSAGE]);
  expect([1, 2].map((id) => replicaOf(id).repairs.mayRepair(replicaOf(id).partition))).toEqual([false, false]);
  const repair = replicaOf(2).partition.log.beginRepair();
  repair?.append(replica);
  expect(repair?.finish()).toBe(true);
  await runRounds(2);
  expect([1, 2].map((id) => fetchFrom(id, OFFSET).errorCode)).toEqual([ErrorCode.NONE, ErrorCode.NONE]);
  expect([1, 2].map((id) => contents(replicaOf(id).partition.log))).toEqual([all, all]);
  stop();
});

/** Broker 1 leads with a corrupt first segment; broker 2, whose log is empty, answers each fetch with an error. */
function corruptLeader(isr: readonly number[]) {
  const clock = new ManualClock();
  const events: NodeEvent[] = [];
  const successors: number[] = [];
  const attempts: number[] = [];
  const { harness } = corruptLog();
  const follower = new FollowerState(2, 0);
  follower.fetched(OFFSET, OFFSET, harness.log.logEndOffset, 20n, 1);
  const partition = {
    ...{ name: 't-0', topic: 't', index: 0, leader: 1, role: 'leader', isr, elr: [], replicas: [1, 2], log: harness.log },
    follower: (id: number) => (id === 2 ? follower : undefined),
    handOver: (successor: number) => successors.push(successor) > 0,
  } as unknown as Partition;
  const image = testImage([1, 2], { t: [{ replicas: [1, 2], isr }] });
  const repairs = new SegmentRepairs({
    brokerId: 1,
    clock,
    disk: { admit: () => Promise.resolve() },
    logger: silentLogger,
    events: (event) => events.push(event),
    timeoutMs: 1_000,
    image: () => image,
    partition: () => partition,
    connect: () => ({
      send: () => {
        attempts.push(clock.monotonic());
        return Promise.resolve({
          errorCode: ErrorCode.NONE,
          responses: [{ partitions: [{ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }] }],
        } as never);
      },
      close: () => undefined,
    }),
    repaired: () => undefined,
  });
  const start = clock.monotonic();
  const run = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      for (let i = 0; i < 50; i++) await Promise.resolve();
    }
  };
  repairs.add('t', 0);
  repairs.start();
  return { run, events, successors, repairs, attemptsAt: () => attempts.map((at) => at - start) };
}

test('a repair is retried after 50 ms, then at intervals that double up to a second', async () => {
  const { run, attemptsAt, repairs } = corruptLeader([1, 2]);
  await run(4_000);
  repairs.stop();
  const gaps = attemptsAt().flatMap((at, index, all) => (index === 0 ? [] : [at - (all[index - 1] ?? 0)]));
  // In steps of the clock.
  expect(gaps[0]).toBeLessThanOrEqual(60);
  expect(gaps.slice(1)).toEqual([100, 200, 400, 800, 1_000, 1_000]);
});

test('a leader hands over to a follower in sync that its corrupt segment blocks, and reports nothing', async () => {
  const { run, events, successors, repairs } = corruptLeader([1, 2]);
  await run(4_000);
  repairs.stop();
  expect(new Set(successors)).toEqual(new Set([2]));
  expect(events).toEqual([]);
});

test('a leader without a successor keeps waiting, and reports the remedy once, after two seconds', async () => {
  const { run, events, successors, repairs } = corruptLeader([1]);
  await run(1_500);
  expect(events).toEqual([]);
  await run(4_000);
  repairs.stop();
  expect(successors).toEqual([]);
  expect(events).toMatchObject([{ type: 'partition/repairBlocked', broker: 1, topic: 't', partitions: [0], details: { blocked: [2] } }]);
  expect(events[0]?.reason).toContain('run an unclean leader election');
});
