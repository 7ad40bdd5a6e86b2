import { existsSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import type { DiskFile } from './disk.ts';
import { parseDescriptorLimit } from './descriptors.ts';
import { systemDisk } from './system-disk.ts';

/** One descriptor, for `DescriptorReserve`. */
export function openSpareDescriptor(): DiskFile {
  return systemDisk.open(devNull);
}

/** Blocks the thread. */
export function pauseThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const PROC_LIMITS = '/proc/self/limits';

/** RLIMIT_NOFILE of this process; Infinity where there is none. */
export function systemDescriptorLimit(): number {
  if (process.platform === 'win32') return Number.POSITIVE_INFINITY;
  const fromProc = existsSync(PROC_LIMITS) ? parseDescriptorLimit(readFileSync(PROC_LIMITS, 'utf8')) : undefined;
  return fromProc ?? reportedLimit();
}

/** macOS has no /proc; the report takes some 20 ms, and looks up the names of all interfaces unless it is kept from that. */
function reportedLimit(): number {
  Object.assign(process.report, { excludeNetwork: true });
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const soft = Number(userLimits?.open_files?.soft ?? Number.POSITIVE_INFINITY);
  return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : soft;
}
