/** Numbers and times as the pages write them. Offsets are decimal strings and go through BigInt: a double would round them. */

const whole = new Intl.NumberFormat('en');
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const clockSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const clockMinutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayOfMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

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

/** A span for a person: `0.3 s`, `42 s`, `3 min 10 s`, `2 h 5 min`, `7 days`. */
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

/** A span that was set: `3 s`, `300 ms`, `7 days`, with no more digits than it has. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1000} s` : formatSpan(ms);
}

/** A long span in its largest unit alone: `12 min`, `5 h`; what lasts needs no seconds. */
export function formatCoarse(ms: number): string {
  return formatSpan(ms).split(' ').slice(0, 2).join(' ');
}

/** How long after its cause something happened: `12 ms`, `3.0 s`. */
export function formatDelta(ms: number): string {
  return ms < 100 ? `${Math.max(0, Math.round(ms))} ms` : formatSpan(ms);
}

export function formatAgo(at: number, now: number): string {
  // Clocks of two processes may cross by a few milliseconds; "0.0 s ago" would claim more than is known.
  return `${formatSpan(Math.max(100, now - at))} ago`;
}

/** The farthest that a date can be from 1970, in ms (ECMAScript); Kafka stores any 64-bit number as a timestamp. */
const MAX_DATE_MS = 8.64e15;

export function isDate(at: number): boolean {
  return Math.abs(at) <= MAX_DATE_MS;
}

/** What is no date is shown as the number that it is: nanoseconds by mistake, for example. */
function formatDate(at: number, format: (at: number) => string): string {
  return isDate(at) ? format(at) : `${Number.isFinite(at) ? formatCount(at) : '?'} ms`;
}

/** `14:02:11.204`, local time. */
export function formatClock(at: number): string {
  return formatDate(at, (ms) => clock.format(ms));
}

export function formatClockSeconds(at: number): string {
  return formatDate(at, (ms) => clockSeconds.format(ms));
}

/** `14:02`, local time. */
export function formatClockMinutes(at: number): string {
  return formatDate(at, (ms) => clockMinutes.format(ms));
}

/** `23 Nov`, local time. */
export function formatDay(at: number): string {
  return formatDate(at, (ms) => dayOfMonth.format(ms));
}

/** `23 Nov 2026 14:02:11.204`, local time. */
export function formatMoment(at: number): string {
  return formatDate(at, (ms) => `${day.format(ms)} ${clock.format(ms)}`);
}

/** Whether both are of one day, local time. */
export function isSameDay(one: number, other: number): boolean {
  return isDate(one) && isDate(other) && day.format(one) === day.format(other);
}

export function plural(count: number | bigint, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 || count === 1n ? one : many}`;
}

/** `orders-3` style ranges: [0,1,2,5] → `0–2, 5`. */
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

/** `127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094` → `127.0.0.1:9092–9094`, where one host has consecutive ports. */
export function shortBootstrap(bootstrap: string): string {
  const parts = bootstrap.split(',').map((part) => part.trim());
  const first = parts[0] ?? '';
  if (parts.length === 1) return first;
  const split = parts.map((part) => ({ host: part.slice(0, part.lastIndexOf(':')), port: Number(part.slice(part.lastIndexOf(':') + 1)) }));
  const host = split[0]?.host;
  const consecutive = split.every((part, i) => part.host === host && part.port === (split[0]?.port ?? 0) + i);
  return consecutive ? `${first}–${split.at(-1)?.port}` : `${first} +${parts.length - 1}`;
}

/** Compares two decimal strings of any size; unknown is below everything, so that it is last when the largest come first. */
export function compareDecimal(a: string | null, b: string | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  const left = BigInt(a);
  const right = BigInt(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

export function compareMaybe(a: number | null, b: number | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return a - b;
}

/** Names as a person expects them: `orders-2` before `orders-10`, without case. */
const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });
export const compareText = (a: string, b: string): number => collator.compare(a, b);
