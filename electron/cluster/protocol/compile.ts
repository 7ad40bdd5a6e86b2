/**
 * Turns a schema and a version into two functions of straight-line code. Interpreting the schema per field would cost a
 * dispatch and a version check on every field of every message; generated code has neither, and the objects that it
 * makes all share one hidden class.
 *
 * The generated source holds field names and numbers out of our own schemas only, never anything from the wire.
 */
import { ProtocolError } from './errors.ts';
import { Reader } from './reader.ts';
import { inRange } from './range.ts';
import type { AnyField, Fields, FieldType } from './field.ts';
import { ZERO_UUID } from './uuid.ts';
import { Writer } from './writer.ts';

export interface Codec<Out, In> {
  /** Reads one message; throws `ProtocolError` on malformed bytes. */
  decode(reader: Reader): Out;
  encode(writer: Writer, value: In): void;
}

export function compileCodec<Out, In>(name: string, fields: Fields, version: number, flexible: boolean): Codec<Out, In> {
  const generator = new Generator(version, flexible);
  const root = generator.struct(fields);
  const source = `'use strict';\n${generator.functions.join('\n')}\nreturn { decode: d${root}, encode: e${root} };\n//# sourceURL=kafka/${name}-v${version}.js`;
  const build = new Function('constants', 'ProtocolError', 'Writer', 'Reader', source) as (
    constants: readonly unknown[],
    protocolError: typeof ProtocolError,
    writer: typeof Writer,
    reader: typeof Reader,
  ) => Codec<Out, In>;
  return build(generator.constants, ProtocolError, Writer, Reader);
}

class Generator {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  private count = 0;
  private readonly version: number;
  private readonly flexible: boolean;

  constructor(version: number, flexible: boolean) {
    this.version = version;
    this.flexible = flexible;
  }

  /** Emits `dN(r)` and `eN(w, o)` for a struct and returns N. */
  struct(fields: Fields): number {
    const id = this.count++;
    const literal: string[] = [];
    const encode: string[] = [];
    const tagged: { name: string; field: AnyField; tag: number }[] = [];
    for (const [name, field] of Object.entries(fields)) {
      const present = inRange(field.versions, this.version);
      const isTagged = field.tag !== undefined && this.flexible && inRange(field.taggedVersions ?? field.versions, this.version);
      if (!present || isTagged) literal.push(`${name}: ${this.defaultOf(field)}`);
      else {
        literal.push(`${name}: ${this.read(field)}`);
        encode.push(`{ let v = o.${name}; if (v === undefined) v = ${this.defaultOf(field)}; ${this.write(field, 'v', name)} }`);
      }
      if (present && isTagged) tagged.push({ name, field, tag: field.tag });
    }
    tagged.sort((a, b) => a.tag - b.tag);
    const decodeTags = this.flexible ? this.readTags(tagged) : '';
    const encodeTags = this.flexible ? this.writeTags(tagged) : '';
    this.functions.push(
      `function d${id}(r) { const o = { ${literal.join(', ')} }; ${decodeTags} return o; }`,
      `function e${id}(w, o) { ${encode.join(' ')} ${encodeTags} }`,
    );
    return id;
  }

  /** As a tagged field a nullable struct is preceded by the varint 0 (null) or 1, and not by the byte -1 or 1. */
  private readTagged(field: AnyField): string {
    const { type } = field;
    if (type.kind !== 'struct' || !inRange(field.nullable, this.version)) return this.read(field);
    return `(r.uvarint() === 0 ? null : d${this.structId(type.fields)}(r))`;
  }

  private writeTagged(field: AnyField, variable: string, name: string): string {
    const { type } = field;
    if (type.kind !== 'struct' || !inRange(field.nullable, this.version)) return this.write(field, variable, name);
    return `if (${variable} === null) w.uvarint(0); else { w.uvarint(1); e${this.structId(type.fields)}(w, ${variable}); }`;
  }

  private readTags(tagged: readonly { name: string; field: AnyField; tag: number }[]): string {
    if (tagged.length === 0) return 'r.skipTags();';
    const cases = tagged.map(({ name, field, tag }) => `case ${tag}: o.${name} = ${this.readTagged(field)}; break;`).join(' ');
    return `for (let n = r.tagCount(); n > 0; n--) { const t = r.uvarint(); const s = r.uvarint(); const at = r.position;
      switch (t) { ${cases} default: r.raw(s); }
      if (r.position !== at + s) throw new ProtocolError('tagged field ' + t + ' says ' + s + ' bytes and has ' + (r.position - at)); }`;
  }

  private writeTags(tagged: readonly { name: string; field: AnyField; tag: number }[]): string {
    if (tagged.length === 0) return 'w.noTags();';
    const collect = tagged
      .map(({ name, field, tag }) => {
        const isDefault = this.isDefault(field, 'v');
        return `{ const v = o.${name}; if (v !== undefined && !(${isDefault})) { const t = new Writer(64); { const w = t; ${this.writeTagged(field, 'v', name)} } (tags ??= []).push(${tag}, t.finishBuffer()); } }`;
      })
      .join(' ');
    // Nearly always every tagged field has its default: nothing is allocated then.
    return `let tags = null; ${collect}
      if (tags === null) { w.noTags(); return; }
      w.uvarint(tags.length / 2);
      for (let i = 0; i < tags.length; i += 2) { w.uvarint(tags[i]); w.uvarint(tags[i + 1].length); w.raw(tags[i + 1]); }`;
  }

