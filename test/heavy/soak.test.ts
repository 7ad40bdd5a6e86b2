/** `npm run soak` for less than a minute: the growth over an hour is for that command, this is the size under load and that the run works. */
import { expect, test } from 'vitest';
import { describeWith } from '../helpers/tools.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { soak } from '../soak/run.ts';

const SECOND_MS = 1_000;
const FOR_MS = 40 * SECOND_MS;
/** `npm run soak` has 350 MiB; a loaded machine collects garbage late. */
const BAR_BYTES = 500 * 1024 * 1024;

describeWith('a browser and /proc', hasBrowser && process.platform === 'linux', 'web mode under load, with faults', () => {
  test('stays below 500 MiB of resident memory with three brokers, three tabs and clients', { timeout: 240 * SECOND_MS }, async () => {
    const { samples, failures, loads, tabs, faults } = await soak({
      forMs: FOR_MS,
      sampleMs: 2 * SECOND_MS,
      faultEveryMs: 15 * SECOND_MS,
      navigateEveryMs: 5 * SECOND_MS,
      seed: 1,
      // The median of this minute is that of the whole run.
      bars: { growth: 1.5, residentBytes: BAR_BYTES, referenceMs: FOR_MS / 2 },
      outDirectory: undefined,
      report: () => undefined,
    });
    const threads = samples.flatMap((sample) => sample.threads.map(({ name }) => name));
    console.log('soak:', JSON.stringify({ last: samples.at(-1), loads, tabs, faults }));
    expect(failures).toEqual([]);
    expect([...new Set(threads)]).toEqual(expect.arrayContaining(['main', 'broker-1', 'broker-2', 'broker-3']));
  });
});
