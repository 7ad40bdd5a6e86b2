/**
 * Builds and parses the requests of Raft. Each carries the one partition of the metadata topic; the nesting is known here only.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import type { beginQuorumEpoch } from '../protocol/apis/begin-quorum-epoch.ts';
import type { endQuorumEpoch } from '../protocol/apis/end-quorum-epoch.ts';
import type { fetch } from '../protocol/apis/fetch.ts';
import type { fetchSnapshot } from '../protocol/apis/fetch-snapshot.ts';
import type { vote } from '../protocol/apis/vote.ts';
import type { RequestIn, RequestOf, ResponseIn, ResponseOf } from '../protocol/schema.ts';
import { ZERO_UUID } from '../protocol/uuid.ts';
import type { SnapshotId } from './raft-log.ts';

export const METADATA_TOPIC = '__cluster_metadata';
/** The metadata topic's reserved id: 15 zero bytes and a 1. */
export const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ';

/** Leader and epoch, as in every response of a voter; leaderId −1: unknown. */
export interface LeaderAndEpoch {
  leaderId: number;
  epoch: number;
}

export interface VoteRequestFields {
  candidateId: number;
  epoch: number;
  lastEpoch: number;
  lastOffset: bigint;
  preVote: boolean;
}

export function voteRequest(clusterId: string, voterId: number, asked: VoteRequestFields): RequestIn<typeof vote> {
  const partition = {
    partitionIndex: 0,
    replicaEpoch: asked.epoch,
    replicaId: asked.candidateId,
    lastOffsetEpoch: asked.lastEpoch,
    lastOffset: asked.lastOffset,
    preVote: asked.preVote,
  };
  return { clusterId, voterId, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function readVoteRequest(body: RequestOf<typeof vote>): VoteRequestFields | undefined {
  const partition = only(body.topics);
  if (partition === undefined) return undefined;
  return {
    candidateId: partition.replicaId,
    epoch: partition.replicaEpoch,
    lastEpoch: partition.lastOffsetEpoch,
    lastOffset: partition.lastOffset,
    preVote: partition.preVote,
  };
}

export function voteResponse(errorCode: number, leader: LeaderAndEpoch, voteGranted: boolean): ResponseIn<typeof vote> {
  const partition = { partitionIndex: 0, errorCode, leaderId: leader.leaderId, leaderEpoch: leader.epoch, voteGranted };
  return { errorCode: ErrorCode.NONE, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function readVoteResponse(
  body: ResponseOf<typeof vote>,
): { errorCode: number; leader: LeaderAndEpoch; granted: boolean } | undefined {
  const partition = only(body.topics);
  if (body.errorCode !== ErrorCode.NONE || partition === undefined) return undefined;
  return {
    errorCode: partition.errorCode,
    leader: { leaderId: partition.leaderId, epoch: partition.leaderEpoch },
    granted: partition.voteGranted && partition.errorCode === ErrorCode.NONE,
  };
}

export function beginRequest(clusterId: string, voterId: number, leader: LeaderAndEpoch): RequestIn<typeof beginQuorumEpoch> {
  const partition = { partitionIndex: 0, voterDirectoryId: ZERO_UUID, leaderId: leader.leaderId, leaderEpoch: leader.epoch };
  return { clusterId, voterId, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function endRequest(clusterId: string, leader: LeaderAndEpoch, preferred: readonly number[]): RequestIn<typeof endQuorumEpoch> {
  const partition = {
    partitionIndex: 0,
    leaderId: leader.leaderId,
    leaderEpoch: leader.epoch,
    preferredSuccessors: preferred,
    preferredCandidates: preferred.map((candidateId) => ({ candidateId, candidateDirectoryId: ZERO_UUID })),
  };
  return { clusterId, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function readBeginRequest(body: RequestOf<typeof beginQuorumEpoch>): LeaderAndEpoch | undefined {
  const partition = only(body.topics);
  return partition && { leaderId: partition.leaderId, epoch: partition.leaderEpoch };
}

export function readEndRequest(body: RequestOf<typeof endQuorumEpoch>): (LeaderAndEpoch & { preferred: number[] }) | undefined {
  const partition = only(body.topics);
  if (partition === undefined) return undefined;
  const candidates = partition.preferredCandidates.map((candidate) => candidate.candidateId);
  return {
    leaderId: partition.leaderId,
    epoch: partition.leaderEpoch,
    preferred: candidates.length > 0 ? candidates : partition.preferredSuccessors,
  };
}

/** BeginQuorumEpoch and EndQuorumEpoch responses have the same shape. */
export function epochResponse(errorCode: number, leader: LeaderAndEpoch): ResponseIn<typeof beginQuorumEpoch> {
  const partition = { partitionIndex: 0, errorCode, leaderId: leader.leaderId, leaderEpoch: leader.epoch };
  return { errorCode: ErrorCode.NONE, topics: [{ topicName: METADATA_TOPIC, partitions: [partition] }] };
}

export function readEpochResponse(body: ResponseOf<typeof beginQuorumEpoch>): (LeaderAndEpoch & { errorCode: number }) | undefined {
  const partition = only(body.topics);
  if (body.errorCode !== ErrorCode.NONE || partition === undefined) return undefined;
  return { errorCode: partition.errorCode, leaderId: partition.leaderId, epoch: partition.leaderEpoch };
}

export interface FetchRequestFields {
  replicaId: number;
  epoch: number;
  fetchOffset: bigint;
  /** Epoch of the follower's last record. */
  lastEpoch: number;
  /** −1: unknown to the follower. */
  highWatermark: bigint;
  maxWaitMs: number;
  maxBytes: number;
  /** False: the follower must not count towards a majority. On the wire: a directory id that no voter has (KIP-853). */
  counts: boolean;
}

/** Directory id of a replica without a vote; random directory ids are never reserved ones. */
const NO_VOTERS_DIRECTORY = 'AAAAAAAAAAAAAAAAAAAAAQ';

export function fetchRequest(clusterId: string, asked: FetchRequestFields): RequestIn<typeof fetch> {
  const partition = {
    partition: 0,
    currentLeaderEpoch: asked.epoch,
    fetchOffset: asked.fetchOffset,
    lastFetchedEpoch: asked.lastEpoch,
    partitionMaxBytes: asked.maxBytes,
    highWatermark: asked.highWatermark,
    replicaDirectoryId: asked.counts ? ZERO_UUID : NO_VOTERS_DIRECTORY,
  };
  return {
    clusterId,
    replicaState: { replicaId: asked.replicaId },
    maxWaitMs: asked.maxWaitMs,
    minBytes: 0,
    maxBytes: asked.maxBytes,
    topics: [{ topic: METADATA_TOPIC, topicId: METADATA_TOPIC_ID, partitions: [partition] }],
  };
}

export function readFetchRequest(body: RequestOf<typeof fetch>): FetchRequestFields | undefined {
  const [topic] = body.topics;
  const [partition] = topic?.partitions ?? [];
  if (topic === undefined || partition === undefined || body.topics.length !== 1 || topic.partitions.length !== 1) return undefined;
  if (topic.topicId !== METADATA_TOPIC_ID && topic.topic !== METADATA_TOPIC) return undefined;
  if (partition.partition !== 0) return undefined;
  return {
    replicaId: Math.max(body.replicaId, body.replicaState.replicaId),
    epoch: partition.currentLeaderEpoch,
    fetchOffset: partition.fetchOffset,
    lastEpoch: partition.lastFetchedEpoch,
    highWatermark: partition.highWatermark,
    maxWaitMs: body.maxWaitMs,
    maxBytes: Math.min(body.maxBytes, partition.partitionMaxBytes),
    counts: partition.replicaDirectoryId === ZERO_UUID,
  };
}

export interface FetchAnswer {
  errorCode: number;
  leader: LeaderAndEpoch;
  highWatermark: bigint;
  logStartOffset: bigint;
  /** Set when the follower's log diverges from the leader's: the largest epoch both may share and its end offset at the leader. */
  diverging?: { epoch: number; endOffset: bigint };
  /** Set when the leader's log no longer holds the records: the snapshot to fetch instead (KIP-630). */
  snapshotId?: SnapshotId;
  records?: Buffer;
}

export function fetchResponse(answer: FetchAnswer): ResponseIn<typeof fetch> {
  const partition = {
    partitionIndex: 0,
    errorCode: answer.errorCode,
    highWatermark: answer.highWatermark,
    logStartOffset: answer.logStartOffset,
    divergingEpoch: answer.diverging,
    snapshotId: answer.snapshotId,
    currentLeader: { leaderId: answer.leader.leaderId, leaderEpoch: answer.leader.epoch },
    abortedTransactions: null,
    records: answer.records ?? null,
  };
  return {
    errorCode: ErrorCode.NONE,
    responses: [{ topic: METADATA_TOPIC, topicId: METADATA_TOPIC_ID, partitions: [partition] }],
  };
}

/** A Fetch that failed as a whole (wrong cluster, not about the metadata log). */
export function fetchRefused(errorCode: number): ResponseIn<typeof fetch> {
  return { errorCode, responses: [] };
}

export function readFetchResponse(body: ResponseOf<typeof fetch>): FetchAnswer | undefined {
  const partition = body.responses[0]?.partitions[0];
  if (body.errorCode !== ErrorCode.NONE || partition === undefined) return undefined;
  const { divergingEpoch, snapshotId, currentLeader } = partition;
  return {
    errorCode: partition.errorCode,
    leader: { leaderId: currentLeader.leaderId, epoch: currentLeader.leaderEpoch },
    highWatermark: partition.highWatermark,
    logStartOffset: partition.logStartOffset,
    ...(divergingEpoch.epoch >= 0 ? { diverging: divergingEpoch } : {}),
    ...(snapshotId.epoch >= 0 ? { snapshotId } : {}),
    ...(partition.records !== null && partition.records.length > 0 ? { records: partition.records } : {}),
  };
}

export interface SnapshotRequestFields {
  replicaId: number;
  epoch: number;
  id: SnapshotId;
  position: bigint;
  maxBytes: number;
}

export function snapshotRequest(clusterId: string, asked: SnapshotRequestFields): RequestIn<typeof fetchSnapshot> {
  const { replicaId, epoch, id, position, maxBytes } = asked;
  const partition = { partition: 0, currentLeaderEpoch: epoch, snapshotId: id, position, replicaDirectoryId: ZERO_UUID };
  return { clusterId, replicaId, maxBytes, topics: [{ name: METADATA_TOPIC, partitions: [partition] }] };
}

export function readSnapshotRequest(body: RequestOf<typeof fetchSnapshot>): SnapshotRequestFields | undefined {
  const [topic] = body.topics;
  const [partition] = topic?.partitions ?? [];
  if (body.topics.length !== 1 || topic?.name !== METADATA_TOPIC || topic.partitions.length !== 1 || partition?.partition !== 0) {
    return undefined;
  }
  const { currentLeaderEpoch: epoch, snapshotId: id, position } = partition;
  return { replicaId: body.replicaId, epoch, id, position, maxBytes: body.maxBytes };
}

export interface SnapshotAnswer {
  errorCode: number;
  leader: LeaderAndEpoch;
  id: SnapshotId;
  /** Of the whole snapshot. */
  size: bigint;
  position: bigint;
  bytes: Buffer;
}

export function snapshotResponse(answer: SnapshotAnswer): ResponseIn<typeof fetchSnapshot> {
  const { errorCode, leader, id, size, position, bytes } = answer;
  const currentLeader = { leaderId: leader.leaderId, leaderEpoch: leader.epoch };
  const partition = { index: 0, errorCode, snapshotId: id, currentLeader, size, position, unalignedRecords: bytes };
  return { errorCode: ErrorCode.NONE, topics: [{ name: METADATA_TOPIC, partitions: [partition] }], nodeEndpoints: [] };
}

/** A FetchSnapshot that failed as a whole. */
export function snapshotRefused(errorCode: number): ResponseIn<typeof fetchSnapshot> {
  return { errorCode, topics: [], nodeEndpoints: [] };
}

export function readSnapshotResponse(body: ResponseOf<typeof fetchSnapshot>): SnapshotAnswer | undefined {
  const partition = body.topics[0]?.partitions[0];
  if (body.errorCode !== ErrorCode.NONE || partition === undefined) return undefined;
  const { errorCode, snapshotId: id, currentLeader, size, position, unalignedRecords } = partition;
  const leader = { leaderId: currentLeader.leaderId, epoch: currentLeader.leaderEpoch };
  return { errorCode, leader, id, size, position, bytes: unalignedRecords ?? Buffer.alloc(0) };
}

function only<P extends { partitionIndex: number }>(topics: readonly { topicName: string; partitions: readonly P[] }[]): P | undefined {
  const [topic] = topics;
  if (topics.length !== 1 || topic?.topicName !== METADATA_TOPIC) return undefined;
  const [partition] = topic.partitions;
  return topic.partitions.length === 1 && partition?.partitionIndex === 0 ? partition : undefined;
}
