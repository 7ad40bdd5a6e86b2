/**
 * The state of one classic consumer group: its members, what they support, whom it waits for. No timer decides here and
 * nothing is written here; the rules of who does what when are in `classic-rebalance.ts` and `classic-membership.ts`.
 *
 *   Empty ─▶ PreparingRebalance ─▶ CompletingRebalance ─▶ Stable
 *     ▲            ▲  │ nobody left       │  member comes or goes │
 *     └────────────┼──┘ ◀─────────────────┴──────────────────────┘
 *   Empty ─▶ Dead   when it is deleted or has expired
 */
import { assert } from '../../lib/assert.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { decodeSubscribedTopics } from '../../protocol/records/consumer-protocol.ts';
import type { GroupRecordIn } from '../../protocol/records/group-records.ts';
import type { Deadline } from '../deadline.ts';
import type { ClassicMember, MemberProtocol } from './classic-member.ts';
import type { JoinResponse, SyncResponse, Waiter } from './types.ts';

export type ClassicState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead';

const COMES_FROM: Readonly<Record<ClassicState, readonly ClassicState[]>> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['Stable', 'CompletingRebalance', 'Empty'],
  CompletingRebalance: ['PreparingRebalance'],
  Stable: ['CompletingRebalance'],
  Dead: ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'],
};

export const CONSUMER_PROTOCOL = 'consumer';

export class ClassicGroup {
  readonly groupId: string;
  state: ClassicState = 'Empty';
  previousState: ClassicState | null = null;
  /** Wall-clock milliseconds of the last change of state; null when a loaded record was too old to say. */
  stateSince: number | null;
  generation = 0;
  /** Null while only offsets are kept: a group that never had members. */
  protocolType: string | null = null;
  protocolName: string | null = null;
  leaderId: string | null = null;
  /** In the order in which they joined. */
  readonly members = new Map<string, ClassicMember>();
  /** Member ids that were handed out (KIP-394) and have not joined yet, each with its time limit. */
  readonly pendingJoin = new Map<string, Deadline>();
  /** Members of this generation that have not sent SyncGroup. */
  readonly pendingSync = new Set<string>();
  /** A member came during the initial delay, which is then extended. */
  newMemberAdded = false;
  /** What the members subscribe to; null when that is not known (not a consumer group, or bytes we cannot read). */
  subscribedTopics: ReadonlySet<string> | null = null;
  /** An assignment of this generation is being written: another one of the same leader does not replace it. */
  assignmentInFlight = false;
  /** Why the current rebalance began, and when on the monotonic clock. */
  rebalanceReason = '';
  rebalanceStartedAt = 0;
  /** Members for which this rebalance waited until their session or the rebalance timeout ended. */
  waitedFor: string[] = [];
  /** True once a GroupMetadata record may be in the log, so a deletion needs a tombstone. */
  persisted = false;
  readonly joinTimer: Deadline;
  readonly syncTimer: Deadline;

  private readonly staticMembers = new Map<string, string>();
  private readonly supporters = new Map<string, number>();
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

  /** Everybody who is known has joined, and nobody who was given an id is still to come. */
  get allJoined(): boolean {
    return this.awaitingJoinCount === this.members.size && this.pendingJoin.size === 0;
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId;
  }

