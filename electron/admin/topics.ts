/** Topics: offsets, settings; creating, growing and deleting. */
import { createPartitions } from '../cluster/protocol/apis/create-partitions.ts';
import { createTopics } from '../cluster/protocol/apis/create-topics.ts';
import { deleteTopics } from '../cluster/protocol/apis/delete-topics.ts';
import { listOffsets } from '../cluster/protocol/apis/list-offsets.ts';
import { ErrorCode, errorName } from '../cluster/protocol/error-codes.ts';
import type { ResponseOf } from '../cluster/protocol/schema.ts';
import { ZERO_UUID } from '../cluster/protocol/uuid.ts';
import { oncePerAnswer } from './answer-memo.ts';
import { isLeaderUnknown, type ClusterClient, type ClusterMetadata } from './cluster-client.ts';
import { kafkaFailure } from './errors.ts';
import { partitionKey } from '#shared/keys';

export const LATEST = -1n;
export const EARLIEST = -2n;
/** In metadata of a cluster without topic ids. */
export const ZERO_TOPIC_ID = ZERO_UUID;
/** Partitions in one ListOffsets: larger requests keep a broker busy for no gain. */
const PARTITIONS_A_REQUEST = 5_000;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;

export interface PartitionKey {
  topic: string;
  partition: number;
}

/** With the leader epoch by metadata, so that a broker that leads in another one refuses the request (KIP-320); −1 where none is known. */
export interface LedPartition extends PartitionKey {
  leaderEpoch: number;
}

/** An offset, or why there is none. */
export type OffsetAnswer = { offset: bigint } | { error: string };

/** Leaders of the partitions, from metadata; partitions without one are left out. */
export function leadersOf(meta: ClusterMetadata): Map<string, number> {
  const leaders = new Map<string, number>();
  for (const topic of meta.topics) {
    for (const partition of topic.partitions) {
      if (!isLeaderUnknown(partition)) leaders.set(partitionKey(topic.name ?? '', partition.partitionIndex), partition.leaderId);
    }
  }
  return leaders;
}

/**
 * The offset for `timestamp` (or LATEST, EARLIEST) of each partition: one request a leader and chunk, all leaders at once,
 * isolation read_uncommitted, so that LATEST is the high watermark. Partitions without a leader or whose leader is silent
 * come back with the error's name.
 */
export async function readOffsets(
  client: ClusterClient,
  leaders: ReadonlyMap<string, number>,
  wanted: readonly PartitionKey[],
  timestamp: bigint,
): Promise<Map<string, OffsetAnswer>> {
  const answers = new Map<string, OffsetAnswer>();
  const byLeader = new Map<number, PartitionKey[]>();
  for (const key of wanted) {
    const leader = leaders.get(partitionKey(key.topic, key.partition));
    if (leader === undefined) answers.set(partitionKey(key.topic, key.partition), { error: 'LEADER_NOT_AVAILABLE' });
    else pushTo(byLeader, leader, key);
  }
  const chunks = [...byLeader].flatMap(([leader, keys]) => chunked(keys, PARTITIONS_A_REQUEST).map((chunk) => ({ leader, chunk })));
  await Promise.all(
    chunks.map(async ({ leader, chunk }) => {
      const [answer] = await client.eachBroker([leader], (id) => client.onBroker(id, listOffsets, listOffsetsBody(chunk, timestamp)));
      if (answer === undefined) return;
      if ('error' in answer) {
        for (const key of chunk) answers.set(partitionKey(key.topic, key.partition), { error: answer.error.app.code });
        return;
      }
      for (const topic of answer.value.topics) {
        for (const partition of topic.partitions) {
          answers.set(
            partitionKey(topic.name, partition.partitionIndex),
            partition.errorCode === 0 ? { offset: partition.offset } : { error: errorName(partition.errorCode) },
          );
        }
      }
    }),
  );
  return answers;
}

/** The bounds of one partition's log, or Kafka's error name. `stable` is the last stable offset; null where it was not asked for. */
export type LogBounds = { readonly start: bigint; readonly end: bigint; readonly stable: bigint | null } | { readonly error: string };

/**
 * Log start, end (high watermark) and, on request, last stable offset of partitions that one broker leads, by topic and partition.
 * Rejects with the `AdminError` of a broker that does not answer. The end is read first: a last stable offset below it then proves an
 * open transaction, and records that are deleted meanwhile can only make the reading smaller. A broker whose leader epoch is another one
 * returns an error, FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH: its end may not be the end any more.
 */
export async function readLogBounds(
  client: ClusterClient,
  leader: number,
  keys: readonly LedPartition[],
  withStable: boolean,
): Promise<Map<string, Map<number, LogBounds>>> {
  const bounds = new Map<string, Map<number, LogBounds>>();
  for (const chunk of chunked(keys, PARTITIONS_A_REQUEST)) {
    const ask = (timestamp: bigint, isolationLevel = READ_UNCOMMITTED) =>
      client.onBroker(leader, listOffsets, listOffsetsBody(chunk, timestamp, isolationLevel), { isRepeated: true });
    // Sent in this order on one connection, whose requests a broker answers in order.
    const [ends, stables, starts] = await Promise.all([
      ask(LATEST),
      withStable ? ask(LATEST, READ_COMMITTED) : Promise.resolve(null),
      ask(EARLIEST),
    ]);
    const offsets = (answer: ResponseOf<typeof listOffsets>): OffsetsByTopic => oncePerAnswer(answer, leader, () => offsetsIn(answer));
    const [end, stable, start] = [offsets(ends), stables === null ? null : offsets(stables), offsets(starts)];
    for (const { topic, partition } of chunk) {
      const of = (one: OffsetsByTopic): OffsetAnswer | undefined => one.get(topic)?.get(partition);
      innerMap(bounds, topic).set(partition, toBounds(of(start), of(end), stable === null ? null : of(stable)));
    }
  }
  return bounds;
}

