import type { ClassicState } from './classic-group.ts';
import type { GroupShard } from './group-shard.ts';

/** Plain data, for the Lab. */
export interface GroupCoordinatorStatus {
  readonly partitions: readonly { readonly partition: number; readonly leaderEpoch: number; readonly loading: boolean }[];
  readonly groups: readonly GroupStatus[];
}

export interface GroupStatus {
  readonly groupId: string;
  /** Of `__consumer_offsets`. */
  readonly partition: number;
  readonly state: ClassicState;
  /** Wall-clock milliseconds of the last change of state. */
  readonly stateSince: number | null;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocol: string | null;
  readonly leader: string | null;
  /** Reason of the last rebalance under this coordinator; empty: none. */
  readonly rebalanceReason: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly instanceId: string | null;
    readonly clientId: string;
    readonly clientHost: string;
    /** The pending request of the member. */
    readonly waitsFor: 'join' | 'sync' | null;
  }[];
}

export function groupStatus(
  partitions: readonly { partition: number; leaderEpoch: number; shard: GroupShard | null }[],
): GroupCoordinatorStatus {
  return {
    partitions: partitions.map(({ partition, leaderEpoch, shard }) => ({ partition, leaderEpoch, loading: shard === null })),
    groups: partitions.flatMap(({ partition, shard }) =>
      [...(shard?.groups.readAll() ?? [])].map((group) => ({
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
      })),
    ),
  };
}
