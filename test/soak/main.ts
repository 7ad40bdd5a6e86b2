/** `npm run soak`: web mode under load, with its memory sampled. Exit 1 where a bar does not hold, 2 on a wrong option. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { integerOption, parsing, runCommand } from '../../electron/cli/command.ts';
import { mib, residentAt, type Bars } from './memory.ts';
import { soak, type SoakResult } from './run.ts';

const MINUTE_MS = 60_000;
const DEFAULT_MINUTES = 60;
const BARS: Bars = { growth: 1.3, residentBytes: 350 * 1024 * 1024, referenceMs: 5 * MINUTE_MS };
const SAMPLE_MS = 10_000;
const NAVIGATE_MS = 20_000;

const USAGE = `Usage: npm run soak -- [options]

Runs web mode with three brokers on a data directory, kafkajs and kcat clients, groups that rebalance and three browser tabs. Each
minute one broker is killed, stopped or frozen, and started again. Samples the memory of the app's process every ${SAMPLE_MS / 1_000} s.
Bars: resident memory at the end at most ${mib(BARS.residentBytes)} MiB, and at most ${BARS.growth} times the one after five minutes. Linux only.

  --minutes N   how long (${DEFAULT_MINUTES}); at least 7
  --seed N      which broker, which pages (1)
  --out DIR     keep the samples there: samples.jsonl, threads.jsonl
  --json        one line of JSON on stdout
  --help        this text

Exit code: 0 where the bars hold, 1 where one does not, 2 for a wrong option.`;

async function run(args: readonly string[]): Promise<number> {
  const { values } = parsing(() =>
    parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        out: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    }),
  );
  const minutes = integerOption('minutes', values.minutes, 7, 24 * 60) ?? DEFAULT_MINUTES;
  const result = await soak({
    forMs: minutes * MINUTE_MS,
    sampleMs: SAMPLE_MS,
    faultEveryMs: MINUTE_MS,
    navigateEveryMs: NAVIGATE_MS,
    seed: integerOption('seed', values.seed, 0, 999_999_999) ?? 1,
    bars: BARS,
    outDirectory: values.out === undefined ? undefined : resolve(values.out),
    report: (line) => console.error(line),
  });
  console.log(values.json ? JSON.stringify(result) : table(result, minutes));
  return result.failures.length === 0 ? 0 : 1;
}

function table({ samples, verdict, loads, tabs, faults, failures }: SoakResult, minutes: number): string {
  const times = [...new Set([5, 15, 30, 45, minutes])].filter((minute) => minute <= minutes);
  return [
    ...times.map((minute) => `${String(minute).padStart(4)} min: resident ${mib(residentAt(samples, minute * MINUTE_MS))} MiB`),
    `peak: ${mib(verdict.peakBytes)} MiB`,
    `loads: ${JSON.stringify(loads)}; tabs: ${JSON.stringify(tabs)}; faults: ${JSON.stringify(faults)}`,
    ...(failures.length === 0 ? ['All bars hold.'] : failures),
  ].join('\n');
}

process.exit(await runCommand({ usage: USAGE, run }, process.argv.slice(2)));
