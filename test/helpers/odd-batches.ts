/** Batches as no sane client builds them, and sane ones among them, from a seed: for comparing what two brokers make of each. */
import type { Random } from '../../electron/cluster/lib/random.ts';
import { compress, COMPRESSION_NAMES } from '../../electron/cluster/protocol/compression.ts';
import { crc32c } from '../../electron/cluster/protocol/crc32c.ts';
import { BATCH_HEADER_BYTES, LOG_OVERHEAD_BYTES } from '../../electron/cluster/protocol/record-batch.ts';
import { Writer } from '../../electron/cluster/protocol/writer.ts';

export interface OddRecord {
  length?: number;
  attributes: number;
  timestampDelta: bigint;
  offsetDelta: number;
  key: Buffer | null;
  keyLength?: number;
  value: Buffer | null;
  valueLength?: number;
  headers: [name: Buffer | null, value: Buffer | null][];
  headerCount?: number;
}

export interface OddBatch {
  baseOffset: bigint;
  /** Added to the right batch length. */
  lengthError: number;
  partitionLeaderEpoch: number;
  magic: number;
  crcError: number;
  attributes: number;
  lastOffsetDelta: number;
  baseTimestamp: bigint;
  maxTimestamp: bigint;
  producerId: bigint;
  producerEpoch: number;
  baseSequence: number;
  count: number;
  codec: number;
  records: OddRecord[];
  /** Works on the uncompressed records. */
  spoilRecords?: (bytes: Buffer) => Buffer;
  /** Works on the payload as sent. */
  spoilPayload?: (bytes: Buffer) => Buffer;
  /** Works on everything. */
  spoilAll?: (bytes: Buffer) => Buffer | null;
}

export interface OddCase {
  /** The mutations, for people. */
  name: string;
  /** Which of `TOPICS` it goes to. */
  topic: string;
  version: number;
  transactionalId: string | null;
  records: Buffer | null;
  /** The codec of the attributes, where they can be read. */
  codec: number;
  mutations: readonly string[];
}

const DAY_MS = 86_400_000;
/** Name and settings of each topic that cases go to. */
export const TOPICS: readonly { name: string; configs: Record<string, string> }[] = [
  { name: 'plain', configs: {} },
  { name: 'recent', configs: { 'message.timestamp.before.max.ms': String(7 * DAY_MS), 'message.timestamp.after.max.ms': String(DAY_MS) } },
  { name: 'compacted', configs: { 'cleanup.policy': 'compact', 'message.timestamp.before.max.ms': String(30 * DAY_MS) } },
  { name: 'stamped', configs: { 'message.timestamp.type': 'LogAppendTime' } },
  { name: 'small', configs: { 'max.message.bytes': '300' } },
];

type Mutation = readonly [name: string, apply: (batch: OddBatch, random: Random, nowMs: number) => void];

const pick = <T>(random: Random, items: readonly T[]): T => items[random.int(items.length)] as T;
const someRecord = (batch: OddBatch, random: Random): OddRecord => pick(random, batch.records);
const MAX_INT32 = 0x7fff_ffff;
const MAX_INT64 = 0x7fff_ffff_ffff_ffffn;
const MIN_INT64 = -0x8000_0000_0000_0000n;

