/**
 * The state of one classic consumer group: its members, their protocols, and pending requests. No timer decides here and nothing is written
 * here; the rules of the transitions are in `classic-join.ts`, `classic-rebalance.ts` and `classic-session.ts`.
 *
 *   Empty ─▶ PreparingRebalance ─▶ CompletingRebalance ─▶ Stable
 *     ▲            ▲  │ no members        │ member joins or leaves│
 *     └────────────┼──┘ ◀─────────────────┴──────────────────────┘
 *   Empty ─▶ Dead   when it is deleted or has expired
 */
import { assert } from '../../lib/assert.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { decodeSubscribedTopics } from '../../protocol/records/consumer-protocol.ts';
import type { Deadline } from '../deadline.ts';
import { classicGroupStatus, describeClassicGroup } from './classic-description.ts';
import { metadataOf, touch, type ClassicMember, type MemberProtocol } from './classic-member.ts';
import { ProtocolSupport, selectProtocol } from './classic-protocols.ts';
import { joinError, syncError } from './classic-responses.ts';
import type { Group } from './group.ts';
import type { CommittedOffset } from './offset-store.ts';
import type { CommitRequest, DescribedGroup, GroupStatus, JoinResponse, ListedGroup, SyncResponse, Waiter } from './types.ts';

export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead';

const COMES_FROM: Readonly<Record<ClassicState, readonly ClassicState[]>> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Stable', 'CompletingRebalance', 'Empty'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'],
};

export const CONSUMER_PROTOCOL = 'consumer';

export class ClassicGroup implements Group {
  readonly type = 'classic';
  readonly groupId: string;
  state: ClassicState = 'Empty';
  previousState: ClassicState | null = null;
  /** Wall-clock milliseconds of the last change of state; null for a loaded record of a version without it. */
  stateSince: number | null;
  generation = 0;
  /** Null for a group that has only committed offsets and never had members. */
  protocolType: string | null = null;
  protocolName: string | null = null;
  leaderId: string | null = null;
  /** In the order in which they joined. */
  readonly members = new Map<string, ClassicMember>();
  /** Member ids that were assigned (KIP-394) and have not joined yet, each with its deadline. */
  readonly pendingJoin = new Map<string, Deadline>();
  /** Members of this generation that have not sent SyncGroup. */
  readonly pendingSync = new Set<string>();
  /** A member joined during the initial delay, which is then extended. */
  newMemberAdded = false;
  /** Topics that the members subscribe to; null when unknown (not a consumer group, or metadata that cannot be read). */
  subscribedTopics: ReadonlySet<string> | null = null;
  /** An assignment of this generation is being written: the leader cannot replace it. */
  assignmentInFlight = false;
  /** Reason and start (monotonic ms) of the current rebalance. */
  rebalanceReason = '';
  rebalanceStartedAt = 0;
  /** Members for which this rebalance waited until their session or the rebalance timeout expired. */
  waitedFor: string[] = [];
  /** Whether a GroupMetadata record may be in the log, so that a deletion needs a tombstone. */
  persisted = false;
  readonly joinTimer: Deadline;
  readonly syncTimer: Deadline;

  private readonly staticMembers = new Map<string, string>();
  private readonly support = new ProtocolSupport();
  private awaitingJoinCount = 0;

  constructor(groupId: string, stateSince: number | null, timers: (group: ClassicGroup) => { join: Deadline; sync: Deadline }) {
    this.groupId = groupId;
    this.stateSince = stateSince;
    const { join, sync } = timers(this);
    this.joinTimer = join;
    this.syncTimer = sync;
  }

  get awaitingJoin(): number {
    return this.awaitingJoinCount;
  }

  /** Whether all members have joined and no assigned member id is pending. */
  get allJoined(): boolean {
    return this.awaitingJoinCount === this.members.size && this.pendingJoin.size === 0;
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId;
  }

  /** The longest rebalance timeout of the members, milliseconds. */
  get rebalanceTimeoutMs(): number {
    let longest = 0;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  transition(to: ClassicState, now: number): void {
    assert(COMES_FROM[to].includes(this.state), `group ${this.groupId} cannot go from ${this.state} to ${to}`);
    this.previousState = this.state;
    this.state = to;
    this.stateSince = now;
  }

  add(member: ClassicMember, waiter: Waiter<JoinResponse> | null): void {
    assert(!this.members.has(member.memberId), `member ${member.memberId} already exists`);
    if (this.members.size === 0) this.protocolType = member.protocolType;
    assert(this.protocolType === member.protocolType, 'a member of another protocol type');
    this.leaderId ??= member.memberId;
    this.members.set(member.memberId, member);
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, member.memberId);
    this.support.add(member.protocols);
    this.takePendingJoin(member.memberId);
    if (waiter !== null) this.awaitJoin(member, waiter);
  }

