/** Limits of a repair, whatever happens to its files: it does not fail the log, touch another log, or take memory and time for each segment. */
import { expect, test } from 'vitest';
import { DiskError } from '../../../electron/cluster/lib/disk.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG, type CleanupPolicy, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { LogManager } from '../../../electron/cluster/log/log-manager.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import type { SegmentRepair } from '../../../electron/cluster/log/segment-repair.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { append, createHarness, contents, copyAll, DIRECTORY, ManualClock, START_MS, type LogHarness } from './helpers.ts';

const COMPACT: ReadonlySet<CleanupPolicy> = new Set<CleanupPolicy>(['compact']);
const SEGMENT = '00000000000000000002.log';
const TOPIC_IDS = ['jKfGsCXpQWmGQDO3oMzNHw', 'kKfGsCXpQWmGQDO3oMzNHw'] as const;

/** A log of closed segments of two batches each; that at offset 2 is missing. */
function holed(batches = 12, more: Parameters<LogHarness['reopen']>[0] = {}) {
  const made = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
  for (let i = 0; i < batches; i++) append(made.log, `value ${i}`);
  const records = copyAll(made.log);
  const all = contents(made.log);
  const { logEndOffset } = made.log;
  made.log.close();
  made.disk.remove(`${DIRECTORY}/${SEGMENT}`);
  const log = made.reopen({ highWatermark: logEndOffset, recoveryPoint: logEndOffset, ...more });
  expect(log.corruptSegments).toEqual([{ baseOffset: 2n, endOffset: 4n }]);
  return { ...made, log, records, all };
}

function begin(log: Log): SegmentRepair {
  const repair = log.beginRepair('log');
  if (repair === undefined) throw new Error('no corrupt segment');
  return repair;
}

function repairFiles(disk: MemoryDisk, directory = DIRECTORY): string[] {
  return disk.list(directory).filter((name) => name.endsWith('.repair'));
}

test.each([
  ['deleted', false],
  ['deleted and created again', true],
] as const)('a whole-log repair of a log that is %s ends without a trace, and the data directory stays usable', (_what, createAgain) => {
  // The deletion comes before any batch, within a segment, and between two segments; in the first reading and in the second.
  for (const reading of [1, 2]) {
    for (const at of [0, 1, 2]) {
      const disk = new MemoryDisk();
      const config: LogConfig = { ...DEFAULT_LOG_CONFIG, segmentBytes: 170 };
      const open = (): LogManager =>
        LogManager.open({
          ...{ disk, directory: '/data', clock: new ManualClock(), logger: silentLogger, random: seededRandom(1) },
          configFor: () => config,
        });
      let logs = open();
      const first = logs.create('t', 0, TOPIC_IDS[0]);
      for (let i = 0; i < 12; i++) append(first, `value ${i}`);
      first.updateHighWatermark(first.logEndOffset);
      const records = copyAll(first);
      const batches = [...iterateBatches(records)];
      logs.close();
      disk.remove(`/data/t-0/${SEGMENT}`);
      logs = open();
      const damaged = logs.create('t', 0, TOPIC_IDS[0]);
      expect(damaged.corruptSegments).toHaveLength(1);
      const repair = begin(damaged);
      if (reading === 2) {
        repair.append(records);
        repair.skipTo(repair.endOffset);
        repair.compareAgain();
      }
      const position = batches[at]?.position ?? 0;
      if (at > 0) repair.append(records.subarray(0, position));
      logs.delete('t', 0);
      const next = createAgain ? logs.create('t', 0, TOPIC_IDS[1]) : undefined;
      if (next !== undefined) append(next, 'new');
      expect(() => repair.append(records.subarray(position))).toThrow('/data/t-0 is closed');
      expect(repair.finish()).toBe(false);
      repair.abandon();
      expect(logs.storageError).toBeUndefined();
      expect(disk.exists('/data/t-0')).toBe(createAgain);
      if (next !== undefined) {
        expect(repairFiles(disk, '/data/t-0')).toEqual([]);
        expect(contents(next)).toEqual(['0:new']);
      }
      logs.close();
    }
  }
});

