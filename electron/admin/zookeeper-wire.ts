/**
 * The client side of ZooKeeper's protocol: frames, operations, and error codes as messages for users.
 *
 * The app does not use the package node-zookeeper-client, which is a development dependency for tests only: it has no read-only sessions, which
 * read the tree while the quorum is lost, and no multiRead, which reads a node and its children at one zxid; it sets no bound on a frame, and
 * copies what has arrived with each chunk. Measured for a response of 32 MiB: 6.4 s of processor time in the main process instead of 0.5 s.
 */
import type { Reader } from '../cluster/protocol/reader.ts';
import { Writer } from '../cluster/protocol/writer.ts';
import { AdminError } from './errors.ts';
import type { ZnodeStat } from '#shared/models/lab';

export interface ZooKeeperAddress {
  /** Id of the broker. */
  id: number;
  host: string;
  port: number;
}

export const Op = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  ping: 11,
  multiRead: 22,
  setWatches: 101,
  closeSession: -11,
} as const;

/** xids of frames without a waiting request. */
export const Xid = { event: -1, ping: -2, setWatches: -8 } as const;
export const EventType = { created: 1, deleted: 2, changed: 3, childrenChanged: 4 } as const;
export const EPHEMERAL = 1;

export const ZkError = {
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  notReadOnly: -119,
} as const;

/** A complete frame, its length included. */
export function frame(write: (writer: Writer) => void): Buffer {
  const writer = new Writer();
  writer.int32(0);
  write(writer);
  const bytes = writer.finishBuffer();
  bytes.writeInt32BE(bytes.length - 4, 0);
  return bytes;
}

export interface Handshake {
  lastZxid: bigint;
  timeoutMs: number;
  /** 0: a new session. */
  sessionId: bigint;
  password: Uint8Array;
  /** Accepts a server without a quorum. */
  readOnly: boolean;
}

export function writeHandshake(writer: Writer, { lastZxid, timeoutMs, sessionId, password, readOnly }: Handshake): void {
  writer.int32(0);
  writer.int64(lastZxid);
  writer.int32(timeoutMs);
  writer.int64(sessionId);
  writer.bytes(password);
  writer.bool(readOnly);
}

/** `timeoutMs` 0: the session has expired. */
export function readHandshake(reader: Reader): { timeoutMs: number; sessionId: bigint; password: Buffer } {
  reader.int32();
  return { timeoutMs: reader.int32(), sessionId: reader.int64(), password: reader.bytes() };
}

export function writeText(writer: Writer, text: string): void {
  writer.bytes(Buffer.from(text));
}

export function writeTexts(writer: Writer, texts: readonly string[]): void {
  writer.int32(texts.length);
  for (const text of texts) writeText(writer, text);
}

/** All permissions for all users, as `zkCli` sets by default. */
export function writeOpenAcl(writer: Writer): void {
  writer.int32(1);
  writer.int32(31);
  writeText(writer, 'world');
  writeText(writer, 'anyone'); // language: ZooKeeper's id for all users
}

export function hexId(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}

export function readStat(reader: Reader): ZnodeStat {
  const [czxid, mzxid, ctime, mtime] = [reader.int64(), reader.int64(), reader.int64(), reader.int64()];
  const [version, cversion, aversion] = [reader.int32(), reader.int32(), reader.int32()];
  const owner = reader.int64();
  const [dataLength, numChildren] = [reader.int32(), reader.int32()];
  return {
    czxid: String(czxid),
    mzxid: String(mzxid),
    pzxid: String(reader.int64()),
    ctime: Number(ctime),
    mtime: Number(mtime),
    version,
    cversion,
    aversion,
    ephemeralOwner: owner === 0n ? null : hexId(owner),
    dataLength,
    numChildren,
  };
}

/** Throws an `AdminError` for any code but 0. */
export function refuse(error: number, path: string): void {
  if (error === 0) return;
  const app = REFUSALS[error]?.(path) ?? { code: 'INTERNAL', message: `ZooKeeper answered ${path} with error ${error}.` };
  throw new AdminError({ ...app, subject: path });
}

type Refusal = (path: string) => { code: string; message: string; advice?: string; field?: string };

const REFUSALS: Readonly<Record<number, Refusal>> = {
  [ZkError.noNode]: (path) => ({ code: 'NOT_FOUND', message: `There is no node ${path}.` }),
  [ZkError.noAuth]: (path) => ({
    code: 'NOT_READABLE',
    message: `The permissions of node ${path} do not allow it.`,
    advice: 'Change the cluster’s own nodes by Kafka requests.',
  }),
  [ZkError.badArguments]: (path) => ({ code: 'INVALID_PAYLOAD', message: `${path} is not a valid path.`, field: 'path' }),
  [ZkError.badVersion]: (path) => ({
    code: 'BAD_VERSION',
    message: `Node ${path} has changed since it was read.`,
    advice: 'Read it again.',
  }),
  [ZkError.nodeExists]: (path) => ({
    code: 'NODE_EXISTS',
    message: `Node ${path} already exists.`,
    advice: 'Choose another name, or delete it first.',
    field: 'path',
  }),
  [ZkError.notEmpty]: (path) => ({ code: 'NOT_EMPTY', message: `${path} has nodes below it.`, advice: 'Delete those first.' }),
  [ZkError.noChildrenForEphemerals]: (path) => ({
    code: 'INVALID_PAYLOAD',
    message: `The parent of ${path} is ephemeral, and ephemeral nodes cannot have children.`,
    advice: 'Create it below a persistent node.',
    field: 'path',
  }),
  [ZkError.sessionExpired]: () => ({ code: 'SESSION_EXPIRED', message: 'The session has expired.', advice: 'Open another one.' }),
  [ZkError.notReadOnly]: () => ({
    code: 'READ_ONLY',
    message: 'The server has no quorum and refuses changes.',
    advice: 'Start brokers until a majority of the voters runs.',
  }),
};
