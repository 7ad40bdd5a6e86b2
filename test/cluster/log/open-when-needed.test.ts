/** Logs that are opened with their first use, and files that are closed when too many are open. */
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk, type DiskFault, type DiskOperation } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { FilePool, PooledFile } from '../../../electron/cluster/log/file-pool.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { LogManager, type LogManagerOptions } from '../../../electron/cluster/log/log-manager.ts';
import { append, contents, ManualClock, marker, sequenced } from './helpers.ts';

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';
const DAY_MS = 86_400_000;

function setUp(config: Partial<LogConfig> = {}) {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const settings = { ...DEFAULT_LOG_CONFIG, ...config };
  const open = (more: Partial<LogManagerOptions> = {}): LogManager =>
    LogManager.open({ disk, directory: '/data', clock, logger: silentLogger, random: seededRandom(1), configFor: () => settings, ...more });
  return { disk, clock, open };
}

/** Paths below partitions' directories that were opened, read or written while `action` ran. */
function touched(disk: MemoryDisk, action: () => void): string[] {
  const seen = new Set<string>();
  disk.options = {
    fault: (operation: DiskOperation, path: string): DiskFault | undefined => {
      if (/^\/data\/[^/]+-\d+\//.test(path)) seen.add(`${operation} ${path}`);
      return undefined;
    },
  };
  action();
  disk.options = {};
  return [...seen];
}

describe('after a clean stop', () => {
  test('no log is opened before it is used, and then only that one', () => {
    const { disk, open } = setUp();
    const first = open();
    for (let partition = 0; partition < 20; partition++) {
      const log = first.create('t', partition, ID);
      append(log, `v${partition}`);
      log.maybeAssignEpochStart(3, log.logEndOffset);
      append(log, 'w');
      log.updateHighWatermark(2n);
    }
    first.close();

    let second = first;
    expect(touched(disk, () => (second = open()))).toEqual([]);
    const log = second.get('t', 7);
    expect(log).toMatchObject({
      topicId: ID,
      logStartOffset: 0n,
      logEndOffset: 2n,
      highWatermark: 2n,
      latestEpoch: 3,
      lastStableOffset: 2n,
      isOpen: false,
    });
    expect(log?.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 1n });
    expect(log?.sizeBytes).toBeGreaterThan(0);
    const used = touched(disk, () => expect(log && contents(log)).toEqual(['0:v7', '1:w']));
    expect(used.every((entry) => entry.includes('/data/t-7/'))).toBe(true);
    expect([...second.logs()].filter((one) => one.log.isOpen).map((one) => one.partition)).toEqual([7]);
    // Another clean stop writes nothing where no log changed, though leaders have changed.
    for (const one of second.logs()) one.log.maybeAssignEpochStart(9, one.log.logEndOffset);
    expect(touched(disk, () => second.close())).toEqual([]);
    const third = open();
    expect(third.get('t', 7)?.epochStarts).toEqual([
      { epoch: 0, startOffset: 0n },
      { epoch: 3, startOffset: 1n },
    ]);
    append(third.create('t', 8, ID), 'x');
    expect(contents(third.create('t', 8, ID))).toEqual(['0:v8', '1:w', '2:x']);
    third.close();
    expect(open().get('t', 8)?.logEndOffset).toBe(3n);
  });

  test('producers are remembered; a log with an open transaction is opened at once', () => {
    const { open } = setUp();
    const first = open();
    first.create('plain', 0, ID).appendAsLeader(sequenced(7n, 0, 0), 0, { origin: 'client' });
    first.create('ended', 0, ID).appendAsLeader(sequenced(8n, 0, 0, 1, { transactional: true }), 0, { origin: 'client' });
    first.create('ended', 0, ID).appendAsLeader(marker('abort', 8n, 0), 0, { origin: 'coordinator' });
    first.create('open', 0, ID).appendAsLeader(sequenced(9n, 0, 0, 1, { transactional: true }), 0, { origin: 'client' });
    for (const { log } of first.logs()) log.updateHighWatermark(log.logEndOffset);
    first.close();
    const second = open();
    expect([...second.logs()].map(({ topic, log }) => `${topic} ${log.isOpen} ${log.lastStableOffset}`)).toEqual([
      'ended false 2',
      'open true 0',
      'plain false 1',
    ]);
    const again = second.create('plain', 0, ID).appendAsLeader(sequenced(7n, 0, 0), 0, { origin: 'client' });
    expect(again).toMatchObject({ duplicate: true, firstOffset: 0n });
    expect(second.create('ended', 0, ID).abortedTransactions(0n, 2n)).toHaveLength(1);
  });

  test('a log that another program wrote to is opened in its present state', () => {
    const { disk, clock, open } = setUp();
    const first = open();
    append(first.create('t', 0, ID), 'a');
    first.close();
    const other = LogManager.open({
      disk,
      directory: '/other',
      clock,
      logger: silentLogger,
      random: seededRandom(1),
      configFor: () => DEFAULT_LOG_CONFIG,
    });
    append(other.create('t', 0, ID), 'a', 'b');
    other.close();
    disk.writeFileAtomic('/data/t-0/00000000000000000000.log', disk.readFile('/other/t-0/00000000000000000000.log'));
    const second = open();
    expect(second.get('t', 0)?.isOpen).toBe(true);
    expect(second.get('t', 0)?.logEndOffset).toBe(2n);
  });

  test('records that were corrupted meanwhile are never returned: the log goes offline at its first use', () => {
    const { disk, open } = setUp();
    const first = open();
    append(first.create('t', 0, ID), 'a');
    append(first.create('t', 0, ID), 'b');
    first.close();
    const file = disk.open('/data/t-0/00000000000000000000.log');
    const length = Buffer.alloc(4);
    file.read(length, 8);
    file.write([Buffer.from([0x70])], file.size() / 2 + 8);
    const failures: unknown[] = [];
    const second = open({ storageFailed: (error) => failures.push(error) });
    const log = second.create('t', 0, ID);
    expect(() => append(log, 'c')).toThrow(expect.objectContaining({ code: 56 }));
    expect(failures).toHaveLength(1);
    second.close();
    // This is no clean stop, so the next start checks, truncates and reports.
    const third = open();
    expect(third.openedClean).toBe(false);
    expect(contents(third.create('t', 0, ID))).toEqual(['0:a']);
  });

  test('retention opens only what may be due', () => {
    const { clock, open } = setUp({ retentionMs: DAY_MS });
    const first = open();
    append(first.create('old', 0, ID), 'a');
    first.create('old', 0, ID).updateHighWatermark(1n);
    first.close();
    const second = open();
    second.applyRetention();
    expect(second.get('old', 0)?.isOpen).toBe(false);
    clock.advance(DAY_MS + 1);
    second.applyRetention();
    expect(second.get('old', 0)).toMatchObject({ isOpen: true, logStartOffset: 1n, logEndOffset: 1n });
    second.close();
    expect(open().get('old', 0)).toMatchObject({ isOpen: false, logStartOffset: 1n, logEndOffset: 1n, sizeBytes: 0 });
  });

  test('a log start that moved without opening the files is kept', () => {
    const { open } = setUp();
    const first = open();
    append(first.create('t', 0, ID), 'a', 'b', 'c');
    first.get('t', 0)?.updateHighWatermark(3n);
    first.close();
    const second = open();
    expect(second.get('t', 0)?.deleteRecordsBefore(2n)).toBe(2n);
    second.close();
    const third = open();
    expect(third.get('t', 0)).toMatchObject({ logStartOffset: 2n, logEndOffset: 3n });
    expect(contents(third.create('t', 0, ID)).slice(-1)).toEqual(['2:c']);
  });
});

