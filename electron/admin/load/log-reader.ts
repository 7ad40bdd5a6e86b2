/**
 * Reads the partitions of a topic from their leaders for an audit. Every request carries the leader epoch: the log of the leader of another
 * epoch may have other records.
 */
import { fetch } from '../../cluster/protocol/apis/fetch.ts';
import { listOffsets } from '../../cluster/protocol/apis/list-offsets.ts';
import { metadata } from '../../cluster/protocol/apis/metadata.ts';
import { ErrorCode } from '../../cluster/protocol/error-codes.ts';
import { iterateBatches, type BatchView } from '../../cluster/protocol/record-batch.ts';
import { RecordWalker, type WalkedRecord } from '../../cluster/protocol/record-walker.ts';
import { isLeaderUnknown, type ClusterClient } from '../cluster-client.ts';
import { kafkaFailure } from '../errors.ts';
import { EARLIEST, LATEST } from '../topics.ts';

/** From version 13 on, Fetch names topics by id only. */
const FETCH_VERSION = 12;
const PARTITION_BYTES = 1024 * 1024;
const MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024;
/** Records between yields to the event loop: the audit shares the thread with the clients of the load. */
const RECORDS_A_TURN = 20_000;
const TIMEOUT_MS = 3_000;
const WAIT_MS = 200;
/** When the high watermark does not advance for this time, records above it count as not readable. */
const STALL_MS = 5_000;
/** Replica id of debug consumers (as in Kafka's tools): ListOffsets then returns the log end offset instead of the high watermark. */
const DEBUGGER = -2;

export interface Leadership {
  leader: number;
  epoch: number;
}

/** The newest state that any broker returned. */
export interface TopicState {
  topicId: string;
  /** By partition; null without a leader. */
  partitions: Map<number, Leadership | null>;
}

/** Asks all brokers and takes the highest leader epoch, as an isolated broker returns stale metadata. Resolves to null when no broker knows the topic. */
export async function topicState(client: ClusterClient, topic: string): Promise<TopicState | null> {
  await client.metadata([]);
  const answers = await client.everyBroker(
    metadata,
    { topics: [{ name: topic }], allowAutoTopicCreation: false },
    { timeoutMs: TIMEOUT_MS },
  );
  const known = answers.flatMap((answer) => ('value' in answer ? answer.value.topics : []));
  const [failed] = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []));
  if (known.length === 0 && failed !== undefined) throw failed;
  let state: TopicState | null = null;
  const newest = new Map<number, { leader: Leadership | null; epoch: number }>();
  for (const answer of known) {
    if (answer.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) continue;
    state ??= { topicId: answer.topicId, partitions: new Map() };
    for (const partition of answer.partitions) {
      const { partitionIndex: index, leaderId, leaderEpoch: epoch } = partition;
      if (epoch < (newest.get(index)?.epoch ?? -1)) continue;
      newest.set(index, { epoch, leader: isLeaderUnknown(partition) ? null : { leader: leaderId, epoch } });
    }
  }
  if (state !== null) for (const [index, { leader }] of newest) state.partitions.set(index, leader);
  return state;
}

export interface LogEnds {
  logStart: bigint;
  /** Log end offset of the leader, which may be above its high watermark. */
  end: bigint;
}

/** Rejects with `AdminError` when the broker does not answer or is not the leader of that epoch. */
export async function logEnds(client: ClusterClient, topic: string, partition: number, { leader, epoch }: Leadership): Promise<LogEnds> {
  const ask = async (timestamp: bigint): Promise<bigint> => {
    const answer = await client.onBroker(
      leader,
      listOffsets,
      {
        replicaId: DEBUGGER,
        topics: [{ name: topic, partitions: [{ partitionIndex: partition, currentLeaderEpoch: epoch, timestamp }] }],
      },
      { timeoutMs: TIMEOUT_MS },
    );
    const [found] = answer.topics[0]?.partitions ?? [];
    if (found === undefined || found.errorCode !== 0)
      throw kafkaFailure(found?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { subject: topic });
    return found.offset;
  };
  const end = await ask(LATEST);
  return { logStart: await ask(EARLIEST), end };
}

/**
 * Reads from `from` to `end` and calls `visit` for each record. Resolves to the next offset, which is below `end` when the high watermark does
 * not reach it. Rejects with `AdminError` when the broker does not answer or is not the leader, and when the log starts after `from`.
 */
export async function readLog(
  client: ClusterClient,
  where: Leadership & { topic: string; partition: number; from: bigint; end: bigint },
  visit: (record: VisitedRecord) => void,
): Promise<bigint> {
  let position = where.from;
  let moved = performance.now();
  while (position < where.end && performance.now() - moved < STALL_MS) {
    const answer = await client.onBroker(
      where.leader,
      fetch,
      {
        maxWaitMs: WAIT_MS,
        minBytes: 1,
        maxBytes: PARTITION_BYTES,
        topics: [
          {
            topic: where.topic,
            partitions: [
              { partition: where.partition, currentLeaderEpoch: where.epoch, fetchOffset: position, partitionMaxBytes: PARTITION_BYTES },
            ],
          },
        ],
      },
      { maxVersion: FETCH_VERSION, timeoutMs: WAIT_MS + TIMEOUT_MS },
    );
    const [partition] = answer.responses[0]?.partitions ?? [];
    const errorCode = answer.errorCode === 0 ? (partition?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) : answer.errorCode;
    if (partition === undefined || errorCode !== 0) throw kafkaFailure(errorCode, { subject: where.topic });
    const before = position;
    for (const batch of iterateBatches(partition.records ?? Buffer.alloc(0))) {
      if (!batch.isControl) {
        await visitBatch(batch, position, visit);
      }
      position = batch.lastOffset + 1n;
    }
    if (position > before) moved = performance.now();
  }
  return position;
}

export type VisitedRecord = Pick<WalkedRecord, 'key' | 'value'> & { offset: bigint };

/** Yields to the event loop in between: a batch of 100 KB can contain ten million records. */
async function visitBatch(batch: BatchView, from: bigint, visit: (record: VisitedRecord) => void): Promise<void> {
  const walker = new RecordWalker(batch, MAX_DECOMPRESSED_BYTES);
  for (let count = 1; walker.next(); count++) {
    const offset = batch.baseOffset + BigInt(walker.offsetDelta);
    if (offset >= from) {
      const { key, value } = walker.readAt(walker.position, 0);
      visit({ offset, key, value });
    }
    if (count % RECORDS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
