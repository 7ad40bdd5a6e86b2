/**
 * Detects the end of the process that started this one. npm forwards a signal only to its shell, and the shell ends without forwarding it;
 * without this watch, a cluster that npm started would keep running.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** Process information of the operating system; tests replace it. */
export interface ProcessTable {
  pid: number;
  env: NodeJS.ProcessEnv;
  /** The current parent of this process. */
  parent(): number;
  /** Undefined for an unknown process, and on Windows. */
  parentOf(pid: number): number | undefined;
  /** Empty when unknown. */
  commandOf(pid: number): readonly string[];
  /** See `isDetached` below. */
  isDetached(): boolean;
}

/** The parent process and its own parent at the start. */
export interface Watched {
  parent: number;
  /** npm, when `parent` is the shell of an npm script. */
  grandparent: number | undefined;
}

const LOOK_MS = 1_000;
/** `PID:PARENT`, set by `build/launch.mjs` at its start, so that a parent that ends during the build is known. */
const STARTED_BY = 'BROKERDESK_STARTED_BY';

/** Null when the end of the parent must be ignored: init or a service manager started this process, or it is detached. */
export function findWatched(table: ProcessTable): Watched | null {
  const [pid, atStart] = (table.env[STARTED_BY] ?? '').split(':').map(Number);
  const parent = pid === table.pid && atStart !== undefined ? atStart : table.parent();
  if (!(parent > 1) || table.isDetached()) return null;
  const runsScript = table.env['npm_lifecycle_event'] !== undefined && table.commandOf(parent)[1] === '-c';
  const grandparent = runsScript ? table.parentOf(parent) : undefined;
  return { parent, grandparent: grandparent !== undefined && grandparent > 1 ? grandparent : undefined };
}

/** The watched process that has ended; null while both run. */
export function findEnded({ parent, grandparent }: Watched, table: Pick<ProcessTable, 'parent' | 'parentOf'>): number | null {
  if (table.parent() !== parent) return parent;
  if (grandparent !== undefined && table.parentOf(parent) !== grandparent) return grandparent;
  return null;
}

/** Calls back once with the pid of the process that has ended. Returns a function that ends the watch. Does not keep this process running. */
export function onParentEnd(callback: (pid: number) => void, table: ProcessTable = systemTable, lookMs = LOOK_MS): () => void {
  const watched = findWatched(table);
  if (watched === null) return () => undefined;
  const timer = setInterval(() => {
    const ended = findEnded(watched, table);
    if (ended === null) return;
    clearInterval(timer);
    callback(ended);
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** True when this process was started by setsid, or by nohup from a terminal, to outlive its parent and terminal. */
export function isDetached(): boolean {
  return systemTable.isDetached();
}

/** Ignores EPIPE on stdout and stderr: the reader of a pipe may end first. */
export function ignoreClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}

const systemTable: ProcessTable = {
  pid: process.pid,
  env: process.env,
  parent() {
    const { ppid } = process;
    // Windows reports the pid of a parent that has ended.
    return process.platform === 'win32' && !exists(ppid) ? 0 : ppid;
  },
  parentOf(pid) {
    if (process.platform === 'linux') {
      const fields = statFields(pid);
      return fields === undefined ? undefined : Number(fields[1]);
    }
    if (process.platform === 'win32') return undefined;
    return Number(ask(['-o', 'ppid=', '-p', String(pid)])) || undefined;
  },
  commandOf(pid) {
    if (process.platform === 'win32') return [];
    if (process.platform !== 'linux') return ask(['-o', 'command=', '-p', String(pid)]).split(' ');
    return (read(`/proc/${pid}/cmdline`) ?? '').split('\0');
  },
  isDetached() {
    if (process.platform !== 'linux') return false;
    const leadsSession = Number(statFields(process.pid)?.[3]) === process.pid;
    return leadsSession || hasInputOfNohup();
  },
};

/** nohup of coreutils replaces the terminal input of a program by /dev/null, opened for writing. */
function hasInputOfNohup(): boolean {
  const flags = /^flags:\s+(\d+)/m.exec(read('/proc/self/fdinfo/0') ?? '')?.[1];
  const isWriteOnly = flags !== undefined && (Number.parseInt(flags, 8) & 3) === 1;
  try {
    return isWriteOnly && readlinkSync('/proc/self/fd/0') === '/dev/null';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Fields of /proc/PID/stat from the third one: state, parent, process group, session. */
function statFields(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}

function ask(args: readonly string[]): string {
  try {
    return execFileSync('ps', args, { encoding: 'utf8' }).trim();
  } catch (error) {
    // ps exits with a status for an unknown process, and does not exist on minimal systems.
    if (error instanceof Error && ('status' in error || 'code' in error)) return '';
    throw error;
  }
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
