import { describe, expect, test } from 'vitest';
import { EVERYTHING, isShownAlone, NOTHING, unionOf, type Interest } from '../../../electron/services/view/interest.ts';

const shows = (topics: Interest['topics'], groups: Interest['groups']): Interest => ({ topics, groups });

describe('unionOf', () => {
  test('joins what clients show, and is nothing without clients', () => {
    expect(unionOf([])).toEqual(NOTHING);
    expect(unionOf([shows(['a'], 'none'), shows(['b', 'a'], ['g'])])).toEqual(shows(['a', 'b'], ['g']));
    expect(unionOf([shows(['a'], 'none'), EVERYTHING])).toEqual(EVERYTHING);
  });
});

describe('isShownAlone', () => {
  test('holds for a group that a client watches by its id, not for one among all', () => {
    expect(isShownAlone([EVERYTHING, shows('all', ['g'])], 'g')).toBe(true);
    expect(isShownAlone([EVERYTHING, shows('all', ['g']), NOTHING], 'h')).toBe(false);
    expect(isShownAlone([], 'g')).toBe(false);
  });
});
