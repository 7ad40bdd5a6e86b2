/** `npm run simulate -- [--seeds N] [--from S] [--seed S]`: runs seeds, side by side, and reports violations. */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { HELP_LINE, integerOption, parsing, runCommand } from '../../electron/cli/command.ts';
import { describeFault, type FaultKind } from './faults.ts';
import { minimise } from './minimise.ts';
import { describeProgressFault } from './progress-faults.ts';
import { simulateProgress, type ProgressResult } from './progress.ts';
import { simulate, type RunResult } from './run.ts';
import type { Done, Task } from './worker.ts';

const USAGE = `Usage: npm run simulate -- [--seeds N] [--progress N] [--from S] [--seed S] [--workers N] [--trace]

Runs whole clusters, clients and faults in simulated time. Exit 1 on a violation.

  --seeds N        how many seeds to run (200)
  --progress N     how many of progress under one fault (a tenth of --seeds); with --seed: that one
  --from S         the first of them (1)
  --seed S         this one alone, with its schedule
  --workers N      how many at a time (2)
  --trace          with --seed: everything that happens, line by line
${HELP_LINE}`;
const HIGHEST = 999_999_999;
const MINIMISE_RUNS = 40;
/** Maximum number of failing seeds that are minimised. */
const MINIMISED = 3;
/** Room for what a run throws away at once: less of it is alive when it is looked through, and hardly any grows old. */
const YOUNG_GENERATION_MB = 96;

interface Options {
  seeds: number;
  progress: number | undefined;
  from: number;
  seed: number | undefined;
  workers: number;
  trace: boolean;
}

function readOptions(args: readonly string[]): Options {
  const { values } = parsing(() =>
    parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string' },
        progress: { type: 'string' },
        from: { type: 'string' },
        seed: { type: 'string' },
        workers: { type: 'string' },
        trace: { type: 'boolean', default: false },
      },
    }),
  );
  return {
    seeds: integerOption('seeds', values.seeds, 0, HIGHEST) ?? 200,
    progress: integerOption('progress', values.progress, 0, HIGHEST),
    from: integerOption('from', values.from, 0, HIGHEST) ?? 1,
    seed: integerOption('seed', values.seed, 0, HIGHEST),
    workers: integerOption('workers', values.workers, 1, 64) ?? 2,
    trace: values.trace,
  };
}

async function runAll(tasks: readonly Task[], workers: number, done: (result: Done) => void): Promise<void> {
  let next = 0;
  const lane = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      });
      const hand = (): void => {
        const task = tasks[next++];
        if (task !== undefined) worker.postMessage(task);
        else {
          resolve();
          void worker.terminate();
        }
      };
      worker.on('message', (result: Done) => {
        done(result);
        hand();
      });
      worker.on('error', reject);
      hand();
    });
  await Promise.all(Array.from({ length: Math.min(workers, tasks.length) }, lane));
}

function describe({ seed, faults, violations }: RunResult): string {
  const lines = violations.slice(0, 5).map(({ kind, at, text }) => `  ${kind} at ${(at / 1000).toFixed(3)} s: ${text}`);
  if (violations.length > 5) lines.push(`  and ${violations.length - 5} more`);
  return [`seed ${seed}: ${violations.length} violations, ${faults.length} faults`, ...lines].join('\n');
}

async function report(failed: RunResult, shrink: boolean): Promise<void> {
  console.log(`\n${describe(failed)}`);
  if (shrink) {
    const { faults, runs } = await minimise(failed, MINIMISE_RUNS);
    console.log(`  schedule, minimised from ${failed.faults.length} faults in ${runs} runs (times after the cluster was ready):`);
    for (const fault of faults) console.log(`    ${describeFault(fault)}`);
    if (faults.length === 0) console.log('    no fault is needed');
  }
  console.log(`  replay: npm run simulate -- --seed ${failed.seed}`);
}

async function one(seed: number, trace: boolean): Promise<number> {
  const result = await simulate({ seed, trace: trace ? (line) => console.log(line) : undefined });
  console.log(`seed ${seed}: ${result.faults.length} faults (times after the cluster was ready)`);
  for (const fault of result.faults) console.log(`  ${describeFault(fault)}`);
  console.log(
    `${result.events} events, ${(result.simulatedMs / 1000).toFixed(1)} s simulated, ${result.ackedWrites} acknowledged writes, hash ${result.hash}`,
  );
  if (result.violations.length === 0) {
    console.log('0 violations');
    return 0;
  }
  await report(result, true);
  return 1;
}

function describeProgress({ seed, fault, violations }: ProgressResult): string {
  const lines = violations.slice(0, 5).map(({ kind, at, text }) => `  ${kind} at ${(at / 1000).toFixed(3)} s: ${text}`);
  return [`progress, seed ${seed}: ${violations.length} violations under ${describeProgressFault(fault)}`, ...lines].join('\n');
}

