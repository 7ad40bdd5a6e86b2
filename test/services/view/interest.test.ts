import { describe, expect, test } from 'vitest';
import { EVERYTHING, groupsShownAlone, NOTHING, unionOf, type Interest } from '../../../electron/services/view/interest.ts';

const shows = (topics: Interest['topics'], groups: Interest['groups']): Interest => ({ topics, groups });

describe('unionOf', () => {
  test('joins what clients show, and is nothing without clients', () => {
    expect(unionOf([])).toEqual(NOTHING);
    expect(unionOf([shows(['a'], 'none'), shows(['b', 'a'], ['g'])])).toEqual(shows(['a', 'b'], ['g']));
    expect(unionOf([shows(['a'], 'none'), EVERYTHING])).toEqual(EVERYTHING);
  });
});

test('groupsShownAlone: those that a client shows by their id, whatever others show', () => {
  expect(groupsShownAlone([EVERYTHING, shows('all', ['g', 'h']), shows('none', ['g']), NOTHING])).toEqual(['g', 'h']);
  expect(groupsShownAlone([EVERYTHING])).toEqual([]);
});
