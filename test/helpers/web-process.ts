/** Web mode in a process with a home directory of its own: `npm run web -- --json`, with `--memory` or a data directory. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { somePort } from './ports.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface WebLine {
  /** With the token in its fragment. */
  url: string;
  token: string;
  bootstrap: string;
  zookeeper: string;
}

export interface WebOptions {
  timeoutMs?: number;
  brokers?: number;
  /** Undefined: records are in memory. */
  dataDirectory?: string;
  env?: NodeJS.ProcessEnv;
}

export class WebProcess {
  readonly line: WebLine;
  private readonly child: ChildProcess;
  private readonly home: string;
  private readonly log: string[];
  /** The process has ended and its output was read. */
  private readonly closed: Promise<void>;

  private constructor(line: WebLine, child: ChildProcess, home: string, log: string[]) {
    this.line = line;
    this.child = child;
    this.home = home;
    this.log = log;
    this.closed = new Promise((resolve) => child.once('close', () => resolve()));
  }

  /** Resolves when the cluster behind it serves. */
  static start(options: WebOptions = {}): Promise<WebProcess> {
    const home = mkdtempSync(join(tmpdir(), 'brokerdesk-web-'));
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: join(home, 'data'), ...options.env };
    const storage = options.dataDirectory === undefined ? ['--memory'] : ['--data', options.dataDirectory];
    const more = ['--kafka-port', String(somePort()), ...(options.brokers === undefined ? [] : ['--brokers', String(options.brokers)])];
    const child = spawn(
      process.execPath,
      [join(ROOT, 'build/launch.mjs'), 'web', '--no-open', ...storage, '--json', '--port', '0', ...more],
      {
        cwd: ROOT,
        env,
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
        reject(new Error(`web mode was not ready in time:\n${log.join('')}`));
      }, options.timeoutMs ?? 60_000);
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
        const end = out.indexOf('\n');
        if (end < 0) return;
        clearTimeout(timer);
        resolve(new WebProcess(JSON.parse(out.slice(0, end)) as WebLine, child, home, log));
      });
      child.once('exit', (code) => {
        clearTimeout(timer);
        reject(new Error(`web mode exited with ${code}:\n${log.join('')}`));
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get brokers(): string[] {
    return this.line.bootstrap.split(',');
  }

  get stderr(): string {
    return this.log.join('');
  }

  /** Ends it as a person would, by SIGINT; resolves with the exit code. */
  async stop(): Promise<number | null> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 60_000);
    if (this.running) this.child.kill('SIGINT');
    // Not at `exit`, which may precede the last lines of stderr, also of a process that has ended by itself.
    await this.closed;
    clearTimeout(timer);
    rmSync(this.home, { recursive: true, force: true });
    return this.child.exitCode;
  }
}
