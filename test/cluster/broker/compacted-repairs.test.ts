/** Repair of a compacted log whose replicas have been compacted at different times: no deleted key is restored. */
import { expect, test } from 'vitest';
import { createCoordinatorStorage } from '../../../electron/cluster/broker/coordinator-storage.ts';
import { FollowerState } from '../../../electron/cluster/broker/partition-follower.ts';
import type { Partition } from '../../../electron/cluster/broker/partition.ts';
import type { Peer } from '../../../electron/cluster/broker/replica-fetcher.ts';
import type { ReplicaManager } from '../../../electron/cluster/broker/replica-manager.ts';
import { SegmentRepairs } from '../../../electron/cluster/broker/segment-repairs.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import type { NodeEvent } from '../../../electron/cluster/lib/events.ts';
import type { CleanupPolicy } from '../../../electron/cluster/log/log-config.ts';
import type { Log, LogOptions } from '../../../electron/cluster/log/log.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { EMPTY_IMAGE, type MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { batchesOf, createHarness, copyAll, DIRECTORY, ManualClock, START_MS, type LogHarness } from '../log/helpers.ts';

const DAY_MS = 86_400_000;
const TARGET = 1;
const SOURCE = 2;
/** The key `k` is deleted in the second segment, `later` in the third; their values are before. Two batches to a segment. */
const WRITES: readonly (readonly [key: string, value: string | null])[] = [
  ['k', 'old'],
  ['later', 'old'],
  ['k', null],
  ['a', '1'],
  ['later', null],
  ['b', '2'],
  ['a', '3'],
  ['c', '4'],
  ['d', '5'],
  ['e', '6'],
];
const STATE = { a: '3', b: '2', c: '4', d: '5', e: '6' };
const BATCH_VALUE = 'x'.repeat(60);

function put(log: Log, key: string, value: string | null): void {
  const padded = value === null ? null : Buffer.from(`${value} ${BATCH_VALUE}`);
  const records = [{ key: Buffer.from(key), value: padded, headers: [['pad', Buffer.from(value === null ? BATCH_VALUE : '')]] as const }];
  log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS) }), 0, { origin: 'client' });
  log.updateHighWatermark(log.logEndOffset);
}

function written(policy: CleanupPolicy[], options: Partial<LogOptions> = {}): LogHarness {
  const made = createHarness(
    { cleanupPolicy: new Set(policy), segmentBytes: 350, indexIntervalBytes: 1, minCleanableDirtyRatio: 0 },
    options,
  );
  for (const [key, value] of WRITES) put(made.log, key, value);
  expect(made.log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n, 4n, 6n, 8n]);
  return made;
}

/** Compaction at the start and a second time after delete.retention.ms: the tombstones and the deleted values are removed. */
function cleanFully(log: Log, cleanedTo = 0n): void {
  for (const nowMs of [START_MS, START_MS + 2 * DAY_MS]) {
    const steps = log.compact(cleanedTo, { nowMs, maxKeyBytes: 1 << 20, sliceBytes: 1 << 20 });
    while (steps.next().done !== true);
  }
}

/** The state of a consumer that has read the whole log. */
function stateOf(log: Log): Record<string, string> {
  const state = new Map<string, string>();
  for (const batch of batchesOf([copyAll(log)])) {
    for (const { key, value } of decodeRecords(batch, 1 << 20)) {
      const name = key?.toString() ?? '';
      if (value === null) state.delete(name);
      else state.set(name, value.toString().split(' ')[0] ?? '');
    }
  }
  return Object.fromEntries(state);
}

/** Flips a byte in the last batch of the segments that hold these offsets; each is found by a read. */
function corrupt(made: LogHarness, offsets: readonly bigint[], config?: ReadonlySet<CleanupPolicy>): void {
  const { logEndOffset: highWatermark } = made.log;
  made.log.close();
  const log = made.reopen({ highWatermark });
  if (config !== undefined) log.updateConfig({ ...log.config, cleanupPolicy: config });
  for (const offset of offsets) {
    const segment = log.segments.findLast(({ baseOffset }) => baseOffset <= offset);
    if (segment === undefined) throw new Error(`no segment holds offset ${offset}`);
    const file = made.disk.open(`${DIRECTORY}/${segment.baseOffset.toString().padStart(20, '0')}.log`);
    const at = segment.sizeBytes - 3;
    const byte = Buffer.alloc(1);
    file.read(byte, at);
    file.write([Buffer.of((byte[0] as number) ^ 0xff)], at);
    file.close();
    expect(() => log.read(segment.endOffset - 1n, 1, { maxOffset: segment.endOffset, minOneMessage: true })).toThrow('checksum');
  }
}

