/**
 * Reads one topic's partitions for an audit, from their leaders, and holds each leader to its epoch: a reading under one epoch says
 * nothing of the log under the next, whose leader may have less.
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

/** Newer ones name topics by id only. */
const FETCH_VERSION = 12;
const PARTITION_BYTES = 1024 * 1024;
const MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024;
/** Records between two looks at the event loop: the audit shares its thread with the load's client. */
const RECORDS_A_TURN = 20_000;
const TIMEOUT_MS = 3_000;
const WAIT_MS = 200;
/** How long a high watermark may stand still below the leader's end before the rest counts as not readable. */
const STALL_MS = 5_000;
/** Who asks for offsets without being a consumer is told the log's end; who asks as this one need not be a broker (Kafka's own tools do). */
const DEBUGGER = -2;

export interface Leadership {
  leader: number;
  epoch: number;
}

/** As the newest of all brokers' answers has it. Null: every broker that answered says that there is no such topic. */
export interface TopicState {
  topicId: string;
  /** Partitions without a leader are there without one. */
  partitions: Map<number, Leadership | null>;
}

/** A broker cut off from the others goes on believing what it last heard; so all are asked, and the highest epoch is right. */
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
  /** Of the leader, above its high watermark where followers lag. */
  end: bigint;
}

/** Rejects with `AdminError` where the leader is silent, or is none under that epoch. */
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
 * Reads from `from` until `end` and hands over each record; returns where it got to. That is below `end` when the high watermark does
 * not get there. Rejects with `AdminError` where the leader is silent or is none any more, and when the log starts behind `from`.
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

/** Yields to the event loop in between: a batch of 100 KB can hold ten million records. */
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
