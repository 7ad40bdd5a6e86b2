/**
 * JoinGroup. From v4 on a new member gets its id first and joins with it (KIP-394). Static members rejoin under their instance id without a
 * rebalance (KIP-345); a static leader can be made to skip the assignment (KIP-814, v9).
 */
import { ErrorCode } from '../../protocol/error-codes.ts';
import { Deadline } from '../deadline.ts';
import type { ClassicGroup } from './classic-group.ts';
import { memberName, newMemberId, protocolsOf, sameProtocols, touch, type ClassicMember } from './classic-member.ts';
import { completeIfAllJoined, prepareOrComplete, prepareRebalance, sessionOver } from './classic-rebalance.ts';
import { groupRecord } from './classic-record.ts';
import { joinError } from './classic-responses.ts';
import { clientReason } from './reason-text.ts';
import type { GroupChange, GroupEnvironment, GroupRequestContext, JoinRequest, JoinResponse, Waiter } from './types.ts';

interface Join {
  readonly env: GroupEnvironment;
  readonly group: ClassicGroup;
  readonly request: JoinRequest;
  readonly context: GroupRequestContext;
  readonly waiter: Waiter<JoinResponse>;
  /** `; reason: …` with a reason of the client (KIP-800), else empty. */
  readonly because: string;
}

/** Decides a JoinGroup of an existing group; `waiter` is answered now or when the rebalance completes. */
export function decideJoin(
  env: GroupEnvironment,
  group: ClassicGroup,
  request: JoinRequest,
  context: GroupRequestContext,
  waiter: Waiter<JoinResponse>,
): GroupChange | null {
  const because = clientReason(request.reason);
  const join: Join = { env, group, request, context, waiter, because };
  if (!isAccepted(join)) {
    refuse(join, ErrorCode.GROUP_MAX_SIZE_REACHED, '');
    group.takePendingJoin(request.memberId);
    const known = group.members.get(request.memberId);
    if (known !== undefined) {
      const reason = `member ${memberName(known)} did not fit into a group of ${env.settings.maxSize}`;
      group.remove(known, ErrorCode.GROUP_MAX_SIZE_REACHED);
      env.emit('group/memberExpired', group.groupId, reason, { memberId: known.memberId });
    }
    return completeIfAllJoined(env, group);
  }
  if (!group.supports(request.protocolType, request.protocols)) return refuse(join, ErrorCode.INCONSISTENT_GROUP_PROTOCOL);
  return request.memberId === '' ? joinNew(join) : joinKnown(join);
}

function refuse({ waiter, request }: Join, error: number, memberId = request.memberId): null {
  waiter.respond(joinError(waiter.version, error, memberId));
  return null;
}

/** Whether another member fits. While a rebalance is prepared only waiting members count: the others may not rejoin. */
function isAccepted({ env, group, request }: Join): boolean {
  const member = group.members.get(request.memberId);
  const { maxSize } = env.settings;
  if (request.memberId === '' && request.groupInstanceId === null && group.pendingJoin.size >= maxSize) return false;
  switch (group.state) {
    case 'Empty':
    case 'Dead':
      return true;
    case 'PreparingRebalance':
      return (member !== undefined && member.awaitingJoin !== null) || group.awaitingJoin < maxSize;
    case 'CompletingRebalance':
    case 'Stable':
      return member !== undefined || group.members.size < maxSize;
  }
}

function joinNew(join: Join): GroupChange | null {
  const { env, group, request, context } = join;
  const instanceId = request.groupInstanceId;
  const memberId = newMemberId(env.random, context.clientId ?? '', instanceId);
  if (instanceId !== null) {
    const current = group.staticMemberId(instanceId);
    const member = current === undefined ? undefined : group.members.get(current);
    return member === undefined ? addMember(join, memberId) : replaceStaticMember(join, member, memberId);
  }
  if (context.version < 4) return addMember(join, memberId);
  const deadline = new Deadline(env.clock, () => {
    group.pendingJoin.delete(memberId);
    env.perform(completeIfAllJoined(env, group));
  });
  deadline.set(request.sessionTimeoutMs);
  group.pendingJoin.set(memberId, deadline);
  return refuse(join, ErrorCode.MEMBER_ID_REQUIRED, memberId);
}

