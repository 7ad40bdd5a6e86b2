/** A classic group as DescribeGroups and the Lab show it. */
import { ErrorCode } from '../../protocol/error-codes.ts';
import { metadataOf, type ClassicMember } from './classic-member.ts';
import type { DescribedGroup, GroupStatus } from './types.ts';

/** What is shown of `ClassicGroup`. */
interface Shown {
  readonly groupId: string;
  readonly state: string;
  readonly stateSince: number | null;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leaderId: string | null;
  readonly rebalanceReason: string;
  readonly members: ReadonlyMap<string, ClassicMember>;
}

export function describeClassicGroup(group: Shown): DescribedGroup {
  const stable = group.state === 'Stable';
  const protocol = stable ? (group.protocolName ?? '') : '';
  return {
    errorCode: ErrorCode.NONE,
    groupId: group.groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: protocol,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: stable ? metadataOf(member, protocol) : Buffer.alloc(0),
      memberAssignment: member.assignment,
    })),
  };
}

export function classicGroupStatus(group: Shown, partition: number): GroupStatus {
  return {
    groupId: group.groupId,
    partition,
    state: group.state,
    stateSince: group.stateSince,
    generation: group.generation,
    protocolType: group.protocolType,
    protocol: group.protocolName,
    leader: group.leaderId,
    rebalanceReason: group.rebalanceReason,
    members: [...group.members.values()].map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      waitsFor: member.awaitingJoin !== null ? ('join' as const) : member.awaitingSync !== null ? ('sync' as const) : null,
    })),
  };
}
