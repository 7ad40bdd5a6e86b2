/**
 * Answers a client's requests. What is read is answered at once, from this node's image, together with the watch that was asked for; what
 * changes something is decided by the active controller and answered when this node has applied it, so a client reads its own writes.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Reader } from '../protocol/reader.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import type { Writer } from '../protocol/writer.ts';
import { coordinationHeard, coordinationSession, coordinationWrite, SessionAction } from '../quorum/coordination/apis.ts';
import { isSystemPath, parentOf, pathDefect, Permission } from '../quorum/coordination/coordination.ts';
import type { Stat } from '../quorum/coordination/stat.ts';
import { Operation } from '../quorum/coordination/transaction.ts';
import { isTrigger } from '../quorum/coordination/triggers.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/coordination/zookeeper-codes.ts';
import { QUORUM_TIMEOUT_MS, type Endpoint } from './endpoint.ts';
import type { NodeView } from './system-tree.ts';
import { countBelow, nodeAt } from './tree.ts';
import { WATCH_KINDS, type Watcher, type WatchKind } from './watches.ts';
import {
  EventType,
  OpCode,
  readAcl,
  readMulti,
  readText,
  readTexts,
  writeAcl,
  writeMultiHeader,
  writeStat,
  writeText,
  writeTexts,
  type AclEntry,
  type Reply,
} from './wire.ts';

/** The session that a connection is for. */
export interface ClientSession {
  readonly id: bigint;
  /** The connection's own number; who takes the session over has another. */
  readonly holder: bigint;
  readonly timeoutMs: number;
  /** The session is this node's alone and can change nothing: there was no quorum to open it. */
  readonly local: boolean;
  readonly host: string;
  /** Numbers the changes; begins anywhere, so that no two connections of one session number alike. */
  nextRequest: bigint;
}

export interface RequestContext {
  readonly endpoint: Endpoint;
  readonly session: ClientSession;
  readonly watcher: Watcher;
}

/** A request that did not come to a definite end: the connection is given up, and the client knows that it cannot know. */
export class OutcomeUnknown extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OutcomeUnknown';
  }
}

const MAX_OPERATIONS = 10_000;
/** More on one connection is a client that never stops. */
const MAX_WATCHED = 100_000;
const ANYONE: AclEntry = { permissions: Permission.all, scheme: 'world', id: 'anyone' };
const EMPTY_STAT: Stat = {
  czxid: 0n,
  mzxid: 0n,
  ctime: 0n,
  mtime: 0n,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 0n,
};

interface Change {
  readonly type: number;
  readonly path: string;
  readonly data?: Uint8Array | null;
  readonly flags?: number;
  readonly version?: number;
  readonly permissions?: number;
}

type WriteResult = ResponseOf<typeof coordinationWrite>['results'][number];

/** Throws `ZooKeeperError` for what is answered with its code, `ProtocolError` and `OutcomeUnknown` for what ends the connection. */
export function answerRequest(context: RequestContext, type: number, reader: Reader): Reply | Promise<Reply> {
  switch (type) {
    case OpCode.exists:
      return exists(context, reader);
    case OpCode.getData:
    case OpCode.getChildren:
    case OpCode.getChildren2:
      return ok(read(context, type, reader, true));
    case OpCode.getAcl: {
      const { stat, permissions } = must(context, readText(reader));
      return ok((writer) => {
        writeAcl(writer, [{ ...ANYONE, permissions }]);
        writeStat(writer, stat);
      });
    }
    case OpCode.getEphemerals: {
      const prefix = readText(reader);
      const own = context.endpoint.coordination.image().coordination.sessions.get(context.session.id);
      const paths = [...(own?.ephemerals.keys() ?? [])].filter((path) => path.startsWith(prefix));
      return ok((writer) => writeTexts(writer, paths));
    }
    case OpCode.getAllChildrenNumber: {
      const path = readText(reader);
      must(context, path);
      const count = countBelow(context.endpoint.coordination.image(), path);
      return ok((writer) => writer.int32(count));
    }
    case OpCode.create:
    case OpCode.create2: {
      const change = readCreate(reader);
      return write(context, [change], ([result]) => (writer) => {
        writeText(writer, result?.path ?? change.path);
        if (type === OpCode.create2) writeStat(writer, result?.stat ?? EMPTY_STAT);
      });
    }
    case OpCode.delete:
      return write(context, [readDelete(reader)], () => undefined);
    case OpCode.setData:
      return write(context, [readSetData(reader)], statBody);
    case OpCode.setAcl: {
      const path = readText(reader);
      const permissions = anyonesPermissions(readAcl(reader));
      return write(context, [{ type: Operation.setAcl, path, permissions, version: reader.int32() }], statBody);
    }
    case OpCode.multi:
      return multi(context, reader);
    case OpCode.multiRead:
      return ok(multiRead(context, reader));
    case OpCode.sync:
      return sync(context, readText(reader));
    case OpCode.setWatches:
    case OpCode.setWatches2:
      return setWatches(context, type, reader);
    case OpCode.addWatch: {
      const path = checked(readText(reader));
      const mode = reader.int32();
      if (mode !== 0 && mode !== 1) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `a watch of mode ${mode}`);
      watch(context, mode === 0 ? 'persistent' : 'recursive', path);
      return ok((writer) => writer.int32(0));
    }
    case OpCode.checkWatches:
    case OpCode.removeWatches:
      return removeWatches(context, type, reader);
    case OpCode.whoAmI: {
      const { host } = context.session;
      return ok((writer) => {
        writer.int32(1);
        writeText(writer, 'ip');
        writeText(writer, host);
      });
    }
    default:
      throw new ZooKeeperError(ZooKeeperCode.UNIMPLEMENTED, `operation ${type}`);
  }
}

