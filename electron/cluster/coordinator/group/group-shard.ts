/**
 * The groups of one partition of `__consumer_offsets`. Members' state changes with a decision and is written with the assignment, as in Apache
 * Kafka. Groups and offsets are created and deleted when their records are applied, and clients read that once the records are committed.
 */
import type { heartbeat } from '../../protocol/apis/heartbeat.ts';
import type { offsetDelete } from '../../protocol/apis/offset-delete.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { GroupRecord, GroupRecordIn } from '../../protocol/records/group-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { Deadline } from '../deadline.ts';
import type { CoordinatorShard, RecordOrigin } from '../decision.ts';
import { ClassicGroup } from './classic-group.ts';
import { decideJoin } from './classic-join.ts';
import { loadGroup, type GroupValue } from './classic-loading.ts';
import { groupTimers } from './classic-rebalance.ts';
import { joinError, syncError } from './classic-responses.ts';
import { decideHeartbeat, decideLeave, decideSync, type Leaver, type Left } from './classic-session.ts';
import { expiredOffsets } from './offset-expiry.ts';
import { GroupMap } from './group-map.ts';
import type { Group } from './group.ts';
import { decideCommit, decideOffsetDelete, fetchOffsets, type FetchedGroup, type GroupToFetch } from './offset-requests.ts';
import { OffsetStore, offsetTombstone, type OffsetRecord } from './offset-store.ts';
import type {
  CommitRequest,
  CommitResponse,
  DeletedGroup,
  GroupChange,
  GroupDecision,
  GroupEnvironment,
  GroupRequestContext,
  JoinRequest,
  JoinResponse,
  SyncRequest,
  SyncResponse,
  Waiter,
} from './types.ts';

/** Maximum tombstones in one batch. */
const TOMBSTONES_PER_BATCH = 1000;

export class GroupShard implements CoordinatorShard<GroupRecordIn, GroupRecord> {
  readonly groups = new GroupMap();
  readonly offsets = new OffsetStore();
  private readonly env: GroupEnvironment;
  private readonly cleanup: Deadline;
  private readonly loading = new Map<string, GroupValue>();

  constructor(env: GroupEnvironment) {
    this.env = env;
    this.cleanup = new Deadline(env.clock, () => this.cleanUp());
  }

  // ── decide ──────────────────────────────────────────────────────────────────────────────────────────────────────

  decideJoin(request: JoinRequest, context: GroupRequestContext, waiter: Waiter<JoinResponse>): GroupChange | null {
    // Only a request without a member id can create a group; a member id belongs to a group that this coordinator does not know.
    const known = this.groups.get(request.groupId);
    const group = known === undefined && request.memberId === '' ? this.create(request.groupId) : known;
    if (group !== undefined && !(group instanceof ClassicGroup)) {
      waiter.respond(joinError(waiter.version, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, request.memberId));
      return null;
    }
    if (group !== undefined) {
      // An uncommitted offset alone may have created it.
      this.groups.add(group);
      return decideJoin(this.env, group, request, context, waiter);
    }
    waiter.respond(joinError(waiter.version, ErrorCode.UNKNOWN_MEMBER_ID, request.memberId));
    return null;
  }

  decideSync(request: SyncRequest, waiter: Waiter<SyncResponse>): GroupChange | null {
    const group = this.classic(request.groupId);
    if (group !== undefined) return decideSync(this.env, group, request, waiter);
    waiter.respond(syncError(ErrorCode.UNKNOWN_MEMBER_ID));
    return null;
  }

  /** The error code of the response. */
  heartbeat(request: RequestOf<typeof heartbeat>): number {
    const group = this.classic(request.groupId);
    return group === undefined ? ErrorCode.UNKNOWN_MEMBER_ID : decideHeartbeat(group, request);
  }