function toBounds(start: OffsetAnswer | undefined, end: OffsetAnswer | undefined, stable: OffsetAnswer | null | undefined): LogBounds {
  const parts = [start, end, ...(stable === null ? [] : [stable])];
  for (const part of parts) {
    if (part === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION' };
    if ('error' in part) return part;
  }
  const [first, last, lastStable] = parts.map((part) => (part !== undefined && 'offset' in part ? part.offset : 0n));
  const from = first ?? 0n;
  const until = last ?? 0n;
  return { start: from, end: until > from ? until : from, stable: stable === null ? null : (lastStable ?? null) };
}

type OffsetsByTopic = ReadonlyMap<string, ReadonlyMap<number, OffsetAnswer>>;

function offsetsIn(answer: ResponseOf<typeof listOffsets>): OffsetsByTopic {
  const offsets = new Map<string, Map<number, OffsetAnswer>>();
  for (const { name, partitions } of answer.topics) {
    const ofTopic = innerMap(offsets, name);
    for (const { partitionIndex, errorCode, offset } of partitions)
      ofTopic.set(partitionIndex, errorCode === 0 ? { offset } : { error: errorName(errorCode) });
  }
  return offsets;
}

function listOffsetsBody(keys: readonly (PartitionKey | LedPartition)[], timestamp: bigint, isolationLevel = READ_UNCOMMITTED) {
  const byTopic = new Map<string, (PartitionKey | LedPartition)[]>();
  for (const key of keys) pushTo(byTopic, key.topic, key);
  return {
    replicaId: -1,
    isolationLevel,
    topics: [...byTopic].map(([name, partitions]) => ({
      name,
      partitions: partitions.map((key) => ({
        partitionIndex: key.partition,
        currentLeaderEpoch: 'leaderEpoch' in key ? key.leaderEpoch : -1,
        timestamp,
      })),
    })),
  };
}

export interface NewTopic {
  name: string;
  /** −1: the broker's default. Ignored when `assignments` are given. */
  partitions: number;
  replicationFactor: number;
  /** Broker ids by partition, preferred leader first; null leaves the placement to the cluster. */
  assignments: readonly (readonly number[])[] | null;
  configs: Readonly<Record<string, string>>;
  validateOnly: boolean;
}

/** Fields of the create form by the error that concerns them. */
const FIELD_OF_ERROR: Partial<Record<number, string>> = {
  [ErrorCode.INVALID_TOPIC_EXCEPTION]: 'name',
  [ErrorCode.TOPIC_ALREADY_EXISTS]: 'name',
  [ErrorCode.INVALID_PARTITIONS]: 'partitions',
  [ErrorCode.INVALID_REPLICATION_FACTOR]: 'replicationFactor',
  [ErrorCode.INVALID_REPLICA_ASSIGNMENT]: 'replicationFactor',
  [ErrorCode.INVALID_CONFIG]: 'configs',
};

export async function createTopic(client: ClusterClient, topic: NewTopic): Promise<void> {
  const manual = topic.assignments !== null;
  const answer = await client.onController(
    createTopics,
    {
      topics: [
        {
          name: topic.name,
          numPartitions: manual ? -1 : topic.partitions,
          replicationFactor: manual ? -1 : topic.replicationFactor,
          assignments: (topic.assignments ?? []).map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
          configs: Object.entries(topic.configs).map(([name, value]) => ({ name, value })),
        },
      ],
      timeoutMs: 10_000,
      validateOnly: topic.validateOnly,
    },
    (response) => response.topics[0]?.errorCode ?? 0,
  );
  const [result] = answer.topics;
  if (result !== undefined && result.errorCode !== 0) {
    const field = FIELD_OF_ERROR[result.errorCode];
    throw kafkaFailure(result.errorCode, { message: result.errorMessage, subject: topic.name, ...(field === undefined ? {} : { field }) });
  }
}

/** By its id where it has one (KIP-516), so that a topic of the same name that was created meanwhile stays; null: by its name. */
export async function deleteTopic(client: ClusterClient, name: string, topicId: string | null): Promise<void> {
  const answer = await client.onController(
    deleteTopics,
    {
      topicNames: [name],
      topics: [topicId === null ? { name, topicId: ZERO_UUID } : { name: null, topicId }],
      timeoutMs: 10_000,
    },
    (response) => response.responses[0]?.errorCode ?? 0,
  );
  const [result] = answer.responses;
  if (result !== undefined && result.errorCode !== 0) throw kafkaFailure(result.errorCode, { message: result.errorMessage, subject: name });
}

export async function growTopic(client: ClusterClient, name: string, total: number): Promise<void> {
  const answer = await client.onController(
    createPartitions,
    { topics: [{ name, count: total, assignments: null }], timeoutMs: 10_000, validateOnly: false },
    (response) => response.results[0]?.errorCode ?? 0,
  );
  const [result] = answer.results;
  if (result !== undefined && result.errorCode !== 0) {
    throw kafkaFailure(result.errorCode, { message: result.errorMessage, subject: name, field: 'total' });
  }
}

export function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** The map under a key, made where there is none. */
export function innerMap<K, InnerK, V>(map: Map<K, Map<InnerK, V>>, key: K): Map<InnerK, V> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map<InnerK, V>();
    map.set(key, inner);
  }
  return inner;
}

export function chunked<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size));
  return chunks;
}
