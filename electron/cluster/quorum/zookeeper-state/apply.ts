/** Applies the changes of a NoOpRecord to the state of the ZooKeeper endpoint. Pure; a change that does not fit the state violates an invariant. */
import { assert, must } from '../../lib/assert.ts';
import { SortedMap } from '../../lib/sorted-map.ts';
import type { MetadataRecordIn, MetadataValue } from '../../protocol/records/metadata-records.ts';
import {
  ChangeKind,
  deletionBytes,
  emptyZnode,
  nameOf,
  parentOf,
  partsOf,
  type CoordinationImage,
  type CoordinationSession,
  type Znode,
  type ZnodeChange,
  znodeBytes,
} from './state.ts';
import { isExpirable, sessionOf } from './node-kind.ts';
import { decodeSystemEntry } from './system-snapshot.ts';

export type CoordinationRecord = NonNullable<MetadataValue<'NoOpRecord'>['coordination']>;
export type CoordinationRecordIn = NonNullable<Extract<MetadataRecordIn, { type: 'NoOpRecord' }>['value']['coordination']>;
export type CoordinationChange = CoordinationRecord['changes'][number];
export type CoordinationChangeIn = CoordinationRecordIn['changes'][number];

export interface AppliedCoordination {
  readonly image: CoordinationImage;
  readonly changes: readonly ZnodeChange[];
  /** Sessions that ended or moved to another connection. */
  readonly sessions: readonly bigint[];
}

interface At {
  readonly zxid: bigint;
  readonly time: number;
}

export function applyCoordination(before: CoordinationImage, record: CoordinationRecord): AppliedCoordination {
  const at: At = { zxid: record.zxid, time: Number(record.time) };
  const nodeChanges: ZnodeChange[] = [];
  const sessions: bigint[] = [];
  let image = before;
  for (const change of record.changes) {
    image = applyChange(image, change, at, nodeChanges);
    if (change.kind === ChangeKind.moveSession || change.kind === ChangeKind.closeSession) sessions.push(change.id);
  }
  if (record.sessionId !== 0n) {
    // A session that closed itself with this record has no further request.
    const session = image.sessions.get(record.sessionId);
    if (session !== undefined) image = withSession(image, { ...session, lastRequest: record.request });
  }
  return { image, changes: nodeChanges, sessions };
}

function applyChange(image: CoordinationImage, change: CoordinationChange, at: At, nodeChanges: ZnodeChange[]): CoordinationImage {
  const { path, id } = change;
  switch (change.kind) {
    case ChangeKind.create:
      nodeChanges.push({ type: 'created', path });
      return create(image, change, at);
    case ChangeKind.delete:
      nodeChanges.push({ type: 'deleted', path });
      return remove(image, path, at);
    case ChangeKind.setData:
      nodeChanges.push({ type: 'dataChanged', path });
      return setData(image, change, at);
    case ChangeKind.setAcl:
      return {
        ...image,
        root: updated(image.root, path, (node) => ({ ...node, permissions: change.number, aversion: node.aversion + 1 })),
      };
    case ChangeKind.openSession:
    case ChangeKind.session:
      return withSession(image, {
        id,
        timeoutMs: change.number,
        password: must(ownCopy(change.data), 'a session without a password'),
        holder: change.holder,
        lastRequest: change.stat?.czxid ?? 0n,
        ephemerals: SortedMap.empty(),
        ephemeralBytes: 0,
      });
    case ChangeKind.moveSession: {
      const session = must(image.sessions.get(id), `a record moves session ${id}, which does not exist`);
      return withSession(image, { ...session, holder: change.holder });
    }
    case ChangeKind.closeSession: {
      assert(image.sessions.has(id), `a record ends session ${id}, which does not exist`);
      return { ...image, sessions: image.sessions.delete(id) };
    }
    case ChangeKind.controller: {
      const { system } = image;
      const changes = (system.controller?.changes ?? 0) + 1;
      const controller = { brokerId: Number(id), epoch: change.number, zxid: at.zxid, time: at.time, changes };
      if (system.controller !== undefined) nodeChanges.push({ type: 'deleted', path: '/controller' });
      nodeChanges.push({ type: 'created', path: '/controller' });
      nodeChanges.push({ type: changes === 1 ? 'created' : 'dataChanged', path: '/controller_epoch' });
      return { ...image, system: { ...system, controller } };
    }
    case ChangeKind.trigger: {
      const { system } = image;
      nodeChanges.push({ type: 'created', path }, { type: 'deleted', path });
      // Both count as changes of the parent's children, as if they were separate.
      return { ...image, system: { ...system, admin: { pzxid: at.zxid, changes: system.admin.changes + 2 } } };
    }
    case ChangeKind.node:
      return restoreNode(image, change);
    case ChangeKind.system:
      return { ...image, system: decodeSystemEntry(image.system, path, must(change.data, 'an entry of the system without data')) };
    default:
      return (assert(false, `a change of kind ${change.kind}, which this version does not know`), image);
  }
}

