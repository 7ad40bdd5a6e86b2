/**
 * Divides a process's descriptors: each node has a share for its connections and one for the files of its logs, and the main process
 * has the rest. A node that exceeds its share would make the disks of all others fail.
 */
export interface DescriptorShare {
  connections: number;
  files: number;
}

/** For the main process: its own servers, clients and loads, and descriptors that nodes open briefly. */
const RESERVED = 192;
const MAX_FILES = 2_000;
const LEAST = 32;

/** `limit`: RLIMIT_NOFILE, Infinity where there is none. `nodes`: how many share it. */
export function shareDescriptors(limit: number, nodes: number): DescriptorShare {
  const each = Math.max(2 * LEAST, Math.floor((limit - RESERVED) / Math.max(1, nodes)));
  const files = Math.max(LEAST, Math.min(MAX_FILES, Math.floor(each / 2)));
  return { connections: Math.max(LEAST, each - files), files };
}

/** The soft limit in the text of `/proc/self/limits`; undefined where it is missing. */
export function parseDescriptorLimit(limits: string): number | undefined {
  const match = /^Max open files\s+(\d+|unlimited)\s/m.exec(limits);
  if (match === null) return undefined;
  return match[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(match[1]);
}
