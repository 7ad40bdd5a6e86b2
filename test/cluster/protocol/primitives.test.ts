import { describe, expect, test } from 'vitest';
import { ErrorCode, errorName, isRetriable } from '../../../electron/cluster/protocol/error-codes.ts';
import { errorMessage } from '../../../electron/cluster/protocol/error-messages.ts';
import { ProtocolError } from '../../../electron/cluster/protocol/errors.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import { defineMessage, array, int32, int64, string, struct } from '../../../electron/cluster/protocol/schema.ts';
import { Writer } from '../../../electron/cluster/protocol/writer.ts';

function written(write: (writer: Writer) => void, sizeHint?: number): Buffer {
  const writer = new Writer(sizeHint);
  write(writer);
  const { size } = writer;
  const bytes = writer.finishBuffer();
  expect(bytes.length).toBe(size);
  return bytes;
}

describe('numbers of variable length', () => {
  test.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [2 ** 31 - 1, 'ffffffff07'],
    [2 ** 32 - 1, 'ffffffff0f'],
  ])('unsigned %d', (value, hex) => {
    const bytes = written((writer) => writer.uvarint(value));
    expect(bytes.toString('hex')).toBe(hex);
    expect(new Reader(bytes).uvarint()).toBe(value);
  });

  test.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [-64, '7f'],
    [64, '8001'],
    [2 ** 31 - 1, 'feffffff0f'],
    [-(2 ** 31), 'ffffffff0f'],
  ])('zigzag %d', (value, hex) => {
    const bytes = written((writer) => writer.varint(value));
    expect(bytes.toString('hex')).toBe(hex);
    expect(new Reader(bytes).varint()).toBe(value);
    const long = written((writer) => writer.varlong(BigInt(value)));
    expect(long.toString('hex')).toBe(hex);
    expect(new Reader(long).varlong()).toBe(BigInt(value));
  });

  test.each([
    [2n ** 63n - 1n, 'feffffffffffffffff01'],
    [-(2n ** 63n), 'ffffffffffffffffff01'],
    [2n ** 34n, '808080808001'],
  ])('zigzag %s of 64 bits', (value, hex) => {
    const bytes = written((writer) => writer.varlong(value));
    expect(bytes.toString('hex')).toBe(hex);
    expect(new Reader(bytes).varlong()).toBe(value);
  });

  test('refuses a varint that is too long', () => {
    const bytes = Buffer.alloc(20, 0xff);
    expect(() => new Reader(bytes).uvarint()).toThrow(ProtocolError);
    expect(() => new Reader(bytes).varlong()).toThrow(ProtocolError);
  });
});

describe('Writer', () => {
  const values: readonly ((writer: Writer) => void)[] = [
    (writer) => writer.uvarint(300),
    (writer) => writer.varlong(-(2n ** 40n)),
    (writer) => writer.int64(1n),
    (writer) => writer.string('größe'),
    (writer) => writer.compactString('abc'),
    (writer) => writer.uuid('AAAAAAAAAAAAAAAAAAAAAQ'),
    (writer) => writer.bytes(Buffer.from('xyz')),
    (writer) => writer.records([Buffer.alloc(600, 7), Buffer.from('tail')]),
    (writer) => writer.uvarint(2 ** 32 - 1),
  ];
  const whole = written((writer) => values.forEach((write) => write(writer)), 4096);

  test('writes the same bytes wherever its buffer has to grow', () => {
    for (let hint = 1; hint < 200; hint++) {
      expect(written((writer) => values.forEach((write) => write(writer)), hint).equals(whole)).toBe(true);
    }
  });

  test('refuses a UUID that is not 16 bytes', () => {
    expect(() => written((writer) => writer.uuid('short'))).toThrow(TypeError);
  });
});

