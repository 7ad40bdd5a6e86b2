import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { ProtocolError } from '../../../electron/cluster/protocol/errors.ts';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../electron/cluster/protocol/records/consumer-protocol.ts';
import {
  controlSchemas,
  decodeControlRecord,
  encodeControlRecord,
  type ControlRecordIn,
} from '../../../electron/cluster/protocol/records/control-records.ts';
import { decodeGroupRecord, encodeGroupRecord, type GroupRecordIn } from '../../../electron/cluster/protocol/records/group-records.ts';
import { groupSchemas } from '../../../electron/cluster/protocol/records/group-schemas.ts';
import {
  completeMetadataRecord,
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecordIn,
} from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { metadataSchemas } from '../../../electron/cluster/protocol/records/metadata-schemas.ts';
import {
  decodeTransactionRecord,
  encodeTransactionRecord,
  transactionSchemas,
  type TransactionRecordIn,
} from '../../../electron/cluster/protocol/records/transaction-records.ts';
import type { Message } from '../../../electron/cluster/protocol/schema.ts';
import { makeMessage } from '../../helpers/messages.ts';

const random = seededRandom(5);
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ';

function versionsOf(message: Message<unknown, unknown>): number[] {
  return Array.from({ length: message.maxVersion - message.minVersion + 1 }, (_, i) => message.minVersion + i);
}

describe('metadata records', () => {
  test.each(Object.entries(metadataSchemas))('%s survives a round trip in every version', (type, { message }) => {
    for (const version of versionsOf(message)) {
      for (let i = 0; i < 5; i++) {
        const value = makeMessage(message, version, random);
        const bytes = encodeMetadataRecord({ type, value, version } as MetadataRecordIn);
        expect(decodeMetadataRecord(bytes)).toEqual({ type, value });
      }
    }
  });

  test('have frame version, type and version in front', () => {
    const bytes = encodeMetadataRecord({ type: 'TopicRecord', value: { name: 'a', topicId: TOPIC_ID } });
    expect(bytes.toString('hex')).toBe(`01020002610000000000000000000000000000000100`);
    const change = encodeMetadataRecord({
      type: 'PartitionChangeRecord',
      value: { partitionId: 1, topicId: TOPIC_ID, isr: [3], leader: 3 },
    });
    expect(change.toString('hex')).toBe(
      `0105020000000100000000000000000000000000000001${'02 0005 0200000003 0104 00000003'.replaceAll(' ', '')}`,
    );
  });

  test('are decoded with defaults', () => {
    const record = completeMetadataRecord({ type: 'PartitionChangeRecord', value: { partitionId: 1, topicId: TOPIC_ID, leader: 3 } });
    expect(record.value).toMatchObject({ isr: null, leader: 3, leaderRecoveryState: -1, eligibleLeaderReplicas: null });
  });

  test.each([
    ['bytes after it', '0114000000'],
    ['a cut body', '010200'],
    ['no bytes', ''],
  ])('refuses a record with %s', (_name, hex) => {
    expect(() => decodeMetadataRecord(Buffer.from(hex, 'hex'))).toThrow(ProtocolError);
  });

  test.each([
    ['frame version', '020200'],
    ['type', '016300abcd'],
    ['version', '010209ef'],
  ])('returns a record of an unknown %s as its bytes, which do not keep the batch in memory', (_name, hex) => {
    const batch = Buffer.concat([Buffer.alloc(8), Buffer.from(hex, 'hex')]);
    const record = decodeMetadataRecord(batch.subarray(8));
    expect(record.type).toBe('Unknown');
    expect(encodeMetadataRecord(record as MetadataRecordIn).toString('hex')).toBe(hex);
    expect((record.value as Uint8Array).buffer).not.toBe(batch.buffer);
  });
});

describe('group records', () => {
  test.each(Object.entries(groupSchemas))('%s survives a round trip in every version, and as a tombstone', (type, schema) => {
    for (const version of versionsOf(schema.value)) {
      for (let i = 0; i < 5; i++) {
        const key = makeMessage(schema.key, 0, random);
        const value = makeMessage(schema.value, version, random);
        const encoded = encodeGroupRecord({ type, key, value, version } as GroupRecordIn);
        expect(decodeGroupRecord(encoded.key, encoded.value)).toEqual({ type, key, value });
        expect(encodeGroupRecord({ type, key, value: null } as GroupRecordIn)).toEqual({ key: encoded.key, value: null });
        expect(decodeGroupRecord(encoded.key, null)).toEqual({ type, key, value: null });
      }
    }
  });

  test('an offset commit has key 1 and value 3', () => {
    const { key, value } = encodeGroupRecord({
      type: 'OffsetCommit',
      key: { group: 'g', topic: 't', partition: 2 },
      value: { offset: 7n, leaderEpoch: 4, metadata: 'm', commitTimestamp: 9n },
    });
    expect(key.toString('hex')).toBe('0001000167000174' + '00000002');
    expect(value?.toString('hex')).toBe('0003' + '0000000000000007' + '00000004' + '00016d' + '0000000000000009');
  });

  test('a key of version 0 is an offset commit too', () => {
    const key = Buffer.from('0000000167000174' + '00000002', 'hex');
    const value = Buffer.from('0001' + '0000000000000007' + '00016d' + '0000000000000009' + '000000000000000a', 'hex');
    expect(decodeGroupRecord(key, value)).toMatchObject({
      type: 'OffsetCommit',
      key: { group: 'g', topic: 't', partition: 2 },
      value: { offset: 7n, leaderEpoch: -1, metadata: 'm', commitTimestamp: 9n, expireTimestamp: 10n },
    });
  });

  test('an unknown type is skipped, an unknown version is refused', () => {
    expect(decodeGroupRecord(Buffer.from('000b000167', 'hex'), null)).toBeUndefined();
    expect(() => decodeGroupRecord(Buffer.from('0002000167', 'hex'), Buffer.from('0063', 'hex'))).toThrow(ProtocolError);
    expect(() => decodeGroupRecord(Buffer.alloc(1), null)).toThrow(ProtocolError);
  });
});

