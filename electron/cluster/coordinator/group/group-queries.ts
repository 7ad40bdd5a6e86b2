/** ListGroups and DescribeGroups over the loaded groups. */
import type { describeGroups } from '../../protocol/apis/describe-groups.ts';
import type { listGroups } from '../../protocol/apis/list-groups.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { metadataOf, type ClassicGroup } from './classic-group.ts';

export type ListedGroup = ResponseIn<typeof listGroups>['groups'][number];
export type DescribedGroup = ResponseIn<typeof describeGroups>['groups'][number];

const CLASSIC = 'classic';

/** Filters ignore case (KIP-518, KIP-848); an empty filter matches all groups. */
export function groupFilter(request: RequestOf<typeof listGroups>): (group: ClassicGroup) => boolean {
  const states = new Set(request.statesFilter.map((state) => state.toLowerCase()));
  const types = new Set(request.typesFilter.map((type) => type.toLowerCase()));
  return (group) => (states.size === 0 || states.has(group.state.toLowerCase())) && (types.size === 0 || types.has(CLASSIC));
}

export function listedGroup(group: ClassicGroup): ListedGroup {
  return { groupId: group.groupId, protocolType: group.protocolType ?? '', groupState: group.state, groupType: CLASSIC };
}

export function describedGroup(group: ClassicGroup): DescribedGroup {
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

/** An unknown group is Dead; from v6 on the response has an error (KIP-1043). */
export function unknownGroup(groupId: string, version: number): DescribedGroup {
  const error =
    version >= 6 ? { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` } : { errorCode: ErrorCode.NONE };
  return { ...error, groupId, groupState: 'Dead', protocolType: '', protocolData: '', members: [] };
}

export function describeError(groupId: string, errorCode: number): DescribedGroup {
  return { errorCode, groupId, groupState: '', protocolType: '', protocolData: '', members: [] };
}
