/**
 * Requests that change nodes: decoded one by one, decided by the active controller in one request for all that a client has pipelined, and
 * answered when this node has applied them, so that a client reads its own writes.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import type { Reader } from '../protocol/reader.ts';
import type { ResponseOf } from '../protocol/schema.ts';
import type { Writer } from '../protocol/writer.ts';
import { coordinationWrite } from '../quorum/zookeeper-state/apis.ts';
import { isSystemPath, parentOf, Permission } from '../quorum/zookeeper-state/state.ts';
import type { Stat } from '../quorum/zookeeper-state/stat.ts';
import { Operation } from '../quorum/zookeeper-state/transaction.ts';
import { isTrigger } from '../quorum/zookeeper-state/triggers.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/zookeeper-state/zookeeper-codes.ts';
import { QUORUM_TIMEOUT_MS, type RequestContext } from './endpoint.ts';
import { OutcomeUnknown } from './session.ts';
import { nodeAt } from './tree.ts';
import {
  OPEN_ACL,
  MAX_MULTI_OPERATIONS,
  OpCode,
  readAcl,
  readMulti,
  readText,
  writeMultiHeader,
  writeStat,
  writeText,
  type AclEntry,
  type Reply,
} from './wire.ts';

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
  readonly ttlMs?: bigint;
  readonly version?: number;
  readonly permissions?: number;
}

type Transaction = ResponseOf<typeof coordinationWrite>['transactions'][number];
type WriteResult = Transaction['results'][number];

/** A decoded request that changes nodes. */
export interface Write {
  readonly changes: readonly Change[];
  /** A trigger: it requests something else of the controller and is decided alone. */
  readonly alone: boolean;
  readonly reply: (transaction: Transaction) => Reply;
}

const WRITES: ReadonlySet<number> = new Set([
  OpCode.create,
  OpCode.create2,
  OpCode.createContainer,
  OpCode.createTtl,
  OpCode.delete,
  OpCode.setData,
  OpCode.setAcl,
  OpCode.multi,
]);

export function isWrite(type: number): boolean {
  return WRITES.has(type);
}

/** Throws `ZooKeeperError` to answer with its code, `ProtocolError` for bytes that are not such a request. */
export function decodeWrite(context: RequestContext, type: number, reader: Reader): Write {
  switch (type) {
    case OpCode.create:
    case OpCode.create2:
    case OpCode.createContainer:
    case OpCode.createTtl: {
      const change = readCreate(type, reader);
      return single(context, change, (result) => (writer) => {
        writeText(writer, result?.path ?? change.path);
        if (type !== OpCode.create) writeStat(writer, result?.stat ?? EMPTY_STAT);
      });
    }
    case OpCode.delete:
      return single(context, readDelete(reader), () => undefined);
    case OpCode.setData:
      return single(context, readSetData(reader), statBody);
    case OpCode.setAcl: {
      const path = readText(reader);
      const permissions = worldPermissions(readAcl(reader));
      return single(context, { type: Operation.setAcl, path, permissions, version: reader.int32() }, statBody);
    }
    default:
      return decodeMulti(reader);
  }
}

/** Replies in the order of the writes. Throws `OutcomeUnknown`, and `ZooKeeperError` for all of them. */
export async function executeWrites({ endpoint, session }: RequestContext, writes: readonly Write[]): Promise<Reply[]> {
  if (session.local) throw new ZooKeeperError(ZooKeeperCode.NOTREADONLY, 'there is no quorum');
  const request = session.nextRequest++;
  const transactions = writes.map(({ changes }) => ({ operations: changes }));
  const body = { sessionId: session.id, holder: session.holder, request, transactions };
  const answer = await endpoint.coordination.channel.send(coordinationWrite, 0, body, { timeoutMs: QUORUM_TIMEOUT_MS });
  const { errorCode, errorMessage, failure } = answer;
  if (errorCode !== ErrorCode.NONE) throw new OutcomeUnknown(`the outcome of the changes is unknown: ${errorMessage ?? errorCode}`);
  if (failure === ZooKeeperCode.SESSIONMOVED) throw new OutcomeUnknown('the session is on another connection');
  if (failure !== 0 || answer.transactions.length !== writes.length) throw new OutcomeUnknown('the session has ended');
  const last = answer.transactions.at(-1)?.zxid ?? 0n;
  await endpoint.applied(last);
  return writes.map(({ reply }, index) => reply(answer.transactions[index] as Transaction));
}

function single(
  context: RequestContext,
  change: Change,
  body: (result: WriteResult | undefined) => ((writer: Writer) => void) | undefined,
): Write {
  refuseSystem(context, change);
  return {
    changes: [change],
    alone: change.type === Operation.create && isTrigger(change.path),
    reply: ({ failure, zxid, results }) => {
      if (failure !== 0) return { error: failure, zxid };
      const written = body(results[0]);
      return written === undefined ? { error: ZooKeeperCode.OK, zxid } : { error: ZooKeeperCode.OK, zxid, body: written };
    },
  };
}

