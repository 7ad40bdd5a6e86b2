import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import type { Log, LogCorruption } from '../../../electron/cluster/log/log.ts';
import { BatchView, patchBatch } from '../../../electron/cluster/protocol/record-batch.ts';
import { append, batchOf, createHarness, contents, DIRECTORY, marker, sequenced, START_MS, type LogHarness } from './helpers.ts';

/** Number of random histories: 6000 take a minute and a half. */
const SEEDS = Number(process.env['LOG_SEEDS'] ?? 60);
const CLIENT = { origin: 'client' } as const;
const COORDINATOR = { origin: 'coordinator' } as const;

/** The state after a kill: nothing is closed or flushed, all written bytes exist. */
function crash(made: LogHarness): void {
  made.log.closeWithoutFlush();
}

function flipAt({ disk }: LogHarness, path: string, position: number): void {
  const handle = disk.open(path);
  const byte = Buffer.alloc(1);
  handle.read(byte, position);
  handle.write([Buffer.of((byte[0] as number) ^ 0xff)], position);
  handle.close();
}

/** The properties that a recovered log must share with one that never crashed. */
function facts(log: Log): unknown {
  return {
    contents: contents(log),
    start: log.logStartOffset,
    end: log.logEndOffset,
    epochs: log.epochStarts,
    producers: [...log.producerEntries],
    aborted: log.abortedTransactions(0n, log.logEndOffset),
    firstUnstable: log.firstUnstableOffset,
    segments: log.segments,
  };
}

/** Transactions, epochs, several segments. Flushes once, after the given one of its six rounds. */
function busy(made: LogHarness, flushAfter = 0): void {
  const { log } = made;
  for (let i = 0; i < 6; i++) {
    if (i === flushAfter && i > 0) log.flush();
    log.appendAsLeader(sequenced(1n, 0, i * 2, 2), i >> 1, CLIENT);
    log.appendAsLeader(sequenced(2n, 0, i, 1, { transactional: true }), i >> 1, CLIENT);
    if (i === 2) log.appendAsLeader(marker('abort', 2n, 0), i >> 1, COORDINATOR);
    if (i === 3) log.appendAsLeader(marker('commit', 2n, 0), i >> 1, COORDINATOR);
    append(log, `plain${i}`);
  }
  log.updateHighWatermark(log.logEndOffset);
}

describe('opening again', () => {
  const config = { segmentBytes: 700, indexIntervalBytes: 150 };

  test('after a clean close everything is unchanged, including every remembered batch of producers', () => {
    const made = createHarness(config);
    busy(made);
    const before = facts(made.log);
    made.log.close();
    made.reopen({ highWatermark: made.log.highWatermark });
    expect(facts(made.log)).toEqual(before);
  });

  test('after a clean close no file is read completely', () => {
    const made = createHarness({ segmentBytes: 1 << 20 });
    for (let i = 0; i < 200; i++) append(made.log, 'x'.repeat(10_000));
    made.log.close();
    let bytesRead = 0;
    const { disk } = made;
    const open = disk.open.bind(disk);
    disk.open = (path, options) => {
      const file = open(path, options);
      const read = file.read.bind(file);
      file.read = (into, position) => {
        const count = read(into, position);
        bytesRead += count;
        return count;
      };
      return file;
    };
    made.reopen({ recoveryPoint: made.log.recoveryPoint });
    expect(made.log.logEndOffset).toBe(200n);
    expect(bytesRead).toBeLessThan(70_000);
  });

  test('records that a kill left unflushed are flushed after flush.ms, without an append', () => {
    const made = createHarness({ flushMs: 2_000 });
    append(made.log, 'a');
    crash(made);
    const log = made.reopen({ cleanShutdown: false });
    log.flushIfDue();
    expect(log.recoveryPoint).toBe(0n);
    made.clock.advance(2_000);
    log.flushIfDue();
    expect(log.recoveryPoint).toBe(1n);
  });

  test.each([0, 1, 3, 5])('after a kill, flushed after round %s: all written records exist', (flushAfter) => {
    const made = createHarness(config);
    busy(made, flushAfter);
    const { recoveryPoint } = made.log;
    expect(recoveryPoint > 0n).toBe(flushAfter > 0);
    const before = facts(made.log);
    crash(made);
    made.reopen({ cleanShutdown: false, recoveryPoint, highWatermark: made.log.highWatermark });
    expect(made.log.truncatedAtOpen).toBe(0);
    expect(facts(made.log)).toEqual(before);
    append(made.log, 'next');
  });

  test('lost or truncated index files are rebuilt, even after a clean close', () => {
    for (const suffix of ['.index', '.timeindex']) {
      const made = createHarness(config);
      busy(made);
      const before = contents(made.log);
      const time = made.log.offsetForTimestamp(BigInt(START_MS));
      made.log.close();
      for (const name of made.disk.list(DIRECTORY)) if (name.endsWith(suffix)) made.disk.remove(`${DIRECTORY}/${name}`);
      made.reopen({ recoveryPoint: made.log.recoveryPoint });
      expect(contents(made.log)).toEqual(before);
      expect(made.log.offsetForTimestamp(BigInt(START_MS))).toEqual(time);
    }
  });

  test('files of interrupted operations are removed', () => {
    const made = createHarness();
    append(made.log, 'a');
    made.log.close();
    for (const name of ['00000000000000000000.log.deleted', '00000000000000000009.index', 'leader-epoch-checkpoint.tmp']) {
      made.disk.writeFileAtomic(`${DIRECTORY}/${name}`, Buffer.from('junk'));
    }
    made.reopen();
    expect(contents(made.log)).toEqual(['0:a']);
    expect(made.disk.list(DIRECTORY).filter((name) => /deleted|tmp|0009/.test(name))).toEqual([]);
  });
});

