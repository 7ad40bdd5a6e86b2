/** Compaction: which records it keeps and removes, and that a crash during it loses nothing. */
import { describe, expect, test } from 'vitest';
import { DiskError } from '../../../electron/cluster/lib/disk.ts';
import type { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import type { CompactionResult } from '../../../electron/cluster/log/compaction.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import type { CleanupPolicy, LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { COMPRESSION_NAMES } from '../../../electron/cluster/protocol/compression.ts';
import { iterateBatches, verifyBatch } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch, type BatchToWrite } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { batchesOf, createHarness, copyAll, DIRECTORY, marker, START_MS, type LogHarness } from './helpers.ts';

const COMPACT: ReadonlySet<CleanupPolicy> = new Set<CleanupPolicy>(['compact']);
const DAY_MS = 86_400_000;

function compacted(config: Partial<LogConfig> = {}): LogHarness {
  return createHarness({ cleanupPolicy: COMPACT, segmentBytes: 300, indexIntervalBytes: 100, minCleanableDirtyRatio: 0, ...config });
}

type Pair = readonly [key: string, value: string | null];

function put(log: Log, pairs: readonly Pair[], more: Partial<BatchToWrite> = {}): void {
  const records = pairs.map(([key, value]) => ({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value) }));
  log.appendAsLeader(buildBatch({ records, timestamp: BigInt(START_MS), ...more }), 0, { origin: 'client' });
  log.updateHighWatermark(log.logEndOffset);
}

function end(log: Log, type: 'commit' | 'abort', producerId: bigint): void {
  log.appendAsLeader(marker(type, producerId, 0), 0, { origin: 'coordinator' });
  log.updateHighWatermark(log.logEndOffset);
}

function clean(
  log: Log,
  nowMs: number,
  cleanedTo = 0n,
  more: { maxKeyBytes?: number; sliceBytes?: number } = {},
): CompactionResult | undefined {
  const steps = log.compact(cleanedTo, { nowMs, maxKeyBytes: 1 << 20, sliceBytes: 1 << 20, ...more });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Data records, as `offset:key=value`; only committed ones with `committed`. */
function records(log: Log, committed = false): string[] {
  const found: string[] = [];
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const result = log.read(offset, 1 << 20, { maxOffset: log.logEndOffset, minOneMessage: true });
    const aborted = log.abortedTransactions(offset, result.nextOffset);
    for (const batch of batchesOf(result.records)) {
      expect(verifyBatch(batch, batch.position + batch.sizeInBytes)).toBeUndefined();
      if (batch.isControl) continue;
      const gone = aborted.some(
        (one) => one.producerId === batch.producerId && one.firstOffset <= batch.baseOffset && batch.lastOffset < one.lastOffset,
      );
      if (committed && batch.isTransactional && gone) continue;
      for (const record of decodeRecords(batch, 1 << 24)) {
        if (record.offset >= log.logStartOffset)
          found.push(`${record.offset}:${record.key?.toString() ?? ''}=${record.value?.toString() ?? 'null'}`);
      }
    }
    if (result.nextOffset === offset) throw new Error(`no progress at ${offset}`);
    offset = result.nextOffset;
  }
  return found;
}

