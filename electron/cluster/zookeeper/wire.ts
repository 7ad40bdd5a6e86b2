/**
 * ZooKeeper's protocol: frames of a 32-bit length, then values in jute's form (`zookeeper.jute`): big-endian, text and bytes behind a 32-bit
 * length, −1 for null. Reader and Writer are those of the Kafka protocol, whose primitives are the same.
 */
import { ProtocolError } from '../protocol/errors.ts';
import type { Reader } from '../protocol/reader.ts';
import { Writer } from '../protocol/writer.ts';
import type { Stat } from '../quorum/zookeeper-state/stat.ts';

export const OpCode = {
  error: -1,
  createSession: -10,
  closeSession: -11,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
} as const;

/** xid of a watch event; a ping, an auth and a setWatches have −2, −4 and −8, which are echoed like any other. */
const NOTIFICATION_XID = -1;

export const EventType = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;
const SYNC_CONNECTED = 3;

export interface ConnectRequest {
  readonly protocolVersion: number;
  readonly lastZxidSeen: bigint;
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array | null;
  /** Undefined for an older client, which is answered in its own form. */
  readonly readOnly: boolean | undefined;
}

export function readConnectRequest(reader: Reader): ConnectRequest {
  const protocolVersion = reader.int32();
  const lastZxidSeen = reader.int64();
  const timeoutMs = reader.int32();
  const sessionId = reader.int64();
  const password = reader.nullableBytes();
  return { protocolVersion, lastZxidSeen, timeoutMs, sessionId, password, readOnly: reader.remaining > 0 ? reader.bool() : undefined };
}

export interface ConnectResponse {
  /** 0, as the session's id, when the session has expired. */
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly readOnly: boolean | undefined;
}

export function encodeConnectResponse({ timeoutMs, sessionId, password, readOnly }: ConnectResponse): Uint8Array[] {
  return frame((writer) => {
    writer.int32(0);
    writer.int32(timeoutMs);
    writer.int64(sessionId);
    writer.bytes(password);
    if (readOnly !== undefined) writer.bool(readOnly);
  });
}

export interface Reply {
  readonly error: number;
  /** Zxid of the metadata; the endpoint's current one if absent. */
  readonly zxid?: bigint;
  readonly body?: (writer: Writer) => void;
}

export function encodeReply(xid: number, zxid: bigint, { error, body }: Reply): Uint8Array[] {
  return frame((writer) => {
    writer.int32(xid);
    writer.int64(zxid);
    writer.int32(error);
    if (error === 0) body?.(writer);
  });
}

export function encodeEvent(type: number, path: string): Uint8Array[] {
  return frame((writer) => {
    writer.int32(NOTIFICATION_XID);
    writer.int64(-1n);
    writer.int32(0);
    writer.int32(type);
    writer.int32(SYNC_CONNECTED);
    writeText(writer, path);
  });
}

/** A complete frame, its length included. */
export function frame(write: (writer: Writer) => void): Uint8Array[] {
  const writer = new Writer();
  writer.int32(0);
  write(writer);
  const size = writer.size - 4;
  const chunks = writer.finish();
  const first = chunks[0] as Uint8Array;
  for (let byte = 0; byte < 4; byte++) first[byte] = size >>> (24 - 8 * byte);
  return chunks;
}

export function readText(reader: Reader): string {
  return reader.bytes().toString('utf8');
}

export function writeText(writer: Writer, text: string): void {
  writer.bytes(Buffer.from(text));
}

export function readTexts(reader: Reader): string[] {
  return readVector(reader, readText);
}

export function writeTexts(writer: Writer, texts: readonly string[]): void {
  writer.int32(texts.length);
  for (const text of texts) writeText(writer, text);
}

export function readVector<T>(reader: Reader, read: (reader: Reader) => T): T[] {
  const count = Math.max(0, reader.arrayLength());
  const list: T[] = [];
  for (let index = 0; index < count; index++) list.push(read(reader));
  return list;
}

export function writeStat(writer: Writer, stat: Stat): void {
  writer.int64(stat.czxid);
  writer.int64(stat.mzxid);
  writer.int64(stat.ctime);
  writer.int64(stat.mtime);
  writer.int32(stat.version);
  writer.int32(stat.cversion);
  writer.int32(stat.aversion);
  writer.int64(stat.ephemeralOwner);
  writer.int32(stat.dataLength);
  writer.int32(stat.numChildren);
  writer.int64(stat.pzxid);
}

export function readStat(reader: Reader): Stat {
  return {
    czxid: reader.int64(),
    mzxid: reader.int64(),
    ctime: reader.int64(),
    mtime: reader.int64(),
    version: reader.int32(),
    cversion: reader.int32(),
    aversion: reader.int32(),
    ephemeralOwner: reader.int64(),
    dataLength: reader.int32(),
    numChildren: reader.int32(),
    pzxid: reader.int64(),
  };
}

export interface AclEntry {
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}

export const OPEN_ACL: AclEntry = { permissions: 31, scheme: 'world', id: 'anyone' }; // language: ZooKeeper's id for all users

export function readAcl(reader: Reader): AclEntry[] {
  return readVector(reader, () => ({ permissions: reader.int32(), scheme: readText(reader), id: readText(reader) }));
}

export function writeAcl(writer: Writer, entries: readonly AclEntry[]): void {
  writer.int32(entries.length);
  for (const { permissions, scheme, id } of entries) {
    writer.int32(permissions);
    writeText(writer, scheme);
    writeText(writer, id);
  }
}

/** The scheme of an auth request (`AuthPacket`). */
export function readAuthScheme(reader: Reader): string {
  reader.int32();
  return readText(reader);
}

/** Header before each part of a multi, and after the last. */
export interface MultiHeader {
  readonly type: number;
  readonly done: boolean;
  readonly error: number;
}

export function readMultiHeader(reader: Reader): MultiHeader {
  return { type: reader.int32(), done: reader.bool(), error: reader.int32() };
}

export function writeMultiHeader(writer: Writer, { type, done, error }: MultiHeader): void {
  writer.int32(type);
  writer.bool(done);
  writer.int32(error);
}

export const MAX_MULTI_OPERATIONS = 10_000;

/** The parts of a multi, each read by `read`, up to the header that ends them. */
export function readMulti<T>(reader: Reader, most: number, read: (type: number) => T): T[] {
  const parts: T[] = [];
  for (let header = readMultiHeader(reader); !header.done; header = readMultiHeader(reader)) {
    if (parts.length >= most) throw new ProtocolError(`a multi of more than ${most} operations`);
    parts.push(read(header.type));
  }
  return parts;
}
