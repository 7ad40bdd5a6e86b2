import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Disk } from '../../../electron/cluster/lib/disk.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { systemDisk } from '../../../electron/cluster/lib/system-disk.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { LogManager, type LogManagerOptions } from '../../../electron/cluster/log/log-manager.ts';
import { parsePartitionDirectory } from '../../../electron/cluster/log/partition-directory.ts';
import { append, contents, ManualClock, START_MS } from './helpers.ts';

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';
const temporary: string[] = [];
afterEach(() => {
  for (const path of temporary.splice(0)) rmSync(path, { recursive: true, force: true });
});

function setUp(disk: Disk = new MemoryDisk(), directory = '/data', config: Partial<LogConfig> = {}) {
  const clock = new ManualClock();
  const settings = { ...DEFAULT_LOG_CONFIG, ...config };
  const open = (more: Partial<LogManagerOptions> = {}): LogManager =>
    LogManager.open({ disk, directory, clock, logger: silentLogger, random: seededRandom(1), configFor: () => settings, ...more });
  return { disk, clock, open, settings };
}
const text = (disk: Disk, name: string): string => disk.readFile(`/data/${name}`).toString();
const turn = (): Promise<void> => Promise.resolve();

describe('start and stop', () => {
  test('restores logs, offsets and topic ids after a clean stop', () => {
    const { disk, open } = setUp();
    const first = open();
    expect(first.openedClean).toBe(false);
    for (const [topic, partition] of [
      ['a', 0],
      ['a', 1],
      ['b.c-d', 12],
    ] as const) {
      const log = first.create(topic, partition, ID);
      append(log, `${topic}${partition}`, 'x');
      log.updateHighWatermark(1n);
    }
    first.close();
    first.close();
    expect(text(disk, 'recovery-point-offset-checkpoint')).toBe('0\n3\na 0 2\na 1 2\nb.c-d 12 2\n');
    expect(text(disk, 'replication-offset-checkpoint')).toBe('0\n3\na 0 1\na 1 1\nb.c-d 12 1\n');
    expect(disk.exists('/data/.kafka_cleanshutdown')).toBe(true);

    const second = open();
    expect(second.openedClean).toBe(true);
    expect(disk.exists('/data/.kafka_cleanshutdown')).toBe(false);
    expect([...second.logs()].map(({ topic, partition }) => `${topic} ${partition}`)).toEqual(['a 0', 'a 1', 'b.c-d 12']);
    const log = second.get('b.c-d', 12);
    expect(log?.topicId).toBe(ID);
    expect(log?.highWatermark).toBe(1n);
    expect(log && contents(log)).toEqual(['0:b.c-d12', '1:x']);
    expect(second.get('a', 2)).toBeUndefined();
    second.halt();
    expect(open().openedClean).toBe(false);
  });

  test('restores flushed records after a power cut, without the clean-shutdown marker', () => {
    const memory = new MemoryDisk();
    memory.makeDirectory('/data');
    memory.syncDirectory('/');
    const { open } = setUp(memory);
    const first = open();
    append(first.create('t', 0, ID), 'old');
    first.close();
    const second = open();
    const log = second.get('t', 0);
    if (log === undefined) throw new Error('no log');
    append(log, 'flushed');
    log.flush();
    append(log, 'lost');
    memory.powerCut();
    const third = open();
    expect(third.openedClean).toBe(false);
    expect(contents(third.create('t', 0, ID))).toEqual(['0:old', '1:flushed']);
  });

  test('reports a partition that cannot be opened; the others work, and the stop is not clean', () => {
    const { disk, open } = setUp();
    const first = open();
    append(first.create('bad', 0, ID), 'x');
    first.get('bad', 0)?.roll();
    first.get('bad', 0)?.flush();
    first.checkpoint();
    append(first.create('good', 0, ID), 'x');
    first.halt();
    disk.writeFileAtomic('/data/bad-0/partition.metadata', Buffer.from('nonsense'));
    const second = open();
    expect([...second.failures.keys()]).toEqual(['bad-0']);
    expect(() => second.create('bad', 0, ID)).toThrow(expect.objectContaining({ code: 56 }));
    expect(second.get('good', 0)?.logEndOffset).toBe(1n);
    second.close();
    expect(disk.exists('/data/.kafka_cleanshutdown')).toBe(false);
  });

  test('ignores a corrupt checkpoint', () => {
    const { disk, open } = setUp();
    const first = open();
    append(first.create('t', 0, ID), 'x');
    first.close();
    disk.writeFileAtomic('/data/recovery-point-offset-checkpoint', Buffer.from('0\n7\nt 0 1\n'));
    expect(open().get('t', 0)?.logEndOffset).toBe(1n);
  });

  test('directory names', () => {
    expect(parsePartitionDirectory('a-b-3')).toEqual({ topic: 'a-b', partition: 3 });
    for (const name of ['__cluster_metadata-0', 'a', 'a-', 'a-01', 'meta.properties', `t-0.${'a'.repeat(32)}-delete`]) {
      expect(parsePartitionDirectory(name)).toBeUndefined();
    }
  });
});