test('transaction records survive a round trip in both versions', () => {
  const schema = transactionSchemas.TransactionLog;
  for (const version of versionsOf(schema.value)) {
    const key = makeMessage(schema.key, 0, random);
    const value = makeMessage(schema.value, version, random);
    const encoded = encodeTransactionRecord({ type: 'TransactionLog', key, value, version } as TransactionRecordIn);
    expect(decodeTransactionRecord(encoded.key, encoded.value)).toEqual({ type: 'TransactionLog', key, value });
    expect(decodeTransactionRecord(encoded.key, null)).toEqual({ type: 'TransactionLog', key, value: null });
  }
  expect(decodeTransactionRecord(Buffer.from('0001', 'hex'), null)).toBeUndefined();
});

describe('control records', () => {
  test.each(Object.entries(controlSchemas))('%s survives a round trip in every version', (type, { message, prefixed }) => {
    for (const version of versionsOf(message)) {
      const made = makeMessage(message, version, random);
      const value = prefixed ? made : { ...made, version };
      expect(decodeControlRecord(encodeControlRecord({ type, value } as ControlRecordIn))).toEqual({ type, value });
    }
  });

  test('a commit marker', () => {
    const { key, value } = encodeControlRecord({ type: 'Commit', value: { coordinatorEpoch: 5 } });
    expect(key.toString('hex')).toBe('00000001');
    expect(value.toString('hex')).toBe('000000000005');
  });

  test('a change of leader', () => {
    const { key, value } = encodeControlRecord({
      type: 'LeaderChange',
      value: { leaderId: 1, voters: [{ voterId: 1 }, { voterId: 2 }], grantingVoters: [{ voterId: 2 }] },
    });
    expect(key.toString('hex')).toBe('00000002');
    expect(value.toString('hex')).toBe('0000' + '00000001' + '03' + '0000000100' + '0000000200' + '02' + '0000000200' + '00');
  });

  test('an unknown type is skipped, a missing value is refused', () => {
    expect(decodeControlRecord({ key: Buffer.from('00000063', 'hex'), value: null })).toBeUndefined();
    expect(() => decodeControlRecord({ key: Buffer.from('00000001', 'hex'), value: null })).toThrow(ProtocolError);
  });
});

describe('consumer protocol', () => {
  test('subscriptions of every version', () => {
    const value = {
      topics: ['a', 'b'],
      userData: Buffer.from('u'),
      ownedPartitions: [{ topic: 'a', partitions: [0, 2] }],
      generationId: 4,
      rackId: 'r',
    };
    expect(decodeSubscription(encodeSubscription(value))).toEqual(value);
    expect(decodeSubscription(encodeSubscription(value, 2))).toEqual({ ...value, rackId: null });
    expect(decodeSubscription(encodeSubscription(value, 0))).toEqual({ ...value, ownedPartitions: [], generationId: -1, rackId: null });
    expect(encodeSubscription({ topics: ['a'] }, 0).toString('hex')).toBe('0000' + '00000001' + '000161' + 'ffffffff');
  });

  test('assignments, one without bytes and one of a future version', () => {
    const value = { assignedPartitions: [{ topic: 'a', partitions: [0, 2] }], userData: null };
    const bytes = encodeAssignment(value, 1);
    expect(bytes.toString('hex')).toBe('0001' + '00000001' + '000161' + '00000002' + '00000000' + '00000002' + 'ffffffff');
    expect(decodeAssignment(bytes)).toEqual(value);
    expect(decodeAssignment(Buffer.alloc(0))).toEqual({ assignedPartitions: [], userData: null });
    const later = Buffer.concat([bytes, Buffer.from('more')]);
    later.writeInt16BE(9, 0);
    expect(decodeAssignment(later)).toEqual(value);
    expect(() => decodeAssignment(Buffer.from('ffff', 'hex'))).toThrow(ProtocolError);
  });
});
