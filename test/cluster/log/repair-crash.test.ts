/** A crash at every step of a repair: the log is whole or reports its corruption, and a compaction of it restores nothing. */
import { expect, test } from 'vitest';
import { DiskError } from '../../../electron/cluster/lib/disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG, type CleanupPolicy, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { LogManager } from '../../../electron/cluster/log/log-manager.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { createHarness, copyAll, DIRECTORY, ManualClock, START_MS, type LogHarness } from './helpers.ts';

const DAY_MS = 86_400_000;
const COMPACT: ReadonlySet<CleanupPolicy> = new Set<CleanupPolicy>(['compact']);

function put(log: Log, key: string, value: string | null): void {
  const records = [{ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }];
  log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS) }), 0, { origin: 'client' });
  log.updateHighWatermark(log.logEndOffset);
}

function clean(log: Log, cleanedTo: bigint, ...times: number[]): void {
  for (const nowMs of times) {
    const steps = log.compact(cleanedTo, { nowMs, maxKeyBytes: 1 << 20, sliceBytes: 1 << 20 });
    while (steps.next().done !== true);
  }
}

/** Two batches to a segment: the value of `k`, its tombstone, and others. */
const ROWS = [
  ['k', 'v'],
  ['a', '1'],
  ['k', null],
  ['b', '2'],
  ['c', '3'],
  ['d', '4'],
  ['e', '5'],
] as const;

function written(rows: readonly (readonly [string, string | null])[] = ROWS): LogHarness {
  const made = createHarness({ cleanupPolicy: COMPACT, segmentBytes: 200, indexIntervalBytes: 1, minCleanableDirtyRatio: 0 });
  for (const [key, value] of rows) put(made.log, key, value);
  expect(made.log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n, 4n, 6n]);
  return made;
}

function keysOf(log: Log): string[] {
  const state = new Map<string, string>();
  for (const batch of iterateBatches(copyAll(log))) {
    for (const { key, value } of decodeRecords(batch, 1 << 20)) {
      if (value === null) state.delete(key?.toString() ?? '');
      else state.set(key?.toString() ?? '', value.toString());
    }
  }
  return [...state.keys()].sort();
}

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const SEGMENT = `${DIRECTORY}/00000000000000000002.log`;

test.each([false, true])('a crash at every step of a repair leaves a whole log or a corrupt one (power cut: %s)', (powerCut) => {
  const source = written();
  clean(source.log, 0n, START_MS, START_MS + 2 * DAY_MS);
  const records = copyAll(source.log);
  let corruptAgain = 0;
  let steps = 0;
  for (; ; steps++) {
    const made = written();
    const { disk } = made;
    const { logEndOffset } = made.log;
    made.log.close();
    disk.remove(SEGMENT);
    disk.syncDirectory(DIRECTORY);
    disk.syncDirectory('/data');
    const log = made.reopen({ highWatermark: logEndOffset, recoveryPoint: logEndOffset });
    expect(log.corruptSegments.map(({ baseOffset }) => baseOffset)).toEqual([2n]);
    const repair = log.beginRepair('log');
    if (repair === undefined) throw new Error('no corrupt segment');
    repair.append(records);
    repair.skipTo(repair.endOffset);
    let count = 0;
    let crashed = false;
    disk.options = {
      fault: (operation) => (operation !== 'read' && operation !== 'open' && ++count > steps ? { code: 'EIO' } : undefined),
    };
    try {
      repair.finish();
    } catch (error) {
      if (!(error instanceof DiskError) && !(error instanceof Error && 'code' in error)) throw error;
      crashed = true;
    }
    disk.options = {};
    if (powerCut) disk.powerCut(seededRandom(steps));
    const again = made.reopen({ cleanShutdown: false, recoveryPoint: logEndOffset, highWatermark: logEndOffset });
    expect(again.logEndOffset).toBe(logEndOffset);
    if (again.corruptSegments.length > 0) {
      corruptAgain++;
      expect(() => keysOf(again)).toThrow();
    } else expect([steps, keysOf(again)]).toEqual([steps, KEYS]);
    if (!crashed) break;
  }
  expect(corruptAgain).toBeGreaterThan(10);
  expect(corruptAgain).toBeLessThanOrEqual(steps);
});

