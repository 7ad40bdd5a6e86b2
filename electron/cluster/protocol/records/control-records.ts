/**
 * Control records: the records of batches whose control bit is set, written by brokers and controllers only. The key is
 * an int16 version (0) and an int16 type. Values of the metadata log's control records begin with their version as a
 * field of its own; the value of a transaction marker has it in front, as a coordinator's records have.
 */
import { ProtocolError } from '../errors.ts';
import { Reader } from '../reader.ts';
import { array, defineMessage, int16, int32, int64, string, struct, uint16, uuid, type InOf, type Message, type OutOf } from '../schema.ts';
import { ZERO_UUID } from '../uuid.ts';
import { Writer } from '../writer.ts';
import type { KeyAndValue } from './coordinator-record.ts';

const marker = { coordinatorEpoch: int32('0+') };

const voter = { voterId: int32('0+'), voterDirectoryId: uuid('1+', { default: ZERO_UUID }) };

const leaderChange = {
  version: int16('0+', { default: 0 }),
  leaderId: int32('0+'),
  voters: array('0+', voter),
  grantingVoters: array('0+', voter),
};

const snapshotHeader = { version: int16('0+', { default: 0 }), lastContainedLogTimestamp: int64('0+') };

const snapshotFooter = { version: int16('0+', { default: 0 }) };

const kraftVersion = { version: int16('0+', { default: 0 }), kRaftVersion: int16('0+') };

const voters = {
  version: int16('0+', { default: 0 }),
  voters: array('0+', {
    voterId: int32('0+'),
    voterDirectoryId: uuid('0+'),
    endpoints: array('0+', { name: string('0+'), host: string('0+'), port: uint16('0+') }),
    kRaftVersionFeature: struct('0+', { minSupportedVersion: int16('0+'), maxSupportedVersion: int16('0+') }),
  }),
};

/** By the name of the record's type: that type's number, its value's schema, and whether a version stands before the value. */
export const controlSchemas = {
  Abort: {
    type: 0,
    prefixed: true,
    message: defineMessage({ name: 'EndTxnMarker', versions: [0, 0], flexible: Infinity, fields: marker }),
  },
  Commit: {
    type: 1,
    prefixed: true,
    message: defineMessage({ name: 'EndTxnMarker', versions: [0, 0], flexible: Infinity, fields: marker }),
  },
  LeaderChange: {
    type: 2,
    prefixed: false,
    message: defineMessage({ name: 'LeaderChangeMessage', versions: [0, 1], flexible: 0, fields: leaderChange }),
  },
  SnapshotHeader: {
    type: 3,
    prefixed: false,
    message: defineMessage({ name: 'SnapshotHeaderRecord', versions: [0, 0], flexible: 0, fields: snapshotHeader }),
  },
  SnapshotFooter: {
    type: 4,
    prefixed: false,
    message: defineMessage({ name: 'SnapshotFooterRecord', versions: [0, 0], flexible: 0, fields: snapshotFooter }),
  },
  KRaftVersion: {
    type: 5,
    prefixed: false,
    message: defineMessage({ name: 'KRaftVersionRecord', versions: [0, 0], flexible: 0, fields: kraftVersion }),
  },
  KRaftVoters: {
    type: 6,
    prefixed: false,
    message: defineMessage({ name: 'VotersRecord', versions: [0, 0], flexible: 0, fields: voters }),
  },
};

interface ControlValues {
  Abort: typeof marker;
  Commit: typeof marker;
  LeaderChange: typeof leaderChange;
  SnapshotHeader: typeof snapshotHeader;
  SnapshotFooter: typeof snapshotFooter;
  KRaftVersion: typeof kraftVersion;
  KRaftVoters: typeof voters;
}

export type ControlRecordType = keyof ControlValues;
export type ControlRecord = { [T in ControlRecordType]: { readonly type: T; readonly value: OutOf<ControlValues[T]> } }[ControlRecordType];
export type ControlRecordIn = { [T in ControlRecordType]: { readonly type: T; readonly value: InOf<ControlValues[T]> } }[ControlRecordType];

interface ControlSchema {
  readonly type: number;
  readonly prefixed: boolean;
  readonly message: Message<unknown, unknown>;
}

const nameByType: ReadonlyMap<number, ControlRecordType> = new Map(
  (Object.keys(controlSchemas) as ControlRecordType[]).map((name) => [controlSchemas[name].type, name]),
);

/** The version of the value is its field `version`, 0 where that is left out: what Apache Kafka 4.3 writes and reads. */
export function encodeControlRecord(record: ControlRecordIn): { key: Buffer; value: Buffer } {
  const { type, prefixed, message }: ControlSchema = controlSchemas[record.type];
  const key = new Writer(4);
  key.int16(0);
  key.int16(type);
  const version = 'version' in record.value ? (record.value.version ?? 0) : 0;
  const value = new Writer(128);
  if (prefixed) value.int16(version);
  message.codec(version).encode(value, record.value);
  return { key: key.finishBuffer(), value: value.finishBuffer() };
}

/** Undefined for a newer type. */
export function decodeControlRecord({ key, value }: KeyAndValue): ControlRecord | undefined {
  const keyReader = new Reader(key);
  keyReader.int16();
  const type = nameByType.get(keyReader.int16());
  if (type === undefined) return undefined;
  if (value === null) throw new ProtocolError(`control record ${type} without a value`);
  const { prefixed, message }: ControlSchema = controlSchemas[type];
  const reader = new Reader(value);
  const version = reader.int16();
  if (!prefixed) reader.position = 0;
  return { type, value: message.codec(version).decode(reader) } as ControlRecord;
}
