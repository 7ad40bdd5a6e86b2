/** Messages made from a schema, so that one test covers every API in every version. */
import type { Random } from '../../electron/cluster/lib/random.ts';
import { inRange } from '../../electron/cluster/protocol/range.ts';
import type { AnyField, Fields, FieldType, Message } from '../../electron/cluster/protocol/schema.ts';
import { ZERO_UUID } from '../../electron/cluster/protocol/uuid.ts';

const TEXTS = ['', 'a', 'orders', 'größe', '日本', 'x'.repeat(200)];

/** Value of a field that is not on the wire. */
export function absentValue(field: AnyField): unknown {
  if (field.default !== undefined) return field.default;
  switch (field.type.kind) {
    case 'array':
      return [];
    case 'struct':
      return Object.fromEntries(Object.entries(field.type.fields).map(([name, inner]) => [name, absentValue(inner)]));
    case 'bytes':
      return Buffer.alloc(0);
    case 'records':
      return null;
    case 'string':
      return '';
    case 'uuid':
      return ZERO_UUID;
    case 'int64':
      return 0n;
    case 'bool':
      return false;
    default:
      return 0;
  }
}

/** A message of the version with every field given; fields that the version lacks have the value that decoding gives them. */
export function makeMessage(message: Message<unknown, unknown>, version: number, random: Random): Record<string, unknown> {
  return makeStruct(message.fields, version, version >= message.flexibleFrom, random);
}

function makeStruct(fields: Fields, version: number, flexible: boolean, random: Random): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => {
      const onWire = inRange(field.versions, version) && (field.tag === undefined || flexible);
      if (!onWire) return [name, absentValue(field)];
      if (field.tag !== undefined && random.int(3) === 0) return [name, absentValue(field)];
      if (inRange(field.nullable, version) && random.int(4) === 0) return [name, null];
      return [name, makeValue(field.type, version, flexible, random)];
    }),
  );
}

function makeValue(type: FieldType, version: number, flexible: boolean, random: Random): unknown {
  switch (type.kind) {
    case 'bool':
      return random.int(2) === 1;
    case 'int8':
      return random.int(0x100) - 0x80;
    case 'int16':
      return random.int(0x10000) - 0x8000;
    case 'uint16':
      return random.int(0x10000);
    case 'int32':
      return random.int(2 ** 32) - 2 ** 31;
    case 'uint32':
      return random.int(2 ** 32);
    case 'int64':
      return Buffer.from(random.bytes(8)).readBigInt64BE();
    case 'float64':
      return random.next() * 1e9;
    case 'uuid':
      return Buffer.from(random.bytes(16)).toString('base64url');
    case 'string':
      return TEXTS[random.int(TEXTS.length)];
    case 'bytes':
    case 'records':
      return Buffer.from(random.bytes(random.int(5) === 0 ? 2000 : random.int(20)));
    case 'array':
      return Array.from({ length: random.int(4) }, () => makeValue(type.of, version, flexible, random));
    case 'struct':
      return makeStruct(type.fields, version, flexible, random);
  }
}