interface Setting {
  readonly target: LogHarness;
  readonly source: LogHarness;
  readonly leader?: number;
  readonly isr?: number[];
  /** Further properties of the partition of broker 1. */
  readonly more?: Record<string, unknown>;
  /** Response time of the source, in ms. */
  readonly answerAfterMs?: number;
  /** Called before the source answers. */
  beforeFetch?(fetchOffset: bigint): void;
}

/** Broker 1 repairs its log from broker 2. */
function repairing({ target, source, leader = TARGET, isr = [TARGET, SOURCE], more = {}, answerAfterMs = 0, beforeFetch }: Setting) {
  const clock = new ManualClock();
  const events: NodeEvent[] = [];
  const image = {
    ...EMPTY_IMAGE,
    brokers: new Map([TARGET, SOURCE].map((id) => [id, { id, epoch: BigInt(id * 10), fenced: false }])),
    topics: new Map([['t', { name: 't', partitions: [{ topic: 't', partition: 0 }] }]]),
  } as unknown as MetadataImage;
  const ids = { name: 't-0', topic: 't', topicId: 'jKfGsCXpQWmGQDO3oMzNHw', index: 0 };
  const partition = { ...ids, leader, isr, isrGaps: 0, elr: [], replicas: [TARGET, SOURCE], ...more };
  const current = {
    get log() {
      return target.log;
    },
  };
  Object.defineProperties(partition, Object.getOwnPropertyDescriptors(current));
  const peer: Peer = {
    send: (_api, _version, body) => {
      const { fetchOffset = 0n } = (body as { topics: { partitions: { fetchOffset: bigint }[] }[] }).topics[0]?.partitions[0] ?? {};
      beforeFetch?.(fetchOffset);
      const { log } = source;
      const { highWatermark } = log;
      const { records } = log.read(fetchOffset, 1, { maxOffset: highWatermark, minOneMessage: true });
      const answer = {
        errorCode: ErrorCode.NONE as number,
        records: Buffer.concat(records),
        highWatermark,
        logStartOffset: log.logStartOffset,
      };
      const response = { errorCode: ErrorCode.NONE, responses: [{ partitions: [answer] }] } as never;
      return answerAfterMs === 0
        ? Promise.resolve(response)
        : new Promise((resolve) => void clock.setTimer(answerAfterMs, () => resolve(response)));
    },
    close: () => undefined,
  };
  const repairs = new SegmentRepairs({
    brokerId: TARGET,
    clock,
    disk: { admit: () => Promise.resolve() },
    logger: silentLogger,
    events: (event) => void events.push(event),
    timeoutMs: 1_000,
    image: () => image,
    partition: () => partition as unknown as Partition,
    connect: () => peer,
    repaired: () => undefined,
  });
  repairs.add('t', 0);
  repairs.start();
  const run = async (seconds = 3): Promise<void> => {
    for (let step = 0; step < seconds * 20; step++) {
      clock.advance(50);
      for (let turn = 0; turn < 200; turn++) await Promise.resolve();
    }
  };
  const mayRepair = (): boolean => repairs.mayRepair(partition as unknown as Partition);
  return { run, events, partition, mayRepair, stop: () => repairs.stop() };
}

const POLICIES: readonly (readonly [string, CleanupPolicy[], ReadonlySet<CleanupPolicy> | undefined])[] = [
  ['compact', ['compact'], undefined],
  ['compact,delete', ['compact', 'delete'], undefined],
  ['compact, later delete', ['compact'], new Set<CleanupPolicy>(['delete'])],
];
const CASES = POLICIES.flatMap(([name, policy, later]) =>
  (
    [
      ['the healthy replica', 'source', [2n]],
      ['the healthy replica', 'source', [2n, 6n]],
      ['the repaired replica', 'target', [0n]],
      ['the repaired replica', 'target', [3n, 7n]],
      ['both replicas', 'both', [3n]],
    ] as const
  ).flatMap(([who, cleaned, offsets]) => [TARGET, SOURCE].map((leader) => ({ name, policy, later, who, cleaned, offsets, leader }))),
);

