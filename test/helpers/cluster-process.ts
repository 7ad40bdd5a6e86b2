/** The product as a test-suite in any language meets it: `npm run cluster --json --control 0`, in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { somePort } from './ports.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export { somePort };

export interface ClusterLine {
  bootstrap: string;
  zookeeper: string;
  control: string;
  token: string;
  data: string;
  pid: number;
}

export interface ControlNode {
  id: number;
  state: string;
}

export class ClusterProcess {
  readonly line: ClusterLine;
  private readonly child: ChildProcess;
  private readonly log: string[];
  /** The process has ended and its output was read. */
  private readonly closed: Promise<void>;

  private constructor(line: ClusterLine, child: ChildProcess, log: string[]) {
    this.line = line;
    this.child = child;
    this.log = log;
    this.closed = new Promise((resolve) => child.once('close', () => resolve()));
  }

  /** Resolves when every node is ready. `args` follow `cluster --json --control 0`. */
  static start(args: readonly string[] = ['--memory'], options: { timeoutMs?: number } = {}): Promise<ClusterProcess> {
    const port = String(somePort());
    const child = spawn(
      process.execPath,
      [join(ROOT, 'build/launch.mjs'), 'cluster', '--json', '--control', '0', '--port', port, ...args],
      {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const log: string[] = [];
    child.stderr.on('data', (chunk: Buffer) => {
      log.push(chunk.toString());
      if (log.length > 2_000) log.shift();
    });
    return new Promise((resolve, reject) => {
      let out = '';
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`the cluster was not ready in time:\n${log.join('')}`));
      }, options.timeoutMs ?? 60_000);
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        const end = out.indexOf('\n');
        if (end < 0) return;
        clearTimeout(timer);
        resolve(new ClusterProcess(JSON.parse(out.slice(0, end)) as ClusterLine, child, log));
      });
      child.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`the cluster exited with ${code}:\n${log.join('')}`));
      });
    });
  }

  get bootstrap(): string {
    return this.line.bootstrap;
  }

  get stderr(): string {
    return this.log.join('');
  }

  async control<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown, timeoutMs = 30_000): Promise<T> {
    const response = await fetch(new URL(path, this.line.control), {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${this.line.token}` },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  }

  async nodes(): Promise<ControlNode[]> {
    const answer = await this.control<ControlNode[] | { nodes: ControlNode[] }>('GET', '/nodes');
    return Array.isArray(answer) ? answer : answer.nodes;
  }

  kill(node: number): Promise<unknown> {
    return this.control('POST', `/nodes/${node}/kill`);
  }

  startNode(node: number): Promise<unknown> {
    return this.control('POST', `/nodes/${node}/start`);
  }

  /** Ends it as a person would, by SIGINT; resolves with the exit code. */
  async stop(options: { timeoutMs?: number } = {}): Promise<number | null> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGINT');
    // Not at `exit`, which may precede the last lines of stderr, also of a process that has ended by itself.
    await this.closed;
    clearTimeout(timer);
    return this.child.exitCode;
  }

  /** kill -9 of the whole process. */
  async crash(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      this.child.once('exit', () => resolve());
      this.child.kill('SIGKILL');
    });
  }
}
