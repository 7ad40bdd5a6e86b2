/** ListGroups and DescribeGroups over the loaded groups. */
import type { listGroups } from '../../protocol/apis/list-groups.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { RequestOf } from '../../protocol/schema.ts';
import type { Group } from './group.ts';
import type { DescribedGroup } from './types.ts';

/** Filters ignore case (KIP-518, KIP-848); an empty filter matches all groups. */
export function groupFilter(request: RequestOf<typeof listGroups>): (group: Group) => boolean {
  const states = new Set(request.statesFilter.map((state) => state.toLowerCase()));
  const types = new Set(request.typesFilter.map((type) => type.toLowerCase()));
  return (group) => (states.size === 0 || states.has(group.state.toLowerCase())) && (types.size === 0 || types.has(group.type));
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
