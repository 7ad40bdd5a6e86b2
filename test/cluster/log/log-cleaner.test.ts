import { expect, test } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG, type CleanupPolicy, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { LogManager, type LogManagerOptions } from '../../../electron/cluster/log/log-manager.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { contents, ManualClock, START_MS } from './helpers.ts';

const ID = 'jKfGsCXpQWmGQDO3oMzNHw';

function setUp() {
  const disk = new MemoryDisk();
  const clock = new ManualClock();
  const compact: LogConfig = {
    ...DEFAULT_LOG_CONFIG,
    cleanupPolicy: new Set<CleanupPolicy>(['compact']),
    segmentBytes: 200,
  };
  const configFor = (topic: string): LogConfig =>
    topic.startsWith('plain') ? { ...compact, cleanupPolicy: new Set<CleanupPolicy>(['delete']) } : compact;
  const open = (more: Partial<LogManagerOptions> = {}): LogManager =>
    LogManager.open({ disk, directory: '/data', clock, logger: silentLogger, random: seededRandom(1), configFor, ...more });
  return { disk, clock, open };
}

function write(log: Log, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = Buffer.from(`v${log.logEndOffset}`);
    log.appendAsLeader(buildBatch({ records: [{ key: Buffer.from('k'), value }], timestamp: BigInt(START_MS) }), 0, { origin: 'client' });
  }
  log.updateHighWatermark(log.logEndOffset);
}

test('compacts logs above min.cleanable.dirty.ratio, the dirtiest first, and keeps a checkpoint', () => {
  const { disk, clock, open } = setUp();
  const logs = open();
  const [plain, busy, idle] = ['plain', 'busy', 'idle'].map((topic) => logs.create(topic, 0, ID)) as [Log, Log, Log];
  for (const log of [plain, busy]) write(log, 20);
  write(idle, 2);
  clock.advance(14_000);
  expect(contents(busy)).toHaveLength(20);
  clock.advance(2_000);
  expect(contents(plain)).toHaveLength(20);
  expect(contents(busy).length).toBeLessThan(5);
  expect(contents(busy).at(-1)).toBe('19:v19');
  expect(disk.readFile('/data/cleaner-offset-checkpoint').toString()).toMatch(/^0\n1\nbusy 0 1\d\n$/);
  // Few new bytes: it waits until half of the log is new.
  const before = contents(busy).length;
  write(busy, 1);
  clock.advance(60_000);
  expect(contents(busy)).toHaveLength(before + 1);
  logs.close();

  // A start opens only logs that may be dirty, and continues from the checkpoint.
  const again = open();
  clock.advance(60_000);
  expect([...again.logs()].map(({ topic, log }) => `${topic} ${log.isOpen}`)).toEqual(['busy true', 'idle false', 'plain false']);
  write(again.create('busy', 0, ID), 20);
  clock.advance(60_000);
  expect(contents(again.create('busy', 0, ID)).length).toBeLessThan(5);
  again.delete('busy', 0);
  expect(disk.readFile('/data/cleaner-offset-checkpoint').toString()).toBe('0\n0\n');
});

test('respects the rate limit, and lets other work run between slices', () => {
  const { clock, open } = setUp();
  const logs = open({ cleaner: { maxBytesPerSecond: 1_000_000 } });
  const log = logs.create('big', 0, ID);
  log.updateConfig({ ...log.config, segmentBytes: 1 << 20 });
  const value = Buffer.alloc(100_000);
  for (let i = 0; i < 45; i++)
    log.appendAsLeader(buildBatch({ records: [{ key: Buffer.from('k'), value }], timestamp: BigInt(START_MS) }), 0, { origin: 'client' });
  log.updateHighWatermark(log.logEndOffset);
  clock.advance(16_000);
  expect(contents(log, 1 << 24)).toHaveLength(45);
  // Some 4 MB are read twice: to find the newest records, and to copy them.
  clock.advance(10_000);
  expect(contents(log, 1 << 24).length).toBeLessThan(20);
});

test('leaves a corrupt log unchanged, and compacts the others', () => {
  const { disk, clock, open } = setUp();
  const logs = open();
  const [bad, good] = ['bad', 'good'].map((topic) => logs.create(topic, 0, ID)) as [Log, Log];
  for (const log of [bad, good]) write(log, 20);
  disk.open('/data/bad-0/00000000000000000000.log').write([Buffer.from('!')], 70);
  const sizes = bad.segments.map(({ sizeBytes }) => sizeBytes);
  clock.advance(60_000);
  expect(bad.segments.map(({ sizeBytes }) => sizeBytes)).toEqual(sizes);
  expect(contents(good).length).toBeLessThan(5);
  expect(bad.storageError).toBeUndefined();
});

test('compacts nothing when it is disabled', () => {
  const { clock, open } = setUp();
  const logs = open({ cleaner: false });
  const log = logs.create('t', 0, ID);
  write(log, 20);
  clock.advance(600_000);
  expect(contents(log)).toHaveLength(20);
});

test('does not compact a log whose corrupt segment waits for its repair', () => {
  const { disk, clock, open } = setUp();
  const errors: string[] = [];
  const logs = open();
  const log = logs.create('bad', 0, ID);
  write(log, 20);
  logs.close();
  disk.open('/data/bad-0/00000000000000000000.log').write([Buffer.from('!')], 70);
  const again = open({ logger: { ...silentLogger, error: (text) => void errors.push(text), child: () => silentLogger } });
  const reopened = again.create('bad', 0, ID);
  reopened.updateHighWatermark(reopened.logEndOffset);
  expect(() => contents(reopened)).toThrow();
  expect(reopened.corruptSegments).toHaveLength(1);
  clock.advance(60_000);
  expect(errors).toEqual([]);
});
