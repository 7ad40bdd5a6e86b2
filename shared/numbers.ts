/** Numbers, sizes and durations as text, for the screen, reports and log lines. Times of day are in `renderer/format/numbers.ts`. */

const whole = new Intl.NumberFormat('en');

export interface Quantity {
  value: string;
  unit: string;
}

/** `88120` → `88,120`. Accepts what the contract carries: numbers and decimal strings. */
export function formatCount(count: number | bigint | string): string {
  return whole.format(typeof count === 'string' ? BigInt(count) : count);
}

/** 1,240,000 → 1.24 MB. Decimal units, three significant digits. */
export function quantifyBytes(bytes: number | string): Quantity {
  return scale(typeof bytes === 'string' ? Number(BigInt(bytes)) : bytes, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

export function quantifyRate(bytesPerSecond: number): Quantity {
  const { value, unit } = quantifyBytes(bytesPerSecond);
  return { value, unit: `${unit}/s` };
}

export function formatBytes(bytes: number | string): string {
  const { value, unit } = quantifyBytes(bytes);
  return `${value} ${unit}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

function scale(size: number, units: readonly string[]): Quantity {
  let step = 0;
  let rest = size;
  while (rest >= 999.5 && step < units.length - 1) {
    rest /= 1000;
    step += 1;
  }
  const digits = step === 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  return { value: rest.toFixed(digits), unit: units[step] ?? '' };
}

/** A measured span: `0.3 s`, `42 s`, `3 min 10 s`, `2 h 5 min`, `7 days`. */
export function formatSpan(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 10_000) return `${(Math.floor(span / 100) / 10).toFixed(1)} s`;
  if (span < 60_000) return `${Math.floor(span / 1000)} s`;
  if (span < 3_600_000) return twoParts(span, 60_000, 'min', 1000, 's');
  if (span < 86_400_000) return twoParts(span, 3_600_000, 'h', 60_000, 'min');
  const days = Math.floor(span / 86_400_000);
  return days === 1 ? '1 day' : `${days} days`;
}

function twoParts(span: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const head = Math.floor(span / big);
  const tail = Math.floor((span % big) / small);
  return tail === 0 || head >= 10 ? `${head} ${bigUnit}` : `${head} ${bigUnit} ${tail} ${smallUnit}`;
}

/** A configured span: `3 s`, `300 ms`, `7 days`, with no more digits than it has. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1000} s` : formatSpan(ms);
}

/** `3.0 s`, whatever the length. */
export function formatSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** `12 s`, whatever the length. */
export function formatWholeSeconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}

/** `1 partition`, `1,200 partitions`. */
export function plural(count: number | bigint, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 || count === 1n ? one : many}`;
}

/** Numbers as ranges: [0,1,2,5] → `0–2, 5`. */
export function formatRanges(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length;) {
    let j = i;
    while (j + 1 < sorted.length && sorted[j + 1] === (sorted[j] ?? 0) + 1) j += 1;
    parts.push(i === j ? `${sorted[i]}` : `${sorted[i]}–${sorted[j]}`);
    i = j + 1;
  }
  return parts.join(', ');
}

/** `a`, `a and b`, `a, b and c`. */
export function formatList(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

/** At most `most` items: `a, b and 4 more`. */
export function formatShortList(words: readonly string[], most = 3): string {
  if (words.length <= most) return formatList(words);
  return `${words.slice(0, most - 1).join(', ')} and ${formatCount(words.length - most + 1)} more`;
}
