/**
 * What the members of a classic consumer group put into JoinGroup's and SyncGroup's opaque bytes: an int16 version and a
 * message. Every version only adds fields at the end, so a newer one is read as far as we know it, as Apache Kafka does.
 */
import { ProtocolError } from '../errors.ts';
import { Reader } from '../reader.ts';
import { array, bytes, defineMessage, int32, string, type InOf, type Message, type OutOf } from '../schema.ts';
import { Writer } from '../writer.ts';

const subscription = {
  topics: array('0+', string('0+')),
  userData: bytes('0+', { nullable: '0+', default: null }),
  ownedPartitions: array('1+', { topic: string('1+'), partitions: array('1+', int32('1+')) }, { default: [] }),
  generationId: int32('2+', { default: -1 }),
  rackId: string('3+', { nullable: '3+', default: null }),
};

const assignment = {
  assignedPartitions: array('0+', { topic: string('0+'), partitions: array('0+', int32('0+')) }),
  userData: bytes('0+', { nullable: '0+', default: null }),
};

/** v1: owned partitions (KIP-429); v2: their generation (KIP-792); v3: rack (KIP-881). */
export const consumerProtocolSubscription = defineMessage({
  name: 'ConsumerProtocolSubscription',
  versions: [0, 3],
  flexible: Infinity,
  fields: subscription,
});

/** All versions are alike. */
export const consumerProtocolAssignment = defineMessage({
  name: 'ConsumerProtocolAssignment',
  versions: [0, 3],
  flexible: Infinity,
  fields: assignment,
});

export type Subscription = OutOf<typeof subscription>;
export type Assignment = OutOf<typeof assignment>;

export function encodeSubscription(value: InOf<typeof subscription>, version = consumerProtocolSubscription.maxVersion): Buffer {
  return encode(consumerProtocolSubscription, value, version);
}

export function decodeSubscription(metadata: Buffer): Subscription {
  return decode(consumerProtocolSubscription, metadata);
}

/**
 * The topics alone. Only what version 0 has is read, whatever version the member names: every version begins with it, and clients exist
 * that name version 1 and leave out its fields. Apache Kafka's coordinator reads it in the same way.
 */
export function decodeSubscribedTopics(metadata: Buffer): string[] {
  const reader = new Reader(metadata);
  const version = reader.int16();
  if (version < 0) throw new ProtocolError(`a subscription of version ${version}`);
  return consumerProtocolSubscription.codec(0).decode(reader).topics;
}

export function encodeAssignment(value: InOf<typeof assignment>, version = consumerProtocolAssignment.maxVersion): Buffer {
  return encode(consumerProtocolAssignment, value, version);
}

/** No bytes at all, which is what a member has before its first SyncGroup, are an empty assignment. */
export function decodeAssignment(bytes: Buffer): Assignment {
  return bytes.length === 0 ? { assignedPartitions: [], userData: null } : decode(consumerProtocolAssignment, bytes);
}

function encode<In>(message: Message<unknown, In>, value: In, version: number): Buffer {
  const writer = new Writer(128);
  writer.int16(version);
  message.codec(version).encode(writer, value);
  return writer.finishBuffer();
}

function decode<Out>(message: Message<Out, never>, bytes: Buffer): Out {
  const reader = new Reader(bytes);
  return message.codec(Math.min(reader.int16(), message.maxVersion)).decode(reader);
}
