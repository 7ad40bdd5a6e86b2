/**
 * Holds every schema against the specification that Apache Kafka's own jars carry, field by field: names and their
 * order, types, versions, nullability, tags, defaults, flexible versions. `KAFKA_JARS` is a directory with
 * kafka-clients-*.jar, kafka-metadata-*.jar, kafka-group-coordinator-*.jar and kafka-transaction-coordinator-*.jar.
 */
import { expect, test } from 'vitest';
import { allApis } from '../../electron/cluster/protocol/apis/index.ts';
import { rangeBounds, type Range } from '../../electron/cluster/protocol/range.ts';
import { consumerProtocolAssignment, consumerProtocolSubscription } from '../../electron/cluster/protocol/records/consumer-protocol.ts';
import { controlSchemas } from '../../electron/cluster/protocol/records/control-records.ts';
import { groupSchemas } from '../../electron/cluster/protocol/records/group-schemas.ts';
import { metadataSchemas, OWN_TAG } from '../../electron/cluster/protocol/records/metadata-schemas.ts';
import { transactionSchemas } from '../../electron/cluster/protocol/records/transaction-records.ts';
import type { AnyField, Api, Fields, FieldType, Message } from '../../electron/cluster/protocol/schema.ts';
import { findJar, readJar } from '../helpers/jar.ts';
import { absentValue } from '../helpers/messages.ts';
import { describeWith } from '../helpers/tools.ts';

interface SpecField {
  name: string;
  type: string;
  versions?: string;
  nullableVersions?: string;
  taggedVersions?: string;
  tag?: number;
  default?: string | number | boolean | null;
  fields?: SpecField[];
}

interface Spec {
  apiKey?: number;
  type: string;
  name: string;
  validVersions: string;
  flexibleVersions: string;
  latestVersionUnstable?: boolean;
  fields: SpecField[];
  commonStructs?: { name: string; fields: SpecField[] }[];
}

/** By name, of all jars; the specifications are JSON with line comments. */
function readSpecs(directory: string): Map<string, Spec> {
  const specs = new Map<string, Spec>();
  for (const name of ['kafka-clients', 'kafka-metadata', 'kafka-group-coordinator', 'kafka-transaction-coordinator']) {
    const jar = findJar(directory, name);
    if (jar === undefined) throw new Error(`no ${name}-*.jar in ${directory}`);
    for (const content of readJar(jar, (path) => /^common\/(message|metadata)\/.*\.json$/.test(path)).values()) {
      const spec = JSON.parse(content.toString('utf8').replaceAll(/^\s*\/\/.*$/gm, '')) as Spec;
      specs.set(spec.name, spec);
    }
  }
  return specs;
}

function bounds(versions: string | undefined): { first: number; last: number } | undefined {
  return versions === undefined || versions === 'none' ? undefined : rangeBounds(versions as Range);
}

/** One line per field, in a form that both sides can be brought into. */
function describeSpec(spec: Spec, fields: readonly SpecField[], valid: { first: number; last: number }, path: string): string[] {
  return fields.flatMap((field) => {
    const versions = field.versions ?? field.taggedVersions;
    const range = bounds(versions);
    // What only older or unstable versions have, no schema of ours mentions.
    if (versions === undefined || range === undefined || range.first > valid.last || range.last < valid.first) return [];
    const name = `${path}${field.name.charAt(0).toLowerCase()}${field.name.slice(1)}`;
    const element = field.type.replace('[]', '');
    const struct = field.fields ?? spec.commonStructs?.find((common) => common.name === element)?.fields;
    const type = struct === undefined ? field.type : field.type.replace(element, 'struct');
    const nullable = bounds(field.nullableVersions) === undefined ? 'never' : field.nullableVersions;
    const tag = field.tag === undefined ? 'untagged' : `tag ${field.tag} in ${field.taggedVersions ?? versions}`;
    const line = `${name}: ${type} in ${versions}, null ${nullable}, ${tag}, default ${specDefault(field, struct !== undefined)}`;
    const inner = { first: Math.max(valid.first, range.first), last: Math.min(valid.last, range.last) };
    return struct === undefined ? [line] : [line, ...describeSpec(spec, struct, inner, `${name}.`)];
  });
}