describe('what compaction keeps', () => {
  test('keeps the newest record of each key, at its offset, and the active segment', () => {
    const { log } = compacted();
    for (let round = 0; round < 9; round++)
      put(log, [
        ['a', `a${round}`],
        ['b', `b${round}`],
        [`only${round}`, 'x'],
      ]);
    const active = log.segments.at(-1)?.baseOffset ?? 0n;
    expect(log.segments.length).toBeGreaterThan(2);
    const before = records(log);
    const result = clean(log, START_MS);
    expect(result?.cleanedTo).toBe(active);
    const after = records(log);
    const newestBelow = Number(active) / 3 - 1;
    expect(after).toEqual(
      before.filter((entry) => {
        const [offset, pair] = entry.split(':') as [string, string];
        return BigInt(offset) >= active || pair.startsWith('only') || pair.endsWith(String(newestBelow));
      }),
    );
    expect(log.segments.at(-1)?.baseOffset).toBe(active);
    // A read of a removed offset returns the batch after it.
    const first = log.read(0n, 1, { maxOffset: log.logEndOffset, minOneMessage: true });
    expect(first.nextOffset).toBeGreaterThan(0n);
    // A second round changes nothing.
    clean(log, START_MS, result?.cleanedTo);
    expect(records(log)).toEqual(after);
  });

  test('batches keep base offset, last offset, epoch, codec and timestamps', () => {
    for (const compression of COMPRESSION_NAMES) {
      const { log } = compacted();
      put(
        log,
        [
          ['a', '1'],
          ['b', '1'],
          ['c', '1'],
        ],
        { compression },
      );
      put(
        log,
        [
          ['a', '2'],
          ['c', '2'],
        ],
        { compression },
      );
      log.roll();
      clean(log, START_MS);
      const [first] = batchesOf([copyAll(log)]);
      expect(first).toMatchObject({
        baseOffset: 0n,
        lastOffset: 2n,
        recordCount: 1,
        compression,
        partitionLeaderEpoch: 0,
        maxTimestamp: BigInt(START_MS),
      });
      expect(records(log)).toEqual(['1:b=1', '3:a=2', '4:c=2']);
    }
  });

  test('keeps a tombstone until delete.retention.ms after compaction first finds it', () => {
    const { log } = compacted({ deleteRetentionMs: DAY_MS });
    put(log, [
      ['a', '1'],
      ['b', '1'],
    ]);
    put(log, [
      ['a', null],
      ['c', '1'],
    ]);
    put(log, [['d', '1']]);
    log.roll();
    clean(log, START_MS);
    expect(records(log)).toEqual(['1:b=1', '2:a=null', '3:c=1', '4:d=1']);
    const horizon = batchesOf([copyAll(log)]).find((batch) => batch.baseOffset === 2n);
    expect(horizon).toMatchObject({ hasDeleteHorizon: true, baseTimestamp: BigInt(START_MS + DAY_MS), maxTimestamp: BigInt(START_MS) });
    clean(log, START_MS + DAY_MS - 1);
    expect(records(log)).toHaveLength(4);
    clean(log, START_MS + DAY_MS);
    expect(records(log)).toEqual(['1:b=1', '3:c=1', '4:d=1']);
  });

  test('waits for min.compaction.lag.ms, the high watermark and open transactions', () => {
    const { log, clock } = compacted({ minCompactionLagMs: DAY_MS });
    put(log, [['a', '1']]);
    put(log, [['a', '2']]);
    log.roll();
    expect(log.cleanable(0n, clock.now())).toMatchObject({ dirtyBytes: 0 });
    expect(log.cleanable(0n, clock.now() + DAY_MS + 1)).toMatchObject({ end: 2n });
    log.updateConfig({ ...log.config, minCompactionLagMs: 0 });
    log.updateHighWatermark(1n);
    expect(log.cleanable(0n, clock.now())).toMatchObject({ dirtyBytes: 0 });
    log.updateHighWatermark(2n);
    put(log, [['a', '3']], { producerId: 5n, producerEpoch: 0, baseSequence: 0, transactional: true });
    log.roll();
    put(log, [['z', '0']]);
    expect(log.cleanable(0n, clock.now())).toMatchObject({ end: 2n });
    end(log, 'commit', 5n);
    expect(log.cleanable(0n, clock.now())).toMatchObject({ end: 3n });
  });

  test('max.compaction.lag.ms makes a log due, and rolls in time', () => {
    const { log, clock } = compacted({ maxCompactionLagMs: DAY_MS, segmentBytes: 1 << 20, messageTimestampAfterMaxMs: Infinity });
    put(log, [['a', '1']]);
    put(log, [['a', '2']], { timestamp: BigInt(START_MS + DAY_MS + 1) });
    expect(log.segments).toHaveLength(2);
    expect(log.cleanable(0n, clock.now())?.overdue).toBe(false);
    expect(log.cleanable(0n, clock.now() + DAY_MS + 1)?.overdue).toBe(true);
  });

  test('merges segments up to segment.bytes', () => {
    const { log } = compacted({ segmentBytes: 400 });
    for (let i = 0; i < 40; i++) put(log, [[`k${i % 3}`, `v${i}`]]);
    const before = log.segments.length;
    // By their sizes before: segments that the first round has shrunk are merged by the second.
    clean(log, START_MS);
    clean(log, START_MS);
    expect(log.segments.length).toBeLessThan(before / 2);
    expect(log.segments.every(({ sizeBytes }) => sizeBytes <= 400)).toBe(true);
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual(
      [...log.segments].map(({ baseOffset }) => baseOffset).sort((a, b) => Number(a - b)),
    );
  });

  test('continues where it stopped when its memory holds only a part of the keys', () => {
    const { log } = compacted();
    for (let i = 0; i < 60; i++) put(log, [[`key${i % 20}`, `v${i}`]]);
    let cleanedTo = 0n;
    let rounds = 0;
    for (; cleanedTo < (log.segments.at(-1)?.baseOffset ?? 0n); rounds++) {
      const result = clean(log, START_MS, cleanedTo, { maxKeyBytes: 500 });
      expect(result?.cleanedTo).toBeGreaterThan(cleanedTo);
      cleanedTo = result?.cleanedTo ?? 0n;
    }
    expect(rounds).toBeGreaterThan(3);
    const newest = new Map<string, string>();
    for (const entry of records(log))
      newest.set(entry.slice(entry.indexOf(':') + 1, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1));
    for (let key = 0; key < 20; key++) expect(newest.get(`key${key}`)).toBe(`v${40 + key}`);
    expect(records(log).length).toBeLessThan(60);
  });
});

