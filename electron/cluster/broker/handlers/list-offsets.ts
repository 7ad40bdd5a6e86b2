/**
 * Key 2, ListOffsets 1–11.
 *
 * v2: isolation level (KIP-98). v4: leader epochs (KIP-320). v5: OFFSET_NOT_AVAILABLE. v7: the largest timestamp (KIP-734). v8: the local
 * start (KIP-405). v9: the last tiered offset (KIP-1005). v11: the earliest that waits for upload (KIP-1023). There is no tiered storage
 * here, so the last two have no offset to name.
 */
import { DamagedBatchError } from '../../log/damage.ts';
import type { listOffsets } from '../../protocol/apis/list-offsets.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { findOffset, type OffsetLimit } from '../partition-offsets.ts';
import type { DataContext, DataRequestContext } from '../replica-manager-context.ts';
import { missingPartitionError, readError } from '../replica-manager-fetch.ts';

type Request = RequestOf<typeof listOffsets>;
type Response = ResponseIn<typeof listOffsets>;
type PartitionRequest = Request['topics'][number]['partitions'][number];
type PartitionResponse = Response['topics'][number]['partitions'][number];

/** Which version brought which special timestamp; the others below zero mean nothing. */
const SINCE: ReadonlyMap<bigint, number> = new Map([
  [-1n, 1],
  [-2n, 1],
  [-3n, 7],
  [-4n, 8],
  [-5n, 9],
  [-6n, 11],
]);
const CONSUMER = -1;
/** A tool that reads whatever replica it asks. */
const DEBUGGER = -2;

export function handleListOffsets(request: Request, context: DataRequestContext, broker: DataContext): Response {
  const { replicaId } = request;
  const limit: OffsetLimit = replicaId !== CONSUMER ? 'logEnd' : request.isolationLevel === 1 ? 'lastStable' : 'highWatermark';
  const duplicates = duplicatesOf(request);
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((asked) => {
        if (duplicates.has(`${name}-${asked.partitionIndex}`)) return refusal(asked.partitionIndex, ErrorCode.INVALID_REQUEST);
        try {
          return answer(name, asked, context.version, limit, replicaId !== DEBUGGER, broker);
        } catch (error) {
          if (!(error instanceof KafkaError)) throw error;
          // Clients before v5 do not know the code; they know this one, and try again.
          const code = error.code === ErrorCode.OFFSET_NOT_AVAILABLE && context.version < 5 ? ErrorCode.LEADER_NOT_AVAILABLE : error.code;
          return refusal(asked.partitionIndex, code);
        }
      }),
    })),
  };
}

function answer(
  topic: string,
  asked: PartitionRequest,
  version: number,
  limit: OffsetLimit,
  fromLeader: boolean,
  broker: DataContext,
): PartitionResponse {
  const { partitionIndex, timestamp, currentLeaderEpoch } = asked;
  if (timestamp < 0n && version < (SINCE.get(timestamp) ?? Number.POSITIVE_INFINITY)) {
    return refusal(partitionIndex, ErrorCode.UNSUPPORTED_VERSION);
  }
  const partition = broker.replicas.partition(topic, partitionIndex);
  if (partition === undefined) throw new KafkaError(missingPartitionError(broker.replicas, topic, partitionIndex));
  if (fromLeader) partition.requireLeader(currentLeaderEpoch);
  else partition.requireEpoch(currentLeaderEpoch);
  try {
    return { partitionIndex, errorCode: ErrorCode.NONE, ...findOffset(partition, timestamp, limit) };
  } catch (error) {
    if (!(error instanceof DamagedBatchError)) throw error;
    return refusal(partitionIndex, readError(broker.replicas, partition, error));
  }
}

function refusal(partitionIndex: number, errorCode: number): PartitionResponse {
  return { partitionIndex, errorCode, timestamp: -1n, offset: -1n, leaderEpoch: -1 };
}

function duplicatesOf(request: Request): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name, partitions } of request.topics) {
    for (const { partitionIndex } of partitions) {
      const key = `${name}-${partitionIndex}`;
      if (seen.has(key)) twice.add(key);
      seen.add(key);
    }
  }
  return twice;
}

/** The answer when the whole request was refused. */
export function onListOffsetsError(request: Request, errorCode: number): Response {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => refusal(partitionIndex, errorCode)),
    })),
  };
}
