import type { Random } from '../../lib/random.ts';
import type { Deadline } from '../deadline.ts';
import type { JoinRequest, JoinResponse, SyncResponse, Waiter } from './types.ts';

export interface MemberProtocol {
  readonly name: string;
  readonly metadata: Buffer;
}

/** A member of a classic group. Only its `ClassicGroup` may change what the group's counters depend on. */
export interface ClassicMember {
  /** Changes only when a static member rejoins under its instance id. */
  memberId: string;
  readonly instanceId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceTimeoutMs: number;
  sessionTimeoutMs: number;
  readonly protocolType: string;
  /** In order of preference. */
  protocols: readonly MemberProtocol[];
  /** Empty until the first assignment. */
  assignment: Buffer;
  /** It waits in its first JoinGroup, so it cannot send heartbeats. */
  isNew: boolean;
  awaitingJoin: Waiter<JoinResponse> | null;
  awaitingSync: Waiter<SyncResponse> | null;
  readonly session: Deadline;
}

/** Its metadata for the protocol; empty where it does not support it. */
export function metadataOf(member: ClassicMember, protocolName: string): Buffer {
  return member.protocols.find(({ name }) => name === protocolName)?.metadata ?? NO_METADATA;
}

const NO_METADATA = Buffer.alloc(0);

/** Starts or restarts the member's session timeout. */
export function touch(member: ClassicMember): void {
  member.session.set(member.sessionTimeoutMs);
}

/** The member's name for users: its instance id, else its client id, else its member id. */
export function memberName(member: { memberId: string; instanceId: string | null; clientId: string }): string {
  return member.instanceId ?? (member.clientId === '' ? member.memberId : member.clientId);
}

/** Copied out of the request, whose bytes are a view of a whole frame. */
export function protocolsOf(request: JoinRequest): MemberProtocol[] {
  return request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }));
}

export function sameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((mine, i) => {
    const other = b[i];
    return other !== undefined && mine.name === other.name && mine.metadata.equals(other.metadata);
  });
}

/** A member id in Kafka's form: client or instance id, a dash, and a random UUID. */
export function newMemberId(random: Random, clientId: string, instanceId: string | null): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return `${instanceId ?? clientId}-${uuid}`;
}
