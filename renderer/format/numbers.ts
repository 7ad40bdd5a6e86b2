/** Numbers and times on the pages. Offsets are decimal strings and go through BigInt: a double would round them. */
import { formatCount, formatSpan } from '#shared/numbers';

export {
  formatBytes,
  formatCount,
  formatDuration,
  formatList,
  formatRanges,
  formatSpan,
  plural,
  quantifyBytes,
  quantifyRate,
  type Quantity,
} from '#shared/numbers';

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
const clockSeconds = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const clockMinutes = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayOfMonth = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

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
