/** Runs the seeds that it receives, one after another. */
import { parentPort } from 'node:worker_threads';
import { simulateProgress, type ProgressResult } from './progress.ts';
import { simulate, type RunResult } from './run.ts';

/** A seed to run: with all faults together, or of progress under one. */
export interface Task {
  readonly seed: number;
  readonly progress: boolean;
}

export type Done = { readonly run: RunResult } | { readonly progress: ProgressResult };

const port = parentPort;
if (port === null) throw new Error('a worker of the simulation is a worker thread');

/** An unhandled rejection hides an error; in the simulation it is reported with its seed. */
let unhandled: unknown;
process.on('unhandledRejection', (error) => {
  unhandled = error;
});

const textOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));

async function run(seed: number): Promise<RunResult> {
  try {
    const result = await simulate({ seed });
    if (unhandled === undefined) return result;
    return { ...result, violations: [...result.violations, { kind: 'unhandled rejection', at: 0, text: textOf(unhandled) }] };
  } catch (error) {
    const violations = [{ kind: 'the simulation failed', at: 0, text: textOf(error) }];
    return { seed, faults: [], violations, events: 0, simulatedMs: 0, ackedWrites: 0, voidPartitions: 0, hash: '' };
  }
}

async function runProgress(seed: number): Promise<ProgressResult> {
  try {
    const result = await simulateProgress({ seed });
    if (unhandled === undefined) return result;
    return { ...result, violations: [...result.violations, { kind: 'unhandled rejection', at: 0, text: textOf(unhandled) }] };
  } catch (error) {
    const violations = [{ kind: 'the simulation failed', at: 0, text: textOf(error) }];
    return { seed, fault: { kind: 'none' }, violations, simulatedMs: 0, controllerChanges: 0, quietMs: 0, created: 0, hash: '' };
  }
}

port.on('message', ({ seed, progress }: Task) => {
  unhandled = undefined;
  const done: Promise<Done> = progress
    ? runProgress(seed).then((result) => ({ progress: result }))
    : run(seed).then((result) => ({ run: result }));
  void done.then((message) => {
    port.postMessage(message);
  });
});