describe('after a crash', () => {
  function crashed(prepare: (logs: LogManager, disk: MemoryDisk) => void) {
    const { disk, open } = setUp({ segmentBytes: 200 });
    const logs = open();
    prepare(logs, disk);
    logs.halt();
    return { disk, open };
  }

  test('a log of one small segment is recovered by that file alone', () => {
    const { disk, open } = crashed((logs) => {
      const log = logs.create('t', 0, ID);
      log.maybeAssignEpochStart(2, 0n);
      log.appendAsLeader(sequenced(7n, 0, 0), 2, { origin: 'client' });
      logs.checkpoint();
      log.appendAsLeader(sequenced(7n, 0, 1), 2, { origin: 'client' });
    });
    let logs: LogManager | undefined;
    const paths = touched(disk, () => (logs = open())).map((entry) => entry.split(' ')[1]);
    expect([...new Set(paths)]).toEqual(['/data/t-0/00000000000000000000.log']);
    const log = logs?.create('t', 0, ID);
    expect(log).toMatchObject({ logEndOffset: 2n, latestEpoch: 2, topicId: ID });
    expect(log?.appendAsLeader(sequenced(7n, 0, 1), 2, { origin: 'client' })).toMatchObject({ duplicate: true });
    // Names that a full listing would have made durable become durable with the next flush.
    log?.flush();
    disk.syncDirectory('/');
    disk.powerCut();
    expect(open().get('t', 0)).toMatchObject({ logEndOffset: 2n, topicId: ID });
  });

  test('a log with a second segment since the hint is recovered completely, torn or not', () => {
    for (const torn of [false, true]) {
      const { disk, open } = crashed((logs) => {
        const log = logs.create('t', 0, ID);
        append(log, 'a');
        logs.checkpoint();
        for (const value of ['b', 'c', 'd', 'e']) append(log, value);
        expect(log.segments.length).toBeGreaterThan(1);
      });
      if (torn) disk.open('/data/t-0/00000000000000000000.log').truncate(100);
      const log = open().create('t', 0, ID);
      expect(contents(log)).toEqual(torn ? ['0:a'] : ['0:a', '1:b', '2:c', '3:d', '4:e']);
    }
  });

  test('a second segment that a power cut left, without the end of the first, is removed', () => {
    const { disk, open } = crashed((logs, disk) => {
      const log = logs.create('t', 0, ID);
      append(log, 'a');
      log.flush();
      logs.checkpoint();
      for (const value of ['b', 'c']) append(log, value);
      expect(log.segments.length).toBe(2);
      // As if the kernel had written the names, and the records of the second file, but not those of the first.
      const second = disk.list('/data/t-0').filter((name) => name.endsWith('.log'))[1]!;
      disk.open(`/data/t-0/${second}`).sync();
      for (const directory of ['/data/t-0', '/data', '/']) disk.syncDirectory(directory);
      logs.halt();
      disk.powerCut();
      expect(disk.size(`/data/t-0/${second}`)).toBeGreaterThan(0);
    });
    const logs = open();
    const log = logs.create('t', 0, ID);
    expect(contents(log)).toEqual(['0:a']);
    expect(disk.list('/data/t-0').filter((name) => name.endsWith('.log'))).toEqual(['00000000000000000000.log']);
    logs.close();
    expect(contents(open().create('t', 0, ID))).toEqual(['0:a']);
  });

  test('a torn end of the only segment is cut off', () => {
    const { disk, open } = crashed((logs) => {
      append(logs.create('t', 0, ID), 'a');
      append(logs.create('t', 0, ID), 'b');
      logs.checkpoint();
    });
    const file = disk.open('/data/t-0/00000000000000000000.log');
    file.truncate(file.size() - 1);
    const log = open().create('t', 0, ID);
    expect(contents(log)).toEqual(['0:a']);
    append(log, 'c');
    expect(contents(log)).toEqual(['0:a', '1:c']);
  });

  test('no hint outlives its partition', async () => {
    const other = 'TmV3TmV3TmV3TmV3TmV3TQ';
    const { disk, open } = setUp();
    const logs = open();
    append(logs.create('t', 0, ID), 'old');
    logs.checkpoint();
    logs.delete('t', 0);
    await Promise.resolve();
    append(logs.create('t', 0, other), 'new');
    logs.halt();
    expect(disk.exists('/data/t-0')).toBe(true);
    expect(open().get('t', 0)).toMatchObject({ topicId: other, logEndOffset: 1n });
  });

  test('records whose topic id was lost in a power cut are removed', () => {
    const { disk, open } = setUp();
    const logs = open();
    append(logs.create('t', 0, ID), 'a');
    // As if the kernel had written the records and the names, but not the id.
    disk.open('/data/t-0/00000000000000000000.log').sync();
    for (const directory of ['/data/t-0', '/data', '/']) disk.syncDirectory(directory);
    disk.powerCut();
    const log = open().create('t', 0, ID);
    expect(log.logEndOffset).toBe(0n);
    append(log, 'b');
    expect(contents(log)).toEqual(['0:b']);
  });
});

