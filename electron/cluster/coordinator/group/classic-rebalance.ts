/**
 * The rebalance of a classic group, from one generation to the next. Rules and names follow Apache Kafka's coordinator (KIP-62, KIP-134,
 * KIP-345, KIP-394).
 */
import { ErrorCode } from '../../protocol/error-codes.ts';
import { Deadline } from '../deadline.ts';
import type { ClassicGroup } from './classic-group.ts';
import { memberName, touch, type ClassicMember } from './classic-member.ts';
import { groupRecord } from './classic-record.ts';
import { syncError } from './classic-responses.ts';
import { membersByName, seconds } from './reason-text.ts';
import type { GroupChange, GroupEnvironment, SyncResponse } from './types.ts';

/** Members listed in an event. */
const MAX_NAMED = 10;

/** Timers of a new group. */
export function groupTimers(env: GroupEnvironment): (group: ClassicGroup) => { join: Deadline; sync: Deadline } {
  return (group) => ({
    join: new Deadline(env.clock, () => env.perform(joinPhaseOver(env, group))),
    sync: new Deadline(env.clock, () => env.perform(syncPhaseOver(env, group))),
  });
}

/** A member joined, left or changed: starts a rebalance, or completes one that waited only for this. */
export function prepareOrComplete(env: GroupEnvironment, group: ClassicGroup, reason: string): GroupChange | null {
  if (group.state === 'Stable' || group.state === 'CompletingRebalance' || group.state === 'Empty')
    return prepareRebalance(env, group, reason);
  return completeIfAllJoined(env, group);
}

export function prepareRebalance(env: GroupEnvironment, group: ClassicGroup, reason: string): GroupChange | null {
  if (group.state === 'CompletingRebalance') resetAssignment(group, ErrorCode.REBALANCE_IN_PROGRESS);
  group.syncTimer.clear();
  group.pendingSync.clear();
  const initial = group.state === 'Empty';
  group.transition('PreparingRebalance', env.clock.now());
  group.rebalanceReason = reason;
  group.rebalanceStartedAt = env.clock.monotonic();
  group.waitedFor = [];
  env.emit('group/rebalanceStarted', group.groupId, reason, { generation: group.generation, members: group.members.size });
  if (initial) {
    // Members usually start together: wait for the initial delay, and extend it with every new member (KIP-134).
    group.newMemberAdded = false;
    group.joinTimer.set(env.settings.initialRebalanceDelayMs);
    return null;
  }
  if (group.allJoined) return completeJoin(env, group);
  group.joinTimer.set(group.rebalanceTimeoutMs);
  return null;
}

/** Completes the join phase at once when no member is missing. The initial delay always runs to its end. */
export function completeIfAllJoined(env: GroupEnvironment, group: ClassicGroup): GroupChange | null {
  if (group.state !== 'PreparingRebalance' || group.previousState === 'Empty' || !group.allJoined) return null;
  return completeJoin(env, group);
}

function joinPhaseOver(env: GroupEnvironment, group: ClassicGroup): GroupChange | null {
  if (group.state !== 'PreparingRebalance') return null;
  if (group.previousState === 'Empty' && group.newMemberAdded) {
    const spent = env.clock.monotonic() - group.rebalanceStartedAt;
    const remaining = group.rebalanceTimeoutMs - spent;
    if (remaining > 0) {
      group.newMemberAdded = false;
      group.joinTimer.set(Math.min(env.settings.initialRebalanceDelayMs, remaining));
      return null;
    }
  }
  return completeJoin(env, group);
}

/** Removes members that did not rejoin, starts the next generation and answers all pending JoinGroups. */
function completeJoin(env: GroupEnvironment, group: ClassicGroup): GroupChange | null {
  group.joinTimer.clear();
  for (const member of [...group.members.values()]) {
    // A static member remains until its session expires, so that a restart causes no rebalance (KIP-345).
    if (member.awaitingJoin !== null || member.instanceId !== null) continue;
    group.remove(member, ErrorCode.UNKNOWN_MEMBER_ID);
    const waitedMs = env.clock.monotonic() - group.rebalanceStartedAt;
    noteWait(group, member);
    env.emit('group/memberExpired', group.groupId, `member ${memberName(member)} did not rejoin within ${seconds(waitedMs)}`, {
      memberId: member.memberId,
      silentMs: Math.round(waitedMs),
    });
  }
  if (group.members.size > 0 && !group.electJoinedLeader()) {
    // Only absent static members are left. Their sessions decide.
    group.joinTimer.set(group.rebalanceTimeoutMs);
    return null;
  }
  group.nextGeneration(env.clock.now());
  if (group.state === 'Empty') {
    rebalanced(env, group);
    return {
      records: [groupRecord(group)],
      complete(error) {
        if (error !== ErrorCode.NONE) env.logger.warn('Could not write the record of an empty group', { group: group.groupId, error });
        return null;
      },
    };
  }
  for (const member of group.members.values()) {
    group.pendingSync.add(member.memberId);
    member.isNew = false;
    touch(member);
    if (member.awaitingJoin !== null) group.answerJoin(member, group.joinResponse(member, member.awaitingJoin.version));
  }
  group.syncTimer.set(group.rebalanceTimeoutMs);
  return null;
}

