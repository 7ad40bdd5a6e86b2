import { describe, expect, it } from 'vitest';
import {
  compareDecimal,
  formatAgo,
  formatBytes,
  formatClock,
  formatClockSeconds,
  formatCount,
  formatDuration,
  formatList,
  formatMoment,
  formatRanges,
  formatSpan,
  isDate,
  isSameDay,
  plural,
  shortBootstrap,
} from '../../../renderer/format/numbers.ts';

describe('numbers', () => {
  it('keeps every digit of an offset that a double would round', () => {
    expect(formatCount('9007199254740993')).toBe('9,007,199,254,740,993');
    expect(formatCount('9223372036854775807')).toBe('9,223,372,036,854,775,807');
    expect(formatCount(-1)).toBe('-1');
  });

  it('writes bytes with three significant digits', () => {
    expect(formatBytes(0)).toBe('0 B');
    expect(formatBytes(999)).toBe('999 B');
    expect(formatBytes(1_240_000)).toBe('1.24 MB');
    expect(formatBytes('999999')).toBe('1.00 MB');
    expect(formatBytes(498_000_000)).toBe('498 MB');
    expect(formatBytes(12_340)).toBe('12.3 kB');
  });

  it('writes spans for a person', () => {
    expect(formatSpan(340)).toBe('0.3 s');
    expect(formatSpan(9_999)).toBe('9.9 s');
    expect(formatSpan(42_900)).toBe('42 s');
    expect(formatSpan(190_000)).toBe('3 min 10 s');
    expect(formatSpan(720_000)).toBe('12 min');
    expect(formatSpan(7_500_000)).toBe('2 h 5 min');
    expect(formatSpan(604_800_000)).toBe('7 days');
    expect(formatSpan(-5)).toBe('0.0 s');
  });

  it('formats a set span with no more digits than it has', () => {
    expect(formatDuration(3_000)).toBe('3 s');
    expect(formatDuration(1_500)).toBe('1.5 s');
    expect(formatDuration(300)).toBe('300 ms');
    expect(formatDuration(86_400_000)).toBe('1 day');
  });

  it('never claims an answer from the future', () => {
    expect(formatAgo(1_000, 900)).toBe('0.1 s ago');
  });

  it('folds ranges and lists', () => {
    expect(formatRanges([5, 0, 1, 2])).toBe('0–2, 5');
    expect(formatRanges([])).toBe('');
    expect(formatList(['a', 'b', 'c'])).toBe('a, b and c');
    expect(plural(1, 'partition')).toBe('1 partition');
    expect(plural(1_200, 'partition')).toBe('1,200 partitions');
  });

  it('shortens a bootstrap list only where nothing is lost', () => {
    expect(shortBootstrap('127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094')).toBe('127.0.0.1:9092–9094');
    expect(shortBootstrap('127.0.0.1:9092,127.0.0.1:9094')).toBe('127.0.0.1:9092 +1');
    expect(shortBootstrap('a:9092,b:9093')).toBe('a:9092 +1');
    expect(shortBootstrap('kafka:9092')).toBe('kafka:9092');
  });

  it.each([1_764_489_600_000_000_000, 8.64e15 + 1, -8.64e15 - 1, 2 ** 63, Infinity, NaN])(
    'writes %d, which is no date, as a number',
    (at) => {
      const text = Number.isFinite(at) ? `${formatCount(at)} ms` : '? ms';
      expect([formatMoment(at), formatClock(at), formatClockSeconds(at)]).toEqual([text, text, text]);
      expect(isDate(at)).toBe(false);
      expect(isSameDay(at, Date.now())).toBe(false);
    },
  );

  it('writes the farthest dates as dates', () => {
    for (const at of [0, 8.64e15, -8.64e15]) expect(formatMoment(at)).toMatch(/\d{2}:\d{2}:\d{2}/);
  });

  it('orders decimals by value, unknown below all', () => {
    expect(['10', null, '9', '9007199254740993', '9007199254740992'].sort(compareDecimal)).toEqual([
      null,
      '9',
      '10',
      '9007199254740992',
      '9007199254740993',
    ]);
  });
});
