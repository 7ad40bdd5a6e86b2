import { describe, expect, it } from 'vitest';
import type { GroupRow } from '#shared/models/cluster';
import {
  addPoint,
  AT_RISK_BELOW,
  describeBehind,
  describeTrend,
  MAX_POINTS,
  rankGroups,
  timeBehind,
  trendOf,
  type LagPoint,
} from '../../../renderer/groups/group-risk.ts';

const NOW = 1_800_000_000_000;
const row = (id: string, lag: number | null, more: Partial<GroupRow> = {}): GroupRow =>
  ({
    id,
    lag: lag === null ? null : `${lag}`,
    unknown: 0,
    error: null,
    state: 'Stable',
    members: [{}],
    partitions: [],
    ...more,
  }) as unknown as GroupRow;

/** One reading a second, the last at NOW. */
const points = (...lags: (number | null)[]): LagPoint[] => lags.map((lag, i) => ({ at: NOW - (lags.length - 1 - i) * 1_000, lag }));
const ramp = (from: number, perSecond: number, seconds = 20): LagPoint[] =>
  points(...Array.from({ length: seconds + 1 }, (_, i) => from + i * perSecond));

describe('the trend of a lag', () => {
  it('rises and falls by records a second, over the last half minute at most', () => {
    expect(describeTrend(trendOf(ramp(1_000, 20)))).toBe('+20/s');
    expect(describeTrend(trendOf(ramp(9_000, -100)))).toBe('−100/s');
    const turned = points(
      ...Array.from({ length: 40 }, (_, i) => 10_000 - i * 100),
      ...Array.from({ length: 31 }, (_, i) => 6_000 + i * 50),
    );
    expect(describeTrend(trendOf(turned))).toBe('+50/s');
  });

  it('is steady where the change is noise, for a large lag too', () => {
    expect(trendOf(ramp(10, 1))).toEqual({ kind: 'steady' });
    expect(trendOf(ramp(1_000_000, 100))).toEqual({ kind: 'steady' });
    expect(trendOf(ramp(0, 0))).toEqual({ kind: 'steady' });
  });

  it('is unknown with too few readings, with an unknown last one, and never measured across an unknown one', () => {
    expect(trendOf([]).kind).toBe('unknown');
    expect(trendOf(ramp(0, 500, 3)).kind).toBe('unknown');
    expect(trendOf([...ramp(0, 500), { at: NOW + 1_000, lag: null }]).kind).toBe('unknown');
    expect(trendOf(points(0, 0, 0, 0, 0, 0, null, 90_000, 90_000)).kind).toBe('unknown');
    const paused = [...ramp(0, 0).map(({ at, lag }) => ({ at: at - 120_000, lag })), { at: NOW, lag: 90_000 }];
    expect(trendOf(paused).kind).toBe('unknown');
    expect(describeTrend({ kind: 'unknown' })).toBe('?');
  });
});

describe('points of a lag', () => {
  it('are one a second, a minute of them; a lower bound and an error are unknown', () => {
    let list: readonly LagPoint[] = [];
    for (let i = 0; i < 300; i++) list = addPoint(list, row('g', i), NOW + i * 500);
    expect(list).toHaveLength(MAX_POINTS);
    expect(list.at(-1)?.lag).toBe(298);
    expect(addPoint([], row('g', 5, { unknown: 1 }), NOW).at(-1)?.lag).toBeNull();
    expect(addPoint([], row('g', 5, { error: 'COORDINATOR_NOT_AVAILABLE' }), NOW).at(-1)?.lag).toBeNull();
  });

  it('begin again when the clock of the readings was set back', () => {
    expect(addPoint(points(1, 2, 3), row('g', 9), NOW - 60_000)).toEqual([{ at: NOW - 60_000, lag: 9 }]);
  });
});

describe('consumers at risk', () => {
  it('are listed by trend: rising, without a member, unknown, high, falling, the rest', () => {
    const series: Record<string, LagPoint[]> = {
      rising: ramp(100, 30),
      high: ramp(9_000, 0),
      falling: ramp(90_000, -1_000),
      small: ramp(3, 0),
    };
    const rows = [
      row('small', 3),
      row('falling', 70_000),
      row('high', 9_000),
      row('unknown', null),
      row('idle', 0),
      row('left', 40, { members: [], state: 'Empty' }),
      row('rising', 700),
    ];
    expect(rankGroups(rows, (id) => series[id] ?? []).map((one) => one.row.id)).toEqual([
      'rising',
      'left',
      'unknown',
      'high',
      'falling',
      'small',
      'idle',
    ]);
  });

  it('lists a group as unknown where an offset was not read, and not where none was ever committed', () => {
    const partly = (unknown: string) =>
      row(unknown, 0, { unknown: 1, partitions: [{ unknown }, { unknown: null }] as unknown as GroupRow['partitions'] });
    const ranked = rankGroups([row('read', 3), partly('neverCommitted'), partly('offsets'), partly('committed')], () => []);
    const atRisk = ranked.filter(({ rank }) => rank < AT_RISK_BELOW);
    expect(atRisk.map((one) => one.row.id)).toEqual(['committed', 'offsets']);
  });

  it('gives the age of the next unread record; 0 only without lag, "?" where it was not read', () => {
    const partition = (nextUnreadAt: number | null) => ({ nextUnreadAt }) as GroupRow['partitions'][number];
    expect(timeBehind(row('g', 0), NOW)).toBe(0);
    expect(timeBehind(row('g', 0, { unknown: 1 }), NOW)).toBeNull();
    expect(timeBehind(row('g', 5, { partitions: [partition(NOW - 90_000), partition(NOW - 5_000), partition(null)] }), NOW)).toBe(90_000);
    expect(timeBehind(row('g', 5, { partitions: [partition(null)] }), NOW)).toBeNull();
    expect(timeBehind(row('g', 5, { partitions: [partition(NOW + 9_000)] }), NOW)).toBeNull();
    expect([describeBehind(null), describeBehind(0), describeBehind(90_000)]).toEqual(['?', '0 s', '1 min 30 s']);
  });
});
