/** Reads partitions for a fetch request: decides per entry what a reader may see, and returns views of the log. Waits for nothing. */
import { CorruptBatchError } from '../log/corruption.ts';
import type { MetadataImage } from '../quorum/image.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';
import { recordsLength, type FetchEntry, type FetchPartitionResponse, type FetchResult } from './fetch-session.ts';
import { closestReplica } from './closest-replica.ts';
import type { Partition } from './partition.ts';
import type { ReplicationThrottle } from './replication-throttle.ts';

export interface FetchParameters {
  /** −1 for a consumer. */
  replicaId: number;
  /** Broker epoch of the replica (KIP-903); −1 where the request has none. */
  replicaEpoch: bigint;
  maxWaitMs: number;
  minBytes: number;
  maxBytes: number;
  readCommitted: boolean;
  /** A consumer that may read from followers, and be sent to one: Fetch v11 and later. */
  readsFollowers: boolean;
  /** The rack of a consumer; '' where the request has none. */
  clientRack: string;
  /** Memory for the response; absent: unbounded, for readers that hold nothing while a client is slow. */
  memory?: AnswerShare;
}

/** The memory that responses of one connection may take (`ConnectionInfo`). */
export interface AnswerShare {
  answerRoom(): number;
  holdAnswer(bytes: number): void;
}

/** Looks partitions up, and the topics of those without a replica here. */
export interface PartitionLookup {
  partition(topic: string, index: number): Partition | undefined;
  image(): MetadataImage;
  /** NONE, or why a partition that exists has no log here (KAFKA_STORAGE_ERROR). */
  offlineError(topic: string, index: number): number;
  /** Consumers are sent to the closest replica, and followers get new high watermarks at once. */
  readonly selectsClosest: boolean;
  readonly throttle: ReplicationThrottle;
  /** Whether another replica may restore records that the disk does not hold any more. */
  mayRepair(partition: Partition): boolean;
  /** Whether another broker may lead by now what this broker leads by its own metadata: then no error may be final. */
  mayBeReplaced(): boolean;
}

/**
 * The error of a read that found a corrupt batch. While another replica may supply it the error is a retriable one:
 * a Java consumer ends at CORRUPT_MESSAGE.
 */
export function readError(lookup: Pick<PartitionLookup, 'mayRepair'>, partition: Partition, error: KafkaError): number {
  return error instanceof CorruptBatchError && lookup.mayRepair(partition) ? ErrorCode.KAFKA_STORAGE_ERROR : error.code;
}

export interface ReadOutcome {
  results: FetchResult[];
  bytes: number;
  /** A result that does not wait for bytes: an error, a divergence. */
  urgent: boolean;
}

