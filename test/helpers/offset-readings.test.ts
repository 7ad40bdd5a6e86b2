/** The judge of lag takes no upper bound from a leader that may have been replaced, and none of its answers for a loss or a deletion. */
import { expect, test } from 'vitest';
import { LeadershipProofs } from './leadership-proofs.ts';
import { Readings } from './offset-readings.ts';

/** Each answer takes 10 ms. */
type Answer = readonly [from: number, value: bigint, leaderEpoch: number];

function settledOf(answers: readonly Answer[], mayFall = false) {
  const [readings, proofs] = [new Readings(), new LeadershipProofs()];
  for (const [from, value, leaderEpoch] of answers) {
    readings.note({ from, until: from + 10, value, port: 9_000 + leaderEpoch, leaderEpoch });
    proofs.noteAnswer(leaderEpoch, 'end', from, [value]);
  }
  return { readings, fallen: readings.settle(proofs, mayFall) };
}

test('a leader bounds an offset from above up to the last answer before its offset advanced', () => {
  const { readings } = settledOf([[0, 5n, 1], [100, 6n, 1], [200, 7n, 1], [300, 9n, 2]]); // prettier-ignore
  expect(readings.around(50, 60)).toEqual({ before: 5n, after: 6n });
  // Answered 7 when its successor may have had 8 already.
  expect(readings.around(150, 160)).toEqual({ before: 6n, after: 9n });
});

test('an isolated leader bounds an offset from below only, for as long as it answers', () => {
  const isolated = Array.from({ length: 100 }, (_, i): Answer => [200 + i * 10, 7n, 1]);
  const { readings, fallen } = settledOf([[0, 5n, 1], [100, 7n, 1], ...isolated, [1_400, 9n, 2]]); // prettier-ignore
  expect(readings.around(150, 160)).toEqual({ before: 7n, after: 9n });
  expect(fallen).toEqual([]);
});

test('the leader of the last epoch needs no proof', () => {
  const { readings } = settledOf([[0, 5n, 1], [100, 5n, 1]]); // prettier-ignore
  expect(readings.around(50, 60)).toEqual({ before: 5n, after: 5n });
});

test('without a later answer of a leader that surely led, no bound is known', () => {
  const { readings } = settledOf([[0, 5n, 1], [20, 6n, 2], [100, 5n, 1]]); // prettier-ignore
  expect(readings.around(50, 60)).toBeNull();
});

test('a lower offset of a leader that surely led is a loss; of a replaced leader it is none', () => {
  const replaced = settledOf([[0, 5n, 1], [100, 8n, 2], [200, 5n, 1], [300, 9n, 2]]); // prettier-ignore
  expect(replaced.fallen).toEqual([]);
  const lost = settledOf([[0, 8n, 1], [100, 5n, 2], [200, 6n, 2]]); // prettier-ignore
  expect(lost.fallen.map(({ value }) => value)).toEqual([5n, 6n]);
});

test('an offset that may fall has no bounds across its fall, and a replaced leader makes it neither fall nor rise', () => {
  const { readings } = settledOf([[0, 800n, 1], [20, 801n, 1], [100, 3n, 2], [120, 801n, 1], [140, 4n, 2], [200, 4n, 2]], true); // prettier-ignore
  expect(readings.around(50, 60)).toBeNull();
  expect(readings.around(135, 139)).toEqual({ before: 3n, after: 4n });
});