describe('corruption', () => {
  /** Three batches in the last segment, behind one segment that is whole. */
  function prepared(): { made: LogHarness; file: string; sizes: number[]; all: string[] } {
    const made = createHarness({ indexIntervalBytes: 1 });
    append(made.log, 'first', 'segment');
    made.log.roll();
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) {
      made.log.appendAsLeader(sequenced(7n, 0, i), i, CLIENT);
      sizes.push(made.log.segments.at(-1)?.sizeBytes ?? 0);
    }
    const all = contents(made.log);
    crash(made);
    return { made, file: `${DIRECTORY}/00000000000000000002.log`, sizes, all };
  }

  test('a tear at every byte of the last batches loses the torn batch and nothing before it', () => {
    const { made, file, sizes, all } = prepared();
    const bytes = made.disk.readFile(file);
    for (let cut = bytes.length; cut >= 0; cut--) {
      const handle = made.disk.open(file, { create: true });
      handle.truncate(0);
      handle.write([bytes.subarray(0, cut)], 0);
      handle.close();
      const log = made.reopen({ cleanShutdown: false });
      const whole = sizes.filter((size) => size <= cut).length;
      expect(contents(log)).toEqual(all.slice(0, 2 + whole));
      expect(log.truncatedAtOpen).toBe(cut - (sizes[whole - 1] ?? 0));
      expect(log.latestEpoch).toBe(Math.max(0, whole - 1));
      // The producer continues where the log ends.
      log.appendAsLeader(sequenced(7n, 0, whole, 1), 9, CLIENT);
      expect(log.logEndOffset).toBe(BigInt(3 + whole));
      crash(made);
    }
  });

  test('a flipped bit at every byte of the last batch is detected', () => {
    const { made, file, sizes, all } = prepared();
    const bytes = made.disk.readFile(file);
    for (let at = sizes[1] as number; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x80;
      const handle = made.disk.open(file);
      handle.truncate(damaged.length);
      handle.write([damaged], 0);
      handle.close();
      const log = made.reopen({ cleanShutdown: false });
      // Base offset and leader epoch are outside the checksum: a higher value of either is a possible one.
      const within = at - (sizes[1] as number);
      const covered = within >= 8 && !(within >= 12 && within < 16);
      if (covered) expect(contents(log)).toEqual(all.slice(0, 4));
      expect(contents(log).slice(0, 4)).toEqual(all.slice(0, 4));
      crash(made);
    }
  });

  test('reports the bytes that were cut off, with position and reason', () => {
    const { made, file, sizes } = prepared();
    flipAt(made, file, (sizes[2] as number) - 1);
    const reported: LogCorruption[] = [];
    made.reopen({ cleanShutdown: false, onCorruption: (corruption) => reported.push(corruption) });
    const [, position = 0, end = 0] = sizes;
    expect(reported).toEqual([
      {
        foundBy: 'recovery',
        offset: 4n,
        segment: '00000000000000000002.log',
        position,
        bytes: end - position,
        reason: expect.stringMatching(/^checksum/),
      },
    ]);
    crash(made);
    made.reopen({ cleanShutdown: false, onCorruption: (corruption) => reported.push(corruption) });
    expect(reported).toHaveLength(1);
  });

  test('a log that was last known to be one small segment reports the truncation', () => {
    const made = createHarness({}, { identified: true });
    made.log.assignTopicId('jKfGsCXpQWmGQDO3oMzNHw');
    append(made.log, 'one');
    append(made.log, 'two');
    crash(made);
    const file = `${DIRECTORY}/00000000000000000000.log`;
    flipAt(made, file, made.disk.size(file) - 1);
    const reported: LogCorruption[] = [];
    const log = made.reopen({
      cleanShutdown: false,
      singleOf: 'jKfGsCXpQWmGQDO3oMzNHw',
      onCorruption: (corruption) => reported.push(corruption),
    });
    expect(contents(log)).toEqual(['0:one']);
    expect(reported).toMatchObject([{ foundBy: 'recovery', offset: 1n, bytes: log.truncatedAtOpen }]);
    expect(log.truncatedAtOpen).toBeGreaterThan(0);
  });

  test('zeros at the end, as file systems leave them, are cut off', () => {
    const { made, file, all } = prepared();
    const handle = made.disk.open(file);
    handle.truncate(handle.size() + 4096);
    handle.close();
    const log = made.reopen({ cleanShutdown: false });
    expect(contents(log)).toEqual(all);
    expect(log.truncatedAtOpen).toBe(4096);
  });

  test('a corrupt closed segment also removes the later ones', () => {
    const { made } = prepared();
    const handle = made.disk.open(`${DIRECTORY}/00000000000000000000.log`);
    handle.write([Buffer.from([0xff])], 70);
    handle.close();
    const log = made.reopen({ cleanShutdown: false });
    expect(contents(log)).toEqual([]);
    expect(log.segments).toHaveLength(1);
    append(log, 'again');
    expect(contents(log)).toEqual(['0:again']);
  });

  test('leftovers of a truncated suffix that line up again are recognised by their epoch', () => {
    const made = createHarness();
    made.log.appendAsLeader(batchOf(['a']), 1, CLIENT);
    made.log.appendAsLeader(batchOf(['b']), 1, CLIENT);
    made.log.appendAsLeader(batchOf(['c']), 1, CLIENT);
    crash(made);
    const file = `${DIRECTORY}/00000000000000000000.log`;
    const bytes = made.disk.readFile(file);
    const second = new BatchView(bytes).sizeInBytes;
    // As if [b c] had been truncated and B written in epoch 2, but the truncation itself was lost.
    patchBatch(bytes, second, { baseOffset: 1n, partitionLeaderEpoch: 2 });
    made.disk.writeFileAtomic(file, bytes);
    const log = made.reopen({ cleanShutdown: false });
    expect(contents(log)).toEqual(['0:a', '1:b']);
  });

  test('an unflushed, truncated segment ends the log; without a manifest it does not end a compacted log', () => {
    for (const [policy, listed, expected] of [
      ['delete', true, ['0:a', '1:b']],
      ['compact', true, ['0:a', '1:b']],
      ['delete', false, ['0:a', '1:b']],
      ['compact', false, ['0:a', '1:b', '3:d']],
    ] as const) {
      const made = createHarness({ cleanupPolicy: new Set([policy]) });
      for (const value of ['a', 'b', 'c']) made.log.appendAsLeader(batchOf([value]), 0, COORDINATOR);
      const file = made.disk.open(`${DIRECTORY}/00000000000000000000.log`);
      made.log.roll();
      made.log.appendAsLeader(batchOf(['d']), 0, COORDINATOR);
      crash(made);
      file.truncate((file.size() / 3) * 2);
      if (!listed) made.disk.remove(`${DIRECTORY}/closed-segments`);
      expect(contents(made.reopen({ cleanShutdown: false }))).toEqual(expected);
    }
  });

  test('a clean-shutdown marker does not hide a torn tail', () => {
    const made = createHarness();
    append(made.log, 'a');
    append(made.log, 'b');
    made.log.close();
    const handle = made.disk.open(`${DIRECTORY}/00000000000000000000.log`);
    handle.truncate(handle.size() - 3);
    handle.close();
    const log = made.reopen({ recoveryPoint: 2n });
    expect(contents(log)).toEqual(['0:a']);
    expect(log.recoveryPoint).toBe(1n);
  });

  test('an older producer snapshot replaces a corrupt one', () => {
    const made = createHarness({ segmentBytes: 300 });
    for (let i = 0; i < 8; i++) made.log.appendAsLeader(sequenced(1n, 0, i), 0, CLIENT);
    made.log.close();
    const snapshots = made.disk.list(DIRECTORY).filter((name) => name.endsWith('.snapshot'));
    expect(snapshots.length).toBeGreaterThan(1);
    made.disk.writeFileAtomic(`${DIRECTORY}/${snapshots.at(-1) ?? ''}`, Buffer.from('damaged'));
    made.reopen();
    expect(made.log.appendAsLeader(sequenced(1n, 0, 7), 0, CLIENT)).toMatchObject({ duplicate: true, firstOffset: 7n });
    made.log.appendAsLeader(sequenced(1n, 0, 8), 0, CLIENT);
  });
});

