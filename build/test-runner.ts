/**
 * Runs the commands of the suites: one suite after another where a person looks on, or two at a time where the system gives
 * each a network of its own (Linux, as root: a network namespace), so that ports never collide. Most suites wait more than
 * they compute.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs a Node program of this project; resolves with its exit code, null when a signal ended it. */
export type Run = (file: string, args: readonly string[]) => Promise<number | null>;

export interface Job<T> {
  name: string;
  /** Computes all the time: gives way to those that wait for a moment. */
  busy?: boolean;
  /** Makes what others need, or measures: nothing runs beside it. */
  alone?: boolean;
  run(run: Run): Promise<T>;
}

const LOWER_PRIORITY = 10;

/** Whether a program can be given a network of its own here. */
export function canIsolate(): boolean {
  if (process.platform !== 'linux') return false;
  return spawnSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up'], { stdio: 'ignore' }).status === 0;
}

export class Runner {
  private readonly root: string;
  private readonly logs: string;
  private readonly children = new Set<ChildProcess>();

  /** `root`: where programs run; `logs`: directory for the output of suites that run beside others. */
  constructor(options: { root: string; logs: string }) {
    this.root = options.root;
    this.logs = options.logs;
    mkdirSync(this.logs, { recursive: true });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        for (const child of this.children) child.kill(signal);
        process.exit(signal === 'SIGINT' ? 130 : 143);
      });
    }
  }

  /** One job after another, in order, with their output as it comes. `ended` hears of each with its seconds. */
  async oneByOne<T>(jobs: readonly Job<T>[], ended: (name: string, result: T, seconds: number) => void): Promise<void> {
    for (const job of jobs) {
      console.log(`\n── ${job.name}`);
      const from = performance.now();
      const result = await job.run((file, args) => this.program(process.execPath, [file, ...args], 'inherit'));
      ended(job.name, result, (performance.now() - from) / 1000);
    }
  }

  /**
   * Two at a time, each in a network of its own and at most one of them `busy`, those that are `alone` in their place in the
   * order. The output of each comes in one piece when it has ended.
   */
  async sideBySide<T>(jobs: readonly Job<T>[], ended: (name: string, result: T, seconds: number) => void): Promise<void> {
    const waiting = [...jobs];
    while (waiting.length > 0) {
      const next = waiting.findIndex(({ alone }) => alone === true);
      if (next === 0) {
        await this.isolated(waiting.splice(0, 1)[0] as Job<T>, ended);
        continue;
      }
      const group = waiting.splice(0, next < 0 ? waiting.length : next);
      const busy = group.filter((job) => job.busy === true);
      const patient = group.filter((job) => job.busy !== true);
      const lane = async (...queues: Job<T>[][]): Promise<void> => {
        for (;;) {
          const job = queues.find(({ length }) => length > 0)?.shift();
          if (job === undefined) return;
          await this.isolated(job, ended);
        }
      };
      await Promise.all([lane(busy, patient), lane(patient, busy)]);
    }
  }

  private async isolated<T>(job: Job<T>, ended: (name: string, result: T, seconds: number) => void): Promise<void> {
    console.log(`── ${job.name} begins`);
    const log = join(this.logs, `${job.name}.log`);
    const output = openSync(log, 'w');
    const from = performance.now();
    const result = await job.run((file, args) =>
      this.program(
        'unshare',
        ['-n', 'sh', '-c', 'ip link set lo up && exec nice -n "$0" "$@"', String(job.busy === true ? LOWER_PRIORITY : 0)].concat(
          process.execPath,
          file,
          args,
        ),
        output,
      ),
    );
    closeSync(output);
    console.log(`\n── ${job.name}\n${readFileSync(log, 'utf8')}`);
    ended(job.name, result, (performance.now() - from) / 1000);
  }

  private program(file: string, args: readonly string[], output: 'inherit' | number): Promise<number | null> {
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { cwd: this.root, stdio: ['ignore', output, output] });
      this.children.add(child);
      child.once('error', reject);
      child.once('close', (code) => {
        this.children.delete(child);
        resolve(code);
      });
    });
  }
}
