/**
 * Schemas of Kafka messages, in the terms of Apache Kafka's own message specifications: one schema describes all
 * versions of a message, each field says in which versions it exists, is nullable or is tagged. `compile.ts` turns a
 * schema and a version into straight-line code; the types of both sides are inferred from the schema, so a handler
 * cannot misspell a field.
 *
 * Version ranges are written as in the specifications: `'0+'`, `'2-4'`, `'3'`.
 */
import { compileCodec, type Codec } from './compile.ts';
import { ProtocolError } from './errors.ts';
import type { AnyField, Field, Fields, FieldType } from './field.ts';
import type { Range } from './range.ts';

export type { AnyField, Fields, FieldType };

export type OutOf<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer O, unknown, boolean> ? O : never };
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends Field<unknown, unknown, true> ? K : never }[keyof F];
type InOfField<F> = F extends Field<unknown, infer I, boolean> ? I : never;
export type InOf<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: InOfField<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: InOfField<F[K]> | undefined;
};

export interface Options<Default> {
  /** Versions in which null may stand on the wire. */
  nullable?: Range;
  /** Value where the field is absent; giving one makes the field optional for the encoder. */
  default?: Default;
  /** Tagged fields (KIP-482) are optional for the encoder and are written only when they differ from the default. */
  tag?: number;
  /** Versions in which the field is tagged, where that is narrower than `versions`. */
  taggedVersions?: Range;
}

type Nullable<T, O> = O extends { nullable: Range } ? T | null : T;
type IsOptional<O> = O extends { default: unknown } ? true : O extends { tag: number } ? true : false;
type Scalar<T, O> = Field<Nullable<T, O>, Nullable<T, O>, IsOptional<O>>;

function scalar<T>(kind: Exclude<FieldType['kind'], 'array' | 'struct'>) {
  return <const O extends Options<T | null>>(versions: Range, options?: O): Scalar<T, O> => ({ type: { kind }, versions, ...options });
}

export const bool = scalar<boolean>('bool');
export const int8 = scalar<number>('int8');
export const int16 = scalar<number>('int16');
export const uint16 = scalar<number>('uint16');
export const int32 = scalar<number>('int32');
export const uint32 = scalar<number>('uint32');
export const int64 = scalar<bigint>('int64');
export const float64 = scalar<number>('float64');
/** Kafka's own text form, 22 characters of URL-safe base64; `ZERO_UUID` where there is none. */
export const uuid = scalar<string>('uuid');
export const string = scalar<string>('string');
export const bytes = scalar<Uint8Array>('bytes');
/** Record batches as they stand on the wire. Decoding yields a view of the request's bytes; encoding sends the given bytes, or list of them, without a copy. */
export function records<const O extends Options<null>>(
  versions: Range,
  options?: O,
): Field<Buffer | null, Uint8Array | readonly Uint8Array[] | null, IsOptional<O>> {
  return { type: { kind: 'records' }, versions, ...options };
}

type ElementOut<E> = E extends Fields ? OutOf<E> : E extends Field<infer O, unknown, boolean> ? O : never;
type ElementIn<E> = E extends Fields ? InOf<E> : E extends Field<unknown, infer I, boolean> ? I : never;

/** An array of structs (`array('0+', { … })`) or of scalars (`array('0+', int32('0+'))`). */
export function array<const E extends Fields | AnyField, const O extends Options<null | readonly []>>(
  versions: Range,
  element: E,
  options?: O,
): Field<Nullable<ElementOut<E>[], O>, Nullable<readonly ElementIn<E>[], O>, IsOptional<O>> {
  const of: FieldType = isField(element) ? element.type : { kind: 'struct', fields: element };
  return { type: { kind: 'array', of }, versions, ...options };
}

/** A nested struct. A nullable one is preceded by one byte on the wire (−1: null); where it is tagged, by a varint (0: null). */
export function struct<const F extends Fields, const O extends Options<null>>(
  versions: Range,
  fields: F,
  options?: O,
): Field<Nullable<OutOf<F>, O>, Nullable<InOf<F>, O>, IsOptional<O>> {
  return { type: { kind: 'struct', fields }, versions, ...options };
}

function isField(element: Fields | AnyField): element is AnyField {
  return typeof (element as AnyField).versions === 'string';
}

/** All versions of one message: `codec(v)` is compiled on first use and kept; it throws `ProtocolError` for a version that the message does not have. */
export interface Message<Out, In> {
  readonly name: string;
  readonly fields: Fields;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** First flexible version (KIP-482); Infinity when there is none. */
  readonly flexibleFrom: number;
  codec(version: number): Codec<Out, In>;
}

export function defineMessage<const F extends Fields>(spec: {
  name: string;
  versions: readonly [min: number, max: number];
  flexible: number;
  fields: F;
}): Message<OutOf<F>, InOf<F>> {
  const [minVersion, maxVersion] = spec.versions;
  const compiled: Codec<OutOf<F>, InOf<F>>[] = [];
  return {
    name: spec.name,
    fields: spec.fields,
    minVersion,
    maxVersion,
    flexibleFrom: spec.flexible,
    codec(version) {
      const known = compiled[version];
      if (known !== undefined) return known;
      if (!(version >= minVersion && version <= maxVersion)) throw new ProtocolError(`${spec.name} has no version ${version}`);
      return (compiled[version] = compileCodec(spec.name, spec.fields, version, version >= spec.flexible));
    },
  };
}

/** One API: its key, its version range and both of its messages. */
export interface Api<ReqOut = unknown, ReqIn = unknown, ResOut = unknown, ResIn = unknown> {
  readonly key: number;
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  readonly flexibleFrom: number;
  readonly request: Message<ReqOut, ReqIn>;
  readonly response: Message<ResOut, ResIn>;
}

/** What a handler is given and what it may return, by API: `RequestOf<typeof fetch>`, `ResponseIn<typeof fetch>`. */
export type RequestOf<A> = A extends Api<infer T, never, unknown, never> ? T : never;
export type RequestIn<A> = A extends Api<unknown, infer T, unknown, never> ? T : never;
export type ResponseOf<A> = A extends Api<unknown, never, infer T, never> ? T : never;
export type ResponseIn<A> = A extends Api<unknown, never, unknown, infer T> ? T : never;

export function defineApi<const Q extends Fields, const S extends Fields>(spec: {
  key: number;
  name: string;
  versions: readonly [min: number, max: number];
  /** First flexible version; Infinity when there is none. */
  flexible: number;
  request: Q;
  response: S;
}): Api<OutOf<Q>, InOf<Q>, OutOf<S>, InOf<S>> {
  const { key, name, versions, flexible } = spec;
  return {
    key,
    name,
    minVersion: versions[0],
    maxVersion: versions[1],
    flexibleFrom: flexible,
    request: defineMessage({ name: `${name}Request`, versions, flexible, fields: spec.request }),
    response: defineMessage({ name: `${name}Response`, versions, flexible, fields: spec.response }),
  };
}