describe('producers and transactions', () => {
  test('keeps the remembered batches of a producer, empty, so that its retries are recognised', () => {
    const { log, reopen } = compacted({ segmentBytes: 1 << 20 });
    const COUNT = 30;
    for (let sequence = 0; sequence < COUNT; sequence++)
      put(log, [['a', String(sequence)]], { producerId: 5n, producerEpoch: 0, baseSequence: sequence });
    put(log, [['a', 'newest']]);
    put(log, [['b', '3']]);
    log.roll();
    clean(log, START_MS);
    const kept = batchesOf([copyAll(log)]).map(({ baseOffset, recordCount }) => `${baseOffset}:${recordCount}`);
    const remembered = Array.from({ length: 24 }, (_, index) => `${COUNT - 24 + index}:0`);
    expect(kept).toEqual([...remembered, '30:1', '31:1']);
    // All of it is recovered from the records alone.
    log.closeWithoutFlush();
    const again = reopen({ cleanShutdown: false });
    const repeat = (sequence: number): Buffer =>
      buildBatch({
        records: [{ key: Buffer.from('a'), value: Buffer.from(String(sequence)) }],
        timestamp: BigInt(START_MS),
        producerId: 5n,
        producerEpoch: 0,
        baseSequence: sequence,
      });
    for (const sequence of [COUNT - 24, COUNT - 5, COUNT - 1]) {
      const answer = again.appendAsLeader(repeat(sequence), 0, { origin: 'client' });
      expect(answer).toMatchObject({ duplicate: true, firstOffset: BigInt(sequence) });
    }
  });

  test('removes aborted records at once, the marker and its index entry when no record of the transaction is left', () => {
    const { log, clock } = compacted({ segmentBytes: 1 << 20 });
    put(log, [['a', 'kept']]);
    put(log, [['a', 'aborted']], { producerId: 5n, producerEpoch: 0, baseSequence: 0, transactional: true });
    end(log, 'abort', 5n);
    put(log, [['b', 'committed']], { producerId: 6n, producerEpoch: 0, baseSequence: 0, transactional: true });
    end(log, 'commit', 6n);
    put(log, [['c', 'last']]);
    log.roll();
    clean(log, clock.now());
    expect(records(log)).toEqual(['0:a=kept', '3:b=committed', '5:c=last']);
    expect(log.abortedTransactions(0n, 6n)).toHaveLength(1);
    // Producers are still remembered, so their last batches and markers are.
    const first = batchesOf([copyAll(log)]).map(({ baseOffset, recordCount }) => `${baseOffset}:${recordCount}`);
    expect(first).toEqual(['0:1', '1:0', '2:1', '3:1', '4:1', '5:1']);
    // After they expire, the empty batch is removed, then the marker gets its delete horizon, and is removed when that is reached.
    log.updateConfig({ ...log.config, producerIdExpirationMs: 0, retentionMs: -1 });
    log.applyRetention(clock.now() + 1);
    clean(log, clock.now() + 1);
    clean(log, clock.now() + 2);
    expect(batchesOf([copyAll(log)]).map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n, 3n, 4n, 5n]);
    clean(log, clock.now() + 3 + DAY_MS);
    expect(batchesOf([copyAll(log)]).map(({ baseOffset }) => baseOffset)).toEqual([0n, 3n, 4n, 5n]);
    expect(log.abortedTransactions(0n, 6n)).toHaveLength(0);
    expect(records(log)).toEqual(['0:a=kept', '3:b=committed', '5:c=last']);
  });

  test('an abort before the dirty part does not affect the producer’s next transaction', () => {
    const { log, clock } = compacted({ segmentBytes: 1 << 20 });
    put(log, [['a', 'aborted']], { producerId: 5n, producerEpoch: 0, baseSequence: 0, transactional: true });
    end(log, 'abort', 5n);
    log.roll();
    const cleanedTo = clean(log, clock.now())?.cleanedTo;
    put(log, [['a', 'one']]);
    put(log, [['a', 'two']], { producerId: 5n, producerEpoch: 0, baseSequence: 1, transactional: true });
    end(log, 'commit', 5n);
    log.roll();
    clean(log, clock.now(), cleanedTo);
    expect(records(log, true)).toEqual(['3:a=two']);
  });
});

