import type { ClassicGroup } from './classic-group.ts';
import { offsetTombstone, type CommittedOffset, type OffsetRecord, type OffsetStore } from './offset-store.ts';
import type { GroupEnvironment } from './types.ts';

/**
 * Tombstones for the expired offsets of a group (KIP-211). Retention counts from the last member's leave in an empty group, and from the
 * commit in a group that never had members. In an active consumer group it counts from the commit, and only for topics without a
 * subscription. Offsets with an uncommitted record or in an open transaction do not expire.
 */
export function expiredOffsets(env: GroupEnvironment, group: ClassicGroup, offsets: OffsetStore): OffsetRecord[] {
  const since = retentionBegins(group);
  if (since === null) return [];
  const now = env.clock.now();
  const expired: OffsetRecord[] = [];
  for (const [topic, partition, committed] of offsets.of(group.groupId).entries()) {
    if (group.state !== 'Empty' && group.subscribedTopics?.has(topic) === true) continue;
    if (offsets.isUncommitted(group.groupId, topic, partition) || offsets.isUnstable(group.groupId, topic, partition)) continue;
    const ends = committed.expireTimestamp >= 0n ? Number(committed.expireTimestamp) : since(committed) + env.settings.offsetsRetentionMs;
    if (now >= ends) expired.push(offsetTombstone(group.groupId, topic, partition));
  }
  return expired;
}

/** Start of the retention of an offset; null while none of the group's offsets may expire. */
function retentionBegins(group: ClassicGroup): ((committed: CommittedOffset) => number) | null {
  const sinceCommit = (committed: CommittedOffset): number => Number(committed.commitTimestamp);
  if (group.protocolType === null) return sinceCommit;
  if (group.state === 'Empty') {
    const { stateSince } = group;
    return stateSince === null ? sinceCommit : (committed) => Math.max(stateSince, sinceCommit(committed));
  }
  return group.state === 'Stable' && group.subscribedTopics !== null ? sinceCommit : null;
}
