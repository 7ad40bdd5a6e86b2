/** SyncGroup, Heartbeat and LeaveGroup: requests of a member between two JoinGroups. */
import type { leaveGroup } from '../../protocol/apis/leave-group.ts';
import type { heartbeat } from '../../protocol/apis/heartbeat.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf } from '../../protocol/schema.ts';
import type { ClassicGroup } from './classic-group.ts';
import { memberName, touch, type ClassicMember } from './classic-member.ts';
import { afterRemoval, completeIfAllJoined, completeSync, prepareOrComplete, resetAssignment, syncResponse } from './classic-rebalance.ts';
import { groupRecord } from './classic-record.ts';
import { syncError } from './classic-responses.ts';
import { clientReason, membersByName } from './reason-text.ts';
import type { GroupChange, GroupEnvironment, SyncRequest, SyncResponse, Waiter } from './types.ts';

export function decideSync(
  env: GroupEnvironment,
  group: ClassicGroup,
  request: SyncRequest,
  waiter: Waiter<SyncResponse>,
): GroupChange | null {
  const error = validateSync(group, request);
  const member = group.members.get(request.memberId);
  if (error !== ErrorCode.NONE || member === undefined) {
    waiter.respond(syncError(error));
    return null;
  }
  switch (group.state) {
    case 'PreparingRebalance':
      touch(member);
      waiter.respond(syncError(ErrorCode.REBALANCE_IN_PROGRESS));
      return null;
    case 'CompletingRebalance':
      group.awaitSync(member, waiter);
      sawSync(group, member.memberId);
      return group.isLeader(member.memberId) && !group.assignmentInFlight ? writeAssignment(env, group, request) : null;
    case 'Stable':
      sawSync(group, member.memberId);
      touch(member);
      waiter.respond(syncResponse(group, member));
      return null;
    case 'Empty':
    case 'Dead':
      waiter.respond(syncError(ErrorCode.UNKNOWN_MEMBER_ID));
      return null;
  }
}

function validateSync(group: ClassicGroup, request: SyncRequest): number {
  const error = group.validateMember(request.memberId, request.groupInstanceId);
  if (error !== ErrorCode.NONE) return error;
  if (request.generationId !== group.generation) return ErrorCode.ILLEGAL_GENERATION;
  const differs = (theirs: string | null, ours: string | null): boolean => theirs !== null && ours !== null && theirs !== ours;
  if (differs(request.protocolType, group.protocolType) || differs(request.protocolName, group.protocolName))
    return ErrorCode.INCONSISTENT_GROUP_PROTOCOL;
  return ErrorCode.NONE;
}

function sawSync(group: ClassicGroup, memberId: string): void {
  group.pendingSync.delete(memberId);
  if (group.pendingSync.size === 0) group.syncTimer.clear();
}

/** The leader's assignment is committed before any member gets it, so that no failover can lose an assignment in use. */
function writeAssignment(env: GroupEnvironment, group: ClassicGroup, request: SyncRequest): GroupChange {
  const assignments = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)]));
  const { generation } = group;
  group.assignmentInFlight = true;
  return {
    records: [groupRecord(group, assignments)],
    complete(error) {
      if (group.state !== 'CompletingRebalance' || group.generation !== generation) return null;
      if (error === ErrorCode.NONE) {
        completeSync(env, group, assignments);
        return null;
      }
      resetAssignment(group, error);
      return prepareOrComplete(env, group, 'the assignment could not be stored');
    },
  };
}

/** The error code of the response. */
export function decideHeartbeat(group: ClassicGroup, request: RequestOf<typeof heartbeat>): number {
  const error = group.validateMember(request.memberId, request.groupInstanceId);
  const member = group.members.get(request.memberId);
  if (error !== ErrorCode.NONE || member === undefined) return error;
  if (request.generationId !== group.generation) return ErrorCode.ILLEGAL_GENERATION;
  switch (group.state) {
    case 'PreparingRebalance':
      touch(member);
      return ErrorCode.REBALANCE_IN_PROGRESS;
    case 'CompletingRebalance':
    case 'Stable':
      touch(member);
      return ErrorCode.NONE;
    case 'Empty':
    case 'Dead':
      return ErrorCode.UNKNOWN_MEMBER_ID;
  }
}

export type Leaver = RequestOf<typeof leaveGroup>['members'][number];
export interface Left {
  memberId: string;
  groupInstanceId: string | null;
  errorCode: number;
}

/** Removes all leaving members, then rebalances once. */
export function decideLeave(
  env: GroupEnvironment,
  group: ClassicGroup,
  leavers: readonly Leaver[],
): { results: Left[]; change: GroupChange | null } {
  const removed: ClassicMember[] = [];
  let unjoined = 0;
  const results = leavers.map((leaver): Left => {
    const { memberId, groupInstanceId } = leaver;
    const result = (errorCode: number): Left => ({ memberId, groupInstanceId, errorCode });
    if (memberId !== '' && group.takePendingJoin(memberId)) {
      unjoined++;
      return result(ErrorCode.NONE);
    }
    // An administrator names a static member by its instance id alone (KIP-345).
    const id = memberId === '' && groupInstanceId !== null ? (group.staticMemberId(groupInstanceId) ?? '') : memberId;
    const error = group.validateMember(id, groupInstanceId);
    const member = group.members.get(id);
    if (error !== ErrorCode.NONE || member === undefined) return result(error);
    group.remove(member, ErrorCode.UNKNOWN_MEMBER_ID);
    const because = clientReason(leaver.reason);
    env.emit('group/memberLeft', group.groupId, `member ${memberName(member)} left${because}`, {
      memberId: id,
      members: group.members.size,
    });
    removed.push(member);
    return result(ErrorCode.NONE);
  });
  if (removed.length > 0) return { results, change: afterRemoval(env, group, `${membersByName(removed)} left`) };
  // A pending member id has no assignment, but a rebalance may have waited for it alone.
  return { results, change: unjoined > 0 ? completeIfAllJoined(env, group) : null };
}