test.each(['write', 'open', 'sync'] as const)('a failed %s of the files of a repair is no failure of the log', (operation) => {
  let failures = 0;
  for (let allowed = 0; ; allowed++) {
    const failed: unknown[] = [];
    const { disk, log, records, all } = holed(12, { storageFailed: (error) => void failed.push(error) });
    const repair = begin(log);
    let count = 0;
    disk.options = {
      fault: (one, path) => (one === operation && path.includes('.repair') && count++ >= allowed ? { code: 'ENOSPC' } : undefined),
    };
    let thrown: unknown;
    try {
      repair.append(records);
      repair.skipTo(repair.endOffset);
      repair.finish();
    } catch (error) {
      thrown = error;
    }
    if (thrown === undefined) {
      expect([allowed, contents(log)]).toEqual([allowed, all]);
      break;
    }
    failures++;
    expect([allowed, thrown]).toEqual([allowed, expect.any(DiskError)]);
    repair.abandon();
    expect([allowed, failed, log.storageError, repairFiles(disk)]).toEqual([allowed, [], undefined, []]);
    // With space the next repair succeeds.
    disk.options = {};
    const again = begin(log);
    again.append(records);
    again.skipTo(again.endOffset);
    expect(again.finish()).toBe(true);
    expect(contents(log)).toEqual(all);
  }
  expect(failures).toBeGreaterThan(2);
});

test('the swap of a whole log syncs the directory and writes the manifest once for 32 segments', () => {
  const [few, some, many] = [10, 60, 320].map((batches) => {
    const { disk, log, records } = holed(batches);
    const repair = begin(log);
    repair.append(records);
    repair.skipTo(repair.endOffset);
    const counts = { sync: 0, syncDirectory: 0, write: 0 };
    disk.options = {
      fault: (operation) => {
        if (operation in counts) counts[operation as keyof typeof counts]++;
        return undefined;
      },
    };
    expect(repair.finish()).toBe(true);
    disk.options = {};
    expect(log.corruptSegments).toEqual([]);
    return counts;
  });
  expect(some).toEqual(few);
  // 160 segments: four pauses.
  expect(many).toEqual({ sync: (few?.sync ?? 0) + 4, syncDirectory: (few?.syncDirectory ?? 0) + 2 * 4, write: (few?.write ?? 0) + 4 });
});

test('a repair leaves the indexes of a finished segment in their files, not in memory', () => {
  const { disk, log, records } = holed(12);
  const repair = begin(log);
  repair.append(records);
  const closed = log.segments.slice(0, -2);
  expect(closed.length).toBeGreaterThan(3);
  for (const { baseOffset } of closed) {
    expect(disk.size(`${DIRECTORY}/${baseOffset.toString().padStart(20, '0')}.index.repair`)).toBeGreaterThan(0);
  }
  repair.abandon();
});

/** One megabyte to a batch and five batches to a segment; every value but the last is removed by a compaction. */
function large(): LogHarness {
  const made = createHarness({ cleanupPolicy: COMPACT, segmentBytes: 6 << 20, indexIntervalBytes: 4096, minCleanableDirtyRatio: 0 });
  made.log.updateConfig({ ...made.log.config, maxMessageBytes: 4 << 20 });
  const value = Buffer.alloc(1 << 20, 1);
  for (let i = 0; i < 31; i++) {
    const records = [{ key: Buffer.from('k'), value }];
    made.log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS) }), 0, { origin: 'client' });
  }
  made.log.updateHighWatermark(made.log.logEndOffset);
  return made;
}

test('a search for gaps notices a compaction of a segment that it has passed', () => {
  const { log } = large();
  const search = log.findsNoGap(log.segments[1]?.baseOffset ?? 0n);
  expect(search.next().done).toBe(false);
  const size = log.segments[1]?.sizeBytes;
  const steps = log.compact(0n, { nowMs: START_MS, maxKeyBytes: 1 << 20, sliceBytes: 1 << 20 });
  while (log.segments[1]?.sizeBytes === size) expect(steps.next().done).toBe(false);
  let step = search.next();
  while (step.done !== true) step = search.next();
  expect(step.value).toBe(false);
});

test('a repair of one segment is not finished when the log has changed since the search for gaps', () => {
  const made = holed(12);
  const { log, records, all } = made;
  for (const change of [true, false]) {
    const repair = log.beginRepair();
    if (repair === undefined) throw new Error('no corrupt segment');
    repair.append(records.subarray([...iterateBatches(records)][2]?.position ?? 0));
    const search = repair.findsNoGap();
    let step = search.next();
    while (step.done !== true) step = search.next();
    expect(step.value).toBe(true);
    if (change) log.truncateTo(11n);
    expect(repair.finish()).toBe(!change);
    expect(repairFiles(made.disk)).toEqual([]);
  }
  expect(contents(log)).toEqual(all.slice(0, 11));
});

test('a whole-log repair begins at the log start of the other replica, and deletes what that replica deleted', () => {
  const { log, records, all } = holed(12);
  const repair = begin(log);
  repair.startAt(3n);
  repair.append(records.subarray([...iterateBatches(records)][3]?.position ?? 0));
  repair.skipTo(repair.endOffset);
  expect(repair.finish()).toBe(true);
  expect([log.logStartOffset, log.corruptSegments]).toEqual([3n, []]);
  expect(contents(log)).toEqual(all.slice(3));
});
