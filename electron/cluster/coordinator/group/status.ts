import type { GroupShard } from './group-shard.ts';
import type { GroupStatus } from './types.ts';

/** Plain data, for the Lab. */
export interface GroupCoordinatorStatus {
  readonly partitions: readonly { readonly partition: number; readonly leaderEpoch: number; readonly loading: boolean }[];
  readonly groups: readonly GroupStatus[];
}

export function groupStatus(
  partitions: readonly { partition: number; leaderEpoch: number; shard: GroupShard | null }[],
): GroupCoordinatorStatus {
  return {
    partitions: partitions.map(({ partition, leaderEpoch, shard }) => ({ partition, leaderEpoch, loading: shard === null })),
    groups: partitions.flatMap(({ partition, shard }) => [...(shard?.groups.readAll() ?? [])].map((group) => group.status(partition))),
  };
}
