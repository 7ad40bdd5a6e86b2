/** Logs that a clean stop closes without indexes: their records in one file, everything else rebuilt, whatever happens after the stop. */
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk, type DiskOperation } from '../../../electron/cluster/lib/memory-disk.ts';
import { losePower } from '../../../electron/cluster/lib/power-loss.ts';
import { PowerLossDisk } from '../../../electron/cluster/lib/power-loss-disk.ts';
import { seededRandom, type Random } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { LogManager, type LogManagerOptions } from '../../../electron/cluster/log/log-manager.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { append, contents, ManualClock, marker, sequenced } from './helpers.ts';

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';
const CLIENT = { origin: 'client' } as const;
const RECORDS = '/data/clean-stop-records';
const EPOCH_AT_3 = '"startOffset":"3"}],"producers":[],"aborted":[]},{"topic":"cut"';
const MARKER = '/data/.kafka_cleanshutdown';

function setUp(config: Partial<LogConfig> = {}) {
  const disk = new MemoryDisk();
  disk.makeDirectory('/data');
  disk.syncDirectory('/');
  const clock = new ManualClock();
  const settings = { ...DEFAULT_LOG_CONFIG, indexIntervalBytes: 100, ...config };
  const open = (more: Partial<LogManagerOptions> = {}): LogManager =>
    LogManager.open({
      disk,
      directory: '/data',
      clock,
      logger: silentLogger,
      random: seededRandom(1),
      configFor: () => settings,
      syncedAtClose: 0,
      ...more,
    });
  return { disk, clock, open, settings };
}

/** Epochs, producers, an open and some ended transactions, a log start that moved, a log that was cut, one that was flushed. */
function fill(logs: LogManager): void {
  const many = logs.create('many', 0, ID);
  for (let i = 0; i < 6; i++) {
    many.appendAsLeader(sequenced(1n, 0, i), i >> 1, CLIENT);
    many.appendAsLeader(sequenced(2n, 0, i, 1, { transactional: true }), i >> 1, CLIENT);
    many.appendAsLeader(marker(i % 2 === 0 ? 'abort' : 'commit', 2n, 0), i >> 1, { origin: 'coordinator' });
  }
  append(logs.create('start', 0, ID), 'a', 'b', 'c');
  append(logs.create('start', 0, ID), 'd');
  logs.get('start', 0)?.updateHighWatermark(4n);
  logs.get('start', 0)?.deleteRecordsBefore(3n);
  const cut = logs.create('cut', 0, ID);
  for (let i = 0; i < 5; i++) cut.appendAsLeader(sequenced(3n, 0, i), 0, CLIENT);
  cut.flush();
  cut.truncateTo(2n);
  cut.appendAsLeader(sequenced(3n, 1, 0), 4, CLIENT);
  append(logs.create('flushed', 0, ID), 'x');
  logs.get('flushed', 0)?.flush();
  logs.create('open', 0, ID).appendAsLeader(sequenced(9n, 0, 0, 1, { transactional: true }), 0, CLIENT);
  for (let partition = 0; partition < 4; partition++) append(logs.create('plain', partition, ID), `p${partition}`);
}

const NAMES = [
  ['many', 0],
  ['start', 0],
  ['cut', 0],
  ['flushed', 0],
  ['open', 0],
  ['plain', 0],
  ['plain', 1],
  ['plain', 2],
  ['plain', 3],
] as const;

function facts(logs: LogManager): unknown {
  return NAMES.map(([topic, partition]) => {
    const log = logs.create(topic, partition, ID);
    log.updateHighWatermark(log.logEndOffset);
    return {
      topic,
      contents: contents(log),
      start: log.logStartOffset,
      end: log.logEndOffset,
      epochs: log.epochStarts,
      producers: [...log.producerEntries].map(({ producerId, epoch, batches }) => [producerId, epoch, batches]),
      unstable: log.firstUnstableOffset,
      aborted: log.abortedTransactions(log.logStartOffset, log.logEndOffset),
    };
  });
}

/** The state before the stop. */
function expected(): unknown {
  const { open } = setUp();
  const logs = open();
  fill(logs);
  return facts(logs);
}

