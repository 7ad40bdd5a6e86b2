import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PLANTED, type PlantedBug } from './planted.ts';
import { simulate, type RunOptions } from './run.ts';

/** Number of seeds, far more than any bug needs: the third finds most. */
const SEEDS = 1000;

function options({ weights, faults, nodes }: PlantedBug, seed: number): RunOptions {
  return {
    seed,
    ...(weights === undefined ? {} : { weights }),
    ...(faults === undefined ? {} : { faults }),
    ...(nodes === undefined ? {} : { nodes }),
  };
}

describe('the checker sees a planted bug', () => {
  let takeOut: (() => void) | undefined;
  // A node with a planted bug may leave unhandled rejections.
  const ignore = (): void => undefined;
  beforeAll(() => {
    process.on('unhandledRejection', ignore);
    return () => process.off('unhandledRejection', ignore);
  });
  afterEach(() => {
    takeOut?.();
    takeOut = undefined;
  });

  it.each(PLANTED.map((bug) => [bug.name, bug] as const))('%s', async (_, bug) => {
    takeOut = bug.plant();
    const before = (bug.firstSeed ?? 1) - 1;
    let seed = before;
    let found: string[] = [];
    while (found.length === 0 && seed < before + SEEDS) found = (await simulate(options(bug, ++seed))).violations.map(({ kind }) => kind);
    expect(found, `in ${SEEDS} seeds`).not.toEqual([]);
    takeOut();
    takeOut = undefined;
    // The same run without the bug has no violation.
    const sound = await simulate(options(bug, seed));
    expect(sound.violations).toEqual([]);
  });
});
