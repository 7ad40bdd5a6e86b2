/** Which consumer groups fall behind: the trend of each group's lag, and the order in which they need attention. Pure. */
import type { GroupRow } from '#shared/models/cluster';
import { minOf } from '#shared/lists';
import { compareText, formatCount, formatSpan } from '../format/numbers.ts';

export interface LagPoint {
  /** Wall-clock ms of the reading. */
  at: number;
  /** Null: unknown, or a part of it is. */
  lag: number | null;
}

export const MAX_POINTS = 60;
const MIN_GAP_MS = 900;
/** The trend is measured over this much. */
const WINDOW_MS = 30_000;
const MIN_WINDOW_MS = 5_000;
/** Between two readings of the same trend. */
const MAX_GAP_MS = 20_000;
/** A change below both is noise. */
const NOTABLE_CHANGE = 50;
const NOTABLE_SHARE = 0.03;
/** From here on a steady lag is listed before those that shrink. */
const NOTABLE_LAG = 500;

export function addPoint(points: readonly LagPoint[], row: GroupRow, at: number): readonly LagPoint[] {
  const last = points.at(-1);
  if (last !== undefined && at >= last.at && at - last.at < MIN_GAP_MS) return points;
  const lag = row.error !== null || row.lag === null || row.unknown > 0 ? null : Number(row.lag);
  const kept = last !== undefined && at < last.at ? [] : points.slice(-(MAX_POINTS - 1));
  return [...kept, { at, lag }];
}

export type Trend = { kind: 'rising' | 'falling'; perSecond: number } | { kind: 'steady' } | { kind: 'unknown' };

/** Unknown while there are too few readings, or where the last one is unknown. */
export function trendOf(points: readonly LagPoint[]): Trend {
  const last = points.at(-1);
  if (last === undefined || last.lag === null) return { kind: 'unknown' };
  let first = { at: last.at, lag: last.lag };
  for (let i = points.length - 2; i >= 0; i--) {
    const point = points[i];
    if (point === undefined || point.lag === null || last.at - point.at > WINDOW_MS || first.at - point.at > MAX_GAP_MS) break;
    first = { at: point.at, lag: point.lag };
  }
  const seconds = (last.at - first.at) / 1_000;
  if (seconds * 1_000 < MIN_WINDOW_MS) return { kind: 'unknown' };
  const change = last.lag - first.lag;
  if (Math.abs(change) < Math.max(NOTABLE_CHANGE, NOTABLE_SHARE * Math.max(first.lag, last.lag))) return { kind: 'steady' };
  return { kind: change > 0 ? 'rising' : 'falling', perSecond: Math.abs(change) / seconds };
}

export function describeTrend(trend: Trend): string {
  switch (trend.kind) {
    case 'rising':
      return `+${formatCount(Math.max(1, Math.round(trend.perSecond)))}/s`;
    case 'falling':
      return `−${formatCount(Math.max(1, Math.round(trend.perSecond)))}/s`;
    case 'steady':
      return 'steady';
    case 'unknown':
      return '?';
  }
}

/** Age of the next unread record in ms; 0 without lag; null: unknown. `now`: wall-clock ms. */
export function timeBehind(row: GroupRow, now: number): number | null {
  if (row.lag === '0' && row.unknown === 0) return 0;
  const oldest = minOf(row.partitions.flatMap(({ nextUnreadAt }) => (nextUnreadAt === null ? [] : [nextUnreadAt])));
  return Number.isFinite(oldest) && oldest <= now ? now - oldest : null;
}

export const describeBehind = (ms: number | null): string => (ms === null ? '?' : ms === 0 ? '0 s' : formatSpan(ms));

/** An offset of it could not be read, so that any lag is possible. Where no offset was ever committed nothing failed. */
const isUnread = ({ unknown }: GroupRow['partitions'][number]): boolean => unknown === 'committed' || unknown === 'offsets';

/** Lower is more urgent: rising, unread by any member, unknown, high and steady, falling, the rest. */
export function riskRank(row: GroupRow, trend: Trend): number {
  const lag = row.lag === null ? null : Number(row.lag);
  if (trend.kind === 'rising') return 0;
  if (row.members.length === 0 && row.state === 'Empty' && (lag ?? 0) > 0) return 1;
  if (row.error !== null || lag === null || row.partitions.some(isUnread)) return 2;
  if (trend.kind !== 'falling' && lag >= NOTABLE_LAG) return 3;
  return trend.kind === 'falling' ? 4 : 5;
}

/** Ranks below are listed as at risk. */
export const AT_RISK_BELOW = 4;

export interface RankedGroup {
  row: GroupRow;
  trend: Trend;
  rank: number;
}

export function rankGroups(rows: Iterable<GroupRow>, pointsOf: (id: string) => readonly LagPoint[]): RankedGroup[] {
  const ranked = [...rows].map((row) => {
    const trend = trendOf(pointsOf(row.id));
    return { row, trend, rank: riskRank(row, trend), lag: row.lag === null ? -1 : Number(row.lag) };
  });
  return ranked.sort((a, b) => a.rank - b.rank || b.lag - a.lag || compareText(a.row.id, b.row.id));
}
