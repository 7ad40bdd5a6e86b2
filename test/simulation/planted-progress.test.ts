import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PLANTED_STOPS } from './planted-progress.ts';
import { simulateProgress } from './progress.ts';

/** Number of seeds; the first usually finds each bug. */
const SEEDS = 5;

describe('the check of progress sees a planted bug', () => {
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

  it.each(PLANTED_STOPS.map((bug) => [bug.name, bug] as const))('%s', async (_, bug) => {
    takeOut = bug.plant();
    let seed = 0;
    let found: string[] = [];
    while (!found.includes(bug.found) && seed < SEEDS)
      found = (await simulateProgress({ seed: ++seed, fault: bug.fault })).violations.map(({ kind }) => kind);
    expect(found, `in ${SEEDS} seeds`).toContain(bug.found);
    takeOut();
    takeOut = undefined;
    // The same run without the bug has none of its violations.
    const sound = await simulateProgress({ seed, fault: bug.fault });
    expect(sound.violations.map(({ kind }) => kind)).not.toContain(bug.found);
  });
});
