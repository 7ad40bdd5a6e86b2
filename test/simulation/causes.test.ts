/** Causes stated on the timeline, over random faults: the injected faults refute none, and at least 95 % of the consequences have one. */
import { expect, it } from 'vitest';
import { judgeCauses } from './causes.ts';

/** Number of seeds; the long form uses 200. */
const SEEDS = Number(process.env['CAUSE_SEEDS'] ?? (process.env['BROKERDESK_HEAVY'] === '1' ? 20 : 6));

it(
  'the timeline states no false cause and explains what faults lead to',
  async () => {
    const falseCauses: string[] = [];
    const unexplained: string[] = [];
    let [consequences, explained, entries] = [0, 0, 0];
    for (let seed = 1; seed <= SEEDS; seed++) {
      const verdict = await judgeCauses(seed);
      falseCauses.push(...verdict.falseCauses);
      unexplained.push(...verdict.unexplained);
      consequences += verdict.consequences;
      explained += verdict.explained;
      entries += verdict.entries;
    }
    if (process.env['CAUSE_SEEDS'] !== undefined) console.log({ SEEDS, entries, consequences, explained, falseCauses: falseCauses.length });
    expect(falseCauses.slice(0, 20)).toEqual([]);
    expect(consequences).toBeGreaterThan(10 * SEEDS);
    expect(explained / consequences, unexplained.slice(0, 20).join('\n')).toBeGreaterThanOrEqual(0.95);
  },
  20_000 + SEEDS * 10_000,
);
