/** A search by timestamp yields so often that no slice of it is long, however many batches, segments or records it reads. */
import { describe, expect, test } from 'vitest';
import type { Clock, Timer } from '../../../electron/cluster/lib/clock.ts';
import { runInSlices } from '../../../electron/cluster/lib/work-slices.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { batchOf, createHarness, START_MS, type LogHarness } from './helpers.ts';

const CLIENT = { origin: 'client' } as const;
const time = (ms: number): bigint => BigInt(START_MS + ms);

/** One segment without index entries: a search reads the headers of all batches. */
function flat(batches: number, more: Parameters<typeof createHarness>[0] = {}): LogHarness {
  const made = createHarness({ indexIntervalBytes: 1 << 30, ...more });
  for (let index = 0; index < batches; index++) made.log.appendAsLeader(batchOf(['v'], { timestamp: time(index) }), 0, CLIENT);
  return made;
}

function steps<R>(work: Generator<undefined, R, undefined>): { yields: number; value: R } {
  for (let yields = 0; ; yields++) {
    const step = work.next();
    if (step.done === true) return { yields, value: step.value };
  }
}

describe('yields', () => {
  test('every few headers of batches', () => {
    const { log } = flat(2_000);
    const { yields, value } = steps(log.searchTimestamp(time(1_999)));
    expect(value).toEqual({ timestamp: time(1_999), offset: 1_999n, leaderEpoch: 0 });
    expect(yields).toBeGreaterThanOrEqual(2_000 / 50);
    expect(steps(log.searchTimestamp('largest')).yields).toBeGreaterThanOrEqual(2_000 / 50);
  });

  test('every few segments', () => {
    const made = createHarness({ segmentBytes: 200 });
    for (let index = 0; index < 300; index++) made.log.appendAsLeader(batchOf(['v'.repeat(100)], { timestamp: time(index) }), 0, CLIENT);
    expect(made.log.segments.length).toBeGreaterThanOrEqual(299);
    expect(steps(made.log.searchTimestamp(time(299)))).toMatchObject({ value: { offset: 299n } });
    expect(steps(made.log.searchTimestamp(time(299))).yields).toBeGreaterThanOrEqual(300 / 20);
    expect(steps(made.log.searchTimestamp('largest'))).toMatchObject({ value: { offset: 299n } });
    expect(steps(made.log.searchTimestamp('largest')).yields).toBeGreaterThanOrEqual(300 / 20);
  });

  test('every few thousand records of one batch', () => {
    const made = createHarness({ maxMessageBytes: 1 << 30 });
    const last = Array.from({ length: 100_000 }, (_, index) => ({ value: null, timestamp: time(index === 99_999 ? 9 : 1) }));
    made.log.appendAsLeader(batchOf([], { records: last }), 0, CLIENT);
    const { yields, value } = steps(made.log.searchTimestamp(time(9)));
    expect(value).toMatchObject({ offset: 99_999n });
    expect(yields).toBeGreaterThanOrEqual(100_000 / 10_000);
  });
});

describe('an append between two steps', () => {
  const cases = [
    ['of a search for a time', time(5_000)],
    ['of a search for the largest time', 'largest'],
  ] as const;
  test.each(cases)('%s is no corruption of the segment', (_name, wanted) => {
    const corruptions: unknown[] = [];
    for (let at = 1; ; at++) {
      const { log } = createHarness({ indexIntervalBytes: 1 << 30 }, { onCorruption: (corruption) => void corruptions.push(corruption) });
      // The timestamp belongs to a deleted record: the search reads all others.
      log.appendAsLeader(batchOf(['late'], { timestamp: time(10_000) }), 0, CLIENT);
      for (let index = 0; index < 200; index++) log.appendAsLeader(batchOf(['v'], { timestamp: time(index) }), 0, CLIENT);
      log.updateHighWatermark(log.logEndOffset);
      if (wanted !== 'largest') log.deleteRecordsBefore(1n);
      const search = log.searchTimestamp(wanted);
      let step = search.next();
      for (let count = 1; count < at && step.done !== true; count++) step = search.next();
      const isOver = step.done === true;
      log.appendAsLeader(batchOf(['more'], { timestamp: time(300) }), 0, CLIENT);
      while (step.done !== true) step = search.next();
      expect([at, step.value?.offset]).toEqual([at, wanted === 'largest' ? 0n : undefined]);
      expect([at, log.corruptSegments, corruptions]).toEqual([at, [], []]);
      if (isOver) break;
    }
  });
});