describe('deletion', () => {
  test('the partition is gone at once, its files later, also after a restart in between', () => {
    const { disk, clock, open } = setUp();
    const manager = open();
    append(manager.create('t', 0, ID), 'x');
    append(manager.create('t', 1, ID), 'x');
    manager.delete('t', 0);
    manager.delete('t', 0);
    expect(manager.get('t', 0)).toBeUndefined();
    const aside = disk.list('/data').filter((name) => name.endsWith('-delete'));
    expect(aside).toEqual([expect.stringMatching(/^t-0\.[0-9a-f]{32}-delete$/)]);
    clock.advance(60_000);
    expect(disk.list('/data').some((name) => name.endsWith('-delete'))).toBe(false);
    manager.delete('t', 1);
    manager.close();
    const again = open();
    expect([...again.logs()]).toEqual([]);
    clock.advance(60_000);
    expect(disk.list('/data').some((name) => name.startsWith('t-'))).toBe(false);
  });

  test('a re-created partition does not use the offsets of the deleted one', async () => {
    const memory = new MemoryDisk();
    memory.makeDirectory('/data');
    memory.syncDirectory('/');
    const { open } = setUp(memory);
    const manager = open();
    const old = manager.create('t', 0, ID);
    append(old, 'a', 'b', 'c');
    old.updateHighWatermark(3n);
    old.deleteRecordsBefore(2n);
    old.flush();
    manager.checkpoint();
    manager.delete('t', 0);
    const fresh = manager.create('t', 0, 'xxxxxxxxxxxxxxxxxxxxxx');
    append(fresh, 'new');
    fresh.flush();
    await turn();
    memory.powerCut();
    const log = open().create('t', 0, 'xxxxxxxxxxxxxxxxxxxxxx');
    expect(contents(log)).toEqual(['0:new']);
  });

  test('refuses another topic of the same name', () => {
    const { open } = setUp();
    const manager = open();
    manager.create('t', 0, ID);
    expect(() => manager.create('t', 0, 'xxxxxxxxxxxxxxxxxxxxxx')).toThrow(expect.objectContaining({ code: 103 }));
  });
});

describe('periodic work', () => {
  test('checkpoints, timed flushes and retention run on the clock', () => {
    const { disk, clock, open } = setUp(new MemoryDisk(), '/data', { flushMs: 2000, retentionMs: 60_000 });
    const manager = open();
    const log = manager.create('t', 0, ID);
    append(log, 'x');
    log.updateHighWatermark(1n);
    clock.advance(1000);
    expect(log.recoveryPoint).toBe(0n);
    clock.advance(1000);
    expect(log.recoveryPoint).toBe(1n);
    clock.advance(3000);
    expect(text(disk, 'replication-offset-checkpoint')).toBe('0\n1\nt 0 1\n');
    clock.advance(295_000);
    expect(clock.now()).toBe(START_MS + 300_000);
    expect(log.logStartOffset).toBe(1n);
    manager.close();
    append(open().create('t', 0, ID), 'y');
  });

  test('urgent offsets are written at the end of the turn', async () => {
    const { disk, open } = setUp();
    const log = open().create('t', 0, ID);
    append(log, 'a', 'b');
    log.updateHighWatermark(2n);
    log.deleteRecordsBefore(1n);
    await turn();
    expect(text(disk, 'log-start-offset-checkpoint')).toBe('0\n1\nt 0 1\n');
  });

  test('updated settings reach open logs', () => {
    const { open, settings } = setUp();
    const manager = open();
    const log = manager.create('t', 0, ID);
    settings.maxMessageBytes = 10;
    manager.updateConfig('t');
    expect(() => append(log, 'x')).toThrow(expect.objectContaining({ code: 10 }));
  });
});

test('reports a failed disk once, and writes no clean-shutdown marker', () => {
  const memory = new MemoryDisk();
  const failures: number[] = [];
  const { open, clock } = setUp(memory);
  const manager = open({ storageFailed: (error) => failures.push(error.code) });
  const log = manager.create('t', 0, ID);
  memory.options = { fault: (operation) => (operation === 'write' ? { code: 'EIO' } : undefined) };
  expect(() => append(log, 'x')).toThrow(expect.objectContaining({ code: 56 }));
  clock.advance(10_000);
  expect(failures).toEqual([56]);
  expect(() => manager.create('u', 0, ID)).toThrow(expect.objectContaining({ code: 56 }));
  memory.options = {};
  manager.close();
  expect(memory.exists('/data/.kafka_cleanshutdown')).toBe(false);
});

test('on the real disk', () => {
  const directory = mkdtempSync(join(tmpdir(), 'brokerdesk-log-'));
  temporary.push(directory);
  const { open } = setUp(systemDisk, directory, { segmentBytes: 500, indexIntervalBytes: 100 });
  const first = open();
  const log = first.create('t', 0, ID);
  for (let i = 0; i < 40; i++) append(log, `value ${i}`);
  log.truncateTo(30n);
  const before = contents(log);
  expect(before).toHaveLength(30);
  first.halt();
  for (const { log: left } of first.logs()) left.closeWithoutFlush();
  const second = open();
  const recovered = second.create('t', 0, ID);
  expect(contents(recovered)).toEqual(before);
  append(recovered, 'more');
  second.delete('t', 0);
  append(second.create('t', 0, ID), 'fresh');
  second.close();
  const third = open();
  expect(third.openedClean).toBe(true);
  expect(contents(third.create('t', 0, ID))).toEqual(['0:fresh']);
  third.close();
});
