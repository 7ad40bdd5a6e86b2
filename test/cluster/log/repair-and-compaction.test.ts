/** A repair and a compaction that run on the same log at the same time: neither loses a record of the other. */
import { expect, test } from 'vitest';
import { FilePool } from '../../../electron/cluster/log/file-pool.ts';
import { SegmentList } from '../../../electron/cluster/log/segment-list.ts';
import { beginSwap } from '../../../electron/cluster/log/segment-swap.ts';
import { Segment } from '../../../electron/cluster/log/segment.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { bench, contents, copyAll, DIRECTORY, START_MS, type Bench } from './helpers.ts';

const ROUNDS = 12;
const RECORDS_PER_SEGMENT = 9n;

function put(log: Log, ...keys: string[]): bigint {
  const records = keys.map((key) => ({ key: Buffer.from(key), value: Buffer.from('v') }));
  return log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS) }), 0, { origin: 'client' }).lastOffset;
}

/** Several closed segments, high watermark at the end; every third record has a key of its own, so compaction keeps it. */
function written(): Bench {
  const harness = bench({ cleanupPolicy: new Set(['compact']), segmentBytes: 300, indexIntervalBytes: 100, minCleanableDirtyRatio: 0 });
  for (let round = 0; round < ROUNDS; round++) put(harness.log, 'a', 'b', `only${round}`);
  harness.log.updateHighWatermark(harness.log.logEndOffset);
  expect(harness.log.segments.slice(0, 3).map(({ baseOffset }) => baseOffset)).toEqual([0n, RECORDS_PER_SEGMENT, 2n * RECORDS_PER_SEGMENT]);
  return harness;
}

function segmentPath(baseOffset: bigint): string {
  return `${DIRECTORY}/${baseOffset.toString().padStart(20, '0')}.log`;
}

/** Flips a byte of the segment's last record and reads it, so that the log knows of the corruption. */
function corrupt(harness: Bench, baseOffset: bigint): Log {
  const log = harness.reopen({ highWatermark: harness.log.logEndOffset });
  const path = segmentPath(baseOffset);
  const bytes = harness.disk.readFile(path);
  const file = harness.disk.open(path);
  file.write([Buffer.of((bytes[bytes.length - 3] as number) ^ 0xff)], bytes.length - 3);
  file.close();
  expect(() => log.read(baseOffset + RECORDS_PER_SEGMENT - 1n, 1, { maxOffset: log.logEndOffset, minOneMessage: true })).toThrow();
  expect(log.damagedSegments.map((segment) => segment.baseOffset)).toEqual([baseOffset]);
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
  const { disk } = bench();
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
  expect(log.damagedSegments).toEqual([]);
  expect(copyAll(log).equals(replica)).toBe(true);
  expect(copyAll(harness.reopen({ cleanShutdown: false, recoveryPoint: 0n, highWatermark: log.logEndOffset })).equals(replica)).toBe(true);
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
