/** Writes records by plain Produce requests without a retry, for callers that need the broker's own answer. */
import { Partitioners } from 'kafkajs';
import { produce } from '../cluster/protocol/apis/produce.ts';
import { buildBatch } from '../cluster/protocol/records-builder.ts';
import { leaderOf, type ClusterClient, type ClusterMetadata } from './cluster-client.ts';
import { AdminError, kafkaFailure } from './errors.ts';

/** Newer ones name topics by id only. */
const PRODUCE_VERSION = 12;
const ALL_IN_SYNC = -1;
/** What the answer may take beyond the time that the broker is given for it. */
const GRACE_MS = 1_000;

export interface PlainRecord {
  key: string | null;
  /** Null: a tombstone. */
  value: string | null;
}

/** Acknowledged by all in sync; resolves to the first one's offset. Rejects with Kafka's error, or when its leader is unknown or silent. */
export async function writeRecords(
  client: ClusterClient,
  meta: ClusterMetadata,
  to: { topic: string; partition: number },
  records: readonly PlainRecord[],
  timeoutMs: number,
): Promise<bigint> {
  const { topic, partition } = to;
  const now = BigInt(Date.now());
  const batch = buildBatch({
    records: records.map(({ key, value }) => ({
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp: now,
    })),
  });
  const answer = await client.onBroker(
    leaderOf(meta, topic, partition),
    produce,
    { acks: ALL_IN_SYNC, timeoutMs, topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }] },
    { maxVersion: PRODUCE_VERSION, timeoutMs: timeoutMs + GRACE_MS },
  );
  const result = answer.responses[0]?.partitionResponses[0];
  if (result === undefined) throw new AdminError({ code: 'INTERNAL', message: `Nothing was said of ${topic}-${partition}.` });
  if (result.errorCode !== 0) throw kafkaFailure(result.errorCode, { message: result.errorMessage, subject: `${topic}-${partition}` });
  return result.baseOffset;
}

/** The partition that a client with Kafka's own partitioner takes for the key. */
export function partitionFor(key: string | Buffer | null, topic: string, partitions: number): number {
  if (key === null || partitions === 1) return 0;
  const choose = Partitioners.DefaultPartitioner();
  return choose({
    topic,
    message: { key, value: null },
    partitionMetadata: Array.from({ length: partitions }, (_none, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 0,
      replicas: [],
      isr: [],
    })),
  });
}
