/**
 * Key 2, ListOffsets 1–11.
 *
 * v2: isolation level (KIP-98). v4: leader epochs (KIP-320). v5: OFFSET_NOT_AVAILABLE. v7: the largest timestamp (KIP-734). v8: the local
 * start (KIP-405). v9: the last tiered offset (KIP-1005). v11: the earliest that waits for upload (KIP-1023). There is no tiered storage
 * here, so the last two have no offset to name.
 */
import { runInSlices } from '../../lib/work-slices.ts';
import { CorruptBatchError } from '../../log/corruption.ts';
import { listOffsets } from '../../protocol/apis/list-offsets.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { isAllowed, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import type { Partition } from '../partition.ts';
import { findOffset, type OffsetLimit } from '../partition-offsets.ts';
import { missingPartitionError, readError } from '../partition-reads.ts';
import type { DataContext, DataRequestContext } from '../data-context.ts';

type Request = RequestOf<typeof listOffsets>;
type Response = ResponseIn<typeof listOffsets>;
type PartitionRequest = Request['topics'][number]['partitions'][number];
type PartitionResponse = Response['topics'][number]['partitions'][number];

/** The first version of each special timestamp; other negative timestamps are invalid. */
const SINCE: ReadonlyMap<bigint, number> = new Map([
  [-1n, 1],
  [-2n, 1],
  [-3n, 7],
  [-4n, 8],
  [-5n, 9],
  [-6n, 11],
]);
const DESCRIBE_TOPIC: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.TOPIC };
const CONSUMER = -1;
/** Replica id of a tool that reads from any replica. */
const DEBUGGER = -2;

/** Searches for times run in slices, between which the partition may move or be deleted. */
export function handleListOffsets(request: Request, context: DataRequestContext, broker: DataContext): Response | Promise<Response> {
  return runInSlices(broker.clock, answerInSteps(request, context, broker));
}

type Steps<R> = Generator<undefined, R, undefined>;

function* answerInSteps(request: Request, { version, session }: DataRequestContext, broker: DataContext): Steps<Response> {
  const { replicaId } = request;
  const limit: OffsetLimit = replicaId !== CONSUMER ? 'logEnd' : request.isolationLevel === 1 ? 'lastStable' : 'highWatermark';
  const duplicates = duplicatesOf(request);
  const topics: Response['topics'][number][] = [];
  for (const { name, partitions } of request.topics) {
    if (!isAllowed(broker.authorizer, session, DESCRIBE_TOPIC, name)) {
      topics.push(refusedTopic({ name, partitions }, ErrorCode.TOPIC_AUTHORIZATION_FAILED));
      continue;
    }
    const answers: PartitionResponse[] = [];
    for (const asked of partitions) {
      const { partitionIndex } = asked;
      if (duplicates.has(`${name}-${partitionIndex}`)) answers.push(refusal(partitionIndex, ErrorCode.INVALID_REQUEST));
      else answers.push(yield* answer(name, asked, version, limit, replicaId !== DEBUGGER, broker));
      yield;
    }
    topics.push({ name, partitions: answers });
  }
  return { topics };
}

function* answer(
  topic: string,
  asked: PartitionRequest,
  version: number,
  limit: OffsetLimit,
  fromLeader: boolean,
  broker: DataContext,
): Steps<PartitionResponse> {
  const { partitionIndex, timestamp, currentLeaderEpoch } = asked;
  if (timestamp < 0n && version < (SINCE.get(timestamp) ?? Number.POSITIVE_INFINITY)) {
    return refusal(partitionIndex, ErrorCode.UNSUPPORTED_VERSION);
  }
  const { replicas } = broker;
  const responsible = (): Partition => {
    const partition = replicas.partition(topic, partitionIndex);
    if (partition === undefined) throw new KafkaError(missingPartitionError(replicas, topic, partitionIndex));
    if (fromLeader) partition.requireLeader(currentLeaderEpoch);
    else partition.requireEpoch(currentLeaderEpoch);
    return partition;
  };
  let partition: Partition | undefined;
  try {
    partition = responsible();
    const { leaderEpoch } = partition;
    const search = findOffset(partition, timestamp, limit);
    for (;;) {
      const step = search.next();
      if (step.done === true) return { partitionIndex, errorCode: ErrorCode.NONE, ...step.value };
      yield;
      // The partition may have moved or changed its role: then the rest of the search is useless.
      if (responsible() !== partition || (fromLeader && partition.leaderEpoch !== leaderEpoch)) {
        throw new KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER);
      }
    }
  } catch (error) {
    if (error instanceof CorruptBatchError && partition !== undefined) {
      return refusal(partitionIndex, readError(replicas, partition, error));
    }
    if (!(error instanceof KafkaError)) throw error;
    // Clients before v5 do not know the code; they retry after this one.
    const code = error.code === ErrorCode.OFFSET_NOT_AVAILABLE && version < 5 ? ErrorCode.LEADER_NOT_AVAILABLE : error.code;
    return refusal(partitionIndex, code);
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

export const listOffsetsApi: BrokerApi<typeof listOffsets> = {
  api: listOffsets,
  listeners: ['broker'],
  authorization: { items: [DESCRIBE_TOPIC] },
  handle: handleListOffsets,
  failed: (request, { errorCode }) => ({ topics: request.topics.map((topic) => refusedTopic(topic, errorCode)) }),
};

function refusedTopic(
  { name, partitions }: Pick<Request['topics'][number], 'name' | 'partitions'>,
  errorCode: number,
): Response['topics'][number] {
  return { name, partitions: partitions.map(({ partitionIndex }) => refusal(partitionIndex, errorCode)) };
}
