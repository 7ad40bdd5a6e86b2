/** Applies what a NoOpRecord carries to what the image keeps of coordination. Pure; what was decided on another state is an invariant broken. */
import { assert, must } from '../../lib/assert.ts';
import { SortedMap } from '../../lib/sorted-map.ts';
import type { MetadataRecordIn, MetadataValue } from '../../protocol/records/metadata-records.ts';
import {
  ChangeKind,
  emptyZnode,
  nameOf,
  parentOf,
  partsOf,
  type CoordinationImage,
  type CoordinationSession,
  type Znode,
  type ZnodeChange,
} from './coordination.ts';
import { decodeSystemEntry } from './system-snapshot.ts';

export type CoordinationRecord = NonNullable<MetadataValue<'NoOpRecord'>['coordination']>;
export type CoordinationRecordIn = NonNullable<Extract<MetadataRecordIn, { type: 'NoOpRecord' }>['value']['coordination']>;
export type CoordinationChange = CoordinationRecord['changes'][number];
export type CoordinationChangeIn = CoordinationRecordIn['changes'][number];

export interface AppliedCoordination {
  readonly image: CoordinationImage;
  readonly changes: readonly ZnodeChange[];
}

interface At {
  readonly zxid: bigint;
  readonly time: number;
}

export function applyCoordination(before: CoordinationImage, record: CoordinationRecord): AppliedCoordination {
  const at: At = { zxid: record.zxid, time: Number(record.time) };
  const changes: ZnodeChange[] = [];
  let image = before;
  for (const change of record.changes) image = applyChange(image, change, at, changes);
  if (record.sessionId !== 0n) {
    // A session that ended itself with this very record has no next request.
    const session = image.sessions.get(record.sessionId);
    if (session !== undefined) image = withSession(image, { ...session, lastRequest: record.request });
  }
  return { image, changes };
}

function applyChange(image: CoordinationImage, change: CoordinationChange, at: At, told: ZnodeChange[]): CoordinationImage {
  const { path, id } = change;
  switch (change.kind) {
    case ChangeKind.create:
      told.push({ type: 'created', path });
      return create(image, change, at);
    case ChangeKind.delete:
      told.push({ type: 'deleted', path });
      return remove(image, path, at);
    case ChangeKind.setData:
      told.push({ type: 'dataChanged', path });
      return {
        ...image,
        root: updated(image.root, path, (node) => ({
          ...node,
          data: ownCopy(change.data),
          mzxid: at.zxid,
          mtime: at.time,
          version: node.version + 1,
        })),
      };
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
      });
    case ChangeKind.moveSession: {
      const session = must(image.sessions.get(id), `a record moves session ${id}, which does not exist`);
      return withSession(image, { ...session, holder: change.holder });
    }
    case ChangeKind.closeSession: {
      const sessions = new Map(image.sessions);
      assert(sessions.delete(id), `a record ends session ${id}, which does not exist`);
      return { ...image, sessions };
    }
    case ChangeKind.controller: {
      const { system } = image;
      const changes = (system.controller?.changes ?? 0) + 1;
      const controller = { brokerId: Number(id), epoch: change.number, zxid: at.zxid, time: at.time, changes };
      if (system.controller !== undefined) told.push({ type: 'deleted', path: '/controller' });
      told.push({ type: 'created', path: '/controller' });
      told.push({ type: changes === 1 ? 'created' : 'dataChanged', path: '/controller_epoch' });
      return { ...image, system: { ...system, controller } };
    }
    case ChangeKind.trigger: {
      const { system } = image;
      told.push({ type: 'created', path }, { type: 'deleted', path });
      // Both count in its parent, as if there had been time in between.
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
  return owned({ ...image, root }, id, (ephemerals) => ephemerals.set(path, true));
}

function remove(image: CoordinationImage, path: string, at: At): CoordinationImage {
  const name = nameOf(path);
  let owner = 0n;
  const root = updated(image.root, parentOf(path), (parent) => {
    const node = must(parent.children.get(name), `a record deletes ${path}, which does not exist`);
    assert(node.children.size === 0, `a record deletes ${path}, which has children`);
    owner = node.owner;
    return { ...parent, pzxid: at.zxid, children: parent.children.delete(name) };
  });
  return owned({ ...image, root }, owner, (ephemerals) => ephemerals.delete(path));
}

/** Keeps the list of its owner in step with an ephemeral node. */
function owned(image: CoordinationImage, id: bigint, change: (ephemerals: SortedMap<true>) => SortedMap<true>): CoordinationImage {
  if (id === 0n) return image;
  const session = must(image.sessions.get(id), `an ephemeral node of session ${id}, which does not exist`);
  return withSession(image, { ...session, ephemerals: change(session.ephemerals) });
}

function withSession(image: CoordinationImage, session: CoordinationSession): CoordinationImage {
  return { ...image, sessions: new Map(image.sessions).set(session.id, session) };
}

/** The tree with one node changed: all beside the path to it is shared. */
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

/** What was decoded is a view of many records' bytes, all of which it would keep in memory. */
function ownCopy(data: Uint8Array | null): Uint8Array | null {
  return data === null ? null : Uint8Array.from(data);
}

/** From a snapshot: as it was, with the children that a fresh tree may have given it already. */
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
  if (path === '/') return { ...image, root: node };
  const root = updated(image.root, parentOf(path), (parent) => ({ ...parent, children: parent.children.set(nameOf(path), node) }));
  return owned({ ...image, root }, id, (ephemerals) => ephemerals.set(path, true));
}
