import { beforeEach, describe, expect, test } from 'vitest';
import { UnreachableError } from '../../../electron/admin/errors.ts';
import type { NextUnread, UnreadPosition } from '../../../electron/admin/next-unread.ts';
import { emptyState, type ClusterState, type GroupReading } from '../../../electron/services/view/state.ts';
import { UnreadPart } from '../../../electron/services/view/unread-part.ts';
import { buildView } from '../../helpers/built-view.ts';

let state: ClusterState;
let part: UnreadPart;
/** Partitions that were read, by round. */
let asked: string[];
let answer: (position: UnreadPosition) => NextUnread;
let silent: boolean;

beforeEach(() => {
  state = emptyState();
  asked = [];
  answer = () => ({ kind: 'record', timestamp: 5_000 });
  silent = false;
  part = new UnreadPart({
    state,
    onChange: () => undefined,
    source: {
      nextUnread: (leader, positions) => {
        if (silent) return Promise.reject(new UnreachableError(`Broker ${leader}`, 'no answer'));
        asked.push(...positions.map(({ topic, partition, offset, end }) => `${topic}-${partition} ${offset} to ${end}`));
        return Promise.resolve(new Map(positions.map((position) => [position, answer(position)])));
      },
    },
  });
  set({ 0: [10n, 20n] });
});

/** Committed offset and end by partition of topic t, all led by broker 1, of group g. */
function set(offsets: Record<number, [committed: bigint, end: bigint]>, topicId = 'T'): void {
  const entries = Object.entries(offsets).map(([index, pair]) => [Number(index), pair] as const);
  const partitions = entries.map(([partitionIndex]) => ({
    errorCode: 0,
    partitionIndex,
    leaderId: 1,
    leaderEpoch: 1,
    replicaNodes: [1],
    isrNodes: [1],
    offlineReplicas: [],
  }));
  const topic = { errorCode: 0, name: 't', topicId, isInternal: false, partitions, topicAuthorizedOperations: 0 };
  state.topics.set('t', topic);
  state.metadata = {
    throttleTimeMs: 0,
    brokers: [],
    clusterId: 'c',
    controllerId: 1,
    topics: [],
    clusterAuthorizedOperations: 0,
    errorCode: 0,
  };
  const readings = new Map<number, GroupReading>(
    entries.map(([partition, [offset, end]]) => [
      partition,
      { offset, metadata: null, changedAt: null, isCommittedKnown: true, bounds: { start: 0n, end, stable: null } },
    ]),
  );
  const listed = { id: 'g', coordinator: 1, protocolType: 'consumer', type: 'classic' };
  state.groups.set('g', { listed, described: null, error: null, readings: new Map([['t', readings]]) });
}

const row = () => {
  const [group] = buildView({ id: 'c', name: 'c', kind: 'remote', bootstrap: '', colour: 'flow' }, state).groups;
  const [partition] = group?.partitions ?? [];
  return { sum: group?.lag, lag: partition?.lag, emptyOffsets: partition?.emptyOffsets, nextUnreadAt: partition?.nextUnreadAt };
};

