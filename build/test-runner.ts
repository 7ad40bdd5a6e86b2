/**
 * Runs the commands of suites: several suites at a time, since most of them wait more than they compute, or one after another with
 * live output.
 *
 * Suites do not share ports (`test/helpers/ports.ts`) or directories. Where the system allows it (Linux, as root) each suite runs
 * in its own network namespace, isolated from other programs of the machine.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';

/** Runs a Node.js program of this project; resolves to its exit code, null when a signal ended it. */
export type Run = (file: string, args: readonly string[]) => Promise<number | null>;

export interface Job<T> {
  name: string;
  /** The job computes all the time: it runs at a lower priority, and beside another busy job only at the end. */
  busy?: boolean;
  /** The job builds for others or measures: no other job runs beside it. */
  alone?: boolean;
  run(run: Run): Promise<T>;
}

interface Placement {
  output: 'inherit' | number;
  /** Runs the program in its own network namespace. */
  isolated: boolean;
  busy: boolean;
}

const LOWER_PRIORITY = 10;

/** Whether this machine supports network namespaces for this user. */
function canIsolate(): boolean {
  if (process.platform !== 'linux') return false;
  return spawnSync('unshare', ['-n', 'sh', '-c', 'ip link set lo up'], { stdio: 'ignore' }).status === 0;
}

export class Runner {
  private readonly root: string;
  private readonly logs: string;
  private readonly children = new Set<ChildProcess>();

  /** `root`: working directory of programs; `logs`: directory for the output of suites that run beside others. */
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

  /** Runs one job after another, in order, with live output. `ended` is called after each, with its seconds. */
  async oneByOne<T>(jobs: readonly Job<T>[], ended: (name: string, result: T, seconds: number) => void): Promise<void> {
    for (const job of jobs) {
      console.log(`\n── ${job.name}`);
      const from = performance.now();
      const result = await job.run((file, args) => this.program(file, args, { output: 'inherit', isolated: false, busy: false }));
      ended(job.name, result, (performance.now() - from) / 1000);
    }
  }

  /**
   * Runs `lanes` jobs at a time, at most one of them `busy` while others wait to start; `alone` jobs keep their position in the
   * order. The output of each job is printed at its end.
   */
  async sideBySide<T>(jobs: readonly Job<T>[], lanes: number, ended: (name: string, result: T, seconds: number) => void): Promise<void> {
    const isolated = canIsolate();
    const waiting = [...jobs];
    while (waiting.length > 0) {
      const next = waiting.findIndex(({ alone }) => alone === true);
      if (next === 0) {
        await this.aside(waiting.splice(0, 1)[0] as Job<T>, isolated, ended);
        continue;
      }
      const group = waiting.splice(0, next < 0 ? waiting.length : next);
      const busy = group.filter((job) => job.busy === true);
      const patient = group.filter((job) => job.busy !== true);
      const lane = async (...queues: Job<T>[][]): Promise<void> => {
        for (;;) {
          const job = queues.find(({ length }) => length > 0)?.shift();
          if (job === undefined) return;
          await this.aside(job, isolated, ended);
        }
      };
      await Promise.all(Array.from({ length: lanes }, (_, i) => (i === 0 ? lane(busy, patient) : lane(patient, busy))));
    }
  }

  private async aside<T>(job: Job<T>, isolated: boolean, ended: (name: string, result: T, seconds: number) => void): Promise<void> {
    console.log(`── ${job.name} started`);
    const log = join(this.logs, `${job.name}.log`);
    const output = openSync(log, 'w');
    const from = performance.now();
    const result = await job.run((file, args) => this.program(file, args, { output, isolated, busy: job.busy === true }));
    closeSync(output);
    console.log(`\n── ${job.name}\n${readFileSync(log, 'utf8')}`);
    ended(job.name, result, (performance.now() - from) / 1000);
  }

  private program(file: string, args: readonly string[], { output, isolated, busy }: Placement): Promise<number | null> {
    const own = [file, ...args];
    const [command, all] = isolated
      ? ['unshare', ['-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', process.execPath, ...own]]
      : [process.execPath, own];
    return new Promise((resolve, reject) => {
      const child = spawn(command, all, { cwd: this.root, stdio: ['ignore', output, output] });
      this.children.add(child);
      // Inherited by its child processes.
      if (busy && child.pid !== undefined) setPriority(child.pid, LOWER_PRIORITY);
      child.once('error', reject);
      child.once('close', (code) => {
        this.children.delete(child);
        resolve(code);
      });
    });
  }
}
