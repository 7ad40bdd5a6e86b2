/** The swap of a whole log pauses: what happens to the log meanwhile leaves each segment old, new, or known to lack its records. */
import { expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import type { SegmentRepair } from '../../../electron/cluster/log/segment-repair.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { append, createHarness, contents, copyAll, DIRECTORY, START_MS, type LogHarness } from './helpers.ts';

const BATCHES = 200;
/** Two batches to a segment. */
const STEP_OFFSETS = 64n;

/** The segment at offset 2 is missing; a repair of the whole log has been prepared. */
function prepared(more: Parameters<LogHarness['reopen']>[0] = {}) {
  const made = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
  for (let i = 0; i < BATCHES; i++) append(made.log, `value ${i}`);
  const records = copyAll(made.log);
  const all = contents(made.log);
  const { logEndOffset } = made.log;
  made.log.close();
  made.disk.remove(`${DIRECTORY}/00000000000000000002.log`);
  const known = { highWatermark: logEndOffset, recoveryPoint: logEndOffset };
  const log = made.reopen({ ...known, ...more });
  return { made, log, records, all, known, repair: fill(log, records) };
}

function fill(log: Log, records: Buffer): SegmentRepair {
  const repair = log.beginRepair('log');
  if (repair === undefined) throw new Error('no corrupt segment');
  repair.append(records);
  repair.skipTo(repair.endOffset);
  return repair;
}

/** The records from the log start up to the first refusal. */
function readable(log: Log): string[] {
  const found: string[] = [];
  try {
    for (let offset = log.logStartOffset; offset < log.logEndOffset; offset++) {
      const { records } = log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true });
      found.push(`${offset} ${records.length}`);
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
  }
  return found;
}

function leftovers({ disk }: LogHarness): string[] {
  return disk.list(DIRECTORY).filter((name) => name.endsWith('.repair') || name.endsWith('.swap'));
}

test('between two steps the new segments are read, the others are refused, and appends continue', () => {
  const warnings: unknown[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const { made, log, all, known, repair } = prepared();
  const steps = repair.finishInSteps();
  let pauses = 0;
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    pauses++;
    const replaced = BigInt(pauses) * STEP_OFFSETS;
    expect(readable(log)).toHaveLength(Number(replaced));
    // Each of them would read the indexes of its segment.
    for (let offset = replaced; offset < BigInt(BATCHES); offset++) {
      expect(() => log.read(offset, 1, { maxOffset: log.logEndOffset, minOneMessage: true })).toThrow('not complete');
    }
    expect(() => log.offsetForTimestamp(BigInt(START_MS) + 1n)).not.toThrow();
    append(log, `meanwhile ${pauses}`);
    log.roll();
  }
  expect(pauses).toBe(3);
  expect(log.corruptSegments).toEqual([]);
  const now = [...all, ...[1, 2, 3].map((n) => `${BATCHES + n - 1}:meanwhile ${n}`)];
  expect(contents(log)).toEqual(now);
  log.close();
  const again = made.reopen({ ...known, logger });
  expect(contents(again)).toEqual(now);
  expect([warnings, leftovers(made)]).toEqual([[], []]);
});

test.each([
  ['a close', false],
  ['a kill', false],
  ['a power cut', true],
] as const)(
  '%s between two steps leaves the new segments and ones that lack their records, which the next repair replaces',
  (what, cut) => {
    for (const pauses of [1, 2, 3]) {
      const { made, log, records, all, known, repair } = prepared();
      const steps = repair.finishInSteps();
      for (let i = 0; i < pauses; i++) expect(steps.next().done).toBe(false);
      if (what === 'a close') log.close();
      else log.closeWithoutFlush();
      if (cut) made.disk.powerCut(seededRandom(pauses));
      expect(steps.next()).toEqual({ done: true, value: false });
      const again = made.reopen({ ...known, cleanShutdown: what === 'a close' });
      expect(again.logEndOffset).toBe(BigInt(BATCHES));
      expect(readable(again)).toHaveLength(pauses * Number(STEP_OFFSETS));
      expect(leftovers(made)).toEqual([]);
      expect(fill(again, records).finish()).toBe(true);
      expect(contents(again)).toEqual(all);
    }
  },
);

