import { describe, expect, it } from 'vitest';
import type { GroupRow } from '#shared/models/cluster';
import type { GroupLoad, LoadAudit, LoadRow, ProducerLoad } from '#shared/models/load';
import { loadSchema } from '../../../shared/load-schema.ts';
import { layoutLab } from '../../../renderer/lab/lab-layout.ts';
import { checkLoad, freeName, loadOf, ownTopic, PRESETS, type LoadForm } from '../../../renderer/loads/load-forms.ts';
import { BLOCK, placeBlocks } from '../../../renderer/lab/load-places.ts';
import {
  describeHiddenBlocks,
  formatRate,
  holds,
  loadBlock,
  describeLosses,
  lostWhich,
  rebalancingSince,
  worthShowing,
} from '../../../renderer/loads/loads.ts';

const AUDIT: LoadAudit = {
  at: 1,
  complete: true,
  acknowledged: 100,
  found: 100,
  lost: 0,
  removed: 0,
  unread: 0,
  duplicated: 0,
  storedThoughFailed: 0,
  lostRanges: [],
};
const PRODUCER: ProducerLoad = {
  kind: 'producer',
  name: 'steady',
  topic: 'orders',
  clients: 1,
  recordsPerSecond: 5_000,
  valueBytes: 100,
  acks: 'all',
  idempotent: true,
  keys: { kind: 'none' },
  records: null,
};
const GROUP: GroupLoad = {
  kind: 'group',
  name: 'billing',
  topics: ['orders'],
  members: 2,
  perRecordMs: 0,
  from: 'oldest',
  sessionTimeoutMs: 10_000,
  crashEveryMs: null,
};

const producer = (audit: LoadAudit | null, more: Partial<LoadRow> = {}, perSecond = 4_980): LoadRow => ({
  id: 1,
  spec: PRODUCER,
  state: 'running',
  since: 0,
  error: null,
  written: { sent: 100, acknowledged: 100, failed: 0, waiting: 0, perSecond, medianMs: 2, p99Ms: 9, audit },
  consumed: null,
  ...more,
});
const group = (paused = 0): LoadRow => ({
  id: 2,
  spec: GROUP,
  state: 'running',
  since: 0,
  error: null,
  written: null,
  consumed: {
    consumed: 10,
    repeated: 0,
    perSecond: 12,
    rebalances: 2,
    crashes: 0,
    members: [1, 2].map((number) => ({
      number,
      memberId: 'm',
      state: number <= paused ? 'paused' : 'consuming',
      assignment: [],
      consumed: 5,
    })),
    positions: [],
  },
});
const groupRow = (lag: string | null, state: GroupRow['state'] = 'Stable'): GroupRow =>
  ({ id: 'billing', state, lag }) as unknown as GroupRow;
const context = (row?: GroupRow) => ({ groups: new Map(row === undefined ? [] : [['billing', row]]), events: [], now: 10_000 });

describe('what is said of a load', () => {
  it('is a question until the log was read, and news when something is lost', () => {
    expect(describeLosses(null)).toEqual([{ text: '? lost', tone: 'none' }]);
    expect(describeLosses(AUDIT)).toEqual([{ text: '0 lost', tone: 'none' }]);
    expect(describeLosses({ ...AUDIT, lost: 1_284, unread: 5, duplicated: 2, removed: 7 }).map(({ text }) => text)).toEqual([
      '1,284 lost',
      '5 not readable now',
      '2 duplicated',
      '7 removed since',
    ]);
    expect(loadBlock(producer(null), context())).toMatchObject({
      side: 'left',
      figure: { text: '4,980/s acked' },
      foot: { text: 'acks=all, ? lost' },
    });
    expect(loadBlock(producer({ ...AUDIT, lost: 3 }), context()).foot).toEqual({ text: 'acks=all, 3 lost', tone: 'bad' });
    expect(loadBlock(producer({ ...AUDIT, unread: 3 }), context()).foot).toEqual({ text: 'acks=all, 3 not readable now', tone: 'warn' });
    expect(loadBlock(producer(AUDIT, { error: 'no broker' }, 0), context()).figure.tone).toBe('bad');
  });

  it('says which were lost', () => {
    expect(
      lostWhich({
        ...AUDIT,
        lostRanges: [
          { from: 1_200, to: 1_206, partition: 2, offset: '4100', count: 2 },
          { from: 7, to: 7, partition: 0, offset: '-1', count: 1 },
        ],
      }),
    ).toEqual(['2 records from 1,200 to 1,206, partition 2, acknowledged at offset 4,100', 'record 7, partition 0']);
  });

  it('knows a lag or says that it does not, and since when the group rebalances', () => {
    expect(loadBlock(group(), context())).toMatchObject({
      side: 'right',
      figure: { text: 'lag ?' },
      foot: { text: '2 members, 12/s', tone: 'none' },
    });
    expect(loadBlock(group(), context(groupRow('1284'))).figure).toEqual({ text: 'lag 1,284', tone: 'warn' });
    expect(loadBlock(group(1), context(groupRow('0'))).foot).toEqual({ text: '2 members, 1 paused', tone: 'flow' });
    const events = [{ id: 1, type: 'group/rebalanceStarted' as const, at: 8_900, node: 1, group: 'billing' }];
    const row = groupRow('3', 'PreparingRebalance');
    expect(loadBlock(group(), { ...context(row), events }).foot).toEqual({ text: 'rebalancing, 1.1 s', tone: 'warn' });
    expect(rebalancingSince(row, [...events, { id: 2, type: 'group/rebalanced', at: 9_000, node: 1, group: 'billing' }])).toBeNull();
    expect(rebalancingSince(groupRow('3'), events)).toBeNull();
  });

  it('writes rates and assignments as they are', () => {
    expect([0, 0.5, 12.4, 4_980].map(formatRate)).toEqual(['0/s', '0.5/s', '12/s', '4,980/s']);
    const member = {
      number: 1,
      memberId: null,
      state: 'consuming' as const,
      consumed: 0,
      assignment: [{ topic: 'orders', partitions: [0, 1, 2] }],
    };
    expect(holds(member, ['orders'])).toBe('0–2');
    expect(holds(member, ['orders', 'payments'])).toBe('orders 0–2');
    expect(holds({ ...member, assignment: [] }, ['orders'])).toBeNull();
  });

  it('keeps the most urgent loads where not all have room, and summarizes the others in one line', () => {
    const fine = loadBlock(producer(AUDIT), context());
    const lossy = { ...loadBlock(producer({ ...AUDIT, lost: 9 }), context()), id: 3 };
    expect(worthShowing([fine, lossy], 1)).toEqual([lossy]);
    expect(worthShowing([fine, lossy], 2)).toEqual([fine, lossy]);
    expect(describeHiddenBlocks([], 2)).toBeNull();
    expect(describeHiddenBlocks([fine], 2)).toEqual({ text: '1 more load', tone: 'none' });
    expect(describeHiddenBlocks([fine, lossy], 2)).toEqual({ text: '2 loads: acks=all, 9 lost', tone: 'bad' });
  });
});