describe('UnreadPart', () => {
  test('gives the time of the next unread record, read again only once the position moved', async () => {
    await part.round(['g']);
    expect(row()).toEqual({ sum: '10', lag: '10', emptyOffsets: null, nextUnreadAt: 5_000 });
    set({ 0: [10n, 50n] });
    await part.round(['g']);
    expect(asked).toEqual(['t-0 10 to 20']);
    set({ 0: [30n, 50n] });
    answer = () => ({ kind: 'record', timestamp: 6_000 });
    await part.round(['g']);
    expect(asked).toEqual(['t-0 10 to 20', 't-0 30 to 50']);
    expect(row().nextUnreadAt).toBe(6_000);
  });

  test('counts offsets without a record apart, for that end only', async () => {
    answer = () => ({ kind: 'none' });
    set({ 0: [19n, 20n] });
    await part.round(['g']);
    expect(row()).toEqual({ sum: '0', lag: '0', emptyOffsets: '1', nextUnreadAt: null });
    set({ 0: [19n, 21n] });
    expect(row()).toEqual({ sum: '2', lag: '2', emptyOffsets: null, nextUnreadAt: null });
    answer = () => ({ kind: 'record', timestamp: 7_000 });
    await part.round(['g']);
    expect(row()).toEqual({ sum: '2', lag: '2', emptyOffsets: null, nextUnreadAt: 7_000 });
  });

  test('nothing that was read of a topic counts for another one of its name, whatever its offsets are', async () => {
    answer = () => ({ kind: 'none' });
    set({ 0: [19n, 20n] });
    await part.round(['g']);
    set({ 0: [19n, 20n] }, 'another');
    expect(row()).toEqual({ sum: '1', lag: '1', emptyOffsets: null, nextUnreadAt: null });
    answer = () => ({ kind: 'record', timestamp: 7_000 });
    await part.round(['g']);
    expect(row()).toEqual({ sum: '1', lag: '1', emptyOffsets: null, nextUnreadAt: 7_000 });
  });

  test('claims nothing where the broker does not answer or nothing was decided', async () => {
    await part.round(['g']);
    set({ 0: [11n, 20n] });
    silent = true;
    await part.round(['g']);
    expect(row()).toMatchObject({ lag: '9', emptyOffsets: null, nextUnreadAt: null });
    silent = false;
    answer = () => ({ kind: 'undecided' });
    await part.round(['g']);
    expect(row()).toMatchObject({ lag: '9', emptyOffsets: null, nextUnreadAt: null });
  });

  test('of all groups together reads only a small lag that did not move', async () => {
    set({ 0: [0n, 10_000n], 1: [9n, 10n] });
    await part.round('all');
    expect(asked).toEqual([]);
    await part.round('all');
    expect(asked).toEqual(['t-1 9 to 10']);
    set({ 0: [0n, 10_000n], 1: [10n, 11n] });
    await part.round('all');
    expect(asked).toHaveLength(1);
    await part.round('none');
    expect(asked).toHaveLength(1);
  });

  test('of a group that one client shows alone reads all, also while another client shows all groups', async () => {
    set({ 0: [0n, 10_000n] });
    await part.round('all', ['g']);
    expect(asked).toEqual(['t-0 0 to 10000']);
    expect(row().nextUnreadAt).toBe(5_000);
  });

  test('claims no time for a position that moved and is not read any more', async () => {
    set({ 0: [0n, 10_000n] });
    await part.round(['g']);
    // Its page was left; another client shows all groups.
    await part.round('all');
    expect(row().nextUnreadAt).toBe(5_000);
    set({ 0: [5_000n, 90_000n] });
    await part.round('all');
    expect(asked).toHaveLength(1);
    expect(row()).toMatchObject({ lag: '85000', nextUnreadAt: null });
  });

  test('reads a bounded number of partitions in a round, those that waited longest first', async () => {
    const partitions = (moved: bigint) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, index) => [index, [moved, 100n] as [bigint, bigint]]));
    set(partitions(1n));
    await part.round(['g']);
    expect(asked).toHaveLength(16);
    set(partitions(2n));
    await part.round(['g']);
    const second = asked.slice(16, 20).map((one) => one.split(' ')[0]);
    expect(second).toEqual(['t-16', 't-17', 't-18', 't-19']);
  });

  test('forgets what it knows of partitions without lag and of deleted groups', async () => {
    await part.round(['g']);
    set({ 0: [20n, 20n] });
    await part.round(['g']);
    expect(state.unread.size).toBe(0);
    set({ 0: [10n, 20n] });
    await part.round(['g']);
    state.groups.clear();
    await part.round(['g']);
    expect(state.unread.size).toBe(0);
  });
});
