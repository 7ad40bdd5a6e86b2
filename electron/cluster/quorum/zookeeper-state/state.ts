/**
 * State of the ZooKeeper endpoint in the metadata: sessions and the nodes of clients. Immutable, as the image beside it. Nodes about
 * the cluster itself (`/brokers`, `/controller` …) are not stored: `zookeeper/system-tree.ts` derives them from the rest of the image; `system`
 * holds only what the image lacks for that.
 */
import { SortedMap } from '../../lib/sorted-map.ts';
import { EMPTY_SYSTEM_TIMES, type SystemTimes } from './system-times.ts';

/** Kinds of changes in a NoOpRecord. The numbers are on disk: a number is never used for another kind. */
export const ChangeKind = {
  /** `path`, `data`, `id`: owner or 0, `number`: permissions of world:anyone. */ // language: ZooKeeper's id for all users
  create: 1,
  delete: 2,
  setData: 3,
  /** `number`: permissions of world:anyone. */ // language: ZooKeeper's id for all users
  setAcl: 4,
  /** `id`, `number`: timeout in milliseconds, `data`: password, `holder`: connection. */
  openSession: 5,
  moveSession: 6,
  /** Preceded by changes that delete the session's ephemeral nodes. */
  closeSession: 7,
  /** Broker `id` is the active controller. */
  controller: 8,
  /** A trigger node under /admin was created, and deleted once its request was in progress. */
  trigger: 9,
  /** In snapshots: a complete node. Parents precede their children. */
  node: 10,
  /** In snapshots: a complete session; `stat.czxid` is its last request. */
  session: 11,
  /** In snapshots: `path` is a key and `data` an entry of the system's times. */
  system: 12,
} as const;

/** Permissions of all clients: there are no other identities. */
export const Permission = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

export interface Znode {
  readonly data: Uint8Array | null;
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  /** Wall-clock milliseconds. */
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly aversion: number;
  /** Number of children ever created: the next sequential node gets this number. */
  readonly created: number;
  /** Above 0: the session that an ephemeral node is deleted with. Below: a container or a time to live (`node-kind.ts`). 0: plain. */
  readonly owner: bigint;
  readonly permissions: number;
  readonly children: SortedMap<Znode>;
}

export interface CoordinationSession {
  readonly id: bigint;
  readonly timeoutMs: number;
  readonly password: Uint8Array;
  /** The connection of the session; requests of any other connection are outdated. */
  readonly holder: bigint;
  /** Number of the last request with a change. */
  readonly lastRequest: bigint;
  /** Paths of its nodes. */
  readonly ephemerals: SortedMap<true>;
  /** Sum of `deletionBytes` over `ephemerals`. */
  readonly ephemeralBytes: number;
}

export interface CoordinationImage {
  readonly root: Znode;
  /** By id. Images share unchanged sessions: copying thousands for each change would block the node. */
  readonly sessions: SortedMap<CoordinationSession, bigint>;
  /** Paths of containers and of nodes with a time to live, which the active controller deletes. */
  readonly expirable: SortedMap<true>;
  /** Bytes of all nodes by `znodeBytes`. */
  readonly sizeBytes: number;
  readonly system: SystemTimes;
}

/** One change of one node. */
export interface ZnodeChange {
  readonly type: 'created' | 'deleted' | 'dataChanged';
  readonly path: string;
}

export function emptyZnode(children: SortedMap<Znode> = SortedMap.empty()): Znode {
  return {
    data: null,
    czxid: 0n,
    mzxid: 0n,
    pzxid: 0n,
    ctime: 0,
    mtime: 0,
    version: 0,
    aversion: 0,
    created: children.size,
    owner: 0n,
    permissions: Permission.all,
    children,
  };
}

const node = emptyZnode();

/** Memory of a node's objects and its entry in its parent, measured on Node 24. */
const ZNODE_OVERHEAD_BYTES = 300;

/**
 * Approximate memory of a node. Its name in the parent keeps the whole path in memory; nodes with an owner are also listed by their path.
 */
export function znodeBytes({ path, data, owner }: { path: string; data: Uint8Array | null; owner: bigint }): number {
  return ZNODE_OVERHEAD_BYTES + path.length * (owner === 0n ? 1 : 2) + (data?.length ?? 0);
}

/** Fields of a change beside its path, rounded up. */
const CHANGE_OVERHEAD_BYTES = 64;