/** Ends the session, with its ephemeral nodes. */
export async function closeSession({ endpoint, session }: RequestContext): Promise<Reply> {
  if (session.local) return { error: ZooKeeperCode.OK };
  const body = { action: SessionAction.close, nodeId: endpoint.nodeId, holder: session.holder, sessionId: session.id };
  const answer = await endpoint.coordination.channel.send(coordinationSession, 0, body, { timeoutMs: QUORUM_TIMEOUT_MS });
  if (answer.errorCode !== ErrorCode.NONE)
    throw new OutcomeUnknown(`the session could not be ended: ${answer.errorMessage ?? answer.errorCode}`);
  await endpoint.applied(answer.zxid);
  return { error: ZooKeeperCode.OK, zxid: answer.zxid };
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function ok(body?: (writer: Writer) => void): Reply {
  return body === undefined ? { error: ZooKeeperCode.OK } : { error: ZooKeeperCode.OK, body };
}

function checked(path: string): string {
  const defect = pathDefect(path);
  if (defect !== undefined) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `${path}: ${defect}`);
  return path;
}

function must({ endpoint }: RequestContext, path: string): NodeView {
  const node = nodeAt(endpoint.coordination.image(), checked(path));
  if (node === undefined) throw new ZooKeeperError(ZooKeeperCode.NONODE, `there is no ${path}`);
  return node;
}

function readable(context: RequestContext, path: string): NodeView {
  const node = must(context, path);
  if ((node.permissions & Permission.read) === 0) throw new ZooKeeperError(ZooKeeperCode.NOAUTH, `${path} does not allow it`);
  return node;
}

function watch({ endpoint, watcher }: RequestContext, kind: WatchKind, path: string): void {
  const { watches } = endpoint;
  if (watches.watchedBy(watcher) >= MAX_WATCHED) throw new ProtocolError(`more than ${MAX_WATCHED} nodes watched`);
  watches.add(kind, path, watcher);
}

/** A watch on what does not exist waits for it to be made. */
function exists(context: RequestContext, reader: Reader): Reply {
  const path = checked(readText(reader));
  const node = nodeAt(context.endpoint.coordination.image(), path);
  if (reader.bool()) watch(context, 'data', path);
  if (node === undefined) return { error: ZooKeeperCode.NONODE };
  return ok((writer) => writeStat(writer, node.stat));
}

/** getData, getChildren and getChildren2, each alone or in a multiRead, where there are no watches. */
function read(context: RequestContext, type: number, reader: Reader, watches: boolean): (writer: Writer) => void {
  const path = readText(reader);
  const watched = reader.bool() && watches;
  const node = readable(context, path);
  if (watched) watch(context, type === OpCode.getData ? 'data' : 'children', path);
  if (type === OpCode.getData) {
    return (writer) => {
      writer.nullableBytes(node.data);
      writeStat(writer, node.stat);
    };
  }
  const names = node.children();
  return (writer) => {
    writeTexts(writer, names);
    if (type === OpCode.getChildren2) writeStat(writer, node.stat);
  };
}

