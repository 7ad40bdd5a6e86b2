import { describe, expect, test } from 'vitest';
import { readCommittedOffsets, readEndOffsets, TopicRates } from '../../../electron/services/figure-history/topic-rates.ts';
import type { ClusterView, GroupRow, TopicRow } from '../../../shared/models/cluster.ts';

const START = 1_800_000_000_000;

const topic = (name: string, ends: (number | null)[], more: Partial<TopicRow> = {}): TopicRow =>
  ({
    name,
    id: `id-${name}`,
    internal: false,
    offsetsAsOf: null,
    partitions: ends.map((end) => ({ endOffset: end === null ? null : `${end}` })),
    ...more,
  }) as unknown as TopicRow;

const group = (id: string, committed: [string, number | null][], more: Partial<GroupRow> = {}): GroupRow =>
  ({
    id,
    error: null,
    asOf: null,
    partitions: committed.map(([name, offset]) => ({ topic: name, committed: offset === null ? null : `${offset}` })),
    ...more,
  }) as unknown as GroupRow;

const view = (seconds: number, topics: TopicRow[], groups: GroupRow[] = []): ClusterView =>
  ({ offsetsAsOf: START + seconds * 1_000, groupsAsOf: START + seconds * 1_000, topics, groups }) as unknown as ClusterView;

/** Rates by topic at each reading. */
function ratesOf(read: typeof readEndOffsets, views: ClusterView[]): (Record<string, number | null> | null)[] {
  const rates = new TopicRates(read);
  return views.map((one) => {
    const sample = rates.take(one);
    return sample === null ? null : Object.fromEntries(sample.values.map(({ name, value }) => [name, value]));
  });
}
const written = (...views: ClusterView[]) => ratesOf(readEndOffsets, views);
const readBy = (...views: ClusterView[]) => ratesOf(readCommittedOffsets, views);

describe('TopicRates of written records', () => {
  test('measures over at least five seconds, by the time of the offsets', () => {
    expect(
      written(
        view(0, [topic('a', [10, 20])]),
        view(2, [topic('a', [50, 20])]),
        view(5, [topic('a', [100, 30])]),
        view(10, [topic('a', [100, 80])]),
      ),
    ).toEqual([null, null, { a: 20 }, { a: 10 }]);
  });

  test('measures nothing across a topic that was re-created, grew, or has a partition that was not read', () => {
    const before = [topic('re-created', [5]), topic('grown', [5]), topic('unread', [5, null]), topic('fine', [5])];
    const after = [topic('re-created', [900], { id: 'other' }), topic('grown', [5, 90]), topic('unread', [5, 90]), topic('fine', [10])];
    expect(written(view(0, before), view(5, after))).toEqual([null, { fine: 1 }]);
    expect(written(view(0, [topic('a', [5])]), view(5, [topic('a', [90], { offsetsAsOf: START })]))).toEqual([null, {}]);
    const shorter = [view(0, [topic('a', [0])]), view(5, [topic('a', [50])]), view(10, [topic('a', [5])])];
    expect(written(...shorter)).toEqual([null, { a: 10 }, { a: null }]);
  });

  test('gives no rate across a pause of more than a minute, or a clock that was set back', () => {
    expect(written(view(0, [topic('a', [5])]), view(90, [topic('a', [9_000])]), view(95, [topic('a', [9_005])]))).toEqual([
      null,
      null,
      { a: 1 },
    ]);
    expect(written(view(100, [topic('a', [5])]), view(50, [topic('a', [9_000])]), view(55, [topic('a', [9_010])]))).toEqual([
      null,
      null,
      { a: 2 },
    ]);
  });

  test('a topic that goes quiet falls to zero, then leaves after 15 minutes; an unknown rate is unknown', () => {
    const busy = [view(0, [topic('a', [0])]), view(5, [topic('a', [50])])];
    expect(written(...busy, view(10, [topic('a', [50])]), view(15, [topic('a', [null])]))).toEqual([
      null,
      { a: 10 },
      { a: 0 },
      { a: null },
    ]);
    const quiet = Array.from({ length: 200 }, (_, i) => view(10 + 5 * i, [topic('a', [50])]));
    expect(written(...busy, ...quiet).at(-1)).toEqual({});
  });

  test('records a bounded number of topics, those with the highest rates', () => {
    const at = (factor: number) => Array.from({ length: 5_000 }, (_, i) => topic(`t${i}`, [i * factor]));
    const [, values] = written(view(0, at(1)), view(5, at(2)));
    expect(Object.keys(values ?? {})).toHaveLength(12);
    expect(values?.['t4999']).toBeCloseTo(4_999 / 5);
    // Others take the lead every five seconds.
    const rotating = Array.from({ length: 60 }, (_, k) =>
      view(
        5 * k,
        Array.from({ length: 600 }, (__, i) => topic(`t${i}`, [Math.min(k, 1 + Math.floor(i / 10)) * 100])),
      ),
    );
    for (const one of written(...rotating)) expect(Object.keys(one ?? {}).length).toBeLessThanOrEqual(40);
  });
});

describe('TopicRates of records that groups read', () => {
  test('adds the groups that read a topic', () => {
    expect(
      readBy(
        view(
          0,
          [],
          [
            group('x', [
              ['a', 0],
              ['a', 0],
            ]),
            group('y', [
              ['a', 0],
              ['b', 7],
            ]),
          ],
        ),
        view(
          5,
          [],
          [
            group('x', [
              ['a', 10],
              ['a', 20],
            ]),
            group('y', [
              ['a', 20],
              ['b', 7],
            ]),
          ],
        ),
      ),
    ).toEqual([null, { a: 10 }]);
  });

  test('leaves out a topic of which a group could not be read', () => {
    const sick = group('y', [['a', 0]], { error: 'COORDINATOR_NOT_AVAILABLE' });
    const [, rates] = readBy(
      view(
        0,
        [],
        [
          group('x', [
            ['a', 0],
            ['b', 0],
          ]),
          sick,
        ],
      ),
      view(
        5,
        [],
        [
          group('x', [
            ['a', 50],
            ['b', 5],
          ]),
          sick,
        ],
      ),
    );
    expect(rates).toEqual({ b: 1 });
  });

  test('gives no rate in a window in which offsets were reset or another partition was committed', () => {
    expect(readBy(view(0, [], [group('x', [['a', 90]])]), view(5, [], [group('x', [['a', 5]])]))).toEqual([null, {}]);
    expect(
      readBy(
        view(
          0,
          [],
          [
            group('x', [
              ['a', 0],
              ['a', null],
            ]),
          ],
        ),
        view(
          5,
          [],
          [
            group('x', [
              ['a', 5],
              ['a', 900],
            ]),
          ],
        ),
      ),
    ).toEqual([null, {}]);
  });
});
