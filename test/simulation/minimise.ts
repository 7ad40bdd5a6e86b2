/** Leaves out faults while a run still has the same violation: the minimal faults remain. */
import type { Fault } from './faults.ts';
import { simulate, type RunResult } from './run.ts';

export async function minimise(failed: RunResult, budget: number): Promise<{ faults: readonly Fault[]; runs: number }> {
  const kinds = new Set(failed.violations.map(({ kind }) => kind));
  let faults = failed.faults;
  let runs = 0;
  const fails = async (some: readonly Fault[]): Promise<boolean> => {
    runs++;
    const { violations } = await simulate({ seed: failed.seed, faults: some });
    return violations.some(({ kind }) => kinds.has(kind));
  };
  // Halves first, then fewer and fewer at a time.
  for (let size = Math.ceil(faults.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < faults.length && runs < budget;) {
      const fewer = [...faults.slice(0, at), ...faults.slice(at + size)];
      if (await fails(fewer)) faults = fewer;
      else at += size;
    }
  }
  return { faults, runs };
}