function multiRead(context: RequestContext, reader: Reader): (writer: Writer) => void {
  const parts = readMulti(reader, MAX_OPERATIONS, (type) => {
    if (type !== OpCode.getData && type !== OpCode.getChildren) throw new ProtocolError(`operation ${type} in a multiRead`);
    try {
      return { type, error: 0, body: read(context, type, reader, false) };
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      const { code } = error;
      return { type: OpCode.error, error: code, body: (writer: Writer) => writer.int32(code) };
    }
  });
  return (writer) => {
    for (const { type, error, body } of parts) {
      writeMultiHeader(writer, { type, done: false, error });
      body(writer);
    }
    writeMultiHeader(writer, { type: -1, done: true, error: -1 });
  };
}

// ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

function readCreate(reader: Reader): Change {
  const path = readText(reader);
  const data = reader.nullableBytes();
  const permissions = anyonesPermissions(readAcl(reader));
  return { type: Operation.create, path, data, permissions, flags: reader.int32() };
}

function readDelete(reader: Reader): Change {
  return { type: Operation.delete, path: readText(reader), version: reader.int32() };
}

function readSetData(reader: Reader): Change {
  return { type: Operation.setData, path: readText(reader), data: reader.nullableBytes(), version: reader.int32() };
}

/** There are no identities here that a list could name. */
function anyonesPermissions(entries: readonly AclEntry[]): number {
  const known = entries.every(({ scheme, id }) => scheme === ANYONE.scheme && id === ANYONE.id);
  if (entries.length === 0 || !known) throw new ZooKeeperError(ZooKeeperCode.INVALIDACL, 'only world:anyone is known here');
  return entries.reduce((all, { permissions }) => all | (permissions & Permission.all), 0);
}

function statBody([result]: readonly WriteResult[]): (writer: Writer) => void {
  return (writer) => writeStat(writer, result?.stat ?? EMPTY_STAT);
}

async function write(
  context: RequestContext,
  changes: readonly Change[],
  body: (results: readonly WriteResult[]) => ((writer: Writer) => void) | undefined,
): Promise<Reply> {
  const [only] = changes;
  if (only !== undefined) refuseSystem(context, only);
  const { failure, results, zxid } = await decide(context, changes);
  if (failure !== 0) return { error: failure, zxid };
  const written = body(results);
  return written === undefined ? { error: ZooKeeperCode.OK, zxid } : { error: ZooKeeperCode.OK, zxid, body: written };
}

/** Has the controller decide, and waits until this node has applied it. */
async function decide({ endpoint, session }: RequestContext, operations: readonly Change[]): Promise<ResponseOf<typeof coordinationWrite>> {
  if (session.local) throw new ZooKeeperError(ZooKeeperCode.NOTREADONLY, 'there is no quorum that could change anything');
  const request = session.nextRequest++;
  const body = { sessionId: session.id, holder: session.holder, request, operations };
  const answer = await endpoint.coordination.channel.send(coordinationWrite, 0, body, { timeoutMs: QUORUM_TIMEOUT_MS });
  const { errorCode, errorMessage, failure, zxid } = answer;
  if (errorCode !== ErrorCode.NONE) throw new OutcomeUnknown(`the change may have happened or not: ${errorMessage ?? errorCode}`);
  const gone = failure === ZooKeeperCode.SESSIONEXPIRED || failure === ZooKeeperCode.SESSIONMOVED;
  if (gone)
    throw new OutcomeUnknown(failure === ZooKeeperCode.SESSIONMOVED ? 'the session is on another connection' : 'the session has ended');
  await endpoint.applied(zxid);
  return answer;
}

/** What the cluster tells of itself cannot be changed here, but for what asks the controller to. Says first what else would be wrong. */
function refuseSystem({ endpoint }: RequestContext, { type, path }: Change): void {
  if (path === '/' || !isSystemPath(path) || (type === Operation.create && isTrigger(path))) return;
  const image = endpoint.coordination.image();
  const node = nodeAt(image, path);
  if (type === Operation.create) {
    if (node !== undefined) throw new ZooKeeperError(ZooKeeperCode.NODEEXISTS, `${path} exists`);
    if (nodeAt(image, parentOf(path)) === undefined) throw new ZooKeeperError(ZooKeeperCode.NONODE, `there is no ${parentOf(path)}`);
  } else if (node === undefined) throw new ZooKeeperError(ZooKeeperCode.NONODE, `there is no ${path}`);
  throw new ZooKeeperError(ZooKeeperCode.NOAUTH, `${path} is the cluster's own`);
}

