import { describe, expect, it } from 'vitest';
import { simulate } from './run.ts';

describe('the simulation', () => {
  it('replays a seed exactly', async () => {
    const first = await simulate({ seed: 12 });
    const second = await simulate({ seed: 12 });
    expect(second.hash).toBe(first.hash);
    expect(second.events).toBe(first.events);
    expect(second.ackedWrites).toBe(first.ackedWrites);
  });

  it('takes another way with another seed, and with another schedule', async () => {
    const seeded = await simulate({ seed: 12 });
    const other = await simulate({ seed: 13 });
    const quiet = await simulate({ seed: 12, faults: [] });
    expect(new Set([seeded.hash, other.hash, quiet.hash]).size).toBe(3);
    expect(quiet.violations).toEqual([]);
    expect(quiet.ackedWrites).toBeGreaterThan(1000);
  });
});
