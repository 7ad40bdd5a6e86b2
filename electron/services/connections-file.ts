/**
 * The stored list of remote clusters. The desktop app and web mode of one user share it: a change is made to what the file holds at that
 * time, under a lock, and takes effect at once or not at all. A file that cannot be understood is kept under another name.
 */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CONNECTIONS_VERSION, parseConnections, type StoredConnection } from '#shared/connections-schema';
import { AdminError } from '../admin/errors.ts';
import { messageOf } from '#shared/errors';

const MAX_BYTES = 4 * 1024 * 1024;
/** A change takes milliseconds. */
const LOCK_WAIT_MS = 2_000;
const LOCK_RETRY_MS = 10;
/** The id of the owner is written within milliseconds of the lock's creation. */
const EMPTY_LOCK_MS = 10_000;

export class ConnectionsFile {
  private readonly path: string;
  private readonly report: (problem: string) => void;
  /** Of the file as it was last read; '' before. */
  private stamp = '';
  private known: StoredConnection[] = [];
  /** Why changes last for this run only: the file cannot be read, or a newer version of the app wrote it. */
  private unusable: string | undefined;
  private holdsLock = false;

  /** `report` receives sentences for the person who uses the app. */
  constructor(path: string, report: (problem: string) => void) {
    this.path = path;
    this.report = report;
  }

  /** What the file holds now. Never throws: what keeps it from being read is reported, once. */
  read(): readonly StoredConnection[] {
    if (this.unusable !== undefined) return this.known;
    try {
      if (this.stampNow() !== this.stamp) this.known = this.load();
    } catch (error) {
      this.unusable = `${this.path} cannot be read: ${messageOf(error)}.`;
      this.report(`${this.unusable} Connections that are added are kept for this run only.`);
    }
    return this.known;
  }

  /** Applies `change` to what the file holds and stores the result. Throws `AdminError` DATA_DIRECTORY; nothing has changed then. */
  change(change: (connections: readonly StoredConnection[]) => StoredConnection[]): readonly StoredConnection[] {
    this.read();
    if (this.unusable !== undefined) return (this.known = change(this.known));
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      this.locked(() => {
        const before = this.read();
        if (this.unusable === undefined) this.store(change(before));
        else this.known = change(before);
      });
    } catch (error) {
      if (error instanceof AdminError) throw error;
      throw new AdminError(
        {
          code: 'DATA_DIRECTORY',
          message: `The connections were not saved: ${this.path} cannot be written: ${messageOf(error)}.`,
          advice: 'Free some space there or change its permissions, then try again.',
          subject: this.path,
        },
        { cause: error },
      );
    }
    return this.known;
  }

  private load(): StoredConnection[] {
    const stamp = this.stampNow();
    if (stamp === '') {
      this.stamp = '';
      return [];
    }
    const tooLong = statSync(this.path).size > MAX_BYTES;
    const parsed = tooLong
      ? ({ state: 'broken', why: `it has more than ${MAX_BYTES} bytes` } as const)
      : parseConnections(readFileSync(this.path, 'utf8'));
    // Another process may be repairing the same file.
    if (!this.holdsLock && (parsed.state === 'broken' || (parsed.state === 'read' && parsed.broken > 0)))
      return this.locked(() => this.load());
    this.stamp = stamp;
    switch (parsed.state) {
      case 'newer':
        this.unusable = `${this.path} was written by a newer version of Brokerdesk (format ${parsed.version}).`;
        this.report(`${this.unusable} It is left as it is, and connections that are added are kept for this run only.`);
        return [];
      case 'broken': {
        const aside = this.nameAside();
        renameSync(this.path, aside);
        this.stamp = '';
        this.report(`The stored connections could not be read (${parsed.why}). The file was kept as ${aside}.`);
        return [];
      }
      case 'read':
        if (parsed.broken > 0) {
          const aside = this.nameAside();
          copyFileSync(this.path, aside);
          this.store(parsed.connections);
          const rows = parsed.broken === 1 ? 'One stored connection was' : `${parsed.broken} stored connections were`;
          this.report(`${rows} not understood and left out. The file as it was is kept as ${aside}.`);
        }
        return parsed.connections;
    }
  }

  private nameAside(): string {
    return `${this.path}.broken-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  }

  /** Aside, synced, then renamed: a crash at any time leaves the old list or the new one. */
  private store(connections: StoredConnection[]): void {
    const aside = `${this.path}.${process.pid}.tmp`;
    try {
      const file = openSync(aside, 'w', 0o600);
      try {
        writeFileSync(file, `${JSON.stringify({ version: CONNECTIONS_VERSION, connections }, null, 2)}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(aside, this.path);
    } catch (error) {
      rmSync(aside, { force: true });
      throw error;
    }
    this.known = connections;
    this.stamp = this.stampNow();
  }

  /** Differs after every change of the file; '' while it is missing. */
  private stampNow(): string {
    const stat = statSync(this.path, { throwIfNoEntry: false, bigint: true });
    return stat === undefined ? '' : `${stat.ino}/${stat.mtimeNs}/${stat.size}`;
  }

  private locked<T>(action: () => T): T {
    const lock = `${this.path}.lock`;
    const deadline = performance.now() + LOCK_WAIT_MS;
    for (;;) {
      try {
        createLock(lock);
        break;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const owner = readOwner(lock);
      if (owner === undefined) continue;
      // Containers reuse process ids: an earlier process that had this one's left the lock.
      const isStale = owner === process.pid ? !this.holdsLock : Number.isNaN(owner) ? isOld(lock) : !isRunning(owner);
      if (isStale) takeAway(lock, owner);
      else if (performance.now() > deadline) throw busy(this.path, owner);
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_RETRY_MS);
    }
    this.holdsLock = true;
    try {
      return action();
    } finally {
      this.holdsLock = false;
      rmSync(lock, { force: true });
    }
  }
}

/** Throws EEXIST while another process holds the lock. On any other error the lock does not exist. */
function createLock(lock: string): void {
  const file = openSync(lock, 'wx', 0o600);
  try {
    try {
      writeFileSync(file, String(process.pid));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    rmSync(lock, { force: true });
    throw error;
  }
}

/** A lock without a process id is older than the time between its creation and the write of that id. */
function isOld(lock: string): boolean {
  const stat = statSync(lock, { throwIfNoEntry: false });
  return stat !== undefined && Date.now() - stat.mtimeMs > EMPTY_LOCK_MS;
}

/** Undefined where the lock has been released; NaN while its owner has not written its number yet. */
function readOwner(lock: string): number | undefined {
  try {
    const text = readFileSync(lock, 'utf8');
    return text === '' ? NaN : Number(text);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Removes a lock whose owner has ended, unless another process did so first and the lock is that one's now. */
function takeAway(lock: string, owner: number): void {
  const aside = `${lock}.stale-${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (!Object.is(readOwner(aside), owner)) linkSync(aside, lock);
  rmSync(aside, { force: true });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function busy(path: string, owner: number): AdminError {
  const holder = Number.isNaN(owner) ? 'Another process' : `Process ${owner}`;
  return new AdminError({
    code: 'DATA_DIRECTORY',
    message: `The connections were not saved: ${holder} has held ${path}.lock for ${LOCK_WAIT_MS / 1_000} s.`,
    advice: `Try again; if that process is not Brokerdesk, delete ${path}.lock.`,
    subject: path,
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