/** Counts syncs while `action` runs. */
function syncs(disk: MemoryDisk, action: () => void): number {
  let count = 0;
  disk.options = {
    fault: (operation: DiskOperation) => {
      if (operation === 'sync' || operation === 'syncDirectory') count++;
      return undefined;
    },
  };
  action();
  disk.options = {};
  return count;
}

describe('a clean stop that closes logs without indexes', () => {
  test('syncs no more for thousands of logs than for a few, and the next start opens none', () => {
    const counts = [20, 400].map((partitions) => {
      const { disk, open } = setUp();
      const logs = open();
      for (let partition = 0; partition < partitions; partition++) append(logs.create('t', partition, ID), 'x');
      const count = syncs(disk, () => logs.close());
      const next = open();
      expect(next.openedClean).toBe(true);
      expect([...next.logs()].filter(({ log }) => log.isOpen)).toEqual([]);
      expect(next.lostRecords).toBe(false);
      return count;
    });
    expect(counts[1]).toBe(counts[0]);
  });

  test('syncs the first logs in their own files, and logs that are not one small segment', () => {
    const { disk, open } = setUp({ segmentBytes: 150 });
    const logs = open({ syncedAtClose: 2 });
    for (let partition = 0; partition < 4; partition++) append(logs.create('t', partition, ID), 'x');
    for (let i = 0; i < 5; i++) append(logs.create('t', 9, ID), `${i}`);
    logs.close();
    const bare = [0, 1, 2, 3, 9].filter((partition) => !disk.list(`/data/t-${partition}`).includes('00000000000000000000.timeindex'));
    expect(bare).toEqual([2, 3]);
  });

  test.each(['the same power', 'a power cut', 'a power cut that spares some', 'an unknown power cycle'])(
    'comes back whole after %s',
    (what) => {
      for (let seed = 0; seed < 20; seed++) {
        const { disk, open } = setUp();
        const first = open();
        fill(first);
        first.close();
        if (what.startsWith('a power cut')) disk.powerCut(what.includes('spares') ? seededRandom(seed) : undefined);
        if (what.includes('unknown')) Object.defineProperty(disk, 'powerCycle', { value: undefined });
        const second = open();
        expect(second.openedClean).toBe(true);
        expect(second.lostRecords).toBe(false);
        expect(facts(second)).toEqual(expected());
        // A second time, whatever has been opened since.
        second.close();
        if (what.startsWith('a power cut')) disk.powerCut();
        const third = open();
        third.close();
        if (what.startsWith('a power cut')) disk.powerCut();
        expect(facts(open())).toEqual(expected());
      }
    },
  );

  test('restores all records on a disk with simulated power cuts, in this run and the next', () => {
    const inner = new MemoryDisk();
    inner.makeDirectory('/data');
    let cycles = 0;
    const powered = (): PowerLossDisk => new PowerLossDisk(inner, '', '/undo', () => `cycle ${++cycles}`);
    const { clock, open } = setUp();
    let disk = powered();
    const first = open({ disk });
    fill(first);
    first.close();
    const lost = losePower(inner, '', '/undo');
    expect(lost.bytes).toBeGreaterThan(0);
    disk = powered();
    const second = open({ disk });
    expect(second.lostRecords).toBe(false);
    expect(facts(second)).toEqual(expected());
    // By then all is flushed into the logs' own files.
    clock.advance(20_000);
    losePower(inner, '', '/undo');
    const third = open({ disk: powered() });
    expect(third.openedClean).toBe(false);
    expect(NAMES.map(([topic, partition]) => contents(third.create(topic, partition, ID)))).toEqual(
      (expected() as { contents: string[] }[]).map((one) => one.contents),
    );
  });

  test('a power cut at any operation of a stop or start: with the marker all records exist, without it the flushed ones', () => {
    const whole = JSON.stringify(expected(), bigints);
    let marked = 0;
    for (const random of [undefined, seededRandom(5)]) {
      let survived = false;
      for (let at = 0; !survived; at++) {
        const { disk, open } = setUp();
        const first = open();
        fill(first);
        survived = cutAt(disk, at, random, () => first.close());
        if (!disk.exists(MARKER)) {
          expect(contents(open().create('flushed', 0, ID))).toEqual(['0:x']);
          continue;
        }
        marked++;
        // Then at every operation of a start that restores.
        if (survived) disk.powerCut(random);
        let started = false;
        for (let step = 0; !started; step += random === undefined ? 1 : 3) {
          const image = snapshot(disk);
          started = cutAt(disk, step, random, () => open().halt());
          const clean = disk.exists(MARKER);
          const found = JSON.stringify(facts(open()), bigints);
          // Restored records are durable by the time that the marker is removed. From the records alone an epoch begins where its first one is.
          expect(clean ? found : found.replace('"startOffset":"0"}],"producers":[],"aborted":[]},{"topic":"cut"', EPOCH_AT_3)).toBe(whole);
          restoreSnapshot(disk, image);
        }
      }
    }
    expect(marked).toBe(2);
  });

  test('detects a torn or foreign file of records: that log counts as unclean, the others as clean', () => {
    const damage: ((good: Buffer, stale: Buffer) => Buffer | undefined)[] = [
      (good) => good,
      (_, stale) => stale,
      (good) => good.subarray(0, good.length - 1),
      (good) => good.subarray(0, 5),
      () => Buffer.alloc(0),
      () => undefined,
    ];
    const found = damage.map((change) => {
      const { disk, open } = setUp();
      const first = open();
      append(first.create('t', 0, ID), 'old');
      first.close();
      const stale = disk.readFile(RECORDS);
      const second = open();
      append(second.create('t', 0, ID), 'new');
      append(second.create('u', 0, ID), 'last');
      second.close();
      const bytes = change(disk.readFile(RECORDS), stale);
      if (bytes === undefined) disk.remove(RECORDS);
      else disk.writeFileAtomic(RECORDS, bytes);
      disk.syncDirectory('/data');
      disk.powerCut();
      const third = open();
      expect(third.openedClean).toBe(true);
      return [third.lostRecords, ...['t', 'u'].map((topic) => contents(third.create(topic, 0, ID)).length)];
    });
    expect(found).toEqual([
      [false, 2, 1],
      [true, 0, 0],
      [true, 2, 0],
      [true, 0, 0],
      [true, 0, 0],
      [true, 0, 0],
    ]);
  });

  test.each([false, true])('checks a log that another program wrote to, and restores its producers (rebooted: %s)', (rebooted) => {
    const { disk, open } = setUp();
    const first = open({ syncedAtClose: 9 });
    append(first.create('t', 0, ID), 'a');
    first.close();
    const second = open();
    second.create('t', 0, ID).appendAsLeader(sequenced(5n, 0, 0), 0, CLIENT);
    second.close();
    const path = '/data/t-0/00000000000000000000.log';
    const file = disk.open(path);
    const other = setUp();
    for (const values of [['a'], ['b'], ['c']]) append(other.open().create('t', 0, ID), ...values);
    const bytes = other.disk.readFile(path);
    file.write([bytes.subarray((bytes.length / 3) * 2)], file.size());
    file.sync();
    for (const directory of ['/data/t-0', '/data']) disk.syncDirectory(directory);
    // As Apache Kafka leaves it when it stops; then the machine reboots, and the stored records must not replace those of Kafka.
    disk.writeFileAtomic('/data/recovery-point-offset-checkpoint', Buffer.from('0\n1\nt 0 3\n'));
    if (rebooted) disk.powerCut();
    const third = open();
    expect(third.lostRecords).toBe(false);
    const log = third.create('t', 0, ID);
    expect(contents(log)).toEqual(['0:a', '1:p5s0', '2:c']);
    expect(log.appendAsLeader(sequenced(5n, 0, 0), 0, CLIENT)).toMatchObject({ duplicate: true });
  });

  test('writes no clean-shutdown marker when the file of records cannot be written', () => {
    const { disk, open } = setUp();
    const logs = open();
    append(logs.create('t', 0, ID), 'x');
    disk.options = { fault: (operation, path) => (operation === 'write' && path === RECORDS ? { code: 'ENOSPC' } : undefined) };
    logs.close();
    disk.options = {};
    expect(logs.storageError).toBeDefined();
    expect(disk.exists(MARKER)).toBe(false);
  });

  test('the next run flushes its logs one by one, opened or not', () => {
    const { disk, clock, open } = setUp();
    const first = open();
    for (let partition = 0; partition < 5; partition++) append(first.create('t', partition, ID), `v${partition}`);
    first.close();
    const second = open({ flushedLater: 2 });
    expect(contents(second.create('t', 4, ID))).toEqual(['0:v4']);
    clock.advance(9_000);
    expect([...second.logs()].filter(({ log }) => log.isDurable)).toEqual([]);
    clock.advance(1_000);
    expect([...second.logs()].map(({ log }) => log.isDurable)).toEqual([true, true, false, false, false]);
    clock.advance(2_000);
    expect([...second.logs()].map(({ log }) => log.recoveryPoint)).toEqual([1n, 1n, 1n, 1n, 1n]);
    expect([...second.logs()].filter(({ log }) => log.isOpen).map(({ partition }) => partition)).toEqual([4]);
    disk.powerCut();
    const third = open();
    for (let partition = 0; partition < 5; partition++) expect(contents(third.create('t', partition, ID))).toEqual([`0:v${partition}`]);
    third.halt();
  });

  test('the next stop makes no sync for a durable, unchanged log', () => {
    const { disk, clock, open } = setUp();
    const first = open();
    for (let partition = 0; partition < 5; partition++) append(first.create('t', partition, ID), 'x');
    first.close();
    const second = open();
    clock.advance(11_000);
    const seen: string[] = [];
    disk.options = {
      fault: (_, path) => {
        if (path.startsWith('/data/t-')) seen.push(path);
        return undefined;
      },
    };
    second.close();
    disk.options = {};
    expect(seen).toEqual([]);
    expect(disk.exists(RECORDS)).toBe(false);
    disk.powerCut();
    const third = open();
    expect(third.lostRecords).toBe(false);
    expect(contents(third.create('t', 3, ID))).toEqual(['0:x']);
  });

  test('restores the state of the last stop: more records, a roll, another configuration', () => {
    const { disk, open, settings } = setUp();
    const first = open();
    fill(first);
    first.close();
    const second = open();
    append(second.create('plain', 0, ID), 'more');
    second.create('plain', 1, ID).roll();
    append(second.create('plain', 1, ID), 'next');
    second.close();
    settings.cleanupPolicy = new Set(['compact']);
    const third = open();
    expect(contents(third.create('plain', 2, ID))).toEqual(['0:p2']);
    third.close();
    disk.powerCut();
    const fourth = open();
    const log = (partition: number): Log => fourth.create('plain', partition, ID);
    expect([0, 1, 2, 3].map((partition) => contents(log(partition)))).toEqual([['0:p0', '1:more'], ['0:p1', '1:next'], ['0:p2'], ['0:p3']]);
    expect(log(1).segments.map(({ baseOffset }) => baseOffset)).toEqual([0n, 1n]);
  });
});

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** Cuts the power before the `at`-th operation that changes the disk. True when there were fewer: `action` completed. */
function cutAt(disk: MemoryDisk, at: number, random: Random | undefined, action: () => void): boolean {
  const power = { on: true, left: at };
  disk.options = {
    fault: (operation) => {
      if (operation !== 'read' && operation !== 'open' && power.left-- <= 0) power.on = false;
      return power.on ? undefined : { code: 'EIO' };
    },
  };
  try {
    action();
  } catch {
    // The process ends with the power.
  }
  disk.options = {};
  if (!power.on) disk.powerCut(random);
  return power.on;
}

/** Content of the disk, all of it durable: for a disk that has just lost power. */
function snapshot(disk: MemoryDisk, directory = '/data', found = new Map<string, Buffer | undefined>()): Map<string, Buffer | undefined> {
  for (const name of disk.list(directory)) {
    const path = `${directory}/${name}`;
    if (!disk.isDirectory(path)) found.set(path, disk.readFile(path));
    else {
      found.set(path, undefined);
      snapshot(disk, path, found);
    }
  }
  return found;
}

function restoreSnapshot(disk: MemoryDisk, image: ReadonlyMap<string, Buffer | undefined>): void {
  for (const name of disk.list('/data')) disk.remove(`/data/${name}`);
  for (const [path, bytes] of image) if (bytes === undefined) disk.makeDirectory(path);
  for (const [path, bytes] of image) if (bytes !== undefined) disk.writeFileAtomic(path, bytes);
  disk.syncDirectory('/data');
}