  /** Removes a member and answers its pending request with `error`. */
  remove(member: ClassicMember, error: number): void {
    if (this.members.get(member.memberId) !== member) return;
    this.answerJoin(member, joinError(member.awaitingJoin?.version ?? 0, error));
    this.answerSync(member, syncError(error));
    member.session.clear();
    this.members.delete(member.memberId);
    this.pendingSync.delete(member.memberId);
    this.support.remove(member.protocols);
    if (member.instanceId !== null && this.staticMembers.get(member.instanceId) === member.memberId)
      this.staticMembers.delete(member.instanceId);
    if (this.leaderId === member.memberId) this.leaderId = this.members.keys().next().value ?? null;
  }

  /** Removes a pending member id; false for any other id. */
  takePendingJoin(memberId: string): boolean {
    this.pendingJoin.get(memberId)?.clear();
    return this.pendingJoin.delete(memberId);
  }

  staticMemberId(instanceId: string): string | undefined {
    return this.staticMembers.get(instanceId);
  }

  /** Replaces the member id of a static member; requests that wait under the old id are fenced. */
  replaceStatic(member: ClassicMember, newId: string): void {
    const oldId = member.memberId;
    this.answerJoin(member, joinError(member.awaitingJoin?.version ?? 0, ErrorCode.FENCED_INSTANCE_ID));
    this.answerSync(member, syncError(ErrorCode.FENCED_INSTANCE_ID));
    this.members.delete(oldId);
    member.memberId = newId;
    this.members.set(newId, member);
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, newId);
    if (this.leaderId === oldId) this.leaderId = newId;
    if (this.pendingSync.delete(oldId)) this.pendingSync.add(newId);
  }

  update(member: ClassicMember, protocols: readonly MemberProtocol[], rebalanceTimeoutMs: number, sessionTimeoutMs: number): void {
    this.support.remove(member.protocols);
    this.support.add(protocols);
    member.protocols = protocols;
    member.rebalanceTimeoutMs = rebalanceTimeoutMs;
    member.sessionTimeoutMs = sessionTimeoutMs;
  }

  /** A pending JoinGroup of the same member is abandoned: its client has retried. */
  awaitJoin(member: ClassicMember, waiter: Waiter<JoinResponse>): void {
    if (member.awaitingJoin === null) this.awaitingJoinCount++;
    else member.awaitingJoin.respond(joinError(member.awaitingJoin.version, ErrorCode.REBALANCE_IN_PROGRESS, member.memberId));
    member.awaitingJoin = waiter;
  }

  /** Whether the member was waiting. */
  answerJoin(member: ClassicMember, response: JoinResponse): boolean {
    const waiter = member.awaitingJoin;
    if (waiter === null) return false;
    member.awaitingJoin = null;
    this.awaitingJoinCount--;
    waiter.respond(response);
    return true;
  }

  awaitSync(member: ClassicMember, waiter: Waiter<SyncResponse>): void {
    member.awaitingSync?.respond(syncError(ErrorCode.REBALANCE_IN_PROGRESS));
    member.awaitingSync = waiter;
  }

  answerSync(member: ClassicMember, response: SyncResponse): boolean {
    const waiter = member.awaitingSync;
    if (waiter === null) return false;
    member.awaitingSync = null;
    waiter.respond(response);
    return true;
  }

  /** NONE, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID. */
  validateMember(memberId: string, instanceId: string | null): number {
    if (instanceId !== null) {
      const owner = this.staticMembers.get(instanceId);
      if (owner === undefined) return ErrorCode.UNKNOWN_MEMBER_ID;
      if (owner !== memberId) return ErrorCode.FENCED_INSTANCE_ID;
    }
    return this.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID;
  }

  /** Whether a member with these protocols could join: all members must share one. */
  supports(protocolType: string, protocols: readonly { name: string }[]): boolean {
    if (this.state === 'Empty') return protocolType !== '' && protocols.length > 0;
    return protocolType === this.protocolType && protocols.some(({ name }) => this.support.isCommon(name, this.members.size));
  }

  selectProtocol(): string {
    return selectProtocol(this.members, this.support);
  }

  /** Elects a member that waits in JoinGroup as leader; false without one. */
  electJoinedLeader(): boolean {
    const leader = this.leaderId === null ? undefined : this.members.get(this.leaderId);
    if (leader !== undefined && leader.awaitingJoin !== null) return true;
    for (const member of this.members.values()) {
      if (member.awaitingJoin === null) continue;
      this.leaderId = member.memberId;
      return true;
    }
    return false;
  }

  nextGeneration(now: number): void {
    this.generation++;
    this.pendingSync.clear();
    this.assignmentInFlight = false;
    if (this.members.size > 0) {
      this.protocolName = this.selectProtocol();
      this.transition('CompletingRebalance', now);
    } else {
      this.protocolName = null;
      this.transition('Empty', now);
    }
    this.learnSubscriptions();
  }

  learnSubscriptions(): void {
    const { protocolName } = this;
    this.subscribedTopics = null;
    if (this.protocolType !== CONSUMER_PROTOCOL) return;
    if (this.members.size === 0) {
      this.subscribedTopics = new Set();
      return;
    }
    if (protocolName === null) return;
    const topics = new Set<string>();
    try {
      for (const member of this.members.values())
        for (const topic of decodeSubscribedTopics(metadataOf(member, protocolName))) topics.add(topic);
    } catch {
      // The metadata is written by clients. Where it cannot be read, the topics are unknown, and no offset of the active group expires.
      return;
    }
    this.subscribedTopics = topics;
  }

  /** The members as the leader's JoinGroup response lists them. */
  memberList(): NonNullable<JoinResponse['members']> {
    const name = this.protocolName ?? '';
    return [...this.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      metadata: metadataOf(member, name),
    }));
  }

  /** The response for a member of the current generation. */
  joinResponse(
    member: ClassicMember,
    version: number,
    options: { leader?: string; skipAssignment?: boolean; withMembers?: boolean } = {},
  ): JoinResponse {
    const withMembers = options.withMembers ?? this.isLeader(member.memberId);
    return {
      errorCode: ErrorCode.NONE,
      generationId: this.generation,
      protocolType: this.protocolType,
      protocolName: this.protocolName ?? (version >= 7 ? null : ''),
      leader: options.leader ?? this.leaderId ?? '',
      skipAssignment: options.skipAssignment ?? false,
      memberId: member.memberId,
      members: withMembers ? this.memberList() : [],
    };
  }

  // ── the interface of every group ────────────────────────────────────────────────────────────────────────────────

  get memberCount(): number {
    return this.members.size;
  }

  get isEmpty(): boolean {
    return this.state === 'Empty';
  }

  get isAbandoned(): boolean {
    return this.isEmpty && this.pendingJoin.size === 0;
  }

  isSubscribed(topic: string): boolean {
    if (this.isEmpty) return false;
    return this.subscribedTopics === null || this.subscribedTopics.has(topic);
  }

  /** A commit is valid by a member of the current generation, or from outside while the group has no members. */
  validateCommit({ generationIdOrMemberEpoch: generation, memberId, groupInstanceId }: CommitRequest): number {
    const member = this.members.get(memberId);
    if (generation < 0 && this.isEmpty) return ErrorCode.NONE;
    if (generation >= 0 || memberId !== '' || groupInstanceId !== null) {
      const error = this.validateMember(memberId, groupInstanceId);
      if (error !== ErrorCode.NONE) return error;
      if (generation !== this.generation) return ErrorCode.ILLEGAL_GENERATION;
    } else if (!this.isEmpty) return ErrorCode.UNKNOWN_MEMBER_ID;
    // The member has the new generation from JoinGroup but owns no partition in it yet.
    if (this.state === 'CompletingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS;
    if (member !== undefined) touch(member);
    return ErrorCode.NONE;
  }

  /** Classic members send no member id with OffsetFetch, and their generation is not checked. */
  validateFetch(): number {
    return ErrorCode.NONE;
  }

  validateOffsetDelete(): number {
    return this.isEmpty || this.protocolType === CONSUMER_PROTOCOL ? ErrorCode.NONE : ErrorCode.NON_EMPTY_GROUP;
  }

  retentionBegins(): ((committed: CommittedOffset) => number) | null {
    const sinceCommit = (committed: CommittedOffset): number => Number(committed.commitTimestamp);
    const { stateSince } = this;
    if (this.protocolType === null) return sinceCommit;
    if (this.isEmpty) return stateSince === null ? sinceCommit : (committed) => Math.max(stateSince, sinceCommit(committed));
    return this.state === 'Stable' && this.subscribedTopics !== null ? sinceCommit : null;
  }

  list(): ListedGroup {
    return { groupId: this.groupId, protocolType: this.protocolType ?? '', groupState: this.state, groupType: this.type };
  }

  describe(): DescribedGroup {
    return describeClassicGroup(this);
  }

  status(partition: number): GroupStatus {
    return classicGroupStatus(this, partition);
  }

  startSessions(): void {
    for (const member of this.members.values()) touch(member);
  }

  end(now: number): void {
    this.transition('Dead', now);
  }

  dispose(error: number): void {
    this.joinTimer.clear();
    this.syncTimer.clear();
    for (const deadline of this.pendingJoin.values()) deadline.clear();
    this.pendingJoin.clear();
    for (const member of this.members.values()) {
      member.session.clear();
      this.answerJoin(member, joinError(member.awaitingJoin?.version ?? 0, error, member.memberId));
      this.answerSync(member, syncError(error));
    }
  }
}
