/**
 * How a classic group gets from one generation to the next. Rules and names follow Apache Kafka's coordinator (KIP-62,
 * KIP-134, KIP-345, KIP-394).
 */
import { ErrorCode } from '../../protocol/error-codes.ts';
import { Deadline } from '../deadline.ts';
import { syncError, type ClassicGroup } from './classic-group.ts';
import { memberName, type ClassicMember } from './classic-member.ts';
import { membersByName, seconds } from './words.ts';
import type { GroupDecision, GroupEnvironment, SyncResponse } from './types.ts';

/** Members that an event names. */
const MAX_NAMED = 10;

/** Starts or restarts the wait until a member must have been heard of. */
export function touch(member: ClassicMember): void {
  member.session.set(member.sessionTimeoutMs);
}

/** Timers of a new group. */
export function groupTimers(env: GroupEnvironment): (group: ClassicGroup) => { join: Deadline; sync: Deadline } {
  return (group) => ({
    join: new Deadline(env.clock, () => env.perform(joinPhaseOver(env, group))),
    sync: new Deadline(env.clock, () => env.perform(syncPhaseOver(env, group))),
  });
}

/** A member came, went or changed: begins a rebalance, or ends the one that waited only for this. */
export function prepareOrComplete(env: GroupEnvironment, group: ClassicGroup, reason: string): GroupDecision | null {
  if (group.state === 'Stable' || group.state === 'CompletingRebalance' || group.state === 'Empty')
    return prepareRebalance(env, group, reason);
  return completeIfAllJoined(env, group);
}

export function prepareRebalance(env: GroupEnvironment, group: ClassicGroup, reason: string): GroupDecision | null {
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
    // The first of many rarely comes alone: wait a little, and a little more with everyone who comes (KIP-134).
    group.newMemberAdded = false;
    group.joinTimer.set(env.settings.initialRebalanceDelayMs);
    return null;
  }
  if (group.allJoined) return completeJoin(env, group);
  group.joinTimer.set(group.rebalanceTimeoutMs);
  return null;
}

/** Ends the join phase at once when nobody is missing. The initial delay is always sat out. */
export function completeIfAllJoined(env: GroupEnvironment, group: ClassicGroup): GroupDecision | null {
  if (group.state !== 'PreparingRebalance' || group.previousState === 'Empty' || !group.allJoined) return null;
  return completeJoin(env, group);
}

function joinPhaseOver(env: GroupEnvironment, group: ClassicGroup): GroupDecision | null {
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

/** Drops who did not come back, begins the next generation and answers everybody who waits in JoinGroup. */
function completeJoin(env: GroupEnvironment, group: ClassicGroup): GroupDecision | null {
  group.joinTimer.clear();
  for (const member of [...group.members.values()]) {
    // A static member keeps its place until its session ends, so that a restart goes unnoticed (KIP-345).
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
    // Only static members that are away. Their sessions decide.
    group.joinTimer.set(group.rebalanceTimeoutMs);
    return null;
  }
  group.nextGeneration(env.clock.now());
  if (group.state === 'Empty') {
    rebalanced(env, group);
    return {
      records: [group.metadataRecord()],
      settled(error) {
        if (error !== ErrorCode.NONE) env.logger.warn('an empty group could not be written', { group: group.groupId, error });
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

/** Members that joined but did not ask for their assignment in time are dropped. */
function syncPhaseOver(env: GroupEnvironment, group: ClassicGroup): GroupDecision | null {
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

/** The assignment is in the log: gives it out. */
export function completeSync(env: GroupEnvironment, group: ClassicGroup, assignments: ReadonlyMap<string, Buffer>): void {
  for (const member of group.members.values()) member.assignment = assignments.get(member.memberId) ?? Buffer.alloc(0);
  group.transition('Stable', env.clock.now());
  for (const member of group.members.values()) {
    if (group.answerSync(member, syncResponse(group, member))) touch(member);
  }
  rebalanced(env, group);
}

/** Takes everybody's assignment away and tells those who wait for one why. */
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

/** Takes out one who left or fell silent. */
export function removeMember(env: GroupEnvironment, group: ClassicGroup, member: ClassicMember, reason: string): GroupDecision | null {
  group.remove(member, ErrorCode.UNKNOWN_MEMBER_ID);
  return afterRemoval(env, group, reason);
}

export function afterRemoval(env: GroupEnvironment, group: ClassicGroup, reason: string): GroupDecision | null {
  if (group.state === 'Stable' || group.state === 'CompletingRebalance') return prepareRebalance(env, group, reason);
  return completeIfAllJoined(env, group);
}

/** A member's session timer ran out. Whoever waits for our answer is alive as far as we can know, but for newcomers, whose wait is limited. */
export function sessionOver(env: GroupEnvironment, group: ClassicGroup, member: ClassicMember): GroupDecision | null {
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