describe('a new partition', () => {
  test('has a directory from its first record on, its id in it', () => {
    const { disk, open } = setUp();
    const first = open();
    const log = first.create('t', 0, ID);
    log.maybeAssignEpochStart(0, 0n);
    expect(log.read(0n, 100, { maxOffset: 0n, minOneMessage: true }).records).toEqual([]);
    expect(log.truncateTo(5n)).toBe(0n);
    expect(log.offsetForTimestamp(0n)).toBeNull();
    first.applyRetention();
    first.checkpoint();
    expect(disk.exists('/data/t-0')).toBe(false);
    append(log, 'a');
    expect(disk.readFile('/data/t-0/partition.metadata').toString()).toContain(ID);
    first.delete('t', 0);
    expect(disk.exists('/data/t-0')).toBe(false);
    // Deleting a log that never had a record touches no file either.
    first.create('u', 0, ID);
    first.delete('u', 0);
    expect(first.get('u', 0)).toBeUndefined();
    first.close();
    expect([...open().logs()]).toEqual([]);
  });

  test('may begin in the middle', () => {
    const { open } = setUp();
    const first = open();
    first.create('t', 0, ID).truncateFullyAndStartAt(40n);
    first.close();
    expect(open().get('t', 0)).toMatchObject({ logStartOffset: 40n, logEndOffset: 40n, topicId: ID });
  });
});

