/** OffsetCommit, OffsetFetch and OffsetDelete of a group whose partition is known and loaded. */
import type { offsetDelete } from '../../protocol/apis/offset-delete.ts';
import type { offsetFetch } from '../../protocol/apis/offset-fetch.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import type { Decision } from '../decision.ts';
import type { Group } from './group.ts';
import { offsetTombstone, type OffsetRecord, type OffsetStore } from './offset-store.ts';
import type { CommitRequest, CommitResponse, GroupEnvironment } from './types.ts';

export type FetchedGroup = NonNullable<ResponseIn<typeof offsetFetch>['groups']>[number];
export type GroupToFetch = RequestOf<typeof offsetFetch>['groups'][number];

/** The first version with topic ids. */
const VALUE_WITH_TOPIC_ID = 4;
/** The only version with an expiry time. */
const VALUE_WITH_EXPIRY = 1;

/** The response when the whole request is refused. */
export function commitError(request: CommitRequest, errorCode: number): CommitResponse {
  return {
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  };
}

/** The response when the offsets of a decision were not committed; its own errors remain. */
export function uncommitted({ topics }: CommitResponse, failure: number): CommitResponse {
  return {
    topics: topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map(({ partitionIndex, errorCode }) => ({
        partitionIndex,
        errorCode: errorCode === ErrorCode.NONE ? failure : errorCode,
      })),
    })),
  };
}

/** Throws the error of an invalid commit. `group` undefined: it is created when the records are applied. */
export function decideCommit(
  env: GroupEnvironment,
  group: Group | undefined,
  request: CommitRequest,
): Decision<OffsetRecord, CommitResponse> {
  throwIfError(group?.validateCommit(request));
  const now = BigInt(env.clock.now());
  const expires = request.retentionTimeMs >= 0n;
  const records: OffsetRecord[] = [];
  const topics = request.topics.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map((partition) => {
      const metadata = partition.committedMetadata ?? '';
      if (Buffer.byteLength(metadata) > env.settings.offsetMetadataMaxBytes)
        return { partitionIndex: partition.partitionIndex, errorCode: ErrorCode.OFFSET_METADATA_TOO_LARGE };
      records.push({
        type: 'OffsetCommit',
        key: { group: request.groupId, topic: name, partition: partition.partitionIndex },
        value: {
          offset: partition.committedOffset,
          leaderEpoch: partition.committedLeaderEpoch,
          metadata,
          commitTimestamp: now,
          expireTimestamp: expires ? now + request.retentionTimeMs : -1n,
          topicId,
        },
        ...(expires ? { version: VALUE_WITH_EXPIRY } : topicId !== ZERO_UUID ? { version: VALUE_WITH_TOPIC_ID } : {}),
      });
      return { partitionIndex: partition.partitionIndex, errorCode: ErrorCode.NONE };
    }),
  }));
  return { records, response: { topics } };
}

/** Committed offsets; `topics` null: all of them. A partition without one has offset −1 and no error. An unknown group has no offsets. */
export function fetchOffsets(offsets: OffsetStore, group: Group | undefined, request: GroupToFetch, requireStable: boolean): FetchedGroup {
  const { groupId, memberId, memberEpoch } = request;
  const error = group?.validateFetch(memberId, memberEpoch) ?? ErrorCode.NONE;
  if (error !== ErrorCode.NONE) return fetchError(request, error);
  const partition = (topic: string, topicId: string, partitionIndex: number): FetchedGroup['topics'][number]['partitions'][number] => {
    if (requireStable && offsets.isUnstable(groupId, topic, partitionIndex))
      return unknownOffset(partitionIndex, ErrorCode.UNSTABLE_OFFSET_COMMIT);
    const committed = offsets.get(groupId, topic, partitionIndex);
    if (committed === undefined || isOfAnother(topicId, committed.topicId)) return unknownOffset(partitionIndex, ErrorCode.NONE);
    return {
      partitionIndex,
      committedOffset: committed.offset,
      committedLeaderEpoch: committed.leaderEpoch,
      metadata: committed.metadata,
      errorCode: ErrorCode.NONE,
    };
  };
  if (request.topics !== null) {
    const topics = request.topics.map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map((index) => partition(name, topicId, index)),
    }));
    return { groupId, topics, errorCode: ErrorCode.NONE };
  }
  const all = offsets.of(groupId);
  const topics = all.topicNames().map((name) => {
    const committed = all.partitionsOf(name);
    // The broker fills in the topic's current id; the id stored with the offset may be of a deleted topic.
    return { name, topicId: ZERO_UUID, partitions: [...committed.keys()].map((index) => partition(name, ZERO_UUID, index)) };
  });
  return { groupId, topics, errorCode: ErrorCode.NONE };
}

/** An offset that was committed to an earlier topic of the same name is invalid for this one. */
function isOfAnother(asked: string, committed: string): boolean {
  return asked !== ZERO_UUID && committed !== ZERO_UUID && asked !== committed;
}

export function fetchError({ groupId, topics }: GroupToFetch, errorCode: number): FetchedGroup {
  return {
    groupId,
    topics: (topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
      name,
      topicId,
      partitions: partitionIndexes.map((index) => unknownOffset(index, errorCode)),
    })),
    errorCode,
  };
}

function unknownOffset(partitionIndex: number, errorCode: number): FetchedGroup['topics'][number]['partitions'][number] {
  return { partitionIndex, committedOffset: -1n, committedLeaderEpoch: -1, metadata: '', errorCode };
}

/** Deletes offsets (KIP-496), except of topics that members are subscribed to. Throws NON_EMPTY_GROUP. */
export function decideOffsetDelete(
  offsets: OffsetStore,
  group: Group,
  request: RequestOf<typeof offsetDelete>,
): Decision<OffsetRecord, ResponseIn<typeof offsetDelete>> {
  throwIfError(group.validateOffsetDelete());
  const records: OffsetRecord[] = [];
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex }) => {
      if (group.isSubscribed(name)) return { partitionIndex, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC };
      if (offsets.has(group.groupId, name, partitionIndex)) records.push(offsetTombstone(group.groupId, name, partitionIndex));
      return { partitionIndex, errorCode: ErrorCode.NONE };
    }),
  }));
  return { records, response: { errorCode: ErrorCode.NONE, topics } };
}

function throwIfError(error: number | undefined): void {
  if (error !== undefined && error !== ErrorCode.NONE) throw new KafkaError(error);
}
