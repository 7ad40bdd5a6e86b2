/** The process under attack: an embedded cluster, or web mode, with few descriptors, so that exhausting them is part of every attack. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf } from '../../shared/errors.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const START_MS = 90_000;
const MAX_LOG_CHARACTERS = 1_000_000;
/** What most systems give to a process that asks for nothing. */
export const DESCRIPTORS = 1_024;

export interface TargetLine {
  bootstrap: string;
  zookeeper: string;
  control?: string;
  url?: string;
  token: string;
}

export class Target {
  readonly line: TargetLine;
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly home: string;
  private log = '';

  private constructor(line: TargetLine, child: ChildProcess, home: string) {
    this.line = line;
    this.child = child;
    this.home = home;
    this.pid = child.pid ?? -1;
  }

  static async start(args: readonly string[]): Promise<Target> {
    const home = mkdtempSync(join(tmpdir(), 'brokerdesk-attack-'));
    const command = [process.execPath, join(ROOT, 'build/launch.mjs'), ...args, '--json', '--memory'];
    const [file = '', ...rest] =
      process.platform === 'win32' ? command : ['/bin/sh', '-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh', ...command];
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: join(home, 'data') };
    const child = spawn(file, rest, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let target: Target | undefined;
    let early = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (target === undefined) early += chunk.toString();
      else target.keep(chunk.toString());
    });
    try {
      target = new Target(await firstLine(child), child, home);
      target.keep(early);
      return target;
    } catch (error) {
      child.kill('SIGKILL');
      rmSync(home, { recursive: true, force: true });
      throw new Error(`The cluster did not start: ${messageOf(error)}\n${early}`, { cause: error });
    }
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The end of what it wrote to stderr. */
  get stderr(): string {
    return this.log;
  }

  /** Ports of the brokers, in the order of their ids. */
  get brokerPorts(): number[] {
    return portsOf(this.line.bootstrap);
  }

  get zookeeperPorts(): number[] {
    return portsOf(this.line.zookeeper);
  }

  /** Milliseconds from SIGTERM to its end; undefined where it had to be killed. */
  async terminate(limitMs: number): Promise<number | undefined> {
    const from = performance.now();
    const ended = this.alive ? new Promise<void>((done) => this.child.once('exit', () => done())) : Promise.resolve();
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limitMs);
    await ended;
    clearTimeout(timer);
    rmSync(this.home, { recursive: true, force: true });
    return this.child.signalCode === 'SIGKILL' ? undefined : Math.round(performance.now() - from);
  }

  /** Answers the status and the text; rejects where no answer comes within `timeoutMs`. */
  async control(method: string, path: string, body?: string, timeoutMs = 20_000): Promise<{ status: number; text: string }> {
    const type = body === undefined || /^[[{]/.test(body) ? 'application/json' : 'application/yaml';
    const response = await fetch(`${this.line.control ?? ''}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      headers: { authorization: `Bearer ${this.line.token}`, ...(body === undefined ? {} : { 'content-type': type }) },
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, text: await response.text() };
  }

  private keep(text: string): void {
    this.log = (this.log + text).slice(-MAX_LOG_CHARACTERS);
  }
}

function firstLine(child: ChildProcess): Promise<TargetLine> {
  return new Promise((done, reject) => {
    let out = '';
    const timer = setTimeout(() => reject(new Error(`not ready after ${START_MS} ms`)), START_MS);
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const end = out.indexOf('\n');
      if (end < 0) return;
      clearTimeout(timer);
      done(JSON.parse(out.slice(0, end)) as TargetLine);
    });
    child.once('exit', (code) => reject(new Error(`it exited with ${code ?? 'a signal'}`)));
  });
}

function portsOf(list: string): number[] {
  return list.split(',').map((address) => Number(address.slice(address.lastIndexOf(':') + 1)));
}

/** Resident memory of a process, bytes; undefined where the system does not say (no /proc). */
export function residentBytes(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}