test.each(CASES)(
  'restores no deleted key: cleanup.policy=$name, leader $leader, compacted: $who, corrupt offsets: $offsets',
  async ({ policy, later, cleaned, offsets, leader }) => {
    const [target, source] = [written(policy), written(policy)];
    if (cleaned !== 'source') cleanFully(target.log);
    if (cleaned !== 'target') cleanFully(source.log);
    const { logEndOffset } = target.log;
    corrupt(target, offsets, later);
    const { run, events, stop } = repairing({ target, source, leader });
    await run();
    expect(target.log.corruptSegments).toEqual([]);
    expect(stateOf(target.log)).toEqual(STATE);
    expect(target.log.logEndOffset).toBe(logEndOffset);
    expect(events.map(({ type, details }) => [type, details?.['source']])).toContainEqual(['node/segmentRepaired', SOURCE]);
    // A compaction on top of it, and a restart, restore nothing either.
    put(target.log, 'z', '9');
    target.log.roll();
    target.log.updateConfig({ ...target.log.config, cleanupPolicy: new Set<CleanupPolicy>(['compact']) });
    cleanFully(target.log);
    expect(stateOf(target.log)).toEqual({ ...STATE, z: '9' });
    const end = target.log.logEndOffset;
    const again = target.reopen({ cleanShutdown: false, recoveryPoint: 0n, highWatermark: end });
    expect(again.logEndOffset).toBe(end);
    expect(stateOf(again)).toEqual({ ...STATE, z: '9' });
    stop();
  },
);

test('a log from which compaction removed nothing is repaired segment by segment, from a replica that is corrupt in another segment', async () => {
  const [target, source] = [written(['compact']), written(['compact'])];
  corrupt(target, [2n]);
  corrupt(source, [6n]);
  const { run, events, stop } = repairing({ target, source });
  await run(1);
  expect(target.log.corruptSegments).toEqual([]);
  expect(stateOf(target.log)).toEqual(STATE);
  expect(events).toMatchObject([{ details: { baseOffset: '2', endOffset: '4', scope: 'segment' } }]);
  stop();
});

test('a compaction of the other replica between the two readings is detected, and the log is read again', async () => {
  const [target, source] = [written(['compact']), written(['compact'])];
  cleanFully(target.log);
  corrupt(target, [0n]);
  let cleaned = false;
  let starts = 0;
  const { run, events, stop } = repairing({
    target,
    source,
    // The segment alone is read first, then the log; after the old values and before the tombstones.
    beforeFetch: (fetchOffset) => {
      if (fetchOffset === 0n) starts++;
      if (cleaned || starts !== 2 || fetchOffset !== 2n) return;
      cleanFully(source.log);
      cleaned = true;
    },
  });
  await run(5);
  expect(cleaned).toBe(true);
  expect(target.log.corruptSegments).toEqual([]);
  expect(stateOf(target.log)).toEqual(STATE);
  expect(events).toHaveLength(1);
  stop();
});

test('a replica out of the ISR catches up before its compacted log is replaced', async () => {
  const [target, source] = [written(['compact']), written(['compact'])];
  cleanFully(source.log);
  corrupt(target, [2n]);
  const { run, partition, stop } = repairing({ target, source, leader: SOURCE, isr: [SOURCE] });
  await run(3);
  expect(target.log.corruptSegments).toHaveLength(1);
  expect(target.log.segments).toHaveLength(5);
  partition.isr.push(TARGET);
  await run(3);
  expect(target.log.corruptSegments).toEqual([]);
  expect(stateOf(target.log)).toEqual(STATE);
  stop();
});

test('a coordinator that loads while its log is repaired starts the load again', async () => {
  const [target, source] = [written(['compact']), written(['compact'])];
  cleanFully(source.log);
  const clock = new ManualClock();
  const partition = { leaderEpoch: 0, checkLeader: () => ErrorCode.NONE, log: target.log };
  const replicas = { partition: () => partition } as unknown as ReplicaManager;
  const storage = createCoordinatorStorage({ replicas, clock, topic: 't', commitTimeoutMs: 1_000 });
  corrupt(target, [2n]);
  partition.log = target.log;
  const reading = storage.read(0)[Symbol.asyncIterator]();
  // The value of `k` is read; its tombstone is in the corrupt segment.
  expect((await reading.next()).done).toBe(false);
  const { run, stop } = repairing({ target, source });
  await run();
  expect(target.log.corruptSegments).toEqual([]);
  const rejected = expect(reading.next()).rejects.toMatchObject({ code: ErrorCode.KAFKA_STORAGE_ERROR });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  clock.advance(1);
  await rejected;
  stop();
});

test.each(['segment', 'log'])('a repair of a %s swaps files once the recovery point behind them is written', async (scope) => {
  const order: string[] = [];
  // As the log manager does: at the end of the turn.
  const checkpointNeeded = (which: string): void => {
    if (which === 'recoveryPoint') queueMicrotask(() => void order.push('checkpoint'));
  };
  const [target, source] = [written(['compact'], { checkpointNeeded }), written(['compact'])];
  if (scope === 'log') cleanFully(source.log);
  corrupt(target, [2n]);
  target.disk.options = {
    fault: (operation, path) => {
      if (operation === 'rename' && path.endsWith('.repair')) order.push('swap');
      return undefined;
    },
  };
  const { run, events, stop } = repairing({ target, source });
  await run();
  expect(events).toMatchObject([{ details: { scope } }]);
  expect(order.slice(0, 2)).toEqual(['checkpoint', 'swap']);
  stop();
});

