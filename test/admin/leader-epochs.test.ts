import { beforeEach, describe, expect, test } from 'vitest';
import { LeaderEpochs, type TopicEpochs } from '../../electron/admin/leader-epochs.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { ZERO_UUID } from '../../electron/cluster/protocol/uuid.ts';

let known: LeaderEpochs;

beforeEach(() => {
  known = new LeaderEpochs();
});

function topic(name: string, epochs: readonly number[], topicId = `id of ${name}`): TopicEpochs {
  return {
    errorCode: 0,
    name,
    topicId,
    partitions: epochs.map((leaderEpoch, partitionIndex) => ({ partitionIndex, leaderEpoch })),
  };
}
const nameless = (name: string, epochs: readonly number[]): TopicEpochs => topic(name, epochs, ZERO_UUID);
const failed = (name: string): TopicEpochs => ({ ...topic(name, []), errorCode: ErrorCode.LEADER_NOT_AVAILABLE });

describe('LeaderEpochs', () => {
  test.each([
    ['with ids', topic],
    ['by name', nameless],
  ])('one lower epoch of many is behind, equal and higher ones are not (%s)', (_, of) => {
    known.take([of('a', [3, 5]), of('b', [0])], true);
    expect(known.behind([of('a', [3, 5]), of('b', [0])])).toBe(0);
    expect(known.behind([of('a', [4, 5]), of('b', [2])])).toBe(0);
    expect(known.behind([of('a', [9, 4]), of('b', [9])])).toBe(1);
    expect(known.behind([of('a', [1, 4]), of('b', [0])])).toBe(3);
  });

  test('ignores the order of partitions', () => {
    known.take([topic('a', [3, 5])], true);
    const turned = topic('a', [3, 5]);
    expect(known.behind([{ ...turned, partitions: turned.partitions.toReversed() }])).toBe(0);
  });

  test('counts a response with fewer partitions of a topic as stale', () => {
    known.take([topic('a', [0, 0, 0])], true);
    expect(known.behind([topic('a', [0])])).toBe(2);
    expect(known.behind([topic('a', [0, 0, 0, 0])])).toBe(0);
  });

  test('never counts an unknown epoch as stale, and keeps the known epochs', () => {
    known.take([topic('a', [7])], true);
    expect(known.behind([topic('a', [-1])])).toBe(0);
    known.take([topic('a', [-1])], true);
    expect(known.behind([topic('a', [6])])).toBe(1);
    known.take([topic('old', [-1])], true);
    expect(known.behind([topic('old', [0])])).toBe(0);
  });

  test('ignores a topic with an error', () => {
    known.take([topic('a', [7, 7])], true);
    expect(known.behind([failed('a')])).toBe(0);
    known.take([failed('a')], true);
    expect(known.behind([topic('a', [7, 6])])).toBe(1);
  });

  test('accepts a re-created topic, which has another id or was missing in between', () => {
    known.take([topic('a', [7], 'first'), nameless('b', [7])], true);
    expect(known.behind([topic('a', [0], 'second')])).toBe(0);
    known.take([topic('a', [0], 'second')], true);
    expect(known.behind([topic('a', [0], 'second'), nameless('b', [0])])).toBe(0);
  });

  test('keeps the epochs of topics that a response does not list', () => {
    known.take([topic('a', [7]), topic('b', [7])], true);
    known.take([topic('a', [8])], false);
    known.take([], false);
    expect(known.behind([topic('b', [6])])).toBe(1);
    expect(known.behind([topic('a', [7])])).toBe(1);
  });

  test('compares later responses with an accepted stale one', () => {
    known.take([topic('a', [7, 7])], true);
    known.take([topic('a', [2])], true);
    expect(known.behind([topic('a', [2])])).toBe(0);
    expect(known.behind([topic('a', [1])])).toBe(1);
  });
});