function readCreate(type: number, reader: Reader): Change {
  const path = readText(reader);
  const data = reader.nullableBytes();
  const permissions = worldPermissions(readAcl(reader));
  const flags = reader.int32();
  if (type === OpCode.createTtl) return { type: Operation.createTtl, path, data, permissions, flags, ttlMs: reader.int64() };
  return { type: type === OpCode.createContainer ? Operation.createContainer : Operation.create, path, data, permissions, flags };
}

function readDelete(reader: Reader): Change {
  return { type: Operation.delete, path: readText(reader), version: reader.int32() };
}

function readSetData(reader: Reader): Change {
  return { type: Operation.setData, path: readText(reader), data: reader.nullableBytes(), version: reader.int32() };
}

/** There are no identities that an ACL could name. */
function worldPermissions(entries: readonly AclEntry[]): number {
  const known = entries.every(({ scheme, id }) => scheme === OPEN_ACL.scheme && id === OPEN_ACL.id);
  if (entries.length === 0 || !known) throw new ZooKeeperError(ZooKeeperCode.INVALIDACL, 'the only supported ACL is world:anyone'); // language: ZooKeeper's id for all users
  return entries.reduce((all, { permissions }) => all | (permissions & Permission.all), 0);
}

function statBody(result: WriteResult | undefined): (writer: Writer) => void {
  return (writer) => writeStat(writer, result?.stat ?? EMPTY_STAT);
}

/** The cluster's own nodes cannot be changed, except triggers. Reports other errors first. */
function refuseSystem({ endpoint }: RequestContext, { type, path }: Change): void {
  if (path === '/' || !isSystemPath(path) || (type === Operation.create && isTrigger(path))) return;
  const view = endpoint.coordination.zookeeperView();
  const node = nodeAt(view, path);
  if (type === Operation.create) {
    if (node !== undefined) throw new ZooKeeperError(ZooKeeperCode.NODEEXISTS, `${path} exists`);
    if (nodeAt(view, parentOf(path)) === undefined) throw new ZooKeeperError(ZooKeeperCode.NONODE, `there is no ${parentOf(path)}`);
  } else if (node === undefined) throw new ZooKeeperError(ZooKeeperCode.NONODE, `there is no ${path}`);
  throw new ZooKeeperError(ZooKeeperCode.NOAUTH, `${path} is the cluster's own`);
}

/** All operations or none. The failure is in the parts of the response, not in its header. */
function decodeMulti(reader: Reader): Write {
  const types: number[] = [];
  const changes = readMulti(reader, MAX_MULTI_OPERATIONS, (type): Change => {
    types.push(type);
    switch (type) {
      case OpCode.create:
      case OpCode.create2:
      case OpCode.createContainer:
      case OpCode.createTtl:
        return readCreate(type, reader);
      case OpCode.delete:
        return readDelete(reader);
      case OpCode.setData:
        return readSetData(reader);
      case OpCode.check:
        return { type: Operation.check, path: readText(reader), version: reader.int32() };
      default:
        throw new ZooKeeperError(ZooKeeperCode.MARSHALLINGERROR, `operation ${type} in a multi`);
    }
  });
  const [only] = changes;
  return {
    changes,
    alone: changes.length === 1 && only?.type === Operation.create && isTrigger(only.path),
    reply: ({ failure, results, zxid }) => ({
      error: ZooKeeperCode.OK,
      zxid,
      body: (writer) => {
        for (const [index, type] of types.entries()) {
          const result = results[index];
          if (failure === 0) writeMultiResult(writer, type, result);
          else {
            const error = result?.failure ?? failure;
            writeMultiHeader(writer, { type: OpCode.error, done: false, error });
            writer.int32(error);
          }
        }
        writeMultiHeader(writer, { type: -1, done: true, error: -1 });
      },
    }),
  };
}

/** As in ZooKeeper, a create2 in a multi is answered as a create; only containers and nodes with a TTL return their stat. */
function writeMultiResult(writer: Writer, type: number, result: WriteResult | undefined): void {
  const withStat = type === OpCode.createContainer || type === OpCode.createTtl;
  const answered = withStat ? OpCode.create2 : type === OpCode.create2 ? OpCode.create : type;
  writeMultiHeader(writer, { type: answered, done: false, error: 0 });
  if (answered === OpCode.create || withStat) writeText(writer, result?.path ?? '');
  if (withStat || type === OpCode.setData) writeStat(writer, result?.stat ?? EMPTY_STAT);
}
