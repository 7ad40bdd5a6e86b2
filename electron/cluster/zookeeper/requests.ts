/**
 * Answers client requests that change no node: from this node's image, at once, together with the watch that they set. Requests that change
 * nodes are in `writes.ts`.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { ProtocolError } from '../protocol/errors.ts';
import type { Reader } from '../protocol/reader.ts';
import type { Writer } from '../protocol/writer.ts';
import { coordinationTouch, SessionAction } from '../quorum/zookeeper-state/apis.ts';
import { Permission } from '../quorum/zookeeper-state/state.ts';
import { ZooKeeperCode, ZooKeeperError } from '../quorum/zookeeper-state/zookeeper-codes.ts';
import { QUORUM_TIMEOUT_MS, type RequestContext } from './endpoint.ts';
import { OutcomeUnknown } from './session.ts';
import type { NodeView } from './system-tree.ts';
import { countBelow, nodeAt } from './tree.ts';
import { addWatch, removeWatches, setWatches, watch } from './watch-requests.ts';
import {
  OPEN_ACL,
  MAX_MULTI_OPERATIONS,
  OpCode,
  readMulti,
  readText,
  writeAcl,
  writeMultiHeader,
  writeStat,
  writeText,
  writeTexts,
  type Reply,
} from './wire.ts';

/** Throws `ZooKeeperError` to answer with its code, `ProtocolError` and `OutcomeUnknown` to close the connection. */
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
        writeAcl(writer, [{ ...OPEN_ACL, permissions }]);
        writeStat(writer, stat);
      });
    }
    case OpCode.getEphemerals: {
      const prefix = readText(reader);
      const own = context.endpoint.coordination.zookeeperView().zookeeper.sessions.get(context.session.id);
      const paths = [...(own?.ephemerals.keys() ?? [])].filter((path) => path.startsWith(prefix));
      return ok((writer) => writeTexts(writer, paths));
    }
    case OpCode.getAllChildrenNumber: {
      const path = readText(reader);
      must(context, path);
      const count = countBelow(context.endpoint.coordination.zookeeperView(), path);
      return ok((writer) => writer.int32(count));
    }
    case OpCode.multiRead:
      return ok(multiRead(context, reader));
    case OpCode.sync:
      return sync(context, readText(reader));
    case OpCode.setWatches:
    case OpCode.setWatches2:
      return setWatches(context, type, reader);
    case OpCode.addWatch:
      return addWatch(context, reader);
    case OpCode.checkWatches:
    case OpCode.removeWatches:
      return removeWatches(context, type, reader);
    case OpCode.reconfig:
      throw new ZooKeeperError(ZooKeeperCode.RECONFIGDISABLED, 'nodes are added to the cluster and removed from it, not to an ensemble');
    case OpCode.deleteContainer:
      throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, 'the controller alone deletes by this operation');
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
  const answer = await endpoint.sessionRequests.ask({ action: SessionAction.close, holder: session.holder, sessionId: session.id });
  await endpoint.applied(answer.zxid);
  return { error: ZooKeeperCode.OK, zxid: answer.zxid };
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function ok(body?: (writer: Writer) => void): Reply {
  return body === undefined ? { error: ZooKeeperCode.OK } : { error: ZooKeeperCode.OK, body };
}

function must({ endpoint }: RequestContext, path: string): NodeView {
  const node = nodeAt(endpoint.coordination.zookeeperView(), path);
  if (node === undefined) throw new ZooKeeperError(ZooKeeperCode.NONODE, `there is no ${path}`);
  return node;
}

function readable(context: RequestContext, path: string): NodeView {
  const node = must(context, path);
  if ((node.permissions & Permission.read) === 0) throw new ZooKeeperError(ZooKeeperCode.NOAUTH, `${path} does not allow it`);
  return node;
}

/** A watch on a missing node waits for its creation. */
function exists(context: RequestContext, reader: Reader): Reply {
  const path = readText(reader);
  if (path.includes('\0')) throw new ZooKeeperError(ZooKeeperCode.BADARGUMENTS, 'a path has no null character');
  const node = nodeAt(context.endpoint.coordination.zookeeperView(), path);
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
  const parts = readMulti(reader, MAX_MULTI_OPERATIONS, (type) => {
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

/** All changes committed anywhere before this request are applied here when it is answered. */
async function sync({ endpoint, session }: RequestContext, path: string): Promise<Reply> {
  const body = (writer: Writer): void => writeText(writer, path);
  if (session.local) return { error: ZooKeeperCode.OK, body };
  const { channel } = endpoint.coordination;
  const { errorCode, errorMessage, zxid } = await channel.send(
    coordinationTouch,
    0,
    { sessionIds: [session.id] },
    { timeoutMs: QUORUM_TIMEOUT_MS },
  );
  if (errorCode !== ErrorCode.NONE)
    throw new OutcomeUnknown(`the controller did not return the end of the metadata: ${errorMessage ?? errorCode}`);
  await endpoint.applied(zxid);
  return { error: ZooKeeperCode.OK, zxid, body };
}