describe('the form of a load', () => {
  it('makes of each preset what the contract takes', () => {
    for (const { form } of Object.values(PRESETS)) {
      const filled: LoadForm = { ...form, topic: 'orders' };
      expect(checkLoad(filled, [])).toEqual({});
      const load = loadOf(filled);
      expect(loadSchema.parse(load)).toEqual(load);
    }
    expect(checkLoad(PRESETS.readers.form, [])).toEqual({ topic: 'Choose a topic.' });
  });

  it('gives a producer without a topic one of its own', () => {
    expect(checkLoad(PRESETS.steady.form, [])).toEqual({});
    expect(loadOf(PRESETS.steady.form)).toMatchObject({ topic: 'load-steady' });
    expect(ownTopic(' my load/1 ')).toBe('load-my-load-1');
    expect(ownTopic('x'.repeat(400))).toHaveLength(249);
  });

  it('takes durations and sizes with units only', () => {
    const readers = { ...PRESETS.readers.form, topic: 'orders', perRecord: '0.5 ms', session: '1 min', crashEvery: '90 s' };
    expect(checkLoad(readers, [])).toEqual({});
    expect(loadOf(readers)).toMatchObject({ perRecordMs: 0.5, sessionTimeoutMs: 60_000, crashEveryMs: 90_000 });
    expect(checkLoad({ ...readers, session: '10' }, [])).toEqual({ session: 'From 6 s to 5 min, with a unit.' });
    expect(loadOf({ ...PRESETS.steady.form, valueSize: '1 KiB' })).toMatchObject({ valueBytes: 1_024 });
    expect(checkLoad({ ...PRESETS.steady.form, valueSize: '1 GB' }, [])).toEqual({ valueSize: 'From 32 B to 1 MB, with a unit.' });
  });

  it('says what is wrong, field by field', () => {
    const form: LoadForm = {
      ...PRESETS.hot.form,
      topic: 'orders',
      name: ' ',
      rate: '0',
      clients: '1.5',
      valueSize: '10 B',
      distinct: '',
      share: '101',
      acks: 'one',
    };
    expect(Object.keys(checkLoad(form, [])).sort()).toEqual(['clients', 'distinct', 'idempotent', 'name', 'rate', 'share', 'valueSize']);
    const crash: LoadForm = {
      ...PRESETS.crashes.form,
      topic: 'orders',
      members: '13',
      perRecord: '-1 ms',
      session: '5 s',
      crashEvery: '100 ms',
    };
    expect(Object.keys(checkLoad(crash, [])).sort()).toEqual(['crashEvery', 'members', 'perRecord', 'session']);
    expect(checkLoad({ ...PRESETS.readers.form, topic: 'orders' }, ['readers']).name).toContain('is running');
    expect(freeName('readers', ['readers', 'readers-2'])).toBe('readers-3');
  });
});

describe('the places of loads in the picture', () => {
  it.each([1, 2, 3, 4, 5, 7, 9])('touch no card, no edge and not the clients, of %i brokers', (count) => {
    let placed = 0;
    for (const [width, height] of [
      [845, 420],
      [845, 545],
      [515, 340],
      [1_300, 700],
    ] as const) {
      const layout = layoutLab(count, width, height, 12);
      for (const side of ['left', 'right'] as const) {
        const places = placeBlocks(layout, side, 4);
        placed += places.length;
        for (const { x, y } of places) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x + BLOCK.width).toBeLessThanOrEqual(width);
          expect(y).toBeGreaterThanOrEqual(0);
          expect(y + BLOCK.height).toBeLessThanOrEqual(height);
          for (const card of layout.brokers) {
            const apart = Math.max(
              Math.abs(card.x - (x + BLOCK.width / 2)) - (layout.card.width + BLOCK.width) / 2,
              Math.abs(card.y - (y + BLOCK.height / 2)) - (layout.card.height + BLOCK.height) / 2,
            );
            expect(apart).toBeGreaterThanOrEqual(0);
          }
        }
      }
    }
    if (count === 3) expect(placed).toBeGreaterThan(6);
  });
});