  private isDefault(field: AnyField, variable: string): string {
    const { kind } = field.type;
    if (kind === 'array') return field.default === null ? `${variable} === null` : `${variable} !== null && ${variable}.length === 0`;
    if (kind === 'bytes' || kind === 'records')
      return field.default === null ? `${variable} === null` : `${variable} !== null && ${variable}.length === 0`;
    if (kind === 'struct') {
      if (field.default === null) return `${variable} === null`;
      return `${variable} !== null && ${Object.entries(field.type.fields)
        .map(([name, inner]) => `(${variable}.${name} === undefined || (${this.isDefault(inner, `${variable}.${name}`)}))`)
        .join(' && ')}`;
    }
    return `${variable} === ${this.defaultOf(field)}`;
  }

  private defaultOf(field: AnyField): string {
    const value = field.default;
    if (value === null) return 'null';
    const { type } = field;
    switch (type.kind) {
      case 'array':
        return '[]';
      case 'struct':
        return `{ ${Object.entries(type.fields)
          .map(([name, inner]) => `${name}: ${this.defaultOf(inner)}`)
          .join(', ')} }`;
      case 'bytes':
        return this.constant(Buffer.alloc(0));
      case 'records':
        return 'null';
      case 'string':
        return JSON.stringify(value ?? '');
      case 'uuid':
        return JSON.stringify(value ?? ZERO_UUID);
      case 'int64':
        return `${(value as bigint | undefined) ?? 0n}n`;
      case 'bool':
        return value === true ? 'true' : 'false';
      default:
        return String((value as number | undefined) ?? 0);
    }
  }

  private constant(value: unknown): string {
    return `constants[${this.constants.push(value) - 1}]`;
  }

  private read(field: AnyField): string {
    return this.readType(field.type, inRange(field.nullable, this.version));
  }

  private readType(type: FieldType, nullable: boolean): string {
    switch (type.kind) {
      case 'string':
        return `r.${this.compactName('string', nullable)}()`;
      case 'bytes':
        return `r.${this.compactName('bytes', nullable)}()`;
      case 'records':
        return `r.${this.compactName('bytes', true)}()`;
      case 'array': {
        const element = this.readType(type.of, false);
        const id = this.count++;
        const length = this.flexible ? 'compactArrayLength' : 'arrayLength';
        const onNull = nullable ? 'return null;' : `throw new ProtocolError('null where an array is required');`;
        this.functions.push(
          `function d${id}(r) { const n = r.${length}(); if (n < 0) { ${onNull} } const a = []; for (let i = 0; i < n; i++) a.push(${element}); return a; }`,
        );
        return `d${id}(r)`;
      }
      case 'struct': {
        const id = this.structId(type.fields);
        return nullable ? `(r.int8() < 0 ? null : d${id}(r))` : `d${id}(r)`;
      }
      default:
        return `r.${type.kind}()`;
    }
  }

  private write(field: AnyField, variable: string, name: string): string {
    return this.writeType(field.type, inRange(field.nullable, this.version), variable, name);
  }

  private writeType(type: FieldType, nullable: boolean, variable: string, name: string): string {
    const refuseNull = nullable
      ? ''
      : `if (${variable} === null) throw new TypeError(${JSON.stringify(`${name} cannot be null in version ${this.version}`)}); `;
    switch (type.kind) {
      case 'string':
        return `${refuseNull}w.${this.compactName('string', nullable)}(${variable});`;
      case 'bytes':
        return `${refuseNull}w.${this.compactName('bytes', nullable)}(${variable});`;
      case 'records':
        return `w.${this.flexible ? 'compactRecords' : 'records'}(${variable});`;
      case 'array': {
        const length = this.flexible ? 'compactArrayLength' : 'arrayLength';
        const x = `x${this.count++}`;
        const element = this.writeType(type.of, false, x, name);
        const body = `w.${length}(${variable}.length); for (let i = 0; i < ${variable}.length; i++) { const ${x} = ${variable}[i]; ${element} }`;
        return nullable ? `if (${variable} === null) w.${length}(-1); else { ${body} }` : `${refuseNull}${body}`;
      }
      case 'struct': {
        const id = this.structId(type.fields);
        return nullable
          ? `if (${variable} === null) w.int8(-1); else { w.int8(1); e${id}(w, ${variable}); }`
          : `${refuseNull}e${id}(w, ${variable});`;
      }
      default:
        return `w.${type.kind}(${variable});`;
    }
  }

  private readonly structIds = new Map<Fields, number>();
  private structId(fields: Fields): number {
    const known = this.structIds.get(fields);
    if (known !== undefined) return known;
    const id = this.struct(fields);
    this.structIds.set(fields, id);
    return id;
  }

  /** `string`, `nullableString`, `compactString`, `compactNullableString` and the same for bytes. */
  private compactName(base: 'string' | 'bytes', nullable: boolean): string {
    const upper = base === 'string' ? 'String' : 'Bytes';
    if (this.flexible) return nullable ? `compactNullable${upper}` : `compact${upper}`;
    return nullable ? `nullable${upper}` : base;
  }
}