/** Calls `then` before the given fetch of the second reading of the whole log; offset 0 is fetched once for the segment, if that is corrupt. */
function inSecondReading(then: () => void): (fetchOffset: bigint) => void {
  let starts = 0;
  let called = false;
  return (fetchOffset) => {
    if (fetchOffset === 0n) starts++;
    if (called || starts !== 2 || fetchOffset < 2n) return;
    called = true;
    then();
  };
}

test('a whole log is not replaced where this replica left the ISR meanwhile, even if it is back in it at the end', async () => {
  const [target, source] = [written(['compact']), written(['compact'])];
  cleanFully(source.log);
  corrupt(target, [2n]);
  let left = false;
  const { run, events, partition, stop } = repairing({
    ...{ target, source, leader: SOURCE },
    beforeFetch: inSecondReading(() => {
      left = true;
      partition.isrGaps++;
    }),
  });
  await run(0.2);
  expect([left, target.log.corruptSegments.length, events]).toEqual([true, 1, []]);
  // The next try is made in the ISR from its start to its end.
  await run(3);
  expect(target.log.corruptSegments).toEqual([]);
  expect(stateOf(target.log)).toEqual(STATE);
  stop();
});

test('a whole log is taken over from the log start of a replica that has deleted records', async () => {
  const [target, source] = [written(['compact', 'delete']), written(['compact', 'delete'])];
  cleanFully(source.log);
  corrupt(target, [5n]);
  source.log.deleteRecordsBefore(4n);
  const { run, mayRepair, stop } = repairing({ target, source });
  await run(3);
  expect([target.log.corruptSegments, mayRepair()]).toEqual([[], true]);
  expect(target.log.logStartOffset).toBe(4n);
  expect(stateOf(target.log)).toEqual(stateOf(source.log));
  stop();
});

test('a whole-log repair that the other replica refuses is no proof that it lacks the records', async () => {
  const [target, source] = [written(['compact']), written(['compact'])];
  cleanFully(source.log);
  corrupt(target, [5n]);
  let refused = 0;
  const { run, mayRepair, stop } = repairing({
    ...{ target, source },
    // The segment alone is sent; the log from its start is not.
    beforeFetch: (fetchOffset) => {
      if (fetchOffset >= 4n) return;
      refused++;
      throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, 'planted');
    },
  });
  await run(2);
  expect(refused).toBeGreaterThan(0);
  expect([target.log.corruptSegments.length, mayRepair()]).toEqual([1, true]);
  stop();
});

test('a leader that hands over while its whole log is repaired keeps no part of the repair, and is repaired as a follower', async () => {
  const [target, source] = [written(['compact']), written(['compact'])];
  cleanFully(source.log);
  corrupt(target, [2n]);
  const unfinished = (): string[] => target.disk.list(DIRECTORY).filter((name) => name.endsWith('.repair'));
  // Broker 2 waits at the corrupt segment as well, and its responses take longer than a handover waits.
  const follower = new FollowerState(SOURCE, 0);
  follower.fetched(3n, 0n, target.log.logEndOffset, 20n, 1);
  /** The files of the repair in progress. */
  const handedOver: string[][] = [];
  const { run, events, partition, stop } = repairing({
    ...{ target, source },
    more: {
      role: 'leader',
      follower: () => follower,
      handOver: () => {
        handedOver.push(unfinished());
        Object.assign(partition, { leader: SOURCE, role: 'follower', isr: [SOURCE], isrGaps: 1 });
        return true;
      },
    },
    answerAfterMs: 400,
  });
  await run(1.5);
  expect(handedOver).toHaveLength(1);
  expect(handedOver[0]?.length).toBeGreaterThan(0);
  // Outside the ISR the whole log waits, and no file of the repair is left.
  await run(4);
  expect([events, target.log.corruptSegments.length, unfinished()]).toEqual([[], 1, []]);
  // As a follower it is truncated behind the corrupt segment.
  target.log.truncateTo(8n);
  partition.isr.push(TARGET);
  await run(30);
  expect(target.log.corruptSegments).toEqual([]);
  const { a, b, c } = STATE;
  expect(stateOf(target.log)).toEqual({ a, b, c });
  expect(handedOver).toHaveLength(1);
  stop();
});