test('a truncation or a deletion of segments between two steps ends the swap, and brings nothing back', () => {
  for (const change of ['truncation', 'truncation to nothing', 'deletion'] as const) {
    const { made, log, records, all, known, repair } = prepared();
    const steps = repair.finishInSteps();
    expect(steps.next().done).toBe(false);
    if (change === 'truncation') log.truncateTo(101n);
    else if (change === 'truncation to nothing') log.truncateFullyAndStartAt(7n);
    else {
      log.deleteRecordsBefore(101n);
      expect(log.applyRetention(START_MS).segments).toBe(50);
    }
    expect(steps.next()).toEqual({ done: true, value: false });
    expect(leftovers(made)).toEqual([]);
    const end = log.logEndOffset;
    expect(end).toBe(change === 'truncation' ? 100n : change === 'deletion' ? BigInt(BATCHES) : 7n);
    append(log, 'after');
    const reopened = { ...known, highWatermark: end, recoveryPoint: end, logStartOffset: log.logStartOffset };
    log.close();
    const again = made.reopen(reopened);
    expect(again.logEndOffset).toBe(end + 1n);
    expect(readable(again).length).toBe(change === 'truncation' ? 64 : change === 'deletion' ? 0 : 1);
    if (change === 'truncation to nothing') continue;
    const from = change === 'deletion' ? 101 : 0;
    expect(fill(again, records).finish()).toBe(true);
    expect(contents(again).slice(0, Number(end) - from)).toEqual(all.slice(from, Number(end)));
  }
});

test('what the other replica has deleted at its log start is not passed over during a pause', () => {
  const { log, all, records, repair: other } = prepared();
  other.abandon();
  const repair = log.beginRepair('log');
  repair?.startAt(51n);
  repair?.append(records);
  repair?.skipTo(repair.endOffset);
  const steps = repair?.finishInSteps();
  expect(steps?.next().done).toBe(false);
  expect([log.logStartOffset, log.earliest.offset]).toEqual([51n, 51n]);
  expect(() => log.read(4n, 1, { maxOffset: log.logEndOffset, minOneMessage: true })).toThrow('outside 51 to');
  while (steps?.next().done === false);
  expect(contents(log)).toEqual(all.slice(51));
});

const CUTS: Record<string, (log: Log) => void> = {
  'is closed as one that lacks records': (log) => log.truncateTo(199n, { keepsMissing: true }),
  'is written again and closed at another offset': (log) => {
    log.truncateTo(198n);
    append(log, 'other 198');
    log.roll();
  },
  'is written again and closed at the same offset': (log) => {
    log.truncateTo(198n);
    append(log, 'other 198');
    append(log, 'other 199');
    log.roll();
  },
};

test.each(Object.keys(CUTS))('the last segment is not replaced by what it was when during a pause it is cut and %s', (what) => {
  const { made, log, known, repair } = prepared();
  const steps = repair.finishInSteps();
  expect(steps.next().done).toBe(false);
  CUTS[what]?.(log);
  const segments = log.segments.slice(-2);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  expect(step.value).toBe(false);
  expect(log.segments.slice(-2)).toEqual(segments);
  append(log, 'after');
  const highWatermark = log.logEndOffset;
  log.close();
  const again = made.reopen({ ...known, highWatermark, recoveryPoint: highWatermark });
  expect(again.segments.slice(-2).map(({ baseOffset, endOffset }) => [baseOffset, endOffset])).toEqual([
    [198n, segments[0]?.endOffset],
    [segments[0]?.endOffset, highWatermark],
  ]);
  expect(again.corruptSegments.some(({ baseOffset }) => baseOffset === 198n)).toBe(what.includes('lacks'));
});
