/** A repair and a compaction that run on the same log at the same time: neither loses a record of the other. */
import { expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { FilePool } from '../../../electron/cluster/log/file-pool.ts';
import { LogCleaner } from '../../../electron/cluster/log/log-cleaner.ts';
import type { CleanupPolicy } from '../../../electron/cluster/log/log-config.ts';
import { SegmentList } from '../../../electron/cluster/log/segment-list.ts';
import { beginSwap } from '../../../electron/cluster/log/segment-swap.ts';
import { Segment } from '../../../electron/cluster/log/segment.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { createHarness, contents, copyAll, DIRECTORY, START_MS, type LogHarness } from './helpers.ts';

const ROUNDS = 12;
const RECORDS_PER_SEGMENT = 9n;

function put(log: Log, ...keys: string[]): bigint {
  const records = keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from('v') }));
  return log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS) }), 0, { origin: 'client' }).lastOffset;
}

/** Several closed segments, high watermark at the end; every third record has a key of its own, so compaction keeps it. */
function written(): LogHarness {
  const harness = createHarness({
    cleanupPolicy: new Set(['compact']),
    segmentBytes: 300,
    indexIntervalBytes: 100,
    minCleanableDirtyRatio: 0,
  });
  for (let round = 0; round < ROUNDS; round++) put(harness.log, 'a', 'b', `only${round}`);
  harness.log.updateHighWatermark(harness.log.logEndOffset);
  expect(harness.log.segments.slice(0, 3).map(({ baseOffset }) => baseOffset)).toEqual([0n, RECORDS_PER_SEGMENT, 2n * RECORDS_PER_SEGMENT]);
  return harness;
}

function segmentPath(baseOffset: bigint): string {
  return `${DIRECTORY}/${baseOffset.toString().padStart(20, '0')}.log`;
}

/** Flips a byte of the segment's last record and reads it, so that the log finds the corruption. */
function corrupt(harness: LogHarness, baseOffset: bigint): Log {
  harness.reopen({ highWatermark: harness.log.logEndOffset });
  return corruptOpen(harness, baseOffset);
}

function corruptOpen({ disk, log }: LogHarness, baseOffset: bigint): Log {
  const path = segmentPath(baseOffset);
  const bytes = disk.readFile(path);
  const file = disk.open(path);
  file.write([Buffer.of((bytes[bytes.length - 3] as number) ^ 0xff)], bytes.length - 3);
  file.close();
  expect(() => log.read(baseOffset + RECORDS_PER_SEGMENT - 1n, 1, { maxOffset: log.logEndOffset, minOneMessage: true })).toThrow();
  expect(log.corruptSegments.map((segment) => segment.baseOffset)).toEqual([baseOffset]);
  return log;
}

function beginRepair(log: Log) {
  const repair = log.beginRepair();
  if (repair === undefined) throw new Error('no corrupt segment');
  return repair;
}

/** The records of the replica from where the repair starts. */
function fetchFor(replica: Buffer, from: bigint): Buffer {
  const batches = [...iterateBatches(replica)].filter(({ lastOffset }) => lastOffset >= from);
  return Buffer.concat(batches.map(({ position, sizeInBytes }) => replica.subarray(position, position + sizeInBytes)));
}

const OPTIONS = { nowMs: START_MS, maxKeyBytes: 1 << 20 };

test('a segment that is repaired between two groups of a compaction leaves the active segment in place', () => {
  const harness = written();
  const replica = copyAll(harness.log);
  const log = corrupt(harness, RECORDS_PER_SEGMENT);
  const end = log.logEndOffset;
  const bases = log.segments.map(({ baseOffset }) => baseOffset);
  const active = bases.at(-1);
  // A slice ends inside the first group and is larger than the second, so that the second group is compacted without a pause.
  const steps = log.compact(2n * RECORDS_PER_SEGMENT, { ...OPTIONS, sliceBytes: 500 });
  let repaired = false;
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    if (repaired || !harness.disk.exists(`${segmentPath(0n)}.cleaned`)) continue;
    const repair = beginRepair(log);
    repair.append(fetchFor(replica, repair.nextOffset));
    expect(repair.finish()).toBe(true);
    repaired = true;
  }
  expect(repaired).toBe(true);
  expect(log.segments.at(-1)?.baseOffset).toBe(active);
  expect(put(log, 'after')).toBe(end);
  expect(log.segments.map(({ baseOffset }) => baseOffset).slice(0, bases.length)).toEqual(bases);
  const kept = contents(log);
  expect(kept.at(-1)).toBe(`${end}:v`);
  for (let round = 0; round < ROUNDS; round++) expect(kept).toContain(`${round * 3 + 2}:v`);
  expect(contents(harness.reopen({ cleanShutdown: false, recoveryPoint: 0n, highWatermark: end }))).toEqual(kept);
});