/** The records that a reader gets from the log start up to the first refused batch. */
function readablePrefix(log: Log): Buffer {
  const chunks: Buffer[] = [];
  try {
    for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
      const { records, nextOffset } = log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true });
      chunks.push(...records);
      offset = nextOffset;
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
  }
  return Buffer.concat(chunks);
}

/** As `SegmentRepairs` tries it first. */
function repairAlone(log: Log, records: Buffer): boolean {
  const repair = log.beginRepair();
  if (repair === undefined) return false;
  const from = [...iterateBatches(records)].find(({ lastOffset }) => lastOffset >= repair.nextOffset)?.position ?? records.length;
  repair.append(records.subarray(from));
  const gaps = log.findsNoGap(repair.endOffset);
  let step = gaps.next();
  while (step.done !== true) step = gaps.next();
  if (repair.isComplete && repair.hasEveryOffset && step.value && repair.finish()) return true;
  repair.abandon();
  return false;
}

test.each([
  ['EIO', 'repair'],
  ['EIO', 'truncation'],
  ['power cut', 'repair'],
  ['power cut', 'truncation'],
] as const)('%s at every step of a whole-log repair, then a %s: no reader gets a mixture of two replicas', (fault, after) => {
  // S still has the value of k and its tombstone, and has removed offset 4. T has every record. D has removed k and its tombstone.
  const rows = [...ROWS.slice(0, 5), ['c', '4'], ['e', '5']] as const;
  const whole = copyAll(written(rows).log);
  const ofSource = Buffer.concat(
    [...iterateBatches(whole)]
      .filter(({ baseOffset }) => baseOffset !== 4n)
      .map(({ position, sizeInBytes }) => whole.subarray(position, position + sizeInBytes)),
  );
  const damagedPath = `${DIRECTORY}/00000000000000000004.log`;
  let alone = 0;
  for (let steps = 0; ; steps++) {
    const made = written(rows);
    const { disk } = made;
    const { logEndOffset } = made.log;
    clean(made.log, 0n, START_MS, START_MS + 2 * DAY_MS);
    made.log.close();
    disk.remove(damagedPath);
    disk.syncDirectory(DIRECTORY);
    disk.syncDirectory('/data');
    const options = { highWatermark: logEndOffset, recoveryPoint: logEndOffset };
    const log = made.reopen(options);
    const before = readablePrefix(log);
    const repair = log.beginRepair('log');
    if (repair === undefined) throw new Error('no corrupt segment');
    repair.append(ofSource);
    repair.skipTo(repair.endOffset);
    let count = 0;
    let crashed = false;
    disk.options = {
      fault: (operation) => (operation !== 'read' && operation !== 'open' && ++count > steps ? { code: 'EIO' } : undefined),
    };
    try {
      repair.finish();
    } catch (error) {
      if (!(error instanceof DiskError) && !(error instanceof KafkaError)) throw error;
      crashed = true;
    }
    disk.options = {};
    if (fault === 'power cut') disk.powerCut(seededRandom(steps));
    let again = made.reopen({ ...options, cleanShutdown: false });
    expect(again.logEndOffset).toBe(logEndOffset);
    const isOfOne = (prefix: Buffer): boolean => [before, ofSource, whole].some((one) => one.subarray(0, prefix.length).equals(prefix));
    if (again.corruptSegments.length > 0) {
      expect([steps, isOfOne(readablePrefix(again))]).toEqual([steps, true]);
      if (after === 'truncation') {
        const [first] = again.corruptSegments;
        again.truncateTo((first?.endOffset ?? 0n) - 1n);
        expect([steps, again.corruptSegments]).toEqual([steps, []]);
        again.close();
        again = made.reopen();
        expect([steps, isOfOne(readablePrefix(again))]).toEqual([steps, true]);
      } else {
        while (repairAlone(again, whole)) alone++;
        if (again.corruptSegments.length === 0) expect([steps, keysOf(again)]).toEqual([steps, ['a', 'b', 'c', 'e']]);
      }
    } else expect([steps, readablePrefix(again).subarray(0, 100)]).toEqual([steps, ofSource.subarray(0, 100)]);
    if (!crashed) break;
  }
  if (after === 'repair') expect(alone).toBeGreaterThan(0);
});

