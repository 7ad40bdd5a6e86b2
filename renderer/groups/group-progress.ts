/** A sentence about a group's progress: its lag, the trend, and when it will have caught up. */
import type { GroupRow } from '#shared/models/cluster';
import { minOf } from '#shared/lists';
import { stateOf } from './groups.ts';
import { formatSum, lagOfGroup } from './lag.ts';
import { formatSpan, plural } from '../format/numbers.ts';

/** End and committed offsets by `topic/partition`, where both were known. */
export interface ProgressMark {
  /** Wall-clock ms. */
  readonly at: number;
  readonly offsets: ReadonlyMap<string, { readonly end: bigint; readonly committed: bigint }>;
}

/** Rates are measured over this much. */
const WINDOW_MS = 15_000;
const MIN_WINDOW_MS = 2_000;
const MIN_MARK_GAP_MS = 500;
/** Less is neither a trend nor worth an estimate. */
const NOTABLE_LAG = 100n;
/** Reading counts as faster or slower than writing from this ratio on. */
const CLEARLY = 1.02;

/** `at` is the time of the row's readings. Marks from after it are dropped: another time is shown. */
export function addMark(marks: readonly ProgressMark[], row: GroupRow, at: number): readonly ProgressMark[] {
  const kept = marks.filter((one) => one.at <= at && at - one.at < WINDOW_MS);
  const last = kept.at(-1);
  if (at === 0 || (last !== undefined && at - last.at < MIN_MARK_GAP_MS)) return kept.length === marks.length ? marks : kept;
  const offsets = new Map<string, { end: bigint; committed: bigint }>();
  for (const { topic, partition, committed, endOffset } of row.partitions) {
    if (committed !== null && endOffset !== null)
      offsets.set(`${topic}/${partition}`, { end: BigInt(endOffset), committed: BigInt(committed) });
  }
  return [...kept, { at, offsets }];
}

/** Empty while the lag is unknown. `now`: wall-clock ms. */
export function describeProgress(row: GroupRow, marks: readonly ProgressMark[], now: number): string {
  const sum = lagOfGroup(row);
  const { known } = sum;
  if (known === null) return '';
  const notes = notesOf(row);
  const withNotes = (text: string): string => [text, ...notes].join('; ');
  if (known === 0n) {
    const isPlain = row.unknown === 0 && row.partitions.every(({ beyondEnd, absent }) => beyondEnd === null && absent === null);
    return withNotes(isPlain ? 'caught up' : 'caught up on partitions with known lag');
  }
  const age = ageOfNextUnread(row, now);
  const records = `${formatSum(sum)} ${known === 1n ? 'record' : 'records'}${age === null ? '' : `, ${formatSpan(age)}`} behind`;
  const trend = known > NOTABLE_LAG ? describeTrend(row, Number(known), marks) : null;
  return withNotes(trend === null ? records : `${records}; ${trend}`);
}

function describeTrend(row: GroupRow, lag: number, marks: readonly ProgressMark[]): string | null {
  if (row.members.length === 0 && stateOf(row) === 'Empty') return 'no active consumers';
  const rates = ratesOf(marks);
  if (rates === null) return null;
  const { written, read } = rates;
  if (read > written * CLEARLY && row.unknown === 0)
    return `caught up in about ${formatSpan(Math.max(1_000, (lag / (read - written)) * 1000))}`;
  return read * CLEARLY < written ? 'falling further behind' : null;
}

/** Records per second, over partitions that were known at both ends of the window; null where there are none. */
function ratesOf(marks: readonly ProgressMark[]): { written: number; read: number } | null {
  const [first, last] = [marks[0], marks.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at < MIN_WINDOW_MS) return null;
  let [written, read, compared] = [0n, 0n, 0];
  for (const [key, after] of last.offsets) {
    const before = first.offsets.get(key);
    // A log that became shorter is another log.
    if (before === undefined || after.end < before.end) continue;
    written += after.end - before.end;
    read += after.committed - before.committed;
    compared++;
  }
  const seconds = (last.at - first.at) / 1000;
  return compared === 0 ? null : { written: Number(written) / seconds, read: Number(read) / seconds };
}

/** Age of the oldest record that comes next, in ms; null where none was read, or its timestamp lies in the future. */
function ageOfNextUnread(row: GroupRow, now: number): number | null {
  const oldest = minOf(row.partitions.flatMap(({ nextUnreadAt }) => (nextUnreadAt === null ? [] : [nextUnreadAt])));
  return oldest <= now && oldest >= 0 ? now - oldest : null;
}

function notesOf(row: GroupRow): string[] {
  const beyond = row.partitions.filter(({ beyondEnd }) => beyondEnd !== null).length;
  const gone = row.partitions.reduce((sum, { goneBeforeRead }) => sum + BigInt(goneBeforeRead ?? 0), 0n);
  const empty = row.partitions.reduce((sum, { emptyOffsets }) => sum + BigInt(emptyOffsets ?? 0), 0n);
  const open = row.partitions.filter(({ openTransaction }) => openTransaction).length;
  const deleted = new Set(row.partitions.filter(({ absent }) => absent === 'topic').map(({ topic }) => topic)).size;
  return [
    ...(beyond === 0 ? [] : [`${plural(beyond, 'partition')} committed beyond the end`]),
    ...(gone === 0n ? [] : [`${plural(gone, 'record')} deleted before they were read`]),
    ...(empty === 0n ? [] : [`${plural(empty, 'transaction marker')} or other offset without a record`]),
    ...(open === 0 ? [] : [`${plural(open, 'partition')} with an open transaction`]),
    ...(deleted === 0 ? [] : [`offsets of ${plural(deleted, 'deleted topic')}`]),
  ];
}