test('SegmentList: refuses to replace a segment that is not in the list', () => {
  const { disk } = createHarness();
  const make = (baseOffset: bigint): Segment =>
    new Segment({
      disk,
      files: new FilePool(disk),
      directory: DIRECTORY,
      baseOffset,
      size: 0,
      openedAt: START_MS,
      indexIntervalBytes: () => 4096,
      freshIndexes: true,
      indexesRebuilt: () => undefined,
      replayTransactions: () => undefined,
    });
  const listed = [make(0n), make(6n)];
  const list = new SegmentList(listed);
  expect(() => list.replace([make(0n)], make(0n))).toThrow('is not part of the log');
  expect(list.all).toEqual(listed);
});

test.each(['repair', 'compaction'])('a repair and a compaction of one segment, the %s first, use separate files', (first) => {
  const harness = written();
  const replica = copyAll(harness.log);
  const log = corrupt(harness, 0n);
  let repair = first === 'repair' ? beginRepair(log) : undefined;
  const steps = log.compact(RECORDS_PER_SEGMENT, { ...OPTIONS, sliceBytes: 1 });
  const finishCompaction = (): void => {
    for (let step = steps.next(); step.done !== true; step = steps.next()) {
      if (harness.disk.exists(`${segmentPath(0n)}.cleaned`)) repair ??= beginRepair(log);
    }
  };
  // The compaction ends at the corrupt batch and removes its own output.
  expect(finishCompaction).toThrow('checksum');
  if (repair === undefined) throw new Error('the compaction ended before its output was made');
  repair.append(fetchFor(replica, repair.nextOffset));
  expect(repair.finish()).toBe(true);
  expect(harness.disk.exists(segmentPath(0n))).toBe(true);
  expect(log.storageError).toBeUndefined();
  expect(log.corruptSegments).toEqual([]);
  expect(copyAll(log).equals(replica)).toBe(true);
  expect(copyAll(harness.reopen({ cleanShutdown: false, recoveryPoint: 0n, highWatermark: log.logEndOffset })).equals(replica)).toBe(true);
});

const DELETE_RETENTION_MS = 20_000;
const VALUE_BYTES = 300 * 1024;

/** Two batches to a segment; the values are so large that a compaction pauses within each segment. */
function cleaned(): { harness: LogHarness; cleaner: LogCleaner; put: (key: string, value: string | null) => void } {
  const config = {
    cleanupPolicy: new Set<CleanupPolicy>(['compact']),
    segmentBytes: 2.5 * VALUE_BYTES,
    minCleanableDirtyRatio: 0,
    deleteRetentionMs: DELETE_RETENTION_MS,
  };
  const rewriting = (offset: bigint): void => cleaner.rewriting('t', 0, offset);
  const harness = createHarness(config, { rewriting });
  const { disk, clock } = harness;
  const cleaner = new LogCleaner({
    ...{ disk, clock, logger: silentLogger, directory: '/data' },
    logs: () => [{ topic: 't', partition: 0, log: harness.log }],
  });
  const write = (key: string, value: string | null): void => {
    const records = [{ key: Buffer.from(key), value: value === null ? null : Buffer.from(value.padEnd(VALUE_BYTES)), headers: [] }];
    harness.log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS) }), 0, { origin: 'client' });
    harness.log.updateHighWatermark(harness.log.logEndOffset);
  };
  return { harness, cleaner, put: write };
}