/** Why this broker cannot serve a partition without a replica here. */
export function missingPartitionError(lookup: PartitionLookup, topic: string, index: number): number {
  const known = lookup.image().topics.get(topic)?.partitions[index];
  if (known === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
  const offline = lookup.offlineError(topic, index);
  return offline !== ErrorCode.NONE ? offline : ErrorCode.NOT_LEADER_OR_FOLLOWER;
}

/**
 * Reads all entries in order until `maxBytes` are reached, or the memory for responses is short; the first partition with records returns at
 * least one batch, however large. `firstTime` also updates the state of the follower.
 */
export function readEntries(
  lookup: PartitionLookup,
  params: FetchParameters,
  entries: readonly FetchEntry[],
  firstTime: boolean,
): ReadOutcome {
  const results: FetchResult[] = [];
  const maxBytes = Math.min(params.maxBytes, params.memory?.answerRoom() ?? params.maxBytes);
  let bytes = 0;
  let urgent = false;
  for (const entry of entries) {
    const response = readEntry(lookup, params, entry, Math.max(0, maxBytes - bytes), bytes === 0, firstTime);
    bytes += recordsLength(response);
    urgent ||=
      response.errorCode !== ErrorCode.NONE ||
      response.divergingEpoch !== undefined ||
      response.preferredReadReplica !== undefined ||
      (lookup.selectsClosest && params.replicaId >= 0 && (entry.sentHighWatermark ?? response.highWatermark) !== response.highWatermark);
    results.push({ entry, response });
  }
  return { results, bytes, urgent };
}

function readEntry(
  lookup: PartitionLookup,
  params: FetchParameters,
  entry: FetchEntry,
  bytesLeft: number,
  atLeastOne: boolean,
  firstTime: boolean,
): FetchPartitionResponse {
  const { topic, partition: index } = entry;
  if (topic === undefined) return fetchError(index, ErrorCode.UNKNOWN_TOPIC_ID);
  const partition = lookup.partition(topic, index);
  if (partition === undefined) return fetchError(index, missingPartitionError(lookup, topic, index));
  if (entry.topicId !== ZERO_UUID && entry.topicId !== partition.topicId) return fetchError(index, ErrorCode.INCONSISTENT_TOPIC_ID);
  const refused = checkReadable(partition, params, entry.currentLeaderEpoch);
  if (refused !== ErrorCode.NONE) return fetchError(index, refused);

  const { log } = partition;
  const { fetchOffset, lastFetchedEpoch } = entry;
  if (fetchOffset < log.logStartOffset) return fetchError(index, ErrorCode.OFFSET_OUT_OF_RANGE);
  if (lastFetchedEpoch >= 0) {
    const end = log.endOffsetForEpoch(lastFetchedEpoch);
    if (end.leaderEpoch < 0 || end.endOffset < 0n) return fetchError(index, ErrorCode.OFFSET_OUT_OF_RANGE);
    if (end.leaderEpoch < lastFetchedEpoch || end.endOffset < fetchOffset) {
      return fetched(partition, params, null, { epoch: end.leaderEpoch, endOffset: end.endOffset });
    }
  }
  if (fetchOffset > log.logEndOffset) {
    // A follower may only be late, and so may a replaced leader: no consumer should reset its position for that.
    if (partition.role !== 'leader') return fetchError(index, ErrorCode.OFFSET_NOT_AVAILABLE);
    return fetchError(index, lookup.mayBeReplaced() ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.OFFSET_OUT_OF_RANGE);
  }
  if (firstTime && params.replicaId >= 0) {
    const unknown = partition.followerFetched(params.replicaId, params.replicaEpoch, fetchOffset, entry.logStartOffset);
    if (unknown !== ErrorCode.NONE) return fetchError(index, unknown);
  }
  if (params.replicaId >= 0 && lookup.throttle.holdsBack(partition, params.replicaId)) return fetched(partition, params, null, undefined);
  if (lookup.selectsClosest && params.readsFollowers && partition.role === 'leader') {
    const closest = closestReplica(partition, lookup.image(), params.clientRack, fetchOffset);
    if (closest !== undefined) return { ...fetched(partition, params, null, undefined), preferredReadReplica: closest };
  }
  const end = readEnd(partition, params);
  const wanted = Math.min(entry.maxBytes, bytesLeft);
  if (fetchOffset >= end || (wanted <= 0 && !atLeastOne)) return fetched(partition, params, null, undefined);
  try {
    const readCommitted = params.readCommitted && params.replicaId < 0;
    const { records, nextOffset } = log.read(fetchOffset, wanted, { maxOffset: end, minOneMessage: atLeastOne, readCommitted });
    const response = fetched(partition, params, records, undefined);
    if (response.abortedTransactions !== null && records.length > 0) {
      response.abortedTransactions = log.abortedTransactions(fetchOffset, nextOffset);
    }
    return response;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return fetchError(index, readError(lookup, partition, error));
  }
}

/** NONE where this broker serves such a reader: as leader, or as a follower that serves consumers. */
export function checkReadable(partition: Partition, params: FetchParameters, leaderEpoch: number): number {
  return params.readsFollowers ? partition.checkReplica(leaderEpoch) : partition.checkLeader(leaderEpoch);
}

/** The end of what a reader may see: replicas everything, consumers what is committed, read_committed ones what is decided. */
export function readEnd(partition: Partition, params: FetchParameters): bigint {
  if (params.replicaId >= 0) return partition.log.logEndOffset;
  return params.readCommitted ? partition.log.lastStableOffset : partition.log.highWatermark;
}

/** An error of one partition, as Kafka gives it. */
export function fetchError(partitionIndex: number, errorCode: number): FetchPartitionResponse {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1n,
    lastStableOffset: -1n,
    logStartOffset: -1n,
    abortedTransactions: null,
    records: NOTHING,
  };
}

const NOTHING = Buffer.alloc(0);

function fetched(
  { index, log }: Partition,
  params: FetchParameters,
  records: readonly Buffer[] | null,
  divergingEpoch: { epoch: number; endOffset: bigint } | undefined,
): FetchPartitionResponse {
  const response: FetchPartitionResponse = {
    partitionIndex: index,
    errorCode: ErrorCode.NONE,
    highWatermark: log.highWatermark,
    lastStableOffset: log.lastStableOffset,
    logStartOffset: log.logStartOffset,
    abortedTransactions: params.readCommitted && params.replicaId < 0 ? [] : null,
    records: records ?? NOTHING,
  };
  if (divergingEpoch !== undefined) response.divergingEpoch = divergingEpoch;
  return response;
}