/** By name, since the table of differences refers to them. */
export const MUTATIONS: readonly Mutation[] = [
  ['magic', (b, r) => (b.magic = pick(r, [0, 1, 3, -1, 127]))],
  ['crc', (b, r) => (b.crcError = 1 + r.int(1000))],
  ['unknown codec', (b, r) => (b.attributes = (b.attributes & ~7) | (5 + r.int(3)))],
  ['other codec', (b, r) => (b.attributes = (b.attributes & ~7) | ((b.codec + 1 + r.int(4)) % 5))],
  ['append time attribute', (b) => (b.attributes |= 0x08)],
  ['transactional attribute', (b) => (b.attributes |= 0x10)],
  ['control attribute', (b) => (b.attributes |= 0x20)],
  ['delete horizon attribute', (b) => (b.attributes |= 0x40)],
  ['unassigned attributes', (b, r) => (b.attributes |= pick(r, [0x80, 0x100, 0x4000, 0x7f80]))],
  ['last offset delta', (b, r) => (b.lastOffsetDelta = pick(r, [-1, b.count, b.count + 7, MAX_INT32, -MAX_INT32]))],
  ['count', (b, r) => (b.count = pick(r, [0, -1, b.count + 1, b.count - 1, MAX_INT32]))],
  [
    'count and last offset delta',
    (b, r) => {
      b.count = pick(r, [b.count + 1, Math.max(1, b.count - 1), b.count * 2, MAX_INT32, 1_000_000]);
      b.lastOffsetDelta = b.count - 1;
    },
  ],
  ['base timestamp', (b, r, now) => (b.baseTimestamp = pick(r, [0n, -1n, -86_400_000n, MIN_INT64, MAX_INT64, BigInt(now + 30 * DAY_MS)]))],
  ['max timestamp', (b, r, now) => (b.maxTimestamp = pick(r, [-1n, 0n, MIN_INT64, MAX_INT64, BigInt(now - 400 * DAY_MS)]))],
  ['base offset', (b, r) => (b.baseOffset = pick(r, [1n, -1n, 1n << 40n]))],
  ['batch length', (b, r) => (b.lengthError = pick(r, [-1, 1, -30, 1000, -1_000_000, MAX_INT32 - 5000]))],
  ['leader epoch', (b, r) => (b.partitionLeaderEpoch = pick(r, [0, 7, MAX_INT32]))],
  [
    'producer',
    (b, r) => {
      b.producerId = pick(r, [-1n, -2n, BigInt(1_000_000 + r.int(MAX_INT32))]);
      b.producerEpoch = pick(r, [-1, 0, 5, -7, 32_767]);
      b.baseSequence = pick(r, [-1, 0, 17, MAX_INT32, -5]);
    },
  ],
  ['record length', (b, r) => (someRecord(b, r).length = pick(r, [0, -1, 3, 12, 10_000, MAX_INT32, -MAX_INT32]))],
  ['record attributes', (b, r) => (someRecord(b, r).attributes = 1 + r.int(255))],
  ['offset delta', (b, r) => (someRecord(b, r).offsetDelta = pick(r, [0, -1, 3, 100, MAX_INT32]))],
  ['offset deltas from 1', (b) => b.records.forEach((record, i) => (record.offsetDelta = i + 1))],
  ['old record', (b, r) => (someRecord(b, r).timestampDelta = BigInt(-(8 + r.int(20_000)) * DAY_MS))],
  ['new record', (b, r) => (someRecord(b, r).timestampDelta = BigInt((2 + r.int(11_000)) * DAY_MS))],
  ['wide timestamp delta', (b, r) => (someRecord(b, r).timestampDelta = pick(r, [MIN_INT64, MAX_INT64, 1n << 50n, -(1n << 50n)]))],
  ['record without timestamp', (b, r) => (someRecord(b, r).timestampDelta = -1n - b.baseTimestamp)],
  ['no key', (b, r) => (someRecord(b, r).key = null)],
  ['key length', (b, r) => (someRecord(b, r).keyLength = pick(r, [-5, -1, 1, 100, 100_000, MAX_INT32]))],
  ['value length', (b, r) => (someRecord(b, r).valueLength = pick(r, [-5, -1, 1, 100, 100_000, MAX_INT32]))],
  ['header count', (b, r) => (someRecord(b, r).headerCount = pick(r, [-2, -1, 1, 3, 1000, MAX_INT32]))],
  ['header without name', (b, r) => someRecord(b, r).headers.push([null, Buffer.from('x')])],
  ['bytes after the records', (b, r) => (b.spoilRecords = (bytes) => Buffer.concat([bytes, r.bytes(1 + r.int(20))]))],
  ['records cut', (b, r) => (b.spoilRecords = (bytes) => bytes.subarray(0, r.int(bytes.length)))],
  ['noise for records', (b, r) => (b.spoilRecords = () => Buffer.concat([Buffer.from('ffffffff0f', 'hex'), r.bytes(r.int(60))]))],
  [
    'a byte of the records',
    (b, r) =>
      (b.spoilRecords = (bytes) => {
        const spoilt = Buffer.from(bytes);
        if (spoilt.length > 0) spoilt[r.int(spoilt.length)] = r.int(256);
        return spoilt;
      }),
  ],
  ['payload cut', (b, r) => (b.spoilPayload = (bytes) => bytes.subarray(0, r.int(bytes.length)))],
  ['bytes after the payload', (b, r) => (b.spoilPayload = (bytes) => Buffer.concat([bytes, r.bytes(1 + r.int(20))]))],
  ['bytes after the batch', (b, r) => (b.spoilAll = (bytes) => Buffer.concat([bytes, r.bytes(1 + r.int(16))]))],
  ['two batches', (b) => (b.spoilAll = (bytes) => Buffer.concat([bytes, bytes]))],
  ['a batch and half of one', (b) => (b.spoilAll = (bytes) => Buffer.concat([bytes, bytes.subarray(0, bytes.length >> 1)]))],
  ['batch cut', (b, r) => (b.spoilAll = (bytes) => bytes.subarray(0, r.int(bytes.length)))],
  ['no bytes', (b, r) => (b.spoilAll = () => (r.int(2) === 0 ? null : Buffer.alloc(0)))],
];

/** Cases in the order of the seed; the same for the same arguments. A third of them are what ordinary clients send. */
export function oddBatches(random: Random, count: number, nowMs: number): OddCase[] {
  return Array.from({ length: count }, () => oddCase(random, nowMs));
}

