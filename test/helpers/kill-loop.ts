/** Runs `heavy/kill_loop.py`: a librdkafka producer against a cluster that is being broken, and what became of its records. */
import { join } from 'node:path';
import { runOk } from './run.ts';

export interface KillLoopOutcome {
  seed: number;
  acked: number;
  failed: number;
  kills: number;
  lost: number;
  duplicated: number;
  invented: number;
  /** Records behind one of the same partition that was sent later. */
  reordered: number;
  /** The longest time between two acknowledgements. */
  longestPauseMs: number;
  errors: string[];
  /** With a group: records that it did not get. */
  notConsumed?: number;
}

export async function killLoop(
  cluster: { bootstrap: string; control?: string; token?: string },
  options: { seconds: number; mode: 'one' | 'two' | 'controller' | 'stop' | 'none'; group?: boolean },
): Promise<KillLoopOutcome> {
  const seed = Math.floor(Math.random() * 1e9);
  const { stdout } = await runOk(
    '/usr/bin/python3',
    [
      join(import.meta.dirname, '../heavy/kill_loop.py'),
      ...['--bootstrap', cluster.bootstrap, '--control', cluster.control ?? '', `--token=${cluster.token ?? ''}`],
      ...['--seconds', String(options.seconds), '--seed', String(seed), '--mode', options.mode],
      ...(options.group === true ? ['--group'] : []),
    ],
    { timeoutMs: options.seconds * 1_000 + 350_000 },
  );
  return { seed, ...(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Omit<KillLoopOutcome, 'seed'>) };
}