describe('power cut', () => {
  test('keeps flushed records, loses the others', () => {
    const made = createHarness();
    append(made.log, 'a');
    append(made.log, 'b');
    made.log.flush();
    expect(made.log.recoveryPoint).toBe(2n);
    append(made.log, 'c');
    made.disk.powerCut();
    made.reopen({ cleanShutdown: false, recoveryPoint: 2n });
    expect(contents(made.log)).toEqual(['0:a', '1:b']);
  });

  test('flush.messages=1: every acknowledged record survives', () => {
    const made = createHarness({ flushMessages: 1, segmentBytes: 250 });
    for (let i = 0; i < 10; i++) append(made.log, `v${i}`);
    const before = contents(made.log);
    made.disk.powerCut();
    made.reopen({ cleanShutdown: false, recoveryPoint: made.log.recoveryPoint });
    expect(contents(made.log)).toEqual(before);
  });

  test('random histories: keeps at least the flushed records, and only appended ones', () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = seededRandom(seed);
      const made = createHarness({ segmentBytes: 400, indexIntervalBytes: 100 });
      let model: string[] = [];
      let durable = 0;
      let sequence = 0;
      let recoveryPoint = 0n;
      for (let step = 0; step < 40; step++) {
        const choice = random.int(12);
        const { log } = made;
        if (choice === 0) {
          log.flush();
          recoveryPoint = log.recoveryPoint;
          durable = model.length;
        } else if (choice === 1 && model.length > 0) {
          const keep = random.int(model.length + 1);
          log.truncateTo(BigInt(keep));
          model = model.slice(0, keep);
          durable = Math.min(durable, keep);
          recoveryPoint = log.recoveryPoint < recoveryPoint ? log.recoveryPoint : recoveryPoint;
        } else if (choice === 2) {
          made.disk.powerCut(random.int(2) === 0 ? random : undefined);
          made.reopen({ cleanShutdown: false, recoveryPoint });
          const left = contents(made.log);
          expect(left.length, `seed ${seed} step ${step}`).toBeGreaterThanOrEqual(durable);
          expect(left).toEqual(model.slice(0, left.length));
          model = left;
          durable = Math.min(durable, left.length);
          recoveryPoint = made.log.recoveryPoint;
        } else if (choice === 3) {
          made.log.close();
          durable = model.length;
          made.reopen({ recoveryPoint: made.log.recoveryPoint });
          recoveryPoint = made.log.recoveryPoint;
        } else {
          const value = `v${sequence++}`;
          const { firstOffset } = log.appendAsLeader(batchOf([value]), step, CLIENT);
          model.push(`${firstOffset}:${value}`);
        }
        expect(made.log.logEndOffset).toBe(BigInt(model.length));
        expect(contents(made.log)).toEqual(model);
      }
    }
  });
});

