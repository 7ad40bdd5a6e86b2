import { Deadline } from '../deadline.ts';
import type { GroupRecord } from '../../protocol/records/group-records.ts';
import { ClassicGroup } from './classic-group.ts';
import type { ClassicMember } from './classic-member.ts';
import { groupTimers, sessionOver } from './classic-rebalance.ts';
import type { GroupEnvironment } from './types.ts';

export type GroupValue = NonNullable<Extract<GroupRecord, { type: 'GroupMetadata' }>['value']>;

/**
 * A classic group as recorded: with members it is stable, without members empty. The record holds only the chosen protocol, so a member that
 * offers more rejoins into a new generation. No timer is started yet.
 */
export function loadGroup(env: GroupEnvironment, groupId: string, value: GroupValue): ClassicGroup {
  const since = value.currentStateTimestamp < 0n ? null : Number(value.currentStateTimestamp);
  const group = new ClassicGroup(groupId, since, groupTimers(env));
  group.persisted = true;
  for (const loaded of value.members) {
    const member: ClassicMember = {
      memberId: loaded.memberId,
      instanceId: loaded.groupInstanceId,
      clientId: loaded.clientId,
      clientHost: loaded.clientHost,
      rebalanceTimeoutMs: loaded.rebalanceTimeout < 0 ? loaded.sessionTimeout : loaded.rebalanceTimeout,
      sessionTimeoutMs: loaded.sessionTimeout,
      protocolType: value.protocolType,
      protocols: [{ name: value.protocol ?? '', metadata: Buffer.from(loaded.subscription) }],
      assignment: Buffer.from(loaded.assignment),
      isNew: false,
      awaitingJoin: null,
      awaitingSync: null,
      session: new Deadline(env.clock, () => env.perform(sessionOver(env, group, member))),
    };
    group.add(member, null);
  }
  group.generation = value.generation;
  group.protocolType = value.protocolType === '' ? null : value.protocolType;
  group.protocolName = value.protocol;
  group.leaderId = value.leader;
  group.state = group.members.size > 0 ? 'Stable' : 'Empty';
  group.learnSubscriptions();
  return group;
}
