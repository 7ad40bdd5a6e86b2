import { describe, expect, it } from 'vitest';
import { consumer } from '../../../renderer/learn/consumer.ts';
import { CONSUMER_GROUP } from '../../../renderer/learn/readers.ts';
import { learnState } from './learn-fixture.ts';
import { expectSound, groupLoad, groupMember, groupRow, loadMember, WIDTHS } from './readers-fixture.ts';

/** The log ends at 10, 11 and 12. */
const offsets: [string | null, string][] = [
  ['4', '10'],
  ['11', '11'],
  [null, '12'],
];
const reading = learnState({
  groups: [groupRow(CONSUMER_GROUP, [groupMember(1, [0, 1, 2])], offsets)],
  loads: [groupLoad(CONSUMER_GROUP, [loadMember(1, [0, 1, 2])], { read: ['7', '11', null] })],
  readRates: new Map([[`${CONSUMER_GROUP}/learn-orders-0`, 3]]),
});
const with1 = (state: Parameters<typeof loadMember>[2], more: Parameters<typeof groupLoad>[2] = {}) => ({
  ...reading,
  loads: [groupLoad(CONSUMER_GROUP, [loadMember(1, [0, 1, 2], state)], { read: ['7', '11', null], ...more })],
});
const cellsOf = (partition: number, state = reading) =>
  consumer.diagram(state, 1_100).boxes.find(({ id }) => id === `partition-${partition}`)?.cells ?? [];

describe('the diagram of the consumer', () => {
  it.each([
    ['no consumer', learnState()],
    ['reading', reading],
    ['paused', with1('paused')],
    ['crashed', with1('ended', { crashes: 1 })],
    ['offsets alone', { ...reading, loads: [], groups: [groupRow(CONSUMER_GROUP, [], offsets, { coordinator: null })] }],
  ])('is sound at any width: %s', (_, state) => {
    for (const width of WIDTHS) expectSound(consumer.diagram(state, width));
  });

  it('distinguishes committed, consumed and unread records', () => {
    const cells = cellsOf(0);
    expect(cells.find(({ text }) => text === '3')).toMatchObject({ tone: 'plain' });
    expect(cells.find(({ text }) => text === '4')).toMatchObject({ tone: 'accent', mark: 'committed' });
    expect(cells.find(({ text }) => text === '6')).toMatchObject({ tone: 'accent' });
    expect(cells.find(({ text }) => text === '7')).toMatchObject({ tone: 'flow', mark: 'read' });
    expect(cells.at(-1)).toMatchObject({ text: '10', tone: 'faint', mark: 'end' });
    expect(cellsOf(1).at(-1)).toMatchObject({ text: '11', tone: 'faint', mark: 'committed' });
  });

  it('shows a large lag from the committed offset, with an ellipsis', () => {
    const far = { ...reading, groups: [groupRow(CONSUMER_GROUP, [groupMember(1, [0])], [['4', '5000']])], topic: reading.topic };
    const first = (far.topic?.partitions ?? []).map((row, i) => (i === 0 ? { ...row, endOffset: '5000' } : row));
    const cells = cellsOf(0, { ...far, topic: far.topic === null ? null : { ...far.topic, partitions: first } });
    expect(cells[0]?.text).toBe('2');
    expect(cells.at(-1)?.text).toBe('…');
    expect(cells.some(({ mark }) => mark === 'end')).toBe(false);
  });

  it('lists the records that a crash would redeliver', () => {
    expect(consumer.diagram(reading, 778).steps).toEqual({
      title: 'After a crash now',
      of: ['partition 0: offsets 4 to 6 would be redelivered'],
    });
    expect(consumer.diagram(with1('ended'), 778).steps?.title).toBe('Where the next consumer starts');
    expect(consumer.diagram({ ...reading, loads: [] }, 778).steps?.of).toEqual([
      'all consumed records are committed: nothing would be redelivered',
    ]);
    expect(consumer.diagram(learnState(), 778).steps?.of[0]).toContain('auto.offset.reset decides');
  });

  it('has rates only for observed commits of a consuming member', () => {
    const rates = (state: typeof reading): (number | null | undefined)[] =>
      consumer
        .diagram(state, 778)
        .edges.filter(({ id }) => id.startsWith('fetch'))
        .map(({ perSecond }) => perSecond);
    expect(rates(reading)).toEqual([3, null, null]);
    expect(rates(with1('paused'))).toEqual([null, null, null]);
    expect(rates(with1('ended'))).toEqual([null, null, null]);
  });

  it('draws paused and crashed consumers with their state', () => {
    const box = (state: typeof reading) => consumer.diagram(state, 778).boxes.find(({ title }) => title === 'Consumer');
    expect(box(reading)).toMatchObject({ tone: 'accent', dashed: false, data: { partitions: '0 1 2', state: 'consuming' } });
    expect(box(with1('paused'))).toMatchObject({ tone: 'flow', dashed: true, data: { state: 'paused' } });
    expect(box(with1('ended'))).toMatchObject({ tone: 'bad', dashed: true, data: { state: 'gone' } });
    expect(consumer.diagram(learnState(), 778).boxes.find(({ id }) => id === 'consumer')).toMatchObject({ dashed: true });
  });

  it('has a check that is done when a record was redelivered', () => {
    expect(consumer.check.done(reading)).toBeNull();
    expect(consumer.check.done(with1('consuming', { repeated: 3, crashes: 1 }))).toContain('3 records were redelivered');
  });
});