  decideLeave(groupId: string, leavers: readonly Leaver[]): { results: Left[]; change: GroupChange | null } {
    const group = this.classic(groupId);
    if (group !== undefined) return decideLeave(this.env, group, leavers);
    const errorCode = ErrorCode.UNKNOWN_MEMBER_ID;
    return { results: leavers.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode })), change: null };
  }

  /** Throws the error of an invalid commit. */
  decideCommit(request: CommitRequest, version: number): GroupDecision<CommitResponse> {
    const group = this.groups.get(request.groupId);
    if (group === undefined && request.generationIdOrMemberEpoch >= 0)
      throw new KafkaError(version >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION);
    const decision = decideCommit(this.env, group, request);
    // Without records the group exists in memory only, as in Apache Kafka.
    if (group === undefined && decision.records.length === 0) this.groups.add(this.create(request.groupId));
    return decision;
  }

  /** Throws GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP. */
  decideOffsetDelete(request: RequestOf<typeof offsetDelete>): GroupDecision<ResponseIn<typeof offsetDelete>> {
    const group = this.groups.get(request.groupId);
    if (group === undefined) throw new KafkaError(ErrorCode.GROUP_ID_NOT_FOUND);
    return decideOffsetDelete(this.offsets, group, request);
  }

  /** Deletes a group without members, and all its offsets, in one batch. */
  decideDelete(groupId: string): GroupDecision<DeletedGroup> {
    const group = this.groups.get(groupId);
    if (group === undefined) return { records: [], response: { groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND } };
    if (!group.isEmpty) return { records: [], response: { groupId, errorCode: ErrorCode.NON_EMPTY_GROUP } };
    const records: GroupRecordIn[] = [...this.offsets.partitionsOf(groupId).entries()].map(([topic, partition]) =>
      offsetTombstone(groupId, topic, partition),
    );
    return { records: [...records, groupTombstone(groupId)], response: { groupId, errorCode: ErrorCode.NONE } };
  }

  /** Committed offsets of a group. */
  fetchOffsets(request: GroupToFetch, requireStable: boolean): FetchedGroup {
    return fetchOffsets(this.offsets, this.groups.read(request.groupId), request, requireStable);
  }

  /** Offsets of deleted topics are invalid; a topic that is re-created under the name starts without offsets. */
  decideTopicsDeleted(topics: ReadonlySet<string>): GroupChange[] {
    const records: OffsetRecord[] = [];
    for (const group of this.offsets.groupsWith(topics))
      for (const [topic, partition] of this.offsets.partitionsOf(group).entries())
        if (topics.has(topic)) records.push(offsetTombstone(group, topic, partition));
    return inBatches(records);
  }

  // ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────

  load(record: GroupRecord, origin: RecordOrigin): void {
    if (record.type === 'OffsetCommit') this.offsets.load(record, origin);
    else if (record.type === 'GroupMetadata') {
      // Only the newest record of a group is loaded.
      if (record.value === null) this.loading.delete(record.key.group);
      else this.loading.set(record.key.group, record.value);
    }
  }

  /** A group's members are ahead of its record, so only its existence follows from records: a group exists while it has a record or an offset. */
  apply(record: GroupRecordIn, origin: RecordOrigin): void {
    if (record.type === 'OffsetCommit') {
      const { group } = record.key;
      this.offsets.apply(record, origin);
      if (record.value !== null && this.groups.get(group) === undefined) this.groups.applyAdded(this.create(group));
    } else if (record.type === 'GroupMetadata' && record.value === null) {
      const { group } = record.key;
      this.groups.get(group)?.dispose(ErrorCode.COORDINATOR_NOT_AVAILABLE);
      if (this.offsets.partitionsOf(group).isEmpty) this.groups.applyDeleted(group);
      else this.groups.applyAdded(this.create(group));
    }
  }

  commit(record: GroupRecordIn, origin: RecordOrigin): void {
    if (record.type === 'OffsetCommit') {
      const { group } = record.key;
      this.offsets.commit(record, origin);
      if (record.value !== null) this.groups.commitAdded(group, () => this.create(group));
    } else if (record.type === 'GroupMetadata' && record.value === null) {
      const { group } = record.key;
      this.groups.commitDeleted(group)?.end(this.env.clock.now());
      if (!this.offsets.of(group).isEmpty) this.groups.commitAdded(group, () => this.create(group));
    }
  }

  endTransaction(producerId: bigint, outcome: 'commit' | 'abort'): void {
    this.offsets.endTransaction(producerId, outcome);
  }

  onLoaded(): void {
    const { settings, emit } = this.env;
    for (const [groupId, value] of this.loading) {
      try {
        this.groups.add(loadGroup(this.env, groupId, value));
      } catch (error) {
        // The other groups of the partition are served; this one starts without members.
        const reason = `the record of the group cannot be used (${String(error)}): skipped`;
        this.env.logger.error('Could not load a group', { group: groupId, error });
        emit('node/corruptionFound', groupId, reason, { foundBy: 'decode', records: 1, follows: 'skipped' });
      }
    }
    this.loading.clear();
    for (const groupId of this.offsets.groupIds()) if (this.groups.get(groupId) === undefined) this.groups.add(this.create(groupId));
    for (const group of this.groups.values()) {
      group.startSessions();
      if (group.memberCount > 0)
        emit('group/coordinatorMoved', group.groupId, `its coordinator moved to broker ${settings.brokerId}`, {
          coordinator: settings.brokerId,
          generation: group.generation,
          members: group.memberCount,
        });
    }
    this.cleanup.set(settings.offsetsRetentionCheckIntervalMs);
    this.deleteStaleOffsets();
  }

  onUnloaded(error: number): void {
    this.cleanup.clear();
    for (const group of this.groups.values()) group.dispose(error);
  }

  // ── upkeep ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Expires offsets, and groups without members and offsets. */
  private cleanUp(): void {
    this.cleanup.set(this.env.settings.offsetsRetentionCheckIntervalMs);
    this.deleteStaleOffsets();
    const records: GroupRecordIn[] = [];
    const unrecorded: Group[] = [];
    for (const group of [...this.groups.values()]) {
      const expired = expiredOffsets(this.env, group, this.offsets);
      for (const record of expired) records.push(record);
      if (!this.isIdle(group, expired.length)) continue;
      if (group.persisted) records.push(groupTombstone(group.groupId));
      else unrecorded.push(group);
    }
    const dropUnrecorded = (): void => {
      for (const group of unrecorded) if (this.isIdle(group, 0)) this.drop(group);
    };
    if (records.length === 0) dropUnrecorded();
    for (const [i, change] of inBatches(records).entries()) {
      const isLast = (i + 1) * TOMBSTONES_PER_BATCH >= records.length;
      this.env.perform({
        ...change,
        complete: (error) => {
          if (error !== ErrorCode.NONE) this.env.logger.warn('Could not delete expired offsets; the next round retries', { error });
          else if (isLast) dropUnrecorded();
          return null;
        },
      });
    }
  }

  /**
   * Deletes offsets of topics that were deleted while this partition had no coordinator, or while it was loading. An offset was committed when
   * the image of its coordinator had the topic, and this image is newer, so a topic that it lacks was deleted. Without an id in the record, an
   * offset of a re-created topic is not distinguishable from one of its predecessor.
   */
  private deleteStaleOffsets(): void {
    const { topics } = this.env.image();
    const isStale = (name: string, topicId: string): boolean => {
      const topic = topics.get(name);
      return topic === undefined || (topicId !== ZERO_UUID && topicId !== topic.id);
    };
    const records: OffsetRecord[] = [];
    for (const group of this.offsets.groupIds())
      for (const [topic, partition, { topicId }] of this.offsets.of(group).entries())
        if (isStale(topic, topicId) && !this.offsets.isUncommitted(group, topic, partition))
          records.push(offsetTombstone(group, topic, partition));
    for (const change of inBatches(records)) this.env.perform(change);
  }

  /** The group has no members, no pending member ids and no offsets beside the `expiring` ones. */
  private isIdle(group: Group, expiring: number): boolean {
    if (!group.isAbandoned || this.offsets.isBusy(group.groupId)) return false;
    return [...this.offsets.of(group.groupId).entries()].length === expiring;
  }

  /** The members of other groups use other requests. */
  private classic(groupId: string): ClassicGroup | undefined {
    const group = this.groups.get(groupId);
    return group instanceof ClassicGroup ? group : undefined;
  }

  private create(groupId: string): ClassicGroup {
    return new ClassicGroup(groupId, this.env.clock.now(), groupTimers(this.env));
  }

  private drop(group: Group): void {
    if (this.groups.get(group.groupId) !== group || !group.isEmpty) return;
    group.dispose(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    group.end(this.env.clock.now());
    this.groups.remove(group.groupId);
  }
}

function groupTombstone(group: string): GroupRecordIn {
  return { type: 'GroupMetadata', key: { group }, value: null };
}

function inBatches(records: readonly GroupRecordIn[]): GroupChange[] {
  const changes: GroupChange[] = [];
  for (let i = 0; i < records.length; i += TOMBSTONES_PER_BATCH) changes.push({ records: records.slice(i, i + TOMBSTONES_PER_BATCH) });
  return changes;
}
