/**
 * The groups of one partition of `__consumer_offsets`. Its `decide…` methods change the members' state in memory and return records to be
 * written; its `replay…` methods apply records of the log. As in Apache Kafka, members' state changes with the decision and is written with
 * the assignment; offsets exist only once they are committed.
 */
import type { deleteGroups } from '../../protocol/apis/delete-groups.ts';
import type { heartbeat } from '../../protocol/apis/heartbeat.ts';
import type { offsetDelete } from '../../protocol/apis/offset-delete.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { GroupRecord, GroupRecordIn } from '../../protocol/records/group-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { Deadline } from '../deadline.ts';
import type { CoordinatorShard, RecordOrigin } from '../runtime.ts';
import { ClassicGroup, joinError, syncError } from './classic-group.ts';
import { decideJoin } from './classic-join.ts';
import { loadGroup, type GroupValue } from './classic-loading.ts';
import { groupTimers, touch } from './classic-rebalance.ts';
import { decideHeartbeat, decideLeave, decideSync, type Leaver, type Left } from './classic-session.ts';
import { expiredOffsets } from './offset-expiry.ts';
import { commitError, decideCommit, decideOffsetDelete, type CommitRequest, type CommitResponse } from './offset-requests.ts';
import { OffsetStore, offsetTombstone, type OffsetRecord } from './offset-store.ts';
import type {
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
  readonly groups = new Map<string, ClassicGroup>();
  readonly offsets = new OffsetStore();
  private readonly env: GroupEnvironment;
  private readonly cleanup: Deadline;
  private readonly loading = new Map<string, GroupValue>();

  constructor(env: GroupEnvironment) {
    this.env = env;
    this.cleanup = new Deadline(env.clock, () => this.cleanUp());
  }

  // ── decide ──────────────────────────────────────────────────────────────────────────────────────────────────────

  decideJoin(request: JoinRequest, context: GroupRequestContext, waiter: Waiter<JoinResponse>): GroupDecision | null {
    // Only a request without a member id can create a group; a member id belongs to a group that this coordinator does not know.
    const group = this.groups.get(request.groupId) ?? (request.memberId === '' ? this.create(request.groupId) : undefined);
    if (group !== undefined) return decideJoin(this.env, group, request, context, waiter);
    waiter.respond(joinError(waiter.version, ErrorCode.UNKNOWN_MEMBER_ID, request.memberId));
    return null;
  }

  decideSync(request: SyncRequest, waiter: Waiter<SyncResponse>): GroupDecision | null {
    const group = this.groups.get(request.groupId);
    if (group !== undefined) return decideSync(this.env, group, request, waiter);
    waiter.respond(syncError(ErrorCode.UNKNOWN_MEMBER_ID));
    return null;
  }

  /** The error code of the response. */
  heartbeat(request: RequestOf<typeof heartbeat>): number {
    const group = this.groups.get(request.groupId);
    return group === undefined ? ErrorCode.UNKNOWN_MEMBER_ID : decideHeartbeat(group, request);
  }

  decideLeave(groupId: string, leavers: readonly Leaver[]): { results: Left[]; decision: GroupDecision | null } {
    const group = this.groups.get(groupId);
    if (group !== undefined) return decideLeave(this.env, group, leavers);
    const errorCode = ErrorCode.UNKNOWN_MEMBER_ID;
    return { results: leavers.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId, errorCode })), decision: null };
  }

  decideCommit(request: CommitRequest, version: number, respond: (response: CommitResponse) => void): GroupDecision | null {
    const known = this.groups.get(request.groupId);
    if (known === undefined && request.generationIdOrMemberEpoch >= 0) {
      respond(commitError(request, version >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION));
      return null;
    }
    return decideCommit(this.env, this.offsets, known ?? this.create(request.groupId), request, respond);
  }

  decideOffsetDelete(
    request: RequestOf<typeof offsetDelete>,
    respond: (response: ResponseIn<typeof offsetDelete>) => void,
  ): GroupDecision | null {
    const group = this.groups.get(request.groupId);
    if (group !== undefined) return decideOffsetDelete(this.offsets, group, request, respond);
    respond({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND, topics: [] });
    return null;
  }

  /** Deletes a group without members, and all its offsets, in one batch. */
  decideDelete(groupId: string, respond: (result: ResponseIn<typeof deleteGroups>['results'][number]) => void): GroupDecision | null {
    const group = this.groups.get(groupId);
    if (group === undefined || group.state !== 'Empty') {
      respond({ groupId, errorCode: group === undefined ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.NON_EMPTY_GROUP });
      return null;
    }
    const records: GroupRecordIn[] = [...this.offsets.partitionsOf(groupId).entries()].map(([topic, partition]) =>
      offsetTombstone(groupId, topic, partition),
    );
    return {
      records: [...records, groupTombstone(groupId)],
      settled: (errorCode) => {
        // Unless a member has joined since: then the group remains, without offsets.
        if (errorCode === ErrorCode.NONE) this.drop(group);
        respond({ groupId, errorCode });
        return null;
      },
    };
  }

  /** Offsets of deleted topics are invalid; a topic that is re-created under the name starts without offsets. */
  decideTopicsDeleted(topics: ReadonlySet<string>): GroupDecision[] {
    const records: OffsetRecord[] = [];
    for (const group of this.offsets.groupsWith(topics))
      for (const [topic, partition] of this.offsets.partitionsOf(group).entries())
        if (topics.has(topic)) records.push(offsetTombstone(group, topic, partition));
    return inBatches(records);
  }

  // ── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────

  replayLoaded(record: GroupRecord, origin: RecordOrigin): void {
    if (record.type === 'OffsetCommit') this.offsets.replay(record, origin);
    else if (record.type === 'GroupMetadata') {
      // Only the newest record of a group is loaded.
      if (record.value === null) this.loading.delete(record.key.group);
      else this.loading.set(record.key.group, record.value);
    }
  }

  /** Groups are ahead of their records here, except a group that was deleted while an offset was being committed. */
  replayCommitted(record: GroupRecordIn, origin: RecordOrigin): void {
    if (record.type !== 'OffsetCommit') return;
    this.offsets.replay(record, origin);
    if (record.value !== null && !this.groups.has(record.key.group)) this.create(record.key.group);
  }

  replayMarker(producerId: bigint, outcome: 'commit' | 'abort'): void {
    this.offsets.endTransaction(producerId, outcome);
  }

  onLoaded(): void {
    const { settings, emit } = this.env;
    for (const [groupId, value] of this.loading) {
      try {
        this.groups.set(groupId, loadGroup(this.env, groupId, value));
      } catch (error) {
        // The other groups of the partition are served; this one starts without members.
        const reason = `the record of the group cannot be used (${String(error)}): skipped`;
        this.env.logger.error('Could not load a group', { group: groupId, error });
        emit('node/corruptionFound', groupId, reason, { foundBy: 'decode', records: 1, follows: 'skipped' });
      }
    }
    this.loading.clear();
    for (const groupId of this.offsets.groupIds()) if (!this.groups.has(groupId)) this.create(groupId);
    for (const group of this.groups.values()) {
      for (const member of group.members.values()) touch(member);
      if (group.members.size > 0)
        emit('group/coordinatorMoved', group.groupId, `its coordinator moved to broker ${settings.brokerId}`, {
          coordinator: settings.brokerId,
          generation: group.generation,
          members: group.members.size,
        });
    }
    this.cleanup.set(settings.offsetsRetentionCheckIntervalMs);
  }

  onUnloaded(error: number): void {
    this.cleanup.clear();
    for (const group of this.groups.values()) group.dispose(error);
  }

  // ── upkeep ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Expires offsets, and groups without members and offsets. */
  private cleanUp(): void {
    this.cleanup.set(this.env.settings.offsetsRetentionCheckIntervalMs);
    const records: GroupRecordIn[] = [];
    const idle: ClassicGroup[] = [];
    for (const group of [...this.groups.values()]) {
      const expired = expiredOffsets(this.env, group, this.offsets);
      for (const record of expired) records.push(record);
      if (!this.isIdle(group, expired.length)) continue;
      if (group.persisted) records.push(groupTombstone(group.groupId));
      idle.push(group);
    }
    const dropIdle = (): void => {
      for (const group of idle) if (this.isIdle(group, 0)) this.drop(group);
    };
    if (records.length === 0) dropIdle();
    for (const [i, decision] of inBatches(records).entries()) {
      const isLast = (i + 1) * TOMBSTONES_PER_BATCH >= records.length;
      this.env.perform({
        ...decision,
        settled: (error) => {
          if (error !== ErrorCode.NONE) this.env.logger.warn('Could not delete expired offsets; the next round retries', { error });
          else if (isLast) dropIdle();
          return null;
        },
      });
    }
  }

  /** The group has no members, no pending member ids and no offsets beside the `expiring` ones. */
  private isIdle(group: ClassicGroup, expiring: number): boolean {
    if (group.state !== 'Empty' || group.pendingJoin.size > 0 || this.offsets.isBusy(group.groupId)) return false;
    return [...this.offsets.of(group.groupId).entries()].length === expiring;
  }

  private create(groupId: string): ClassicGroup {
    const group = new ClassicGroup(groupId, this.env.clock.now(), groupTimers(this.env));
    this.groups.set(groupId, group);
    return group;
  }

  private drop(group: ClassicGroup): void {
    if (this.groups.get(group.groupId) !== group || group.state !== 'Empty') return;
    group.dispose(ErrorCode.COORDINATOR_NOT_AVAILABLE);
    group.transition('Dead', this.env.clock.now());
    this.groups.delete(group.groupId);
  }
}

function groupTombstone(group: string): GroupRecordIn {
  return { type: 'GroupMetadata', key: { group }, value: null };
}

function inBatches(records: readonly GroupRecordIn[]): GroupDecision[] {
  const decisions: GroupDecision[] = [];
  for (let i = 0; i < records.length; i += TOMBSTONES_PER_BATCH) decisions.push({ records: records.slice(i, i + TOMBSTONES_PER_BATCH) });
  return decisions;
}
