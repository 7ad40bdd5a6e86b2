import { describe, expect, it } from 'vitest';
import { describeConfigs } from '../../../electron/cluster/protocol/apis/describe-configs.ts';
import { describeGroups } from '../../../electron/cluster/protocol/apis/describe-groups.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import { ProtocolError } from '../../../electron/cluster/protocol/errors.ts';
import { decodeRequest, encodeResponse } from '../../../electron/cluster/protocol/frame.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';

/** An array of `count` elements, all alike, and what follows it. */
function arrayOf(count: number, element: Buffer, tail = Buffer.alloc(0)): Reader {
  const length = Buffer.alloc(4);
  length.writeInt32BE(count);
  return new Reader(Buffer.concat([length, Buffer.alloc(count * element.length, element), tail]));
}

describe('decodeRequest', () => {
  it('decodes a request that names 100,000 groups', () => {
    expect(decodeRequest(describeGroups, 0, arrayOf(100_000, Buffer.from([0, 1, 97]))).groups).toHaveLength(100_000);
  });

  it('refuses a request with millions of elements before it decodes them', () => {
    const groups = arrayOf(10_000_000, Buffer.from([0, 1, 97]));
    expect(() => decodeRequest(describeGroups, 0, groups)).toThrow(ProtocolError);
    expect(groups.position).toBe(4);
  });

  it('counts the elements of nested arrays together', () => {
    // Topic "a" with 100 names of settings, empty ones.
    const resource = Buffer.concat([Buffer.from([2, 0, 1, 97, 0, 0, 0, 100]), Buffer.alloc(200)]);
    expect(decodeRequest(describeConfigs, 1, arrayOf(1_000, resource, Buffer.alloc(1))).resources).toHaveLength(1_000);
    expect(() => decodeRequest(describeConfigs, 1, arrayOf(5_000, resource, Buffer.alloc(1)))).toThrow(/more elements/);
  });

  it('counts tagged fields and long strings', () => {
    const tags = Buffer.alloc(2_000_000);
    // Two million unknown tags of no bytes, of which the varint is the number.
    expect(() => decodeRequest(metadata, 9, new Reader(Buffer.concat([Buffer.from([0xc0, 0x84, 0x3d]), tags])))).toThrow(ProtocolError);
    const text = Buffer.concat([Buffer.from([0, 2, 0x80, 0x80, 0x80, 0x14]), Buffer.alloc(42_000_000)]);
    expect(() => decodeRequest(describeGroups, 5, new Reader(text))).toThrow(/more elements/);
  });
});

describe('encodeResponse', () => {
  it('refuses a response above 64 MiB with the name of its API', () => {
    const group = {
      errorCode: 0,
      groupId: 'g'.repeat(1_000),
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
    };
    expect(() => encodeResponse(describeGroups, 0, 1, { groups: new Array<typeof group>(70_000).fill(group) })).toThrow(KafkaError);
  });
});
