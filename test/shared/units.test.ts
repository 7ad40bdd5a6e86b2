import { describe, expect, it } from 'vitest';
import { formatExactDuration, parseTypedDuration } from '../../shared/durations.ts';
import { formatExactSize, parseTypedSize } from '../../shared/sizes.ts';

const AMOUNTS = [0n, 1n, 7n, 250n, 999n, 1_000n, 1_001n, 1_024n, 59_999n, 90_061_001n, 1_048_576n, 1_048_588n, 604_800_000n, 2n ** 31n - 1n, 10n ** 12n, 2n ** 63n - 1n]; // prettier-ignore

describe('durations with units', () => {
  it.each([
    ['7 d', 604_800_000n],
    ['7d', 604_800_000n],
    ['7 days', 604_800_000n],
    ['1 D', 86_400_000n],
    ['1 h 30 min', 5_400_000n],
    ['1.5 h', 5_400_000n],
    ['0.25 s', 250n],
    ['1,500 ms', 1_500n],
    [' 20 ms ', 20n],
    ['0 ms', 0n],
  ])('%j is %i ms', (text, ms) => {
    expect(parseTypedDuration(text)).toBe(ms);
  });

  it.each(['', ' ', '7', 'd', '-1 d', '7 x', '7 d 3', '1.5 ms', '0.0001 s', '1e3 s', '7 constructor', '1,00 s', '9'.repeat(200), '7 d;'])(
    '%j is none',
    (text) => {
      expect(parseTypedDuration(text)).toBeNull();
    },
  );

  it.each([
    [604_800_000n, '7 d'],
    [129_600_000n, '1 d 12 h'],
    [0n, '0 ms'],
    [300_000n, '5 min'],
    [90_061_001n, '1 d 1 h 1 min 1 s 1 ms'],
  ])('%i ms is written %s', (ms, text) => {
    expect(formatExactDuration(ms)).toBe(text);
  });

  it('is read back as it was written', () => {
    for (const ms of AMOUNTS) expect(parseTypedDuration(formatExactDuration(ms)), `${ms}`).toBe(ms);
  });
});

describe('sizes with units', () => {
  it.each([
    ['1 GiB', 1_073_741_824n],
    ['1 gib', 1_073_741_824n],
    ['1 GB', 1_000_000_000n],
    ['1.5 MiB', 1_572_864n],
    ['500 kB', 500_000n],
    ['1,048,588 B', 1_048_588n],
    ['1 MiB 12 B', 1_048_588n],
  ])('%j is %i bytes', (text, bytes) => {
    expect(parseTypedSize(text)).toBe(bytes);
  });

  it.each(['', '1', '1 G', '-1 B', '0.5 B', '1 toString'])('%j is none', (text) => {
    expect(parseTypedSize(text)).toBeNull();
  });

  it.each([
    [1_073_741_824n, '1 GiB'],
    [1_000_000n, '1 MB'],
    [1_048_588n, '1,048,588 B'],
    [0n, '0 B'],
  ])('%i bytes are written %s', (bytes, text) => {
    expect(formatExactSize(bytes)).toBe(text);
  });

  it('are read back as they were written', () => {
    for (const bytes of AMOUNTS) expect(parseTypedSize(formatExactSize(bytes)), `${bytes}`).toBe(bytes);
  });
});
