import { describe, expect, test } from 'vitest';
import { elapsedSeconds } from '../../../electron/services/view/elapsed.ts';
import { RecordRate } from '../../../electron/services/view/record-rate.ts';

const at = (ms: number, wallOffset = 1_000_000) => ({ monotonicMs: ms, wallMs: wallOffset + ms });
const keys = (topic: string, partitions: number) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));

function noteAll(rate: RecordRate, topic: string, ends: readonly bigint[], ms: number, topicId = 'id'): void {
  ends.forEach((end, partition) => rate.note(topic, topicId, partition, { end, at: at(ms) }));
}

describe('RecordRate', () => {
  test('adds up what each partition gained between two readings of its own', () => {
    const rate = new RecordRate();
    noteAll(rate, 'a', [100n, 200n], 0);
    expect(rate.sum(keys('a', 2))).toBeNull();
    noteAll(rate, 'a', [110n, 230n], 500);
    expect(rate.sum(keys('a', 2))).toBe(80);
  });

  test('is 0 after a look at another idle topic, not the difference of their ends', () => {
    const rate = new RecordRate();
    for (const [ms, topic, end] of [
      [0, 'a', 7n],
      [500, 'a', 7n],
      [1_000, 'b', 49_800_000n],
      [1_500, 'b', 49_800_000n],
    ] as const)
      // prettier-ignore
      noteAll(rate, topic, [end], ms);
    expect(rate.sum(keys('a', 1))).toBe(0);
    expect(rate.sum(keys('b', 1))).toBe(0);
  });

  test('is unknown, not smaller, while one partition is not known', () => {
    const rate = new RecordRate();
    noteAll(rate, 'a', [0n, 0n], 0);
    noteAll(rate, 'a', [50n, 50n], 500);
    rate.note('a', 'id', 1, null);
    expect(rate.sum(keys('a', 2))).toBeNull();
    expect(rate.sum(keys('a', 3))).toBeNull();
    expect(rate.sum([])).toBeNull();
  });

  test('measures nothing from a leader that was missing until it has been read twice', () => {
    const rate = new RecordRate();
    noteAll(rate, 'a', [0n], 0);
    rate.note('a', 'id', 0, null);
    noteAll(rate, 'a', [1_000_000n], 3_000);
    expect(rate.sum(keys('a', 1))).toBeNull();
    noteAll(rate, 'a', [1_000_010n], 3_500);
    expect(rate.sum(keys('a', 1))).toBe(20);
  });

  test('measures nothing across a truncation, a re-created topic, a suspension or a clock that was set', () => {
    const pairs: [first: Parameters<RecordRate['note']>, second: Parameters<RecordRate['note']>][] = [
      [
        ['a', 'id', 0, { end: 10n, at: at(0) }],
        ['a', 'id', 0, { end: 9n, at: at(500) }],
      ],
      [
        ['a', 'old', 0, { end: 10n, at: at(0) }],
        ['a', 'new', 0, { end: 500n, at: at(500) }],
      ],
      [
        ['a', 'id', 0, { end: 10n, at: at(0) }],
        ['a', 'id', 0, { end: 500n, at: at(90_000) }],
      ],
      // The machine slept: the monotonic clock stood, the wall clock did not.
      [
        ['a', 'id', 0, { end: 10n, at: at(0) }],
        ['a', 'id', 0, { end: 500n, at: at(500, 91_000_000) }],
      ],
    ];
    for (const [first, second] of pairs) {
      const rate = new RecordRate();
      rate.note(...first);
      rate.note(...second);
      expect(rate.sum(keys('a', 1))).toBeNull();
    }
  });

  test('smooths the same partitions only', () => {
    const rate = new RecordRate();
    noteAll(rate, 'a', [0n], 0);
    noteAll(rate, 'b', [0n], 0);
    noteAll(rate, 'a', [50n], 500);
    noteAll(rate, 'b', [0n], 500);
    expect(rate.sum(keys('a', 1))).toBe(100);
    expect(rate.sum(keys('b', 1))).toBe(0);
    noteAll(rate, 'b', [50n], 1_000);
    expect(rate.sum(keys('b', 1))).toBe(50);
  });
});

test('elapsedSeconds: knows no time between equal or reversed instants', () => {
  expect(elapsedSeconds(at(5), at(5))).toBeNull();
  expect(elapsedSeconds(at(5), at(4))).toBeNull();
  expect(elapsedSeconds(at(0), at(2_000))).toBe(2);
});