/** Removes members that joined but did not fetch their assignment in time. */
function syncPhaseOver(env: GroupEnvironment, group: ClassicGroup): GroupChange | null {
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return null;
  const late = [...group.pendingSync].flatMap((memberId) => group.members.get(memberId) ?? []);
  group.pendingSync.clear();
  if (late.length === 0) return null;
  const waited = seconds(group.rebalanceTimeoutMs);
  for (const member of late) {
    group.remove(member, ErrorCode.UNKNOWN_MEMBER_ID);
    env.emit('group/memberExpired', group.groupId, `member ${memberName(member)} did not fetch its assignment within ${waited}`, {
      memberId: member.memberId,
    });
  }
  return prepareRebalance(env, group, `${membersByName(late)} did not fetch the assignment within ${waited}`);
}

/** The assignment is committed: sends it to the members. */
export function completeSync(env: GroupEnvironment, group: ClassicGroup, assignments: ReadonlyMap<string, Buffer>): void {
  for (const member of group.members.values()) member.assignment = assignments.get(member.memberId) ?? Buffer.alloc(0);
  group.transition('Stable', env.clock.now());
  for (const member of group.members.values()) {
    if (group.answerSync(member, syncResponse(group, member))) touch(member);
  }
  rebalanced(env, group);
}

/** Clears all assignments and answers pending SyncGroups with the error. */
export function resetAssignment(group: ClassicGroup, error: number): void {
  group.assignmentInFlight = false;
  for (const member of group.members.values()) {
    member.assignment = Buffer.alloc(0);
    if (group.answerSync(member, syncError(error))) touch(member);
  }
}

export function syncResponse(group: ClassicGroup, member: ClassicMember): SyncResponse {
  return {
    errorCode: ErrorCode.NONE,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    assignment: member.assignment,
  };
}

/** Removes a member that left or whose session expired. */
export function removeMember(env: GroupEnvironment, group: ClassicGroup, member: ClassicMember, reason: string): GroupChange | null {
  group.remove(member, ErrorCode.UNKNOWN_MEMBER_ID);
  return afterRemoval(env, group, reason);
}

export function afterRemoval(env: GroupEnvironment, group: ClassicGroup, reason: string): GroupChange | null {
  if (group.state === 'Stable' || group.state === 'CompletingRebalance') return prepareRebalance(env, group, reason);
  return completeIfAllJoined(env, group);
}

/**
 * A member's session timed out. A member with a pending request counts as alive, except a new one, whose wait is limited.
 */
export function sessionOver(env: GroupEnvironment, group: ClassicGroup, member: ClassicMember): GroupChange | null {
  if (group.members.get(member.memberId) !== member) return null;
  if (!member.isNew && (member.awaitingJoin !== null || member.awaitingSync !== null)) return null;
  if (!member.isNew && env.requestsHeld()) {
    touch(member);
    return null;
  }
  const silentMs = member.isNew ? env.settings.newMemberJoinTimeoutMs : member.sessionTimeoutMs;
  const silence = seconds(silentMs);
  const reason = member.isNew
    ? `member ${memberName(member)} waited ${silence} to join`
    : `member ${memberName(member)} sent no heartbeat for ${silence}`;
  if (group.state === 'PreparingRebalance') noteWait(group, member);
  env.emit('group/memberExpired', group.groupId, reason, { memberId: member.memberId, clientHost: member.clientHost, silentMs });
  return removeMember(env, group, member, reason);
}

function noteWait(group: ClassicGroup, member: ClassicMember): void {
  if (group.waitedFor.length < MAX_NAMED) group.waitedFor.push(memberName(member));
}

function rebalanced(env: GroupEnvironment, group: ClassicGroup): void {
  const tookMs = Math.round(env.clock.monotonic() - group.rebalanceStartedAt);
  const { waitedFor, rebalanceReason } = group;
  const waited = `${rebalanceReason}; it waited ${seconds(tookMs)} for ${waitedFor.join(', ')}, whose session had not expired`;
  env.emit('group/rebalanced', group.groupId, waitedFor.length === 0 ? rebalanceReason : waited, {
    generation: group.generation,
    members: group.members.size,
    protocol: group.protocolName,
    tookMs,
    ...(waitedFor.length === 0 ? {} : { waitedFor: [...waitedFor] }),
  });
}