/** Every read of the clock takes a millisecond; timers run on request. */
class CostlyClock implements Clock {
  private ms = 0;
  readonly waiting: (() => void)[] = [];
  now(): number {
    return this.ms;
  }
  monotonic(): number {
    return this.ms++;
  }
  setTimer(_delayMs: number, callback: () => void): Timer {
    this.waiting.push(callback);
    return { cancel: () => void this.waiting.splice(this.waiting.indexOf(callback), 1) };
  }
}

describe('slices', () => {
  test('long work waits for a timer after every slice, short work for none', async () => {
    const clock = new CostlyClock();
    expect(runInSlices(clock, flat(10).log.searchTimestamp(time(9)))).toMatchObject({ offset: 9n });
    expect(clock.waiting).toEqual([]);
    const search = runInSlices(clock, flat(4_000).log.searchTimestamp(time(3_999)));
    let slices = 1;
    let found: unknown;
    void Promise.resolve(search).then((value) => (found = value));
    for (; clock.waiting.length > 0; slices++) {
      clock.waiting.shift()?.();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    expect(found).toMatchObject({ offset: 3_999n });
    // 125 steps of at least a millisecond, at most 20 in a slice.
    expect(slices).toBeGreaterThanOrEqual(6);
  });

  test('a throw behind the first slice rejects', async () => {
    const clock = new CostlyClock();
    const failing = (function* (): Generator<undefined, number, undefined> {
      for (let step = 0; step < 100; step++) yield;
      throw new Error('at the end');
    })();
    const work = Promise.resolve(runInSlices(clock, failing));
    const outcome = work.catch((error: unknown) => String(error));
    for (let turn = 0; turn < 50; turn++) {
      clock.waiting.shift()?.();
      await Promise.resolve();
    }
    expect(await outcome).toBe('Error: at the end');
  });
});

describe('between two steps', () => {
  test('records that were cut off are not found', () => {
    const made = flat(500);
    const search = made.log.searchTimestamp(time(400));
    search.next();
    made.log.truncateTo(300n);
    made.log.appendAsLeader(batchOf(['later'], { timestamp: time(9_000) }), 1, CLIENT);
    expect(steps(search).value).toEqual({ timestamp: time(9_000), offset: 300n, leaderEpoch: 1 });
  });

  test('records that were deleted are not found', () => {
    const made = flat(500);
    const search = made.log.searchTimestamp(time(0));
    const later = made.log.searchTimestamp(time(200));
    later.next();
    made.log.updateHighWatermark(500n);
    made.log.deleteRecordsBefore(250n);
    expect(steps(later).value).toMatchObject({ offset: 250n });
    expect(steps(search).value).toMatchObject({ offset: 250n });
  });

  test('a closed log ends the search, and its disk does not count as failed', () => {
    let failures = 0;
    const made = createHarness({ indexIntervalBytes: 1 << 30 }, { storageFailed: () => failures++ });
    for (let index = 0; index < 500; index++) made.log.appendAsLeader(batchOf(['v'], { timestamp: time(index) }), 0, CLIENT);
    const search = made.log.searchTimestamp(time(499));
    search.next();
    made.log.close();
    made.disk.remove(`${made.log.directory}/00000000000000000000.log`);
    expect(() => steps(search)).toThrow(expect.objectContaining({ code: ErrorCode.KAFKA_STORAGE_ERROR }));
    expect(failures).toBe(0);
  });

  test('a log that is cut at every step is searched to the end', () => {
    const made = flat(600);
    const search = made.log.searchTimestamp(time(100));
    let yields = 0;
    for (let step = search.next(); ; step = search.next(), yields++) {
      if (step.done === true) {
        expect(step.value).toMatchObject({ offset: 100n });
        break;
      }
      made.log.truncateTo(made.log.logEndOffset - 1n);
    }
    expect(yields).toBeLessThan(20);
  });
});