function specDefault({ type, default: value }: SpecField, isStruct: boolean): string {
  // A null that is not text is no default at all: Apache Kafka's generator takes only the word.
  if (value === 'null') return 'null';
  if (type === 'records') return 'null';
  if (type.startsWith('[]') || type === 'bytes') return 'empty';
  if (isStruct) return 'of its fields';
  if (type === 'string') return JSON.stringify(value ?? '');
  if (type === 'uuid') return 'zero';
  if (type === 'bool') return String(value ?? false);
  // Numbers are written in decimal or in hex, as text or not.
  return type === 'float64' ? String(Number(value ?? 0)) : String(BigInt(value ?? 0));
}

function describeOurs(fields: Fields, path: string): string[] {
  return Object.entries(fields).flatMap(([key, field]) => {
    if (field.tag !== undefined && field.tag >= OWN_TAG) return [];
    const name = `${path}${key}`;
    const tag = field.tag === undefined ? 'untagged' : `tag ${field.tag} in ${field.taggedVersions ?? field.versions}`;
    const line = `${name}: ${typeName(field.type)} in ${field.versions}, null ${field.nullable ?? 'never'}, ${tag}, default ${ourDefault(key, field)}`;
    const element = field.type.kind === 'array' ? field.type.of : field.type;
    return element.kind === 'struct' ? [line, ...describeOurs(element.fields, `${name}.`)] : [line];
  });
}

function typeName(type: FieldType): string {
  return type.kind === 'array' ? `[]${typeName(type.of)}` : type.kind;
}

function ourDefault(name: string, field: AnyField): string {
  const value = absentValue(field);
  // Left out, an error message is null with us and empty with Apache Kafka, whose code always sets it. No version shows the difference: the field is never tagged.
  if (name === 'errorMessage' && field.tag === undefined) return 'null or empty';
  if (value === null) return 'null';
  switch (field.type.kind) {
    case 'array':
    case 'bytes':
      return 'empty';
    case 'struct':
      return 'of its fields';
    case 'string':
      return JSON.stringify(value);
    case 'uuid':
      return 'zero';
    default:
      return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
  }
}

function expectMatch(spec: Spec | undefined, message: Message<unknown, unknown>, unstable = false): void {
  if (spec === undefined) throw new Error(`no specification for ${message.name}`);
  const valid = bounds(spec.validVersions);
  if (valid === undefined) throw new Error(`${spec.name} has no versions any more`);
  if (unstable) valid.last--;
  expect([message.minVersion, message.maxVersion]).toEqual([valid.first, valid.last]);
  expect(message.flexibleFrom).toBe(bounds(spec.flexibleVersions)?.first ?? Infinity);
  const expected = describeSpec(spec, spec.fields, valid, '').map((line) =>
    /\berrorMessage: .* untagged,/.test(line) ? line.replace(/default (null|"")$/, 'default null or empty') : line,
  );
  expect(describeOurs(message.fields, '')).toEqual(expected);
}

const directory = process.env['KAFKA_JARS'];

describeWith('KAFKA_JARS', directory !== undefined, 'schemas beside those of Apache Kafka', () => {
  const specs = readSpecs(directory ?? '');

  test.each(allApis.map((api: Api) => [api.name, api] as const))('%s', (name, api) => {
    expect(specs.get(`${name}Request`)?.apiKey).toBe(api.key);
    expect(specs.get(`${name}Response`)?.apiKey).toBe(api.key);
    // Only the request says so, and brokers do not offer such a version.
    const unstable = specs.get(`${name}Request`)?.latestVersionUnstable === true;
    expectMatch(specs.get(`${name}Request`), api.request, unstable);
    expectMatch(specs.get(`${name}Response`), api.response, unstable);
  });

  test('metadata records, every one', () => {
    const theirs = [...specs.values()].filter((spec) => spec.type === 'metadata');
    expect(Object.keys(metadataSchemas).sort()).toEqual(theirs.map((spec) => spec.name).sort());
    for (const [name, { type, message }] of Object.entries(metadataSchemas)) {
      expect(specs.get(name)?.apiKey).toBe(type);
      expectMatch(specs.get(name), message);
    }
  });

  test.each(Object.entries({ ...groupSchemas, ...transactionSchemas }))('%s records', (name, schema) => {
    expect(specs.get(`${name}Key`)?.apiKey).toBe(schema.type);
    expectMatch(specs.get(`${name}Key`), schema.key);
    expectMatch(specs.get(`${name}Value`), schema.value);
  });

  test.each([...Object.values(controlSchemas).map(({ message }) => message), consumerProtocolSubscription, consumerProtocolAssignment])(
    '$name',
    (message: Message<unknown, unknown>) => {
      expectMatch(specs.get(message.name), message);
    },
  );
});
