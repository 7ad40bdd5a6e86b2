import { describe, expect, it } from 'vitest';
import type { TimelineEvent } from '../../../shared/models/timeline.ts';
import { LEARN_GROUP } from '../../../renderer/learn/concept.ts';
import { consumerGroups } from '../../../renderer/learn/consumer-groups.ts';
import { SECOND_GROUP } from '../../../renderer/learn/readers.ts';
import { learnState } from './learn-fixture.ts';
import { expectSound, groupLoad, groupMember, groupRow, loadMember, WIDTHS } from './readers-fixture.ts';

const offsets: [string, string][] = [
  ['10', '10'],
  ['6', '11'],
  ['12', '12'],
];
const of = (number: number, partitions: number[], group = LEARN_GROUP) => groupMember(number, partitions, group);
const rebalanced = (id: number, members: number, generation: number): TimelineEvent => ({
  id,
  type: 'group/rebalanced',
  at: id * 1_000,
  node: 2,
  group: LEARN_GROUP,
  reason: 'member load-learn-readers-4 joined',
  details: { members, generation },
});
const four = learnState({
  groups: [groupRow(LEARN_GROUP, [of(1, [0]), of(2, [1]), of(3, [2]), of(4, [])], offsets)],
  loads: [
    groupLoad(
      LEARN_GROUP,
      [[0], [1], [2], []].map((partitions, i) => loadMember(i + 1, partitions, 'consuming', LEARN_GROUP)),
    ),
  ],
  history: [rebalanced(1, 3, 3), rebalanced(2, 4, 4)],
  events: [rebalanced(2, 4, 4)],
});
const crashed = {
  ...four,
  loads: [
    groupLoad(
      LEARN_GROUP,
      [[0], [1], [2], []].map((partitions, i) =>
        loadMember(i + 1, partitions, i === 0 ? 'ended' : i === 1 ? 'paused' : 'consuming', LEARN_GROUP),
      ),
    ),
  ],
};
const alone = {
  ...four,
  groups: [groupRow(LEARN_GROUP, [of(4, [0, 1, 2])], offsets)],
  loads: [groupLoad(LEARN_GROUP, [loadMember(4, [0, 1, 2], 'consuming', LEARN_GROUP)])],
};
const two = { ...four, groups: [...four.groups, groupRow(SECOND_GROUP, [of(1, [0, 1, 2], SECOND_GROUP)], offsets, { coordinator: 3 })] };
const boxes = (state: typeof four) => new Map(consumerGroups.diagram(state, 1_100).boxes.map((box) => [box.id, box]));

describe('the diagram of consumer groups', () => {
  it.each([
    ['no group', learnState()],
    ['four members', four],
    ['one gone, one silent', crashed],
    ['two groups', two],
    ['moving', { ...four, groups: [groupRow(LEARN_GROUP, [], offsets, { coordinator: null, state: 'Unknown', lag: null })] }],
    [
      'many members',
      {
        ...four,
        groups: [
          groupRow(
            LEARN_GROUP,
            Array.from({ length: 30 }, (_, i) => of(i + 1, [])),
            offsets,
          ),
        ],
        loads: [],
      },
    ],
  ])('is sound at any width: %s', (_, state) => {
    for (const width of WIDTHS) expectSound(consumerGroups.diagram(state, width));
  });

  it('draws the assignment of partitions, and idle members', () => {
    const { edges } = consumerGroups.diagram(four, 1_100);
    expect(edges.filter(({ id }) => id.startsWith('own-')).map(({ from, to }) => [from, to])).toEqual([
      ['partition-0', `member-${LEARN_GROUP}-${LEARN_GROUP}-1`],
      ['partition-1', `member-${LEARN_GROUP}-${LEARN_GROUP}-2`],
      ['partition-2', `member-${LEARN_GROUP}-${LEARN_GROUP}-3`],
    ]);
    const idle = boxes(four).get(`member-${LEARN_GROUP}-${LEARN_GROUP}-4`);
    expect(idle).toMatchObject({ dashed: true, data: { partitions: '', state: 'idle' } });
    expect(boxes(four).get(`coordinator-${LEARN_GROUP}`)).toMatchObject({
      note: 'broker 2',
      data: { state: 'Stable', members: '4', coordinator: '2' },
    });
    expect(boxes(four).get(`coordinator-${LEARN_GROUP}`)?.lines?.[1]?.text).toBe('Stable, generation 4');
  });

  it('shows crashed and paused members without heartbeats', () => {
    const { edges } = consumerGroups.diagram(crashed, 1_100);
    expect(edges.filter(({ cut }) => cut).map(({ from }) => from.slice(-1))).toEqual(['1', '2']);
    expect(boxes(crashed).get(`member-${LEARN_GROUP}-${LEARN_GROUP}-1`)).toMatchObject({ tone: 'bad', note: 'crashed' });
    expect(consumerGroups.wrong(crashed)[0]).toMatch(/^Member 1 crashed without leaving the group\..*partition 0/);
  });

  it('shows two groups, each with its lag and coordinator', () => {
    expect(boxes(two).get(`coordinator-${SECOND_GROUP}`)?.data?.['coordinator']).toBe('3');
    expect(
      boxes(two)
        .get('partition-1')
        ?.lines?.map(({ text }) => text),
    ).toEqual(['readers: lag 5', 'audit: lag 5']);
  });

  it('lists the last rebalance only, with each reason once', () => {
    expect(consumerGroups.diagram(four, 778).steps?.of).toEqual(['the group rebalanced, member 4 joined; generation 4']);
  });

  it('has a check that is done when a member was idle, and then one member owns all partitions', () => {
    expect(consumerGroups.check.done(four)).toBeNull();
    expect(consumerGroups.check.done({ ...alone, events: [rebalanced(2, 3, 4)] })).toBeNull();
    expect(consumerGroups.check.done(alone)).toContain('now member 4 owns all 3 partitions');
  });
});