describe('a disk that fails', () => {
  test('a torn write: the append fails, the log refuses further writes, recovery removes the torn batch', () => {
    const failed: number[] = [];
    const made = createHarness({}, { storageFailed: (error) => failed.push(error.code) });
    append(made.log, 'a');
    made.disk.options = { fault: (operation) => (operation === 'write' ? { code: 'ENOSPC', writtenBytes: 30 } : undefined) };
    expect(() => append(made.log, 'b')).toThrow(expect.objectContaining({ code: 56, cause: expect.objectContaining({ code: 'ENOSPC' }) }));
    made.disk.options = {};
    expect(() => append(made.log, 'c')).toThrow(expect.objectContaining({ code: 56 }));
    expect(() => made.log.flush()).toThrow(expect.objectContaining({ code: 56 }));
    expect(failed).toEqual([56]);
    expect(made.log.logEndOffset).toBe(1n);
    expect(contents(made.log)).toEqual(['0:a']);
    made.log.close();
    made.reopen({ cleanShutdown: false });
    expect(contents(made.log)).toEqual(['0:a']);
    expect(made.log.truncatedAtOpen).toBe(30);
    append(made.log, 'b');
    expect(contents(made.log)).toEqual(['0:a', '1:b']);
  });

  test('a failed sync takes the log offline, and the recovery point stays', () => {
    const made = createHarness();
    append(made.log, 'a');
    made.disk.options = { fault: (operation) => (operation === 'sync' ? { code: 'EIO' } : undefined) };
    expect(() => made.log.flush()).toThrow(expect.objectContaining({ code: 56 }));
    expect(made.log.recoveryPoint).toBe(0n);
    made.disk.options = {};
    expect(() => made.log.flush()).toThrow(expect.objectContaining({ code: 56 }));
    expect(made.log.storageError?.code).toBe(56);
  });
});