function joinKnown(join: Join): GroupChange | null {
  const { group, request, waiter } = join;
  const { memberId, groupInstanceId } = request;
  if (group.pendingJoin.has(memberId) && groupInstanceId === null) return addMember(join, memberId);
  const error = group.validateMember(memberId, groupInstanceId);
  const member = group.members.get(memberId);
  if (error !== ErrorCode.NONE || member === undefined) return refuse(join, error === ErrorCode.NONE ? ErrorCode.UNKNOWN_MEMBER_ID : error);
  const name = memberName(member);
  const unchanged = sameProtocols(member.protocols, protocolsOf(request));
  switch (group.state) {
    case 'PreparingRebalance':
      return updateMember(join, member, `member ${name} rejoined`);
    case 'CompletingRebalance':
      // A retry: the response to the first JoinGroup was lost.
      if (unchanged) break;
      return updateMember(join, member, `member ${name} changed what it subscribes to`);
    case 'Stable':
      // The leader may have noticed changes that no member's metadata shows, such as new partitions.
      if (group.isLeader(memberId)) return updateMember(join, member, `leader ${name} asked for a new assignment`);
      if (!unchanged) return updateMember(join, member, `member ${name} changed what it subscribes to`);
      break;
    case 'Empty':
    case 'Dead':
      return refuse(join, ErrorCode.UNKNOWN_MEMBER_ID);
  }
  touch(member);
  waiter.respond(group.joinResponse(member, waiter.version));
  return null;
}

function rebalanceTimeout(request: JoinRequest): number {
  return request.rebalanceTimeoutMs < 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs;
}

function addMember({ env, group, request, context, waiter, because }: Join, memberId: string): GroupChange | null {
  const member: ClassicMember = {
    memberId,
    instanceId: request.groupInstanceId,
    clientId: context.clientId ?? '',
    clientHost: context.clientHost,
    rebalanceTimeoutMs: rebalanceTimeout(request),
    sessionTimeoutMs: request.sessionTimeoutMs,
    protocolType: request.protocolType,
    protocols: protocolsOf(request),
    assignment: Buffer.alloc(0),
    isNew: true,
    awaitingJoin: null,
    awaitingSync: null,
    session: new Deadline(env.clock, () => env.perform(sessionOver(env, group, member))),
  };
  if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.newMemberAdded = true;
  group.add(member, waiter);
  member.session.set(env.settings.newMemberJoinTimeoutMs);
  const reason = `member ${memberName(member)} joined${because}`;
  env.emit('group/memberJoined', group.groupId, reason, {
    memberId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    members: group.members.size,
  });
  return prepareOrComplete(env, group, reason);
}

function updateMember({ env, group, request, context, waiter, because }: Join, member: ClassicMember, reason: string): GroupChange | null {
  group.update(member, protocolsOf(request), rebalanceTimeout(request), request.sessionTimeoutMs);
  member.clientId = context.clientId ?? '';
  member.clientHost = context.clientHost;
  group.awaitJoin(member, waiter);
  touch(member);
  return prepareOrComplete(env, group, reason + because);
}

/**
 * A static member rejoined, probably after a restart. While the group is stable and would choose the same protocol, the member keeps its
 * assignment and no other member is affected; its new id is written first.
 */
function replaceStaticMember(join: Join, member: ClassicMember, newId: string): GroupChange | null {
  const { env, group, request, context, waiter } = join;
  const oldId = member.memberId;
  const { protocols, rebalanceTimeoutMs, sessionTimeoutMs, clientId, clientHost } = member;
  const formerLeader = group.leaderId;
  group.replaceStatic(member, newId);
  group.update(member, protocolsOf(request), rebalanceTimeout(request), request.sessionTimeoutMs);
  member.clientId = context.clientId ?? '';
  member.clientHost = context.clientHost;
  group.awaitJoin(member, waiter);
  touch(member);
  const name = memberName(member);
  if (group.state === 'CompletingRebalance') {
    // The leader may already have assigned partitions to the old id.
    return prepareRebalance(env, group, `static member ${name} rejoined while partitions were being assigned`);
  }
  if (group.state !== 'Stable') return completeIfAllJoined(env, group);
  if (group.selectProtocol() !== group.protocolName) {
    return prepareRebalance(env, group, `static member ${name} rejoined with other protocols`);
  }
  const { generation } = group;
  return {
    records: [groupRecord(group)],
    complete(error) {
      const isOurs = group.members.get(newId) === member && member.awaitingJoin === waiter;
      // A rebalance has started meanwhile: this member waits for it like the others.
      if (!isOurs || group.state !== 'Stable' || group.generation !== generation) return null;
      if (error !== ErrorCode.NONE) {
        group.answerJoin(member, joinError(waiter.version, error));
        group.update(member, protocols, rebalanceTimeoutMs, sessionTimeoutMs);
        member.clientId = clientId;
        member.clientHost = clientHost;
        group.replaceStatic(member, oldId);
        touch(member);
        return null;
      }
      touch(member);
      env.emit('group/memberJoined', group.groupId, `static member ${name} rejoined and keeps its assignment`, {
        memberId: newId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        members: group.members.size,
      });
      const leads = group.isLeader(newId);
      if (waiter.version >= 9) group.answerJoin(member, group.joinResponse(member, waiter.version, { skipAssignment: leads }));
      // Older clients cannot skip the assignment: the response names the group's previous leader id, so they do not assign.
      else group.answerJoin(member, group.joinResponse(member, waiter.version, { leader: formerLeader ?? '', withMembers: false }));
      return null;
    },
  };
}