  /** Milliseconds that the slowest member asks for. */
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
    assert(!this.members.has(member.memberId), `member ${member.memberId} is there already`);
    if (this.members.size === 0) this.protocolType = member.protocolType;
    assert(this.protocolType === member.protocolType, 'a member of another protocol type');
    this.leaderId ??= member.memberId;
    this.members.set(member.memberId, member);
    if (member.instanceId !== null) this.staticMembers.set(member.instanceId, member.memberId);
    this.countProtocols(member.protocols, 1);
    this.takePendingJoin(member.memberId);
    if (waiter !== null) this.awaitJoin(member, waiter);
  }

  /** Takes a member out and answers it with `error` if it waits. */
  remove(member: ClassicMember, error: number): void {
    if (this.members.get(member.memberId) !== member) return;
    this.answerJoin(member, joinError(member.awaitingJoin?.version ?? 0, error));
    this.answerSync(member, syncError(error));
    member.session.clear();
    this.members.delete(member.memberId);
    this.pendingSync.delete(member.memberId);
    this.countProtocols(member.protocols, -1);
    if (member.instanceId !== null && this.staticMembers.get(member.instanceId) === member.memberId)
      this.staticMembers.delete(member.instanceId);
    if (this.leaderId === member.memberId) this.leaderId = this.members.keys().next().value ?? null;
  }

  /** Forgets an id that was handed out; false if it is not one. */
  takePendingJoin(memberId: string): boolean {
    this.pendingJoin.get(memberId)?.clear();
    return this.pendingJoin.delete(memberId);
  }

  staticMemberId(instanceId: string): string | undefined {
    return this.staticMembers.get(instanceId);
  }

  /** Gives a static member another id; whoever waits under the old one is fenced. */
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
    this.countProtocols(member.protocols, -1);
    this.countProtocols(protocols, 1);
    member.protocols = protocols;
    member.rebalanceTimeoutMs = rebalanceTimeoutMs;
    member.sessionTimeoutMs = sessionTimeoutMs;
  }

  /** An earlier JoinGroup of the same member that still waits is an abandoned one: its client has asked again. */
  awaitJoin(member: ClassicMember, waiter: Waiter<JoinResponse>): void {
    if (member.awaitingJoin === null) this.awaitingJoinCount++;
    else member.awaitingJoin.respond(joinError(member.awaitingJoin.version, ErrorCode.REBALANCE_IN_PROGRESS, member.memberId));
    member.awaitingJoin = waiter;
  }

  /** True if the member was waiting. */
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

  /** Whether a member that offers these could be in the group: some protocol must be common to all. */
  supports(protocolType: string, protocols: readonly { name: string }[]): boolean {
    if (this.state === 'Empty') return protocolType !== '' && protocols.length > 0;
    return protocolType === this.protocolType && protocols.some(({ name }) => (this.supporters.get(name) ?? 0) === this.members.size);
  }

  /** The protocol that all support and most prefer; between equals, the one that the member who joined first prefers. */
  selectProtocol(): string {
    const votes = new Map<string, number>();
    for (const { protocols } of this.members.values()) {
      const choice = protocols.find(({ name }) => this.supporters.get(name) === this.members.size);
      assert(choice !== undefined, `no protocol is common to the members of ${this.groupId}`);
      votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1);
    }
    let best: [name: string, count: number] | undefined;
    for (const vote of votes) if (best === undefined || vote[1] > best[1]) best = vote;
    assert(best !== undefined, `group ${this.groupId} has no members to vote`);
    return best[0];
  }

  /** The leader must be somebody who waits for the answer; false when nobody does. */
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
      // These bytes are the members' own. Where they cannot be read the topics are unknown, and no offset of a live group expires.
      return;
    }
    this.subscribedTopics = topics;
  }

  /** What the leader is told of everybody. */
  memberList(): NonNullable<JoinResponse['members']> {
    const name = this.protocolName ?? '';
    return [...this.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      metadata: metadataOf(member, name),
    }));
  }

  /** The answer to a member that is in the present generation. */
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

  /** The group as it is written. `assignments` are those about to be given; without them, those that the members have. */
  metadataRecord(assignments?: ReadonlyMap<string, Buffer>): GroupRecordIn {
    this.persisted = true;
    const name = this.protocolName ?? '';
    return {
      type: 'GroupMetadata',
      key: { group: this.groupId },
      value: {
        protocolType: this.protocolType ?? '',
        generation: this.generation,
        protocol: this.protocolName,
        leader: this.leaderId,
        currentStateTimestamp: BigInt(this.stateSince ?? -1),
        members: [...this.members.values()].map((member) => ({
          memberId: member.memberId,
          groupInstanceId: member.instanceId,
          clientId: member.clientId,
          clientHost: member.clientHost,
          rebalanceTimeout: member.rebalanceTimeoutMs,
          sessionTimeout: member.sessionTimeoutMs,
          subscription: metadataOf(member, name),
          assignment: assignments === undefined ? member.assignment : (assignments.get(member.memberId) ?? EMPTY),
        })),
      },
    };
  }

  /** Stops every timer and answers everybody who waits. */
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

  private countProtocols(protocols: readonly MemberProtocol[], by: 1 | -1): void {
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = (this.supporters.get(name) ?? 0) + by;
      if (count === 0) this.supporters.delete(name);
      else this.supporters.set(name, count);
    }
  }
}

const EMPTY = Buffer.alloc(0);

export function metadataOf(member: ClassicMember, protocolName: string): Buffer {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? EMPTY;
}

/** A JoinGroup answer that is only an error. Before v7 the protocol name could not be null. */
export function joinError(version: number, errorCode: number, memberId = ''): JoinResponse {
  return { errorCode, protocolName: version >= 7 ? null : '', leader: '', memberId, members: [] };
}

export function syncError(errorCode: number): SyncResponse {
  return { errorCode, assignment: EMPTY };
}