describe('tagged fields', () => {
  const old = defineMessage({ name: 'Old', versions: [0, 0], flexible: 0, fields: { id: int32('0+') } });
  const now = defineMessage({
    name: 'New',
    versions: [0, 0],
    flexible: 0,
    fields: {
      id: int32('0+'),
      note: string('0+', { nullable: '0+', default: null, tag: 1 }),
      at: int64('0+', { default: -1n, tag: 0 }),
      where: struct('0+', { x: int32('0+', { default: 4 }) }, { nullable: '0+', default: null, tag: 3 }),
      list: array('0+', int32('0+'), { tag: 2 }),
    },
  });

  function encode<In>(message: { codec(version: number): { encode(writer: Writer, value: In): void } }, value: In): Buffer {
    return written((writer) => message.codec(0).encode(writer, value));
  }

  test('are written in the order of their tags, and left out with their default', () => {
    expect(encode(now, { id: 1 }).toString('hex')).toBe('0000000100');
    expect(encode(now, { id: 1, note: null, at: -1n, list: [], where: null }).toString('hex')).toBe('0000000100');
    expect(encode(now, { id: 1, note: 'a', at: 2n, list: [5], where: { x: 4 } }).toString('hex')).toBe(
      ['00000001', '04', '0008', '0000000000000002', '0102', '0261', '0205', '0200000005', '0306', '010000000400'].join(''),
    );
  });

  test('a nullable struct is marked by a varint there, and by a byte elsewhere', () => {
    const part = { x: int32('0+', { default: 4 }) };
    const tagged = defineMessage({
      name: 'T',
      versions: [0, 0],
      flexible: 0,
      fields: { s: struct('0+', part, { nullable: '0+', tag: 0 }) },
    });
    expect(encode(tagged, { s: null }).toString('hex')).toBe('01000100');
    expect(tagged.codec(0).decode(new Reader(Buffer.from('01000100', 'hex')))).toEqual({ s: null });
    expect(tagged.codec(0).decode(new Reader(Buffer.from('00', 'hex')))).toEqual({ s: { x: 4 } });
    const plain = defineMessage({ name: 'P', versions: [0, 0], flexible: 0, fields: { s: struct('0+', part, { nullable: '0+' }) } });
    expect(encode(plain, { s: null }).toString('hex')).toBe('ff00');
    expect(encode(plain, { s: { x: 4 } }).toString('hex')).toBe('01000000040000');
    expect(plain.codec(0).decode(new Reader(Buffer.from('ff00', 'hex')))).toEqual({ s: null });
  });

  test('are skipped by a reader that does not know them, and have defaults where a writer left them out', () => {
    const bytes = encode(now, { id: 1, note: 'a', at: 2n });
    expect(old.codec(0).decode(new Reader(bytes))).toEqual({ id: 1 });
    expect(now.codec(0).decode(new Reader(encode(old, { id: 1 })))).toEqual({ id: 1, note: null, at: -1n, list: [], where: null });
  });
});

test('arrays of arrays', () => {
  const message = defineMessage({ name: 'Nested', versions: [0, 0], flexible: 0, fields: { rows: array('0+', array('0+', int32('0+'))) } });
  const bytes = written((writer) => message.codec(0).encode(writer, { rows: [[1, 2], [], [3]] }));
  expect(message.codec(0).decode(new Reader(bytes))).toEqual({ rows: [[1, 2], [], [3]] });
});

describe('error codes', () => {
  test('have names, messages and a KafkaError', () => {
    expect(errorName(ErrorCode.NOT_LEADER_OR_FOLLOWER)).toBe('NOT_LEADER_OR_FOLLOWER');
    expect(errorName(9999)).toBe('UNKNOWN(9999)');
    expect(errorMessage(9999)).toContain('9999');
    expect(isRetriable(ErrorCode.NOT_ENOUGH_REPLICAS)).toBe(true);
    expect(isRetriable(ErrorCode.TOPIC_ALREADY_EXISTS)).toBe(false);
    const error = new KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, undefined, { cause: 'x' });
    expect(error).toMatchObject({
      code: 36,
      codeName: 'TOPIC_ALREADY_EXISTS',
      message: 'A topic with this name already exists.',
      cause: 'x',
    });
  });

  test('are without gaps from -1 to 133, each with its own sentence', () => {
    const codes = Object.values(ErrorCode).sort((a, b) => a - b);
    expect(codes).toEqual(Array.from({ length: 135 }, (_, i) => i - 1));
    const messages = codes.map((code) => errorMessage(code));
    expect(new Set(messages).size).toBe(messages.length);
    for (const message of messages) expect(message).toMatch(/^\S.{5,110}\.$/);
  });
});
