/**
 * A cluster's data directory: `cluster.json` (what keeps its identity and its ports over restarts), the lock, and one
 * directory per node. What is there and cannot be understood is never overwritten.
 */
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterError } from './cluster-errors.ts';
import { isUnlocked, lockDirectory, type DirectoryLock } from './cluster-lock.ts';
import type { Disk } from './lib/disk.ts';

export interface ClusterFile {
  /** Kafka's cluster id. */
  clusterId: string;
  /** In the order of their ids. */
  nodes: NodePorts[];
  /** Ids of those that vote on the metadata: the nodes of the cluster's first start. */
  voters: number[];
}

export interface NodePorts {
  id: number;
  brokerPort: number;
  controllerPort: number;
  /** 0 in a file from before there was one. */
  zookeeperPort: number;
}

/** 2: has `voters`, written once nodes were added or removed; 1: nodes 1 to N, all of whom vote. */
const VERSION = 2;
const FILE = 'cluster.json';
const TEMPORARY_PREFIX = 'brokerdesk-';

export class ClusterDirectory {
  readonly path: string;
  private readonly disk: Disk;
  private readonly temporary: boolean;
  private readonly lock: DirectoryLock;

  /** Takes the directory, making it where it is missing; without a path, a temporary one that `release` removes. Throws `ClusterError`. */
  constructor(disk: Disk, path?: string) {
    this.disk = disk;
    this.temporary = path === undefined;
    try {
      this.path = path ?? mkdtempSync(join(tmpdir(), TEMPORARY_PREFIX));
      disk.makeDirectory(this.path);
    } catch (cause) {
      throw new ClusterError('DIRECTORY_UNUSABLE', `${path ?? tmpdir()} cannot be used: ${messageOf(cause)}`, { cause });
    }
    this.lock = lockDirectory(this.path);
  }

  nodeDirectory(id: number): string {
    return join(this.path, `node-${id}`);
  }

  /** Beside it: what the node has written and not synced, so that a power cut can take it back. */
  undoDirectory(id: number): string {
    return join(this.path, `node-${id}.unsynced`);
  }

  /** What was written by the last run; undefined for a new directory. Throws `ClusterError`. */
  read(): ClusterFile | undefined {
    const file = join(this.path, FILE);
    if (!this.disk.exists(file)) {
      const orphan = this.disk.list(this.path).find((name) => /^node-\d+$/.test(name));
      if (orphan === undefined) return undefined;
      throw new ClusterError(
        'DIRECTORY_UNUSABLE',
        `${this.path} holds the data of a broker (${orphan}) but no ${FILE} that says of which cluster. Nothing was changed.`,
      );
    }
    let value: unknown;
    try {
      value = JSON.parse(this.disk.readFile(file).toString('utf8'));
    } catch (cause) {
      throw new ClusterError('DIRECTORY_UNUSABLE', `${file} cannot be read: ${messageOf(cause)}. Nothing was changed.`, { cause });
    }
    return this.check(file, value);
  }

  write(content: ClusterFile): void {
    const { clusterId, nodes, voters } = content;
    // An earlier Brokerdesk goes on to read what has nothing in it that it does not know.
    const plain = nodes.every(({ id }, index) => id === index + 1) && voters.length === nodes.length;
    const written = plain ? { version: 1, clusterId, nodes } : { version: VERSION, clusterId, nodes, voters };
    this.disk.writeFileAtomic(join(this.path, FILE), Buffer.from(`${JSON.stringify(written, null, 2)}\n`));
  }

  /** Gives the directory back; a temporary one is removed. */
  release(): void {
    if (this.temporary) this.disk.remove(this.path);
    this.lock.release();
  }

  private check(file: string, value: unknown): ClusterFile {
    if (!isRecord(value)) throw this.malformed(file);
    const { version, clusterId, nodes, voters } = value;
    if (typeof version === 'number' && version > VERSION) {
      throw new ClusterError(
        'DIRECTORY_NEWER',
        `${this.path} was written by a later version of Brokerdesk (format ${version}, this one knows ${VERSION}). Nothing was changed.`,
      );
    }
    if ((version !== 1 && version !== VERSION) || typeof clusterId !== 'string' || clusterId === '' || !Array.isArray(nodes))
      throw this.malformed(file);
    const checked = nodes.map((node: unknown, index): NodePorts => {
      if (
        !isRecord(node) ||
        !isId(node['id']) ||
        (version === 1 && node['id'] !== index + 1) ||
        !isPort(node['brokerPort']) ||
        !isPort(node['controllerPort'])
      ) {
        throw this.malformed(file);
      }
      const zookeeperPort = node['zookeeperPort'] ?? 0;
      if (zookeeperPort !== 0 && !isPort(zookeeperPort)) throw this.malformed(file);
      return { id: node['id'], brokerPort: node['brokerPort'], controllerPort: node['controllerPort'], zookeeperPort };
    });
    if (checked.length === 0) throw this.malformed(file);
    if (version === 1) return { clusterId, nodes: checked, voters: checked.map(({ id }) => id) };
    if (!Array.isArray(voters) || voters.length === 0 || !voters.every(isId)) throw this.malformed(file);
    return { clusterId, nodes: checked, voters };
  }

  private malformed(file: string): ClusterError {
    return new ClusterError('DIRECTORY_UNUSABLE', `${file} is not what Brokerdesk writes there. Nothing was changed.`);
  }
}

/** Removes temporary directories of runs that were killed. */
export function removeAbandoned(disk: Disk): void {
  for (const name of readdirSync(tmpdir())) {
    if (!/^brokerdesk-\w{6}$/.test(name)) continue;
    const path = join(tmpdir(), name);
    // Only what a cluster has made its own: a directory of that name without the file may be of a run that starts just now.
    if (disk.exists(join(path, FILE)) && isUnlocked(path)) disk.remove(path);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