/** All of it or nothing. Its failure is in the answer's parts, not in its header. */
async function multi(context: RequestContext, reader: Reader): Promise<Reply> {
  const types: number[] = [];
  const changes = readMulti(reader, MAX_OPERATIONS, (type): Change => {
    types.push(type);
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
        return readCreate(reader);
      case OpCode.delete:
        return readDelete(reader);
      case OpCode.setData:
        return readSetData(reader);
      case OpCode.check:
        return { type: Operation.check, path: readText(reader), version: reader.int32() };
      default:
        throw new ZooKeeperError(ZooKeeperCode.UNIMPLEMENTED, `operation ${type} in a multi`);
    }
  });
  const { failure, results, zxid } = await decide(context, changes);
  const body = (writer: Writer): void => {
    for (const [index, type] of types.entries()) {
      const result = results[index];
      if (failure === 0) {
        writeMultiHeader(writer, { type, done: false, error: 0 });
        if (type === OpCode.create || type === OpCode.create2) writeText(writer, result?.path ?? '');
        if (type === OpCode.create2 || type === OpCode.setData) writeStat(writer, result?.stat ?? EMPTY_STAT);
      } else {
        const error = result?.failure ?? failure;
        writeMultiHeader(writer, { type: OpCode.error, done: false, error });
        writer.int32(error);
      }
    }
    writeMultiHeader(writer, { type: -1, done: true, error: -1 });
  };
  return { error: ZooKeeperCode.OK, zxid, body };
}

/** What was committed anywhere before this was asked is known here when it is answered. */
async function sync({ endpoint, session }: RequestContext, path: string): Promise<Reply> {
  const body = (writer: Writer): void => writeText(writer, path);
  if (session.local) return { error: ZooKeeperCode.OK, body };
  const { channel } = endpoint.coordination;
  const { errorCode, errorMessage, zxid } = await channel.send(
    coordinationHeard,
    0,
    { sessionIds: [session.id] },
    { timeoutMs: QUORUM_TIMEOUT_MS },
  );
  if (errorCode !== ErrorCode.NONE) throw new OutcomeUnknown(`the controller did not say how far it is: ${errorMessage ?? errorCode}`);
  await endpoint.applied(zxid);
  return { error: ZooKeeperCode.OK, zxid, body };
}

// ── watches ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A client that reconnected sets its watches anew; what happened meanwhile, by its last zxid, it is told at once. */
function setWatches(context: RequestContext, type: number, reader: Reader): Reply {
  const { endpoint, watcher } = context;
  const image = endpoint.coordination.image();
  const since = reader.int64();
  const [data, missing, children] = [readTexts(reader), readTexts(reader), readTexts(reader)];
  for (const path of data) {
    const node = nodeAt(image, path);
    if (node === undefined) watcher.notify(EventType.deleted, path);
    else if (node.stat.mzxid > since) watcher.notify(EventType.dataChanged, path);
    else watch(context, 'data', path);
  }
  for (const path of missing) {
    if (nodeAt(image, path) !== undefined) watcher.notify(EventType.created, path);
    else watch(context, 'data', path);
  }
  for (const path of children) {
    const node = nodeAt(image, path);
    if (node === undefined) watcher.notify(EventType.deleted, path);
    else if (node.stat.pzxid > since) watcher.notify(EventType.childrenChanged, path);
    else watch(context, 'children', path);
  }
  if (type === OpCode.setWatches2) {
    for (const path of readTexts(reader)) watch(context, 'persistent', path);
    for (const path of readTexts(reader)) watch(context, 'recursive', path);
  }
  return ok();
}

const REMOVED_BY_TYPE: Readonly<Record<number, readonly WatchKind[]>> = {
  1: ['children'],
  2: ['data'],
  3: WATCH_KINDS,
  4: ['persistent'],
  5: ['recursive'],
};

function removeWatches({ endpoint, watcher }: RequestContext, type: number, reader: Reader): Reply {
  const path = checked(readText(reader));
  const asked = reader.int32();
  const kinds = REMOVED_BY_TYPE[asked];
  if (kinds === undefined) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, `watches of type ${asked}`);
  const { watches } = endpoint;
  const found = kinds.filter((kind) => watches.has(kind, path, watcher));
  if (found.length === 0) throw new ZooKeeperError(ZooKeeperCode.NOWATCHER, `no such watch on ${path}`);
  if (type === OpCode.removeWatches) for (const kind of found) watches.remove(kind, path, watcher);
  return ok();
}
