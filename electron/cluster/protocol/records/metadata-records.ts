/**
 * Records of the metadata log in Apache Kafka's framing: frame version 1, record type and record version, each an
 * unsigned varint, then the body; `kafka-dump-log --cluster-metadata-decoder` reads them.
 */
import { ProtocolError } from '../errors.ts';
import { Reader } from '../reader.ts';
import type { Message } from '../schema.ts';
import { Writer } from '../writer.ts';
import { metadataSchemas } from './metadata-schemas.ts';

type Schemas = typeof metadataSchemas;
type OutOfMessage<M> = M extends Message<infer Out, never> ? Out : never;
type InOfMessage<M> = M extends Message<unknown, infer In> ? In : never;

export type MetadataRecordType = keyof Schemas;

/** The value of one type of record, every field filled: `MetadataValue<'TopicRecord'>`. */
export type MetadataValue<T extends MetadataRecordType> = OutOfMessage<Schemas[T]['message']>;

/** A record of a type or version that this release does not have, as its bytes. */
export interface UnknownMetadataRecord {
  readonly type: 'Unknown';
  readonly value: Uint8Array;
  /** A known type in the version of a newer release: its place among the records of the same state counts. */
  readonly isNewerVersion?: true;
}

/** A record with every field filled, as the image applies it. */
export type MetadataRecord =
  { [T in MetadataRecordType]: { readonly type: T; readonly value: MetadataValue<T> } }[MetadataRecordType] | UnknownMetadataRecord;

/** What may be written: fields with a default may be left out. `version` is the newest unless said otherwise. */
export type MetadataRecordIn =
  | {
      [T in MetadataRecordType]: { readonly type: T; readonly value: InOfMessage<Schemas[T]['message']>; readonly version?: number };
    }[MetadataRecordType]
  | UnknownMetadataRecord;

const FRAME_VERSION = 1;

interface AnySchema {
  readonly type: number;
  readonly message: Message<unknown, unknown>;
}

const nameByType: ReadonlyMap<number, MetadataRecordType> = new Map(
  (Object.keys(metadataSchemas) as MetadataRecordType[]).map((name) => [metadataSchemas[name].type, name]),
);

export function encodeMetadataRecord(record: MetadataRecordIn): Buffer {
  if (record.type === 'Unknown') return Buffer.from(record.value);
  const { type, message }: AnySchema = metadataSchemas[record.type];
  const version = record.version ?? message.maxVersion;
  const writer = new Writer(128);
  writer.uvarint(FRAME_VERSION);
  writer.uvarint(type);
  writer.uvarint(version);
  message.codec(version).encode(writer, record.value);
  return writer.finishBuffer();
}

/**
 * A record of an unknown type, record version or frame version is returned as a copy of its bytes. Throws `ProtocolError` where the bytes are
 * not exactly one record of their type.
 */
export function decodeMetadataRecord(bytes: Buffer): MetadataRecord {
  const reader = new Reader(bytes);
  if (reader.uvarint() !== FRAME_VERSION) return unknownRecord(bytes);
  const name = nameByType.get(reader.uvarint());
  const version = reader.uvarint();
  if (name === undefined) return unknownRecord(bytes);
  const { message }: AnySchema = metadataSchemas[name];
  if (version > message.maxVersion) return { ...unknownRecord(bytes), isNewerVersion: true };
  const value = message.codec(version).decode(reader);
  if (reader.remaining > 0) throw new ProtocolError(`${reader.remaining} bytes after a ${name}`);
  return { type: name, value } as MetadataRecord;
}

/** Decoded bytes are a view of a whole batch, which they would keep in memory. */
function unknownRecord(bytes: Buffer): UnknownMetadataRecord {
  return { type: 'Unknown', value: Uint8Array.from(bytes) };
}

/** The record as it will be decoded: with defaults. The active controller applies this to its own image. */
export function completeMetadataRecord(record: MetadataRecordIn): MetadataRecord {
  return decodeMetadataRecord(encodeMetadataRecord(record));
}
