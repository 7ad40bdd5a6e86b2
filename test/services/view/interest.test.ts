import { describe, expect, test } from 'vitest';
import { EVERYTHING, NOTHING, unionOf, type Interest } from '../../../electron/services/view/interest.ts';

const shows = (topics: Interest['topics'], groups: Interest['groups']): Interest => ({ topics, groups });

describe('unionOf', () => {
  test('joins what clients show, and is nothing without clients', () => {
    expect(unionOf([])).toEqual(NOTHING);
    expect(unionOf([shows(['a'], 'none'), shows(['b', 'a'], ['g'])])).toEqual(shows(['a', 'b'], ['g']));
    expect(unionOf([shows(['a'], 'none'), EVERYTHING])).toEqual(EVERYTHING);
  });
});