async function oneOfProgress(seed: number, trace: boolean): Promise<number> {
  const result = await simulateProgress({ seed, trace: trace ? (line) => console.log(line) : undefined });
  console.log(describeProgress(result));
  console.log(`${(result.simulatedMs / 1000).toFixed(1)} s simulated, ${result.created} created topics, hash ${result.hash}`);
  return result.violations.length === 0 ? 0 : 1;
}

/** Results of the progress seeds. */
function reportProgress(results: readonly ProgressResult[]): number {
  const failed = results.filter(({ violations }) => violations.length > 0).sort((a, b) => a.seed - b.seed);
  for (const result of failed) {
    console.log(`\n${describeProgress(result)}`);
    console.log(`  replay: npm run simulate -- --progress 1 --seed ${result.seed}`);
  }
  const sum = (of: (result: ProgressResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const kinds = new Map<string, number>();
  for (const { fault } of results) kinds.set(fault.kind, (kinds.get(fault.kind) ?? 0) + 1);
  console.log(`\nprogress    ${results.length} seeds, ${failed.length} with violations`);
  console.log(`faults      ${[...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  console.log(`topics      ${sum(({ created }) => created)} created`);
  console.log(
    `controllers ${sum(({ controllerChanges }) => controllerChanges)} changes in ${(sum(({ quietMs }) => quietMs) / 3_600_000).toFixed(2)} simulated hours in which none was to be`,
  );
  return failed.length;
}

async function many(seeds: number, progress: number, from: number, workers: number): Promise<number> {
  const started = performance.now();
  const failed: RunResult[] = [];
  const faults = new Map<FaultKind, number>();
  let [events, simulatedMs, acked, done, voided] = [0, 0, 0, 0, 0];
  const tasks: Task[] = Array.from({ length: seeds }, (_, index) => ({ seed: from + index, progress: false }));
  for (let index = 0; index < progress; index++) tasks.push({ seed: from + index, progress: true });
  const ofProgress: ProgressResult[] = [];
  await runAll(tasks, workers, (outcome) => {
    if ('progress' in outcome) {
      ofProgress.push(outcome.progress);
      if (outcome.progress.violations.length > 0) console.error(describeProgress(outcome.progress));
      if (ofProgress.length % 100 === 0) console.error(`${ofProgress.length} of ${progress} seeds of progress`);
      return;
    }
    const result = outcome.run;
    done++;
    events += result.events;
    simulatedMs += result.simulatedMs;
    acked += result.ackedWrites;
    voided += result.voidPartitions;
    for (const { kind } of result.faults) faults.set(kind, (faults.get(kind) ?? 0) + 1);
    if (result.violations.length > 0) {
      failed.push(result);
      console.error(`seed ${result.seed}: ${result.violations.map(({ kind }) => kind).join(', ')}`);
    }
    if (done % 100 === 0 && done < seeds) console.error(`${done} of ${seeds} seeds, ${failed.length} with violations`);
  });
  const minutes = (performance.now() - started) / 60_000;
  failed.sort((a, b) => a.seed - b.seed);
  for (const [index, result] of failed.entries()) await report(result, index < MINIMISED);
  const kinds = [...faults].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${kind} ${count}`);
  const stopped = progress > 0 ? reportProgress(ofProgress) : 0;
  if (seeds === 0) return stopped === 0 ? 0 : 1;
  console.log(`\nseeds       ${seeds} (${from} to ${from + seeds - 1}), ${failed.length} with violations`);
  console.log(
    `simulated   ${(simulatedMs / 3_600_000).toFixed(2)} h in ${minutes.toFixed(1)} min: ${(simulatedMs / 3_600_000 / minutes).toFixed(2)} simulated hours per minute, ${(seeds / minutes).toFixed(0)} seeds per minute`,
  );
  console.log(`events      ${events}`);
  console.log(`faults      ${kinds.join(', ')}`);
  console.log(`writes      ${acked} acknowledged; in ${voided} partitions faults took more than is promised to survive`);
  console.log(`violations  ${failed.reduce((sum, { violations }) => sum + violations.length, 0)}`);
  return failed.length + stopped === 0 ? 0 : 1;
}

function run(args: readonly string[]): Promise<number> {
  const { seeds, progress, from, seed, workers, trace } = readOptions(args);
  if (seed === undefined) return many(seeds, progress ?? Math.ceil(seeds / 10), from, workers);
  return progress === undefined ? one(seed, trace) : oneOfProgress(seed, trace);
}

process.exit(await runCommand({ usage: USAGE, run }, process.argv.slice(2)));
