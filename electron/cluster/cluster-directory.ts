/**
 * A cluster's data directory: `cluster.json` (its identity and ports), the lock, and one directory per node. Content that cannot be read is
 * never overwritten, and only directories that the app created are removed. Other users of the machine have no access.
 */
import { chmodSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterError, describeFailure } from './cluster-errors.ts';
import { describeOwner, isEndedOwner, lockDirectory, type DirectoryLock } from './cluster-lock.ts';
import { isOwnDirectory, removeOwnDirectory, type Proof } from './cluster-removal.ts';
import { DiskError, type Disk } from './lib/disk.ts';

export interface ClusterFile {
  /** Kafka's cluster id. */
  clusterId: string;
  /** In the order of their ids. */
  nodes: NodePorts[];
  /** Ids of the voters of the metadata quorum: the nodes of the cluster's first start. */
  voters: number[];
}

export interface NodePorts {
  id: number;
  brokerPort: number;
  controllerPort: number;
  /** 0 in a file of a version without the field. */
  zookeeperPort: number;
}

/** 2: has `voters`, written once nodes were added or removed; 1: nodes 1 to N, all voters. */
const VERSION = 2;
const FILE = 'cluster.json';
const TEMPORARY_PREFIX = 'brokerdesk-';
/** In a directory that `release` removes, from its creation on: the process that created it. */
const TEMPORARY_MARK = 'brokerdesk-temporary.json';
/** All names that this app writes into a data directory. */
const OWN_NAMES = /^(cluster\.json(\.tmp)?|brokerdesk\.lock(\..*)?|brokerdesk-temporary\.json|node-\d+(\.unsynced)?)$/;
/** Codes of a `chmod` that the file system or the ownership does not permit. */
const UNCHANGEABLE: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EROFS']);

export class ClusterDirectory {
  readonly path: string;
  /** Sentences for the screen; at most one. */
  readonly notices: string[] = [];
  private readonly disk: Disk;
  private readonly changeMode: typeof chmodSync;
  private readonly temporary: boolean;
  private readonly lock: DirectoryLock;

  /** Acquires the directory and creates it where it is missing; without a path, a temporary one that `release` removes. Throws `ClusterError`. */
  constructor(disk: Disk, path?: string, changeMode = chmodSync) {
    this.disk = disk;
    this.changeMode = changeMode;
    this.temporary = path === undefined;
    const shown = path ?? join(tmpdir(), `${TEMPORARY_PREFIX}…`);
    try {
      this.path = path ?? mkdtempSync(join(tmpdir(), TEMPORARY_PREFIX));
      if (this.temporary) disk.writeFileAtomic(join(this.path, TEMPORARY_MARK), Buffer.from(`${describeOwner()}\n`));
      const isNew = !disk.exists(this.path);
      disk.makeDirectory(this.path);
      this.restrict(isNew);
    } catch (cause) {
      throw new ClusterError('DIRECTORY_UNUSABLE', `the data directory ${shown} cannot be used: ${describeFailure(cause)}`, { cause });
    }
    this.lock = lockDirectory(this.path);
    // A directory that a killed run left behind is no longer temporary once its user names it.
    if (!this.temporary) disk.remove(join(this.path, TEMPORARY_MARK));
  }

  nodeDirectory(id: number): string {
    return join(this.path, `node-${id}`);
  }

  /** Undo data of the node's unsynced writes, for a power cut; beside the node's directory. */
  undoDirectory(id: number): string {
    return join(this.path, `node-${id}.unsynced`);
  }

  /**
   * Makes sure that the directory of a new node is free: data of a node of this cluster that has left is removed, any other content is kept.
   * Throws `ClusterError` DIRECTORY_UNUSABLE.
   */
  claimNodeDirectory(id: number, clusterId: string): void {
    const data = this.nodeDirectory(id);
    const undo = this.undoDirectory(id);
    if (isOwnDirectory(this.disk, data, nodeProof(id, clusterId))) this.removeNodeDirectory(id, clusterId);
    for (const path of [data, undo]) {
      if (!this.disk.exists(path) || (this.disk.isDirectory(path) && this.disk.list(path).length === 0)) continue;
      throw new ClusterError(
        'DIRECTORY_UNUSABLE',
        `broker ${id} cannot be added: ${path} exists and does not belong to this cluster. Nothing was changed. Move it away.`,
      );
    }
  }

