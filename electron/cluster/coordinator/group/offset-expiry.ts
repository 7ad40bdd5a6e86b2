import type { Group } from './group.ts';
import { offsetTombstone, type OffsetRecord, type OffsetStore } from './offset-store.ts';
import type { GroupEnvironment } from './types.ts';

/**
 * Tombstones for the expired offsets of a group (KIP-211). Retention counts from the last member's leave in an empty group, and from the
 * commit in a group that never had members. In an active consumer group it counts from the commit, and only for topics without a
 * subscription. Offsets with an uncommitted record or in an open transaction do not expire.
 */
export function expiredOffsets(env: GroupEnvironment, group: Group, offsets: OffsetStore): OffsetRecord[] {
  const since = group.retentionBegins();
  if (since === null) return [];
  const now = env.clock.now();
  const expired: OffsetRecord[] = [];
  for (const [topic, partition, committed] of offsets.of(group.groupId).entries()) {
    if (group.isSubscribed(topic)) continue;
    if (offsets.isUncommitted(group.groupId, topic, partition) || offsets.isUnstable(group.groupId, topic, partition)) continue;
    const ends = committed.expireTimestamp >= 0n ? Number(committed.expireTimestamp) : since(committed) + env.settings.offsetsRetentionMs;
    if (now >= ends) expired.push(offsetTombstone(group.groupId, topic, partition));
  }
  return expired;
}