describe('open files', () => {
  test('are bounded under random reads and writes', () => {
    const disk = new MemoryDisk();
    let open = 0;
    let most = 0;
    const counting = Object.create(disk) as MemoryDisk;
    counting.open = (path, options) => {
      const file = disk.open(path, options);
      most = Math.max(most, ++open);
      return {
        ...file,
        close: () => {
          open--;
          file.close();
        },
      };
    };
    // Not counting its limit.
    counting.writeFileAtomic = (path, bytes) => disk.writeFileAtomic(path, bytes);
    const logs = LogManager.open({
      disk: counting,
      directory: '/data',
      clock: new ManualClock(),
      logger: silentLogger,
      random: seededRandom(1),
      configFor: () => ({ ...DEFAULT_LOG_CONFIG, segmentBytes: 150 }),
      maxOpenFiles: 5,
    });
    for (let round = 0; round < 4; round++)
      for (let partition = 0; partition < 12; partition++) append(logs.create('t', partition, ID), `${partition}.${round}`);
    for (let partition = 0; partition < 12; partition++)
      expect(contents(logs.create('t', partition, ID))).toEqual([0, 1, 2, 3].map((round) => `${round}:${partition}.${round}`));
    // An index or a checkpoint is open only for the one call that reads or writes it.
    expect(most).toBeLessThanOrEqual(6);
    logs.close();
    expect(open).toBe(0);
  });

  test('the least recently used is closed first; a process without descriptors closes half of its own', () => {
    const disk = new MemoryDisk();
    const pool = new FilePool(disk, 3);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => new PooledFile(pool, `/${name}`)) as [
      PooledFile,
      PooledFile,
      PooledFile,
      PooledFile,
    ];
    const opens: string[] = [];
    let fail = false;
    disk.options = {
      fault: (operation, path) => {
        if (operation !== 'open') return undefined;
        opens.push(path);
        if (!fail) return undefined;
        fail = false;
        return { code: 'EMFILE' };
      },
    };
    for (const file of [a, b, c, a, d]) file.touch();
    a.touch();
    c.touch();
    expect(opens).toEqual(['/a', '/b', '/c', '/d']);
    fail = true;
    b.write([Buffer.from('x')], 0);
    expect(pool.openCount).toBe(2);
    expect(disk.readFile('/b').toString()).toBe('x');
  });
});