test('a segment that is repaired behind a compaction which still runs is compacted again, so that no tombstone is removed before its values', () => {
  const { harness, put: write, cleaner } = cleaned();
  const { clock, disk } = harness;
  for (const key of ['k', 'a', 'b', 'c']) write(key, key);
  write('k', null);
  for (const key of ['d', 'e', 'f', 'g', 'h']) write(key, key);
  const replica = copyAll(harness.log);
  const { sizeBytes } = harness.log.segments[0] ?? { sizeBytes: 0 };
  clock.advance(15_000);
  while (harness.log.segments[0]?.sizeBytes === sizeBytes) clock.advance(2);
  // The compaction has removed the value of `k` there, and has not come to its tombstone yet.
  expect(disk.exists('/data/cleaner-offset-checkpoint')).toBe(false);
  const log = harness.log;
  const path = segmentPath(0n);
  const file = disk.open(path);
  file.write([Buffer.of(1)], disk.size(path) - 3);
  file.close();
  expect(() => log.read(1n, 1, { maxOffset: log.logEndOffset, minOneMessage: true })).toThrow('checksum');
  const repair = beginRepair(log);
  repair.append(replica);
  const search = repair.findsNoGap();
  let step = search.next();
  while (step.done !== true) step = search.next();
  expect([step.value, repair.hasEveryOffset, repair.finish()]).toEqual([true, true, true]);
  for (let round = 0; round < 4; round++) {
    clock.advance(2 * DELETE_RETENTION_MS);
    write(`round ${round}`, 'v');
    log.roll();
  }
  const keys = [...iterateBatches(copyAll(log))].flatMap((batch) => [...decodeRecords(batch, 1 << 24)].map(({ key }) => key?.toString()));
  expect(keys).toContain('a');
  expect(keys).not.toContain('k');
  cleaner.stop();
});

test('an open removes the files of a repair that a crash ended', () => {
  const harness = written();
  const replica = copyAll(harness.log);
  const log = corrupt(harness, 0n);
  const repair = beginRepair(log);
  repair.append(fetchFor(replica, repair.nextOffset));
  const before = harness.disk.list(DIRECTORY).filter((name) => name.includes('.log.'));
  expect(before).toEqual(['00000000000000000000.log.repair']);
  harness.reopen({ cleanShutdown: false, recoveryPoint: log.logEndOffset }).read(9n, 1, { maxOffset: 18n, minOneMessage: true });
  expect(harness.disk.list(DIRECTORY).filter((name) => name.endsWith('.repair'))).toEqual([]);
});

test('a swap whose new .log file is absent keeps the old segment', () => {
  const harness = written();
  const replica = copyAll(harness.log);
  const log = corrupt(harness, 0n);
  const repair = beginRepair(log);
  repair.append(fetchFor(replica, repair.nextOffset));
  const names = harness.disk.list(DIRECTORY).filter((name) => name.includes('.log.'));
  for (const name of names) harness.disk.remove(`${DIRECTORY}/${name}`);
  expect(names).toHaveLength(1);
  expect(() => repair.finish()).toThrow('is absent');
  expect(harness.disk.exists(segmentPath(0n))).toBe(true);
  expect(log.storageError).toBeUndefined();
  expect(log.read(0n, 1, { maxOffset: log.logEndOffset, minOneMessage: true }).nextOffset).toBe(3n);
  const next = beginRepair(log);
  next.append(fetchFor(replica, next.nextOffset));
  expect(next.finish()).toBe(true);
  expect(copyAll(log).equals(replica)).toBe(true);
});

test('beginSwap: fails before it renames a file when the new .log file is absent', () => {
  const { disk } = written();
  expect(() => beginSwap(disk, DIRECTORY, 0n, '.cleaned')).toThrow('is absent');
  expect(disk.exists(segmentPath(0n))).toBe(true);
});

test('a compaction that comes to a segment of a swap that pauses gives up, and reports no corruption', () => {
  const harness = createHarness({
    cleanupPolicy: new Set(['compact']),
    segmentBytes: 300,
    indexIntervalBytes: 100,
    minCleanableDirtyRatio: 0,
  });
  for (let round = 0; round < 120; round++) put(harness.log, `a${round}`, `b${round}`, `c${round}`);
  harness.log.updateHighWatermark(harness.log.logEndOffset);
  const replica = copyAll(harness.log);
  const { log } = harness;
  const steps = log.compact(30n * RECORDS_PER_SEGMENT, { ...OPTIONS, sliceBytes: 100 });
  // Behind the segments of the first step of the swap.
  while (!harness.disk.exists(`${segmentPath(36n * RECORDS_PER_SEGMENT)}.cleaned`)) expect(steps.next().done).toBe(false);
  corruptOpen(harness, RECORDS_PER_SEGMENT);
  const repair = log.beginRepair('log');
  repair?.append(replica);
  repair?.skipTo(repair.endOffset);
  const swap = repair?.finishInSteps();
  expect(swap?.next().done).toBe(false);
  expect(steps.next()).toEqual({ done: true, value: undefined });
  expect(swap?.next()).toEqual({ done: true, value: true });
  expect(copyAll(log).equals(replica)).toBe(true);
});
