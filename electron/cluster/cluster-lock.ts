/**
 * Allows one process, and in it one cluster, per data directory. The lock is a file with the process id and the start time of its owner, which
 * distinguishes the lock of a killed process from that of a new process with the same id.
 */
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterError, describeFailure } from './cluster-errors.ts';

export interface DirectoryLock {
  /** Idempotent. */
  release(): void;
}

interface Owner {
  pid: number;
  /** Start time of the process, in the system's form; '' where the system gives none. */
  started: string;
}

const FILE = 'brokerdesk.lock';
const held = new Set<string>();

/** Throws `ClusterError` DIRECTORY_IN_USE, naming the directory and its live owner. */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, FILE);
  const mine: Owner = { pid: process.pid, started: startOf(process.pid) };
  // The file is written under another name and then renamed: a lock is never read half written.
  const own = `${path}.${process.pid}`;
  try {
    writeFileSync(own, `${JSON.stringify(mine)}\n`, { mode: 0o600 });
  } catch (error) {
    rmSync(own, { force: true });
    throw unusable(directory, error);
  }
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        linkSync(own, path);
        held.add(path);
        return { release: () => release(path) };
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw unusable(directory, error);
      }
      const text = readIfThere(path);
      if (text === undefined) continue;
      const owner = parse(text);
      if (owner !== undefined && isAlive(owner, path)) throw inUse(directory, owner);
      takeAway(path, text);
    }
    throw new ClusterError('DIRECTORY_IN_USE', `${directory} is being taken by another process`);
  } finally {
    rmSync(own, { force: true });
  }
}

/** This process, in the form that `isLiveOwner` takes. */
export function describeOwner(): string {
  return JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Owner);
}

/** False when the process that `describeOwner` described has ended, and for any other text. */
export function isLiveOwner(text: string): boolean {
  const owner = parse(text);
  return owner !== undefined && (owner.pid === process.pid || isLiveProcess(owner));
}

/** True only for a text of `describeOwner` whose process has ended: any other text proves nothing. */
export function isEndedOwner(text: string): boolean {
  return parse(text) !== undefined && !isLiveOwner(text);
}

function release(path: string): void {
  if (!held.delete(path)) return;
  rmSync(path, { force: true });
}

/** Removes a stale lock, unless another process did so first and the file is now its new lock. */
function takeAway(path: string, stale: string): void {
  const aside = `${path}.stale-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readFileSync(aside, 'utf8') !== stale) linkSync(aside, path);
  rmSync(aside, { force: true });
}

function isAlive(owner: Owner, path: string): boolean {
  return owner.pid === process.pid ? held.has(path) : isLiveProcess(owner);
}

function isLiveProcess(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: the process exists and belongs to another user.
    if (codeOf(error) !== 'EPERM') return false;
  }
  const started = startOf(owner.pid);
  return started === '' || owner.started === '' || started === owner.started;
}

/** Linux: boot id and start in ticks since that boot. macOS: the start date. Elsewhere only the process id is compared. */
function startOf(pid: number): string {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${ticks}`;
    }
    if (process.platform === 'darwin') return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch (error) {
    // No such process, or no way to query it: processes that cannot be distinguished count as the same.
    if (codeOf(error) === undefined) throw error;
  }
  return '';
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined for incomplete content: then the lock has no owner. */
function parse(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('started' in value)) return undefined;
    if (typeof value.pid !== 'number' || typeof value.started !== 'string') return undefined;
    return { pid: value.pid, started: value.started };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function inUse(directory: string, owner: Owner): ClusterError {
  const who = owner.pid === process.pid ? 'another cluster of this process' : `process ${owner.pid}`;
  return new ClusterError('DIRECTORY_IN_USE', `${directory} is in use by ${who}. Stop it, or choose another directory.`);
}

function unusable(directory: string, cause: unknown): ClusterError {
  return new ClusterError('DIRECTORY_UNUSABLE', `the data directory ${directory} cannot be locked: ${describeFailure(cause)}`, { cause });
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error) return String(error.code);
  // execFileSync: `ps` ended with a status, or there is none.
  if (error instanceof Error && 'status' in error) return 'EXIT';
  return undefined;
}
