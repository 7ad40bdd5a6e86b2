import type { GroupRecordIn } from '../../protocol/records/group-records.ts';
import type { ClassicGroup } from './classic-group.ts';
import { metadataOf } from './classic-member.ts';

/** The group's record. `assignments`: the new assignments; without them, the current ones of the members. */
export function groupRecord(group: ClassicGroup, assignments?: ReadonlyMap<string, Buffer>): GroupRecordIn {
  group.persisted = true;
  const name = group.protocolName ?? '';
  return {
    type: 'GroupMetadata',
    key: { group: group.groupId },
    value: {
      protocolType: group.protocolType ?? '',
      generation: group.generation,
      protocol: group.protocolName,
      leader: group.leaderId,
      currentStateTimestamp: BigInt(group.stateSince ?? -1),
      members: [...group.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: metadataOf(member, name),
        assignment: assignments === undefined ? member.assignment : (assignments.get(member.memberId) ?? NO_ASSIGNMENT),
      })),
    },
  };
}

const NO_ASSIGNMENT = Buffer.alloc(0);