function oddCase(random: Random, nowMs: number): OddCase {
  const batch = ordinary(random, nowMs);
  const mutations = Array.from({ length: random.int(3) }, () => pick(random, MUTATIONS));
  for (const [, apply] of mutations) apply(batch, random, nowMs);
  const { name: topic } = pick(random, TOPICS);
  const version = pick(random, [3, 5, 6, 7, 8, 9, 11, 12]);
  const transactional = mutations.some(([name]) => name === 'transactional attribute');
  const transactionalId = random.int(transactional ? 2 : 20) === 0 ? 'judge' : null;
  const records = encode(batch);
  const names = mutations.map(([name]) => name);
  const codec = records !== null && records.length > 22 ? (records[22] as number) & 7 : 0;
  return { name: names.length === 0 ? 'ordinary' : names.join(' + '), topic, version, transactionalId, records, codec, mutations: names };
}

function ordinary(random: Random, nowMs: number): OddBatch {
  const count = 1 + random.int(random.int(4) === 0 ? 40 : 5);
  const baseTimestamp = BigInt(nowMs - random.int(DAY_MS));
  const idempotent = random.int(3) === 0;
  const codec = random.int(2) === 0 ? 0 : random.int(COMPRESSION_NAMES.length);
  const records = Array.from({ length: count }, (_, index): OddRecord => ({
    attributes: 0,
    timestampDelta: BigInt(random.int(5_000)),
    offsetDelta: index,
    key: random.int(12) === 0 ? null : some(random, 12),
    value: random.int(12) === 0 ? null : some(random, 60),
    headers: Array.from({ length: random.int(6) === 0 ? random.int(4) : 0 }, () => [
      some(random, 8),
      random.int(5) === 0 ? null : some(random, 8),
    ]),
  }));
  if (records[0] !== undefined) records[0].timestampDelta = 0n;
  let latest = 0n;
  for (const { timestampDelta } of records) if (timestampDelta > latest) latest = timestampDelta;
  return {
    baseOffset: 0n,
    lengthError: 0,
    partitionLeaderEpoch: -1,
    magic: 2,
    crcError: 0,
    attributes: codec,
    lastOffsetDelta: count - 1,
    baseTimestamp,
    maxTimestamp: baseTimestamp + latest,
    producerId: idempotent ? BigInt(1_000_000) + BigInt(random.int(MAX_INT32)) : -1n,
    producerEpoch: idempotent ? random.int(3) : -1,
    baseSequence: idempotent ? (random.int(4) === 0 ? random.int(MAX_INT32) : 0) : -1,
    count,
    codec,
    records,
  };
}

function some(random: Random, most: number): Buffer {
  return Buffer.from(Array.from({ length: random.int(most + 1) }, () => 97 + random.int(6)));
}

function encode(batch: OddBatch): Buffer | null {
  const writer = new Writer();
  for (const record of batch.records) writeRecord(writer, record);
  let records: Buffer = writer.finishBuffer();
  if (batch.spoilRecords !== undefined) records = batch.spoilRecords(records);
  let payload: Buffer = Buffer.from(compress(COMPRESSION_NAMES[batch.codec] ?? 'none', records));
  if (batch.spoilPayload !== undefined) payload = batch.spoilPayload(payload);
  const out = Buffer.alloc(BATCH_HEADER_BYTES + payload.length);
  out.writeBigInt64BE(batch.baseOffset, 0);
  out.writeInt32BE((out.length - LOG_OVERHEAD_BYTES + batch.lengthError) | 0, 8);
  out.writeInt32BE(batch.partitionLeaderEpoch, 12);
  out.writeInt8(batch.magic, 16);
  out.writeInt16BE(batch.attributes, 21);
  out.writeInt32BE(batch.lastOffsetDelta, 23);
  out.writeBigInt64BE(batch.baseTimestamp, 27);
  out.writeBigInt64BE(batch.maxTimestamp, 35);
  out.writeBigInt64BE(batch.producerId, 43);
  out.writeInt16BE(batch.producerEpoch, 51);
  out.writeInt32BE(batch.baseSequence, 53);
  out.writeInt32BE(batch.count, 57);
  payload.copy(out, BATCH_HEADER_BYTES);
  const end = Math.min(out.length, Math.max(21, out.length + batch.lengthError));
  out.writeUInt32BE((crc32c(out.subarray(21, end)) + batch.crcError) >>> 0, 17);
  return batch.spoilAll === undefined ? out : batch.spoilAll(out);
}

function writeRecord(writer: Writer, record: OddRecord): void {
  const body = new Writer(64);
  body.raw(Buffer.of(record.attributes));
  body.varlong(BigInt.asIntN(64, record.timestampDelta));
  body.varint(record.offsetDelta);
  writeBytes(body, record.key, record.keyLength);
  writeBytes(body, record.value, record.valueLength);
  body.varint(record.headerCount ?? record.headers.length);
  for (const [name, value] of record.headers) {
    writeBytes(body, name);
    writeBytes(body, value);
  }
  writer.varint(record.length ?? body.size);
  for (const chunk of body.finish()) writer.raw(chunk);
}

function writeBytes(writer: Writer, bytes: Buffer | null, length = bytes?.length ?? -1): void {
  writer.varint(length);
  if (bytes !== null) writer.raw(bytes);
}
