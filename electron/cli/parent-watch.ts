/**
 * Ends a run together with the process that started it. npm forwards a signal to its shell only, and the shell dies without forwarding it,
 * so without this a cluster that was started by npm outlives it for ever.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

/** What the system reports of processes; a test replaces it. */
export interface ProcessTable {
  pid: number;
  env: NodeJS.ProcessEnv;
  /** Of this process, now. */
  parent(): number;
  /** Undefined where there is no such process, or no way to ask. */
  parentOf(pid: number): number | undefined;
  /** Empty where it is not known. */
  commandOf(pid: number): readonly string[];
  /** See `isDetached` below. */
  isDetached(): boolean;
}

/** A parent and, as it was at the start, that process's own parent. */
export interface Watched {
  parent: number;
  /** npm, where `parent` is the shell that npm runs a script in. */
  grandparent: number | undefined;
}

const LOOK_MS = 1_000;
/** `PID:PARENT`, set by `build/launch.mjs` as its first act: a parent that ends during the build was still the one that started it. */
const STARTED_BY = 'BROKERDESK_STARTED_BY';

/** Null where the end of a parent means nothing: init or a service manager started this process, or it was detached from its parent. */
export function findWatched(table: ProcessTable): Watched | null {
  const [pid, atStart] = (table.env[STARTED_BY] ?? '').split(':').map(Number);
  const parent = pid === table.pid && atStart !== undefined ? atStart : table.parent();
  if (!(parent > 1) || table.isDetached()) return null;
  const runsScript = table.env['npm_lifecycle_event'] !== undefined && table.commandOf(parent)[1] === '-c';
  const grandparent = runsScript ? table.parentOf(parent) : undefined;
  return { parent, grandparent: grandparent !== undefined && grandparent > 1 ? grandparent : undefined };
}

/** The process that has ended, if one of them has. */
export function findEnded({ parent, grandparent }: Watched, table: Pick<ProcessTable, 'parent' | 'parentOf'>): number | null {
  if (table.parent() !== parent) return parent;
  if (grandparent !== undefined && table.parentOf(parent) !== grandparent) return grandparent;
  return null;
}

/** Calls back once, with the pid of the process that has ended. Returns what ends the watch. It does not keep this process running. */
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

/** True where this process was started so that it outlives its parent and its terminal: by setsid, or by nohup from a terminal. */
export function isDetached(): boolean {
  return systemTable.isDetached();
}

/** Writing to the pipe of a process that has ended is no failure of this one. */
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
    // Windows keeps the number of a parent that has ended.
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

/** coreutils' nohup gives a program that it detaches from a terminal an input that cannot be read: /dev/null, open for writing. */
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

/** Of /proc/PID/stat, from the state on: state, parent, process group, session. */
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
    // ps ends with a status where there is no such process; it is absent from minimal systems.
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
