import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PLANTED_STOPS } from './planted-progress.ts';
import { simulateProgress } from './progress.ts';

/** Each is found by the first as a rule. */
const SEEDS = 5;

describe('the check of progress sees a planted bug', () => {
  let takeOut: (() => void) | undefined;
  // A node that a bug has broken may leave rejected promises behind.
  const ignore = (): void => undefined;
  beforeAll(() => {
    process.on('unhandledRejection', ignore);
    return () => process.off('unhandledRejection', ignore);
  });
  afterEach(() => {
    takeOut?.();
    takeOut = undefined;
  });

  it.each(PLANTED_STOPS.map((bug) => [bug.name, bug] as const))('%s', async (_, bug) => {
    takeOut = bug.plant();
    let seed = 0;
    let found: string[] = [];
    while (!found.includes(bug.found) && seed < SEEDS)
      found = (await simulateProgress({ seed: ++seed, fault: bug.fault })).violations.map(({ kind }) => kind);
    expect(found, `in ${SEEDS} seeds`).toContain(bug.found);
    takeOut();
    takeOut = undefined;
    // And it was the bug: the same run without it breaks nothing that the bug broke.
    const sound = await simulateProgress({ seed, fault: bug.fault });
    expect(sound.violations.map(({ kind }) => kind)).not.toContain(bug.found);
  });
});
