import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ClusterProcess, somePort, type ClusterLine } from '../helpers/cluster-process.ts';
import { isRunning, until } from '../helpers/processes.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface Fault {
  id: number;
}

/** The answer, or the status of the refusal. */
async function ask<T>(cluster: ClusterProcess, method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T | string> {
  try {
    return await cluster.control<T>(method, path, body);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('requests that meet', () => {
  let cluster: ClusterProcess | undefined;
  afterEach(async () => {
    await cluster?.crash();
    cluster = undefined;
  });

  test('a broker that joins while it is started, killed and healed is managed, and SIGTERM ends the process', async () => {
    const one = await ClusterProcess.start();
    cluster = one;
    for (let round = 0; round < 4; round++) {
      const adding = ask(one, 'POST', '/nodes');
      const meanwhile = [
        () => ask(one, 'DELETE', '/faults'),
        () => ask(one, 'POST', '/nodes/4/start'),
        () => ask(one, 'POST', '/faults', { type: 'kill', node: 4 }),
        () => ask(one, 'POST', '/faults', { type: 'slowDisk', node: 4, latencyMs: 1 }),
      ];
      // In another order each round, so that each of them is once the first.
      const order = meanwhile.map((_, index) => meanwhile[(index + round) % meanwhile.length] as () => Promise<unknown>);
      await Promise.all([adding, ...order.map((send) => send())]);
      const nodes = await one.nodes();
      if (nodes.length === 4) await ask(one, 'DELETE', '/faults');
      for (const { id } of await one.control<Fault[]>('GET', '/faults')) {
        expect(await ask(one, 'DELETE', `/faults/${id}`), `fault ${id}`).toBeNull();
      }
      expect(await one.control('DELETE', '/faults')).toEqual([]);
      const after = await one.nodes();
      expect(after.map(({ state }) => state)).toEqual(after.map(() => 'running'));
      if (after.length === 4) expect(await ask(one, 'DELETE', '/nodes/4')).toBeNull();
    }
    process.kill(one.line.pid, 'SIGTERM');
    await until('the process ends', 40_000, () => !isRunning(one.line.pid));
  });
});

/** A command that prints a cluster's line of JSON, run as another program would run it. */
class Started {
  readonly child: ChildProcess;
  readonly line: Promise<ClusterLine>;

  constructor(file: string, args: readonly string[]) {
    this.child = spawn(file, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] });
    this.line = new Promise((done, fail) => {
      let out = '';
      this.child.stdout?.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        const end = out.indexOf('\n');
        if (end >= 0) done(JSON.parse(out.slice(0, end)) as ClusterLine);
      });
      this.child.once('error', fail);
      setTimeout(() => fail(new Error('no line of JSON within 90 s')), 90_000).unref();
    });
  }
}

describe('the process that started a cluster ends', () => {
  const left: number[] = [];
  afterEach(() => {
    for (const pid of left.splice(0)) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });

  const options = (): string[] => ['--json', '--memory', '--brokers', '1', '--port', String(somePort())];
  const launch = ['build/launch.mjs', 'cluster'];
  const byNpm = (): Started => new Started('npm', ['run', '--silent', 'cluster', '--', ...options()]);
  /**
   * Waits, up to 30 s, until the program has recorded that the shell started it: on a machine that is slow to start it, the shell would
   * have ended before, and nothing would be known of it. build/launch.mjs replaces its process with one that has this variable.
   */
  const UNTIL_RECORDED =
    'i=0; until grep -qszE "^BROKERDESK_STARTED_BY=$!:" /proc/$!/environ || [ $i -ge 600 ]; do i=$((i + 1)); sleep 0.05; done';
  /** A shell that starts it in the background, by way of `before`, and ends. */
  const byShell = (before: string, ...more: string[]): Started =>
    new Started('sh', ['-c', `${before} "$0" "$@" & ${UNTIL_RECORDED}`, process.execPath, ...launch, ...options(), ...more]);

  test('npm by a signal, npm by SIGKILL, a shell by itself: each takes the cluster with it', async () => {
    const orphan = byShell('');
    const npms = [
      [byNpm(), 'SIGTERM'],
      [byNpm(), 'SIGKILL'],
    ] as const;
    const pids = await Promise.all(
      npms.map(async ([npm, signal]) => {
        const { pid } = await npm.line;
        left.push(pid);
        npm.child.kill(signal);
        return pid;
      }),
    );
    for (const pid of pids) await until(`process ${pid} ends`, 60_000, () => !isRunning(pid));
    // The shell ended long before there was a line to print; the last process that holds the pipe closes it.
    await until('the output of the orphan is closed', 60_000, () => orphan.child.stdout?.readableEnded === true);
  });

  test('a shell takes no cluster with it that was detached, by the option or by setsid', async () => {
    const all = [byShell('', '--detach'), byShell('setsid')];
    const lines = await Promise.all(all.map(({ line }) => line));
    left.push(...lines.map(({ pid }) => pid));
    for (const { child } of all) await until('its shell ends', 60_000, () => child.pid !== undefined && !isRunning(child.pid));
    // Longer than the watch takes to look twice.
    await new Promise((done) => setTimeout(done, 3_000));
    expect(lines.map(({ pid }) => isRunning(pid))).toEqual([true, true]);
    for (const { pid } of lines) process.kill(pid, 'SIGTERM');
    for (const { pid } of lines) await until(`process ${pid} ends`, 60_000, () => !isRunning(pid));
  });
});