/** A log of random records, and the committed value of each key that a read_committed consumer must find. */
function mixed(seed: number, batches = 60): { createHarness: LogHarness; newest: Map<string, string> } {
  const made = compacted({ segmentBytes: 500 });
  const { log } = made;
  const random = seededRandom(seed);
  const newest = new Map<string, string>();
  const sequences = new Map<bigint, number>();
  for (let i = 0; i < batches; i++) {
    const producerId = BigInt(random.int(4));
    const transactional = producerId >= 2n;
    const pairs = Array.from({ length: 1 + random.int(3) }, (_, n): Pair => [
      `k${random.int(8)}`,
      random.int(6) === 0 ? null : `v${i}.${n}`,
    ]);
    const baseSequence = sequences.get(producerId) ?? 0;
    const producer = producerId === 0n ? {} : { producerId, producerEpoch: 0, baseSequence, transactional };
    sequences.set(producerId, baseSequence + pairs.length);
    const compression = COMPRESSION_NAMES[random.int(COMPRESSION_NAMES.length)] ?? 'none';
    put(log, pairs, { ...producer, compression, timestamp: BigInt(START_MS + i) });
    const aborted = transactional && random.int(3) === 0;
    if (transactional) end(log, aborted ? 'abort' : 'commit', producerId);
    if (!aborted) for (const [key, value] of pairs) newest.set(key, value ?? 'null');
  }
  return { createHarness: made, newest };
}

function newestOf(log: Log): Map<string, string> {
  const newest = new Map<string, string>();
  for (const entry of records(log, true)) {
    const at = entry.indexOf('=');
    newest.set(entry.slice(entry.indexOf(':') + 1, at), entry.slice(at + 1));
  }
  return newest;
}

