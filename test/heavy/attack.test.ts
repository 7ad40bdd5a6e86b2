/** `npm run attack -- --short` with the bars of a noisy machine: memory as it is, time by an order of magnitude. */
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../helpers/run.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const BAR_BYTES = 512 * 1024 * 1024;
const BAR_SILENCE_MS = 10_000;
const BAR_END_MS = 30_000;

interface Report {
  results: {
    endMs: number | undefined;
    outcomes: { attack: string; peakBytes: number | undefined; silenceMs: number; silenceJudged: boolean }[];
  }[];
}

test('hostile clients take no more memory than a node lends, and keep no other client waiting', { timeout: 240_000 }, async () => {
  // Of the others, the ones that need no more than what a node bounds by itself.
  const attacks = 'fuzz,elements,half-frames,slow-readers,slow-writers,flood,control-noise,idle-connections';
  const { stdout, stderr } = await run(
    process.execPath,
    [join(ROOT, 'build/launch.mjs'), 'attack', '--short', '--json', '--only', attacks],
    {
      timeoutMs: 200_000,
    },
  );
  expect(stdout, stderr).not.toBe('');
  const { results } = JSON.parse(stdout) as Report;
  const outcomes = results.flatMap((result) => result.outcomes);
  expect(outcomes.map(({ attack }) => attack).join(',')).toBe(attacks);
  const over = outcomes.filter(({ peakBytes = 0, silenceMs, silenceJudged }) => {
    return peakBytes > BAR_BYTES || (silenceJudged && silenceMs > BAR_SILENCE_MS);
  });
  expect(over).toEqual([]);
  for (const { endMs } of results) expect(endMs).toBeLessThan(BAR_END_MS);
});