test('without a crash the repair of a log leaves no gap between its segments', () => {
  const source = written();
  clean(source.log, 0n, START_MS, START_MS + 2 * DAY_MS);
  const made = written();
  const { logEndOffset } = made.log;
  made.log.close();
  made.disk.remove(SEGMENT);
  const log = made.reopen({ highWatermark: logEndOffset });
  const repair = log.beginRepair('log');
  repair?.append(copyAll(source.log));
  repair?.skipTo(repair.endOffset);
  expect(repair?.finish()).toBe(true);
  log.close();
  // Without compaction in the policy a gap between segments counts as records that are missing.
  const config = { ...log.config, cleanupPolicy: new Set<CleanupPolicy>(['delete']) };
  const again = made.reopen({ config, cleanShutdown: false, recoveryPoint: 0n, highWatermark: logEndOffset });
  expect(again.corruptSegments).toEqual([]);
  expect(again.logEndOffset).toBe(logEndOffset);
  expect(keysOf(again)).toEqual(KEYS);
});

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';

/** A data directory with one compacted log, and the checkpoint of its cleaner. */
function directory() {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const config: LogConfig = {
    ...DEFAULT_LOG_CONFIG,
    cleanupPolicy: COMPACT,
    segmentBytes: 200,
    minCleanableDirtyRatio: 0,
    deleteRetentionMs: 20_000,
  };
  const open = (cleaner?: false): LogManager =>
    LogManager.open({
      disk,
      directory: '/data',
      clock,
      logger: silentLogger,
      random: seededRandom(1),
      configFor: () => config,
      ...(cleaner === false && { cleaner }),
    });
  const checkpoint = (): string =>
    disk.exists('/data/cleaner-offset-checkpoint') ? disk.readFile('/data/cleaner-offset-checkpoint').toString() : '';
  return { disk, clock, open, checkpoint };
}

test.each(['truncation', 'truncation to nothing', 'truncation with the cleaner off', 'a lost directory', 'a recovery that cuts'] as const)(
  '%s takes the checkpoint of the cleaner back, so that a tombstone never outlives less than its values',
  (what) => {
    const { disk, clock, open, checkpoint } = directory();
    let logs = open();
    let log = logs.create('t', 0, ID);
    for (let i = 0; i < 10; i++) put(log, `key ${i}`, 'v');
    clock.advance(16_000);
    expect(checkpoint()).toContain('t 0 ');
    if (what === 'truncation') log.truncateTo(2n);
    else if (what === 'truncation to nothing') log.truncateFullyAndStartAt(0n);
    else {
      logs.close();
      if (what === 'a lost directory') for (const name of disk.list('/data/t-0')) disk.remove(`/data/t-0/${name}`);
      if (what === 'a lost directory') disk.remove('/data/t-0');
      if (what === 'a recovery that cuts') {
        for (const name of disk.list('/data')) if (name.startsWith('.') || name.includes('summary')) disk.remove(`/data/${name}`);
        for (const name of disk.list('/data/t-0'))
          if (name !== 'partition.metadata' && !name.startsWith('00000000000000000000')) disk.remove(`/data/t-0/${name}`);
        for (const name of disk.list('/data'))
          if (name.endsWith('offset-checkpoint') && !name.startsWith('cleaner')) disk.remove(`/data/${name}`);
      }
      logs = open(what === 'truncation with the cleaner off' ? false : undefined);
      log = logs.create('t', 0, ID);
      if (what === 'truncation with the cleaner off') {
        log.truncateTo(2n);
        logs.close();
        logs = open();
        log = logs.create('t', 0, ID);
      }
    }
    // The value and its tombstone, both below the former checkpoint.
    expect(log.logEndOffset).toBeLessThan(6n);
    put(log, 'k', 'v');
    put(log, 'k', null);
    for (let i = 0; i < 12; i++) put(log, `filler ${i}`, 'v');
    for (let round = 0; round < 4; round++) {
      log.roll();
      clock.advance(2 * DAY_MS);
      put(log, `round ${round}`, 'v');
    }
    expect(keysOf(log)).not.toContain('k');
    logs.close();
  },
);
