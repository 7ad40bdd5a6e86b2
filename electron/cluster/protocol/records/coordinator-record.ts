/**
 * The common format of coordinator records: the key is an int16 record type and the fields of the key, the value is an int16 version
 * and the fields of the value. A record without a value is a tombstone.
 */
import { ProtocolError } from '../errors.ts';
import { Reader } from '../reader.ts';
import { defineMessage, type Fields, type InOf, type Message, type OutOf } from '../schema.ts';
import { Writer } from '../writer.ts';

export interface CoordinatorSchema<KeyOut = unknown, KeyIn = unknown, ValueOut = unknown, ValueIn = unknown> {
  readonly type: number;
  readonly key: Message<KeyOut, KeyIn>;
  readonly value: Message<ValueOut, ValueIn>;
  /** The version of the value that is written. */
  readonly written: number;
}

export function defineCoordinatorRecord<const K extends Fields, const V extends Fields>(spec: {
  type: number;
  name: string;
  key: K;
  value: V;
  /** Versions of the value; keys have only version 0 and are never flexible. */
  versions: readonly [min: number, max: number];
  flexible: number;
  written: number;
}): CoordinatorSchema<OutOf<K>, InOf<K>, OutOf<V>, InOf<V>> {
  const { type, name, versions, flexible, written } = spec;
  return {
    type,
    key: defineMessage({ name: `${name}Key`, versions: [0, 0], flexible: Infinity, fields: spec.key }),
    value: defineMessage({ name: `${name}Value`, versions, flexible, fields: spec.value }),
    written,
  };
}

export type CoordinatorSchemas = Readonly<Record<string, CoordinatorSchema>>;

type Out<M> = M extends Message<infer T, never> ? T : never;
type In<M> = M extends Message<unknown, infer T> ? T : never;

/** One record, read. `value` null is a tombstone. */
export type CoordinatorRecord<S extends CoordinatorSchemas> = {
  [T in keyof S]: { readonly type: T; readonly key: Out<S[T]['key']>; readonly value: Out<S[T]['value']> | null };
}[keyof S];

/** One record to be written; `version` (of the value) is rarely given. */
export type CoordinatorRecordIn<S extends CoordinatorSchemas> = {
  [T in keyof S]: {
    readonly type: T;
    readonly key: In<S[T]['key']>;
    readonly value: In<S[T]['value']> | null;
    readonly version?: number;
  };
}[keyof S];

export interface KeyAndValue {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

export function encodeCoordinatorRecord(
  schema: CoordinatorSchema,
  record: { readonly key: unknown; readonly value: unknown; readonly version?: number },
): KeyAndValue {
  const key = new Writer(64);
  key.int16(schema.type);
  schema.key.codec(0).encode(key, record.key);
  if (record.value === null) return { key: key.finishBuffer(), value: null };
  const version = record.version ?? schema.written;
  const value = new Writer(128);
  value.int16(version);
  schema.value.codec(version).encode(value, record.value);
  return { key: key.finishBuffer(), value: value.finishBuffer() };
}

/** Reads a record whose type has been looked up; `key` and `value` still begin with their int16. */
export function decodeCoordinatorRecord(schema: CoordinatorSchema, key: Buffer, value: Buffer | null): { key: unknown; value: unknown } {
  const keyReader = new Reader(key, 2);
  const decodedKey = schema.key.codec(0).decode(keyReader);
  if (value === null) return { key: decodedKey, value: null };
  const reader = new Reader(value);
  return { key: decodedKey, value: schema.value.codec(reader.int16()).decode(reader) };
}

/** The int16 at the start of a key. */
export function coordinatorRecordType(key: Buffer): number {
  if (key.length < 2) throw new ProtocolError(`record key of ${key.length} bytes`);
  return key.readInt16BE(0);
}
