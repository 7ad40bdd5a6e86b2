/** Malformed or malicious bytes: a `ProtocolError`, nothing else, and no memory allocated because of a claimed length. */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { allApis } from '../../../electron/cluster/protocol/apis/index.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { fetch } from '../../../electron/cluster/protocol/apis/fetch.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import { produce } from '../../../electron/cluster/protocol/apis/produce.ts';
import { ProtocolError } from '../../../electron/cluster/protocol/errors.ts';
import { decodeControlRecord } from '../../../electron/cluster/protocol/records/control-records.ts';
import { decodeSubscription } from '../../../electron/cluster/protocol/records/consumer-protocol.ts';
import { decodeGroupRecord } from '../../../electron/cluster/protocol/records/group-records.ts';
import { decodeMetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import type { Api } from '../../../electron/cluster/protocol/schema.ts';
import { Writer } from '../../../electron/cluster/protocol/writer.ts';
import { makeMessage } from '../../helpers/messages.ts';

const random = seededRandom(42);

function encoded(message: Api['request'], version: number): Buffer {
  const writer = new Writer();
  message.codec(version).encode(writer, makeMessage(message, version, random));
  return writer.finishBuffer();
}

/** The error of the decoder; undefined where the bytes happened to be valid. */
function thrownBy(decode: () => unknown): unknown {
  try {
    decode();
    return undefined;
  } catch (error) {
    return error;
  }
}

function expectProtocolErrorOrNothing(decode: () => unknown): void {
  const thrown = thrownBy(decode);
  if (thrown !== undefined) expect(thrown).toBeInstanceOf(ProtocolError);
}

describe.each(allApis.map((api: Api) => [api.name, api] as const))('%s', (_name, api) => {
  test('refuses a message that is cut at any byte', () => {
    for (const message of [api.request, api.response]) {
      for (const version of new Set([api.minVersion, api.maxVersion])) {
        const bytes = encoded(message, version);
        // Long texts and records make long messages; every cut of the first bytes and some of the others suffice.
        for (let cut = 0; cut < bytes.length; cut += cut < 600 ? 1 : 97) {
          expect(thrownBy(() => message.codec(version).decode(new Reader(bytes.subarray(0, cut))))).toBeInstanceOf(ProtocolError);
        }
      }
    }
  });

  test('survives random bytes, and a valid message with changed bytes', () => {
    for (let i = 0; i < 60; i++) {
      const version = api.minVersion + random.int(api.maxVersion - api.minVersion + 1);
      const message = i % 2 === 0 ? api.request : api.response;
      const noise = Buffer.from(random.bytes(random.int(200)));
      expectProtocolErrorOrNothing(() => message.codec(version).decode(new Reader(noise)));
      const bytes = encoded(message, version);
      for (let flips = 0; flips < 3 && bytes.length > 0; flips++) bytes[random.int(bytes.length)] = random.int(256);
      expectProtocolErrorOrNothing(() => message.codec(version).decode(new Reader(bytes)));
    }
  });
});

describe('lengths beyond the end of the message', () => {
  const huge = '7fffffff';
  test.each([
    ['array of 2^31-1 topics', metadata.request, 1, huge],
    ['compact array of 2^32-2 topics', metadata.request, 9, 'ffffffff0f'],
    ['compact array of 2^31-1 topics', createTopics.request, 7, '8080808008'],
    ['records of 2^31-1 bytes', produce.request, 3, `ffff 0001 00000000 00000001 0001 61 00000001 00000000 ${huge}`],
    ['compact records of 2^32-2 bytes', produce.request, 9, '00 0001 00000000 02 02 61 02 00000000 ffffffff0f'],
    ['negative length of bytes', produce.request, 3, 'ffff 0001 00000000 00000001 0001 61 00000001 00000000 80000000'],
    ['2^32-1 tagged fields', metadata.request, 9, '01 00 00 00 ffffffff0f'],
    ['tagged field of 2^32-1 bytes', metadata.request, 9, '01 00 00 00 01 05 ffffffff0f'],
    ['array in a tagged field', fetch.response, 16, `00000000 0000 00000000 01 01 00 05 ffffffff0f`],
    ['varint that does not end', metadata.request, 9, 'ffffffffffffffff'],
  ])('%s', (name, message: Api['request'], version, hex) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const before = process.memoryUsage();
    const thrown = thrownBy(() => message.codec(version).decode(new Reader(bytes)));
    const after = process.memoryUsage();
    if (name === 'negative length of bytes') expect(thrown).toBeUndefined();
    else expect(thrown).toBeInstanceOf(ProtocolError);
    const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    expect(grown).toBeLessThan(8 * 1024 * 1024);
  });

  test('refuses a tagged field whose content is shorter than its length', () => {
    // currentLeader (tag 1) is 9 bytes long, and is said to be 10.
    const partition = '00000000 0000 0000000000000000 0000000000000000 0000000000000000 00 ffffffff 00';
    const bytes = Buffer.from(
      `00000000 0000 00000000 02 02 61 02 ${partition} 01 01 0a 00000001 00000001 00 00 00 00`.replaceAll(' ', ''),
      'hex',
    );
    expect(() => fetch.response.codec(12).decode(new Reader(bytes))).toThrow(ProtocolError);
  });
});

test('metadata records of random bytes: only a ProtocolError', () => {
  for (let i = 0; i < 2000; i++) {
    const noise = Buffer.from(random.bytes(random.int(60)));
    const value = Buffer.from(random.bytes(random.int(60)));
    // Most random bytes would end at the type: half of them get a valid start.
    if (noise.length > 3 && i % 2 === 0) {
      noise[0] = 1;
      noise[1] = random.int(28);
      noise[2] = random.int(3);
    }
    expectProtocolErrorOrNothing(() => decodeMetadataRecord(noise));
    const key = Buffer.concat([Buffer.from([0, random.int(17)]), noise]);
    expectProtocolErrorOrNothing(() => decodeGroupRecord(key, value));
    expectProtocolErrorOrNothing(() => decodeControlRecord({ key: Buffer.from([0, 0, 0, random.int(8)]), value }));
    expectProtocolErrorOrNothing(() => decodeSubscription(value));
  }
});