/** Upper bound of the bytes that the deletion of a node adds to a record. */
export function deletionBytes(path: string): number {
  return CHANGE_OVERHEAD_BYTES + Buffer.byteLength(path);
}

/** A new cluster: the nodes that ZooKeeper always has, and the parents that old consumers need for their offsets. */
const FIRST_ROOT = emptyZnode(
  SortedMap.of([
    ['consumers', node],
    [
      'zookeeper',
      emptyZnode(
        SortedMap.of([
          ['config', { ...node, data: new Uint8Array() }],
          ['quota', node],
        ]),
      ),
    ],
  ]),
);

export const EMPTY_COORDINATION: CoordinationImage = {
  root: FIRST_ROOT,
  sessions: SortedMap.empty(),
  expirable: SortedMap.empty(),
  sizeBytes: treeBytes('/', FIRST_ROOT),
  system: EMPTY_SYSTEM_TIMES,
};

function treeBytes(path: string, root: Znode): number {
  let bytes = znodeBytes({ path, ...root });
  for (const [name, child] of root.children.entries()) bytes += treeBytes(path === '/' ? `/${name}` : `${path}/${name}`, child);
  return bytes;
}

/** First path components that are derived from the cluster's metadata. */
const SYSTEM_ROOTS = new Set([
  'admin',
  'brokers',
  'cluster',
  'config',
  'controller',
  'controller_epoch',
  'feature',
  'isr_change_notification',
]);

export function isSystemPath(path: string): boolean {
  if (!path.startsWith('/')) return false;
  const end = path.indexOf('/', 1);
  return SYSTEM_ROOTS.has(path.slice(1, end < 0 ? undefined : end));
}

export const SYSTEM_ROOT_NAMES: readonly string[] = [...SYSTEM_ROOTS];

/** `/a/b` → `/a`, `/a` → `/`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `/` → [], `/a/b` → [a, b]. */
export function partsOf(path: string): string[] {
  return path === '/' ? [] : path.slice(1).split('/');
}

/** A node of a client; undefined for an unknown path. */
export function findZnode(root: Znode, path: string): Znode | undefined {
  if (!path.startsWith('/')) return path === '' ? root : undefined;
  let at: Znode | undefined = root;
  for (const part of partsOf(path)) {
    at = at.children.get(part);
    if (at === undefined) return undefined;
  }
  return at;
}

/** Nodes of ZooKeeper itself: clients cannot delete them. */
const SPECIAL_PATHS = new Set(['/', '/zookeeper', '/zookeeper/config', '/zookeeper/quota']);
export const CONFIG_PATH = '/zookeeper/config';

/** Why the path has no parent in ZooKeeper; undefined where it has one. Checked first in a create or a delete. */
export function parentDefect(path: string): string | undefined {
  if (!path.includes('/')) return 'a path has a slash';
  return path.includes('\0') ? 'a path has no null character' : undefined;
}

/** Why ZooKeeper refuses to delete at the path, whether the node exists or not. */
export function deletionDefect(path: string): string | undefined {
  return SPECIAL_PATHS.has(path) ? 'ZooKeeper itself keeps this node' : parentDefect(path);
}

/** ZooKeeper bounds a path by `jute.maxbuffer` alone; here paths are also in the record that ends a session. */
const MAX_PATH_LENGTH = 64 * 1024;

/** Why ZooKeeper refuses to create or change a node at the path; undefined where it does not. Paths of reads are not checked. */
export function pathDefect(path: string): string | undefined {
  if (!path.startsWith('/')) return 'a path begins with a slash';
  if (path === '/') return undefined;
  if (path.length > MAX_PATH_LENGTH) return `a path has at most ${MAX_PATH_LENGTH} characters, and this one has ${path.length}`;
  if (path.endsWith('/')) return 'a path does not end with a slash';
  for (const part of partsOf(path)) {
    if (part === '') return 'a path has no empty part';
    if (part === '.' || part === '..') return 'a path is absolute';
  }
  for (let index = 0; index < path.length; index++) {
    if (isRefused(path.charCodeAt(index))) return 'a path is made of printable characters';
  }
  return undefined;
}

/** Control characters, surrogates and private-use characters: ZooKeeper refuses them. */
function isRefused(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xf8ff) || code >= 0xfff0;
}
