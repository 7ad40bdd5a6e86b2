import { Partitioners } from 'kafkajs';
import protocol from 'kafkajs/src/consumer/assignerProtocol.js';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { describe, expect, test } from 'vitest';
import { fromKafkajsName, toKafkajsName, withoutAliases } from '../../electron/admin/kafkajs-names.ts';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';

const INHERITED = Object.getOwnPropertyNames(Object.prototype);

setUpKafkajs();

describe('names inside kafkajs', () => {
  test('names of Object.prototype get an alias that is none, all others stay', () => {
    expect(INHERITED).toContain('__proto__');
    for (const name of INHERITED) {
      expect(toKafkajsName(name) in {}).toBe(false);
      expect(withoutAliases(`no leader for ${toKafkajsName(name)}`)).toBe(`no leader for ${name}`);
    }
    for (const name of ['orders', '', 'prototype', 'Constructor', 'a\0', '\0']) expect(toKafkajsName(name)).toBe(name);
  });

  test('no two names have one alias, and each alias leads back', () => {
    const names = [...INHERITED, 'orders', ''].flatMap((name) => [name, `${name}\0`, `${name}\0\0`, `\0${name}`, `${name}\0x`]);
    const unique = [...new Set(names)];
    expect(new Set(unique.map(toKafkajsName)).size).toBe(unique.length);
    for (const name of unique) expect(fromKafkajsName(toKafkajsName(name))).toBe(name);
  });

  test('a name of a megabyte of marks costs no more than its length', () => {
    const long = `${'\0'.repeat(1_000_000)}x`;
    const start = performance.now();
    expect(fromKafkajsName(toKafkajsName(long))).toBe(long);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  test.each(INHERITED)('the wire has the name %s itself, and kafkajs the alias', (name) => {
    const encoded = new Encoder().writeString(toKafkajsName(name)).buffer;
    expect(encoded.subarray(2).toString()).toBe(name);
    expect(new Decoder(encoded).readString()).toBe(toKafkajsName(name));
    expect(new Decoder(new Encoder().writeVarIntString(toKafkajsName(name)).buffer).readVarIntString()).toBe(toKafkajsName(name));
    expect(new Decoder(new Encoder().writeUVarIntString(toKafkajsName(name)).buffer).readUVarIntString()).toBe(toKafkajsName(name));
  });

  test('absent strings stay absent', () => {
    expect(new Decoder(new Encoder().writeString(null).buffer).readString()).toBeNull();
    expect(new Decoder(new Encoder().writeVarIntString(undefined).buffer).readVarIntString()).toBeNull();
  });

  test('an assignment of such topics arrives whole, with the prototypes untouched', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const assignment = Object.fromEntries(INHERITED.map((name, index) => [toKafkajsName(name), [index]]));
    const decoded = protocol.MemberAssignment.decode(protocol.MemberAssignment.encode({ version: 1, assignment }));
    expect(Object.entries(decoded?.assignment ?? {}).map(([topic, partitions]) => [fromKafkajsName(topic), partitions as unknown])).toEqual(
      INHERITED.map((name, index) => [name, [index]]),
    );
    expect(Object.getPrototypeOf(decoded?.assignment ?? {})).toBe(Object.prototype);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'the partitioner chooses a partition for records of %s without a key',
    (name) => {
      const choose = Partitioners.DefaultPartitioner();
      const partition = { partitionErrorCode: 0, leader: 1, replicas: [1], isr: [1] };
      const partitionMetadata = [0, 1, 2].map((partitionId) => ({ ...partition, partitionId }));
      const chosen = choose({ topic: toKafkajsName(name), partitionMetadata, message: { key: null, value: null } });
      expect([0, 1, 2]).toContain(chosen);
    },
  );
});