function create(image: CoordinationImage, { path, data, id, number }: CoordinationChange, at: At): CoordinationImage {
  const node: Znode = {
    ...emptyZnode(),
    data: ownCopy(data),
    czxid: at.zxid,
    mzxid: at.zxid,
    pzxid: at.zxid,
    ctime: at.time,
    mtime: at.time,
    owner: id,
    permissions: number,
  };
  const name = nameOf(path);
  const root = updated(image.root, parentOf(path), (parent) => {
    assert(!parent.children.has(name), `a record creates ${path}, which exists`);
    return { ...parent, created: parent.created + 1, pzxid: at.zxid, children: parent.children.set(name, node) };
  });
  return listed({ ...image, root, sizeBytes: image.sizeBytes + znodeBytes({ path, data, owner: id }) }, id, path, true);
}

function setData(image: CoordinationImage, { path, data }: CoordinationChange, at: At): CoordinationImage {
  let grownBytes = 0;
  const root = updated(image.root, path, (node) => {
    grownBytes = (data?.length ?? 0) - (node.data?.length ?? 0);
    return { ...node, data: ownCopy(data), mzxid: at.zxid, mtime: at.time, version: node.version + 1 };
  });
  return { ...image, root, sizeBytes: image.sizeBytes + grownBytes };
}

function remove(image: CoordinationImage, path: string, at: At): CoordinationImage {
  const name = nameOf(path);
  let owner = 0n;
  let bytes = 0;
  const root = updated(image.root, parentOf(path), (parent) => {
    const node = must(parent.children.get(name), `a record deletes ${path}, which does not exist`);
    assert(node.children.size === 0, `a record deletes ${path}, which has children`);
    owner = node.owner;
    bytes = znodeBytes({ path, ...node });
    return { ...parent, pzxid: at.zxid, children: parent.children.delete(name) };
  });
  return listed({ ...image, root, sizeBytes: image.sizeBytes - bytes }, owner, path, false);
}

/** Updates the list of the node's owner: the ephemeral nodes of its session, or the nodes that expire. */
function listed(image: CoordinationImage, owner: bigint, path: string, exists: boolean): CoordinationImage {
  const change = (paths: SortedMap<true>): SortedMap<true> => (exists ? paths.set(path, true) : paths.delete(path));
  if (isExpirable(owner)) return { ...image, expirable: change(image.expirable) };
  const id = sessionOf(owner);
  if (id === 0n) return image;
  const session = must(image.sessions.get(id), `an ephemeral node of session ${id}, which does not exist`);
  const ephemeralBytes = session.ephemeralBytes + (exists ? deletionBytes(path) : -deletionBytes(path));
  return withSession(image, { ...session, ephemerals: change(session.ephemerals), ephemeralBytes });
}

function withSession(image: CoordinationImage, session: CoordinationSession): CoordinationImage {
  return { ...image, sessions: image.sessions.set(session.id, session) };
}

/** The tree with one changed node: everything off its path is shared. */
function updated(root: Znode, path: string, change: (node: Znode) => Znode): Znode {
  const parts = partsOf(path);
  const descend = (node: Znode, depth: number): Znode => {
    const part = parts[depth];
    if (part === undefined) return change(node);
    const child = must(node.children.get(part), `a record changes ${path}, which does not exist`);
    return { ...node, children: node.children.set(part, descend(child, depth + 1)) };
  };
  return descend(root, 0);
}

/** Decoded bytes are a view of a whole batch, which they would keep in memory. */
function ownCopy(data: Uint8Array | null): Uint8Array | null {
  return data === null ? null : Uint8Array.from(data);
}

/** From a snapshot: the node with its stat, and with the children that a new tree may already have. */
function restoreNode(image: CoordinationImage, { path, data, id, number, stat }: CoordinationChange): CoordinationImage {
  const { czxid, mzxid, pzxid, ctime, mtime, version, created, aversion } = must(stat, `a snapshot has ${path} without its stat`);
  const node: Znode = {
    data: ownCopy(data),
    czxid,
    mzxid,
    pzxid,
    ctime: Number(ctime),
    mtime: Number(mtime),
    version,
    created,
    aversion,
    owner: id,
    permissions: number,
    children: SortedMap.empty(),
  };
  const bytes = znodeBytes({ path, data, owner: id });
  if (path === '/') return { ...image, root: node, sizeBytes: bytes };
  const root = updated(image.root, parentOf(path), (parent) => ({ ...parent, children: parent.children.set(nameOf(path), node) }));
  return listed({ ...image, root, sizeBytes: image.sizeBytes + bytes }, id, path, true);
}