describe('random records', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'seed %i: each key has its last value, offsets are what they were, only older ones are gone',
    (seed) => {
      const { createHarness: made, newest } = mixed(seed);
      const { log, reopen } = made;
      const before = records(log, true);
      const offsets = before.map((entry) => Number(entry.split(':')[0]));
      let cleanedTo = 0n;
      for (let round = 0; round < 3; round++) {
        cleanedTo =
          clean(log, START_MS + round, cleanedTo, { sliceBytes: 200, maxKeyBytes: round === 0 ? 600 : 1 << 20 })?.cleanedTo ?? cleanedTo;
        const after = records(log, true);
        expect(newestOf(log)).toEqual(newest);
        const left = new Set(after);
        expect(after.every((entry) => before.includes(entry))).toBe(true);
        // Every removed record has a newer record of its key.
        for (const [index, entry] of before.entries()) {
          if (left.has(entry)) continue;
          const key = entry.slice(entry.indexOf(':') + 1, entry.indexOf('='));
          expect(before.slice(index + 1).some((later) => later.slice(later.indexOf(':') + 1).startsWith(`${key}=`))).toBe(true);
        }
        expect(offsets[0]).toBeDefined();
        // Every offset can still be read.
        for (let offset = log.logStartOffset; offset < log.logEndOffset; offset++) {
          expect(log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true }).nextOffset).toBeGreaterThan(offset);
        }
      }
      const last = records(log);
      // The same from the records alone, and as a follower that copies it.
      log.closeWithoutFlush();
      for (const unclean of [true, false]) {
        const again = reopen({ cleanShutdown: !unclean, highWatermark: log.logEndOffset });
        expect(records(again)).toEqual(last);
        expect(again.truncatedAtOpen).toBe(0);
        again.close();
      }
      const follower = compacted({ segmentBytes: 500 }).log;
      for (const batch of iterateBatches(copyAll(reopen({ highWatermark: log.logEndOffset }))))
        follower.appendAsFollower(Buffer.from(batch.bytes));
      expect(newestOf(follower)).toEqual(newest);
      expect(follower.logEndOffset).toBe(log.logEndOffset);
    },
  );

  test('a change of the log between two slices ends the compaction', () => {
    const { createHarness: made, newest } = mixed(3);
    const { log, disk } = made;
    const steps = log.compact(0n, { nowMs: START_MS, maxKeyBytes: 1 << 20, sliceBytes: 100 });
    for (let i = 0; i < 90; i++) steps.next();
    const cut = log.segments[1]?.baseOffset ?? 0n;
    log.truncateTo(cut);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    expect(step.value).toBeUndefined();
    expect(log.logEndOffset).toBe(cut);
    expect(disk.list(DIRECTORY).filter((name) => name.includes('.cleaned'))).toEqual([]);
    expect(newest.size).toBeGreaterThan(0);
  });
});

describe('a crash of the node', () => {
  /** Runs `action` with the n-th change of the disk failing; returns whether there were that many. */
  function failing(disk: MemoryDisk, nth: number, action: () => void): boolean {
    let count = 0;
    disk.options = {
      fault: (operation) => (operation !== 'read' && operation !== 'open' && ++count > nth ? { code: 'EIO' } : undefined),
    };
    try {
      action();
      return false;
    } catch (error) {
      expect(error instanceof DiskError || (error instanceof Error && 'code' in error)).toBe(true);
      return true;
    } finally {
      disk.options = {};
    }
  }

  test.each([false, true])('at every step of a compaction loses no value (power cut: %s)', (powerCut) => {
    let steps = 0;
    for (; ; steps++) {
      const { createHarness: made, newest } = mixed(5, 14);
      const { log, disk, reopen } = made;
      log.flush();
      disk.syncDirectory('/data');
      const { logEndOffset } = log;
      const crashed = failing(disk, steps, () => clean(log, START_MS));
      if (powerCut) disk.powerCut(seededRandom(steps));
      const again = reopen({ cleanShutdown: false, recoveryPoint: logEndOffset, highWatermark: logEndOffset });
      expect(again.logEndOffset).toBe(logEndOffset);
      expect(newestOf(again)).toEqual(newest);
      expect(disk.list(DIRECTORY).filter((name) => /\.(cleaned|swap)$/.test(name))).toEqual([]);
      // The compaction can be repeated.
      clean(again, START_MS + 1);
      expect(newestOf(again)).toEqual(newest);
      if (!crashed) break;
    }
    expect(steps).toBeGreaterThan(20);
  });
});
