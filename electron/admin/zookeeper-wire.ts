/** ZooKeeper's wire as a client speaks it: frames, operations, what its error codes mean to a person. */
import type { Reader } from '../cluster/protocol/reader.ts';
import { Writer } from '../cluster/protocol/writer.ts';
import { AdminError } from './errors.ts';
import type { ZnodeStat } from '#shared/models/lab';

export interface ZooKeeperAddress {
  /** The broker that it belongs to. */
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

/** xids of what no request waits for. */
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

/** A whole frame, its length included. */
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
  /** 0 asks for a new session. */
  sessionId: bigint;
  password: Uint8Array;
  /** Content with a server that has no quorum. */
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

/** `timeoutMs` 0: that session is over. */
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

/** Anyone may do anything: what `zkCli` gives by default. */
export function writeOpenAcl(writer: Writer): void {
  writer.int32(1);
  writer.int32(31);
  writeText(writer, 'world');
  writeText(writer, 'anyone');
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
    message: `The node ${path} does not allow it.`,
    advice: 'What the cluster keeps there is changed by Kafka’s own requests.',
  }),
  [ZkError.badArguments]: (path) => ({ code: 'INVALID_PAYLOAD', message: `${path} is no path.`, field: 'path' }),
  [ZkError.badVersion]: (path) => ({ code: 'BAD_VERSION', message: `The node ${path} was changed meanwhile.`, advice: 'Read it again.' }),
  [ZkError.nodeExists]: (path) => ({
    code: 'NODE_EXISTS',
    message: `There is a node ${path} already.`,
    advice: 'Take another name, or delete it first.',
    field: 'path',
  }),
  [ZkError.notEmpty]: (path) => ({ code: 'NOT_EMPTY', message: `${path} has nodes below it.`, advice: 'Delete those first.' }),
  [ZkError.noChildrenForEphemerals]: (path) => ({
    code: 'INVALID_PAYLOAD',
    message: `The parent of ${path} is ephemeral, and those have no children.`,
    advice: 'Make it below a persistent node.',
    field: 'path',
  }),
  [ZkError.sessionExpired]: () => ({ code: 'SESSION_EXPIRED', message: 'The session is over.', advice: 'Open another one.' }),
  [ZkError.notReadOnly]: () => ({
    code: 'READ_ONLY',
    message: 'That server has no quorum, and takes no changes.',
    advice: 'Start brokers until a majority of the voters runs.',
  }),
};