  /** Removes the data of a node that has left; false, and nothing changed, where the directory is not that node's. Throws `DiskError`. */
  removeNodeDirectory(id: number, clusterId: string): boolean {
    const data = this.nodeDirectory(id);
    const missing = !this.disk.exists(data) || (this.disk.isDirectory(data) && this.disk.list(data).length === 0);
    if (!missing && !isOwnDirectory(this.disk, data, nodeProof(id, clusterId))) return false;
    // The undo data carries no mark: it is removed first, while the node's data still proves its owner.
    this.disk.remove(this.undoDirectory(id));
    this.disk.remove(data);
    return true;
  }

  /** The file of the last run; undefined for a new directory. Throws `ClusterError`. */
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
      throw new ClusterError('DIRECTORY_UNUSABLE', `${file} cannot be read: ${describeFailure(cause)}. Nothing was changed.`, { cause });
    }
    return this.check(file, value);
  }

  write(content: ClusterFile): void {
    const { clusterId, nodes, voters } = content;
    // Version 1 where possible, so that an earlier Brokerdesk can read the file.
    const plain = nodes.every(({ id }, index) => id === index + 1) && voters.length === nodes.length;
    const written = plain ? { version: 1, clusterId, nodes } : { version: VERSION, clusterId, nodes, voters };
    const file = join(this.path, FILE);
    try {
      this.disk.writeFileAtomic(file, Buffer.from(`${JSON.stringify(written, null, 2)}\n`));
    } catch (cause) {
      throw new ClusterError('DIRECTORY_UNUSABLE', `${file} cannot be written: ${describeFailure(cause)}`, { cause });
    }
  }

  /** Releases the directory; a temporary one is removed. */
  release(): void {
    if (this.temporary)
      removeOwnDirectory(
        this.disk,
        this.path,
        temporaryProof((owner) => owner === describeOwner()),
      );
    this.lock.release();
  }

  /** Revokes the access that an earlier version left to other users. A directory with files of its user keeps its mode. */
  private restrict(isNew: boolean): void {
    const names = this.disk.list(this.path);
    if (isNew || names.every((name) => OWN_NAMES.test(name))) this.close(this.path, 0o700);
    for (const name of names) {
      const path = join(this.path, name);
      if (/^node-\d+(\.unsynced)?$/.test(name) && this.disk.isDirectory(path)) this.close(path, 0o700);
      if (name === FILE) this.close(path, 0o600);
    }
  }

  /** A mounted volume may belong to another user, or have no modes, and still be writable: then the mode stays and a notice is added. */
  private close(path: string, mode: number): void {
    try {
      this.changeMode(path, mode);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!UNCHANGEABLE.has(code)) throw error;
      if (this.notices.length > 0) return;
      this.notices.push(`Other users may be able to read ${path}: its mode cannot be changed (${code}). Change it as the owner.`);
    }
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

/** Removes temporary directories of runs of this app that were killed. */
export function removeAbandoned(disk: Disk): void {
  const proof = temporaryProof(isEndedOwner);
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    const path = join(tmpdir(), name);
    try {
      if (!isOwnDirectory(disk, path, proof)) continue;
      const lock = lockDirectory(path);
      removeOwnDirectory(disk, path, proof);
      lock.release();
    } catch (error) {
      // Another process has acquired it, or it belongs to another user. Remains must not keep a cluster from starting.
      if (!(error instanceof ClusterError) && !(error instanceof DiskError)) throw error;
    }
  }
}

function temporaryProof(accepts: (owner: string) => boolean): Proof {
  return { file: TEMPORARY_MARK, accepts: (content) => accepts(content.trim()) };
}

/** `meta.properties`, the first file that a node writes. */
function nodeProof(id: number, clusterId: string): Proof {
  return {
    file: 'meta.properties',
    accepts(content) {
      const lines = content.split('\n').map((line) => line.trim());
      return lines.includes(`cluster.id=${clusterId}`) && lines.includes(`node.id=${id}`);
    },
  };
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
