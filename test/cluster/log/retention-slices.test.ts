/** Retention over many logs: a durable write for each, so one event-loop turn must not do all of them. */
import { expect, test } from 'vitest';
import type { Timer } from '../../../electron/cluster/lib/clock.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { DEFAULT_LOG_CONFIG } from '../../../electron/cluster/log/log-config.ts';
import { LogManager } from '../../../electron/cluster/log/log-manager.ts';
import { append, ManualClock } from './helpers.ts';

const LOGS = 60;
/** Ms of a durable write. */
const WRITE_MS = 3;
const INTERVAL_MS = 300_000;

/** Measures the turns of the event loop, in ms. */
class TurnClock extends ManualClock {
  longestMs = 0;
  turns = 0;
  override setTimer(delayMs: number, callback: () => void): Timer {
    return super.setTimer(delayMs, () => {
      const from = this.time;
      callback();
      this.turns++;
      this.longestMs = Math.max(this.longestMs, this.time - from);
    });
  }
}

class SlowDisk extends MemoryDisk {
  writes = 0;
  private readonly clock: ManualClock;
  constructor(clock: ManualClock) {
    super();
    this.clock = clock;
  }
  override writeFileAtomic(path: string, bytes: Buffer): void {
    super.writeFileAtomic(path, bytes);
    this.writes++;
    this.clock.time += WRITE_MS;
  }
}

function setUp() {
  const clock = new TurnClock();
  const disk = new SlowDisk(clock);
  const logs = LogManager.open({
    disk,
    directory: '/data',
    clock,
    logger: silentLogger,
    random: seededRandom(1),
    cleaner: false,
    retentionIntervalMs: INTERVAL_MS,
    checkpointIntervalMs: INTERVAL_MS * 100,
    configFor: () => ({ ...DEFAULT_LOG_CONFIG, segmentBytes: 170, retentionBytes: 400 }),
  });
  for (let partition = 0; partition < LOGS; partition++) {
    const log = logs.create('t', partition, 'jKfGsCXpQWmGQDO3oMzNHw');
    for (let i = 0; i < 12; i++) append(log, `value ${i}`);
    log.updateHighWatermark(log.logEndOffset);
  }
  const due = (): number => [...logs.logs()].filter(({ log }) => log.logStartOffset === 0n).length;
  expect(due()).toBe(LOGS);
  return { clock, disk, logs, due };
}

test('retention of many logs runs in slices, and reaches every log', () => {
  const { clock, disk, due } = setUp();
  const before = disk.writes;
  clock.advance(INTERVAL_MS + 5_000);
  expect(due()).toBe(0);
  expect(disk.writes - before).toBeGreaterThanOrEqual(LOGS);
  // All in one turn would be LOGS * WRITE_MS = 180 ms.
  expect(clock.longestMs).toBeGreaterThanOrEqual(20);
  expect(clock.longestMs).toBeLessThan(40);
});

test('a halt ends a retention round between two slices', () => {
  const { clock, logs, due } = setUp();
  logs.applyRetention();
  const left = due();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(LOGS);
  logs.halt();
  clock.advance(INTERVAL_MS);
  expect(due()).toBe(left);
});

test('a round of retention that is still running is not started twice', () => {
  const { clock, logs, due } = setUp();
  logs.applyRetention();
  const left = due();
  expect(left).toBeGreaterThan(0);
  logs.applyRetention();
  expect(due()).toBe(left);
  clock.advance(1_000);
  expect(due()).toBe(0);
});

test('a partition that is deleted between two slices is skipped', () => {
  const { clock, logs, due } = setUp();
  logs.applyRetention();
  expect(logs.get('t', LOGS - 1)?.logStartOffset).toBe(0n);
  logs.delete('t', LOGS - 1);
  clock.advance(1_000);
  expect(due()).toBe(0);
  expect(logs.storageError).toBeUndefined();
});
