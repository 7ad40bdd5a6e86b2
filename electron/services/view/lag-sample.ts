/** The lag of a group by topic, as charts and history keep it. */
import type { GroupPartition, GroupRow, TopicLag } from '#shared/models/cluster';

const byRow = new WeakMap<GroupRow, TopicLag[]>();

/**
 * A partition that could not be read makes its topic's lag unknown: a smaller sum would look like records that were read. A partition that
 * was never committed is left out, and marks the sum as a lower bound. A row that is the same object gives the same list.
 */
export function lagByTopic(group: GroupRow): TopicLag[] {
  let topics = byRow.get(group);
  if (topics === undefined) byRow.set(group, (topics = sumByTopic(group)));
  return topics;
}

function sumByTopic(group: GroupRow): TopicLag[] {
  const byTopic = new Map<string, GroupPartition[]>();
  for (const partition of group.partitions) {
    // Partitions that do not exist count in no sum.
    if (partition.absent !== null) continue;
    const others = byTopic.get(partition.topic);
    if (others === undefined) byTopic.set(partition.topic, [partition]);
    else others.push(partition);
  }
  return [...byTopic].map(([topic, partitions]) => {
    const known = partitions.filter(({ lag }) => lag !== null);
    const isUnread = partitions.some(({ unknown }) => unknown === 'offsets' || unknown === 'committed');
    return {
      topic,
      lag: isUnread || known.length === 0 ? null : known.reduce((sum, { lag }) => sum + Number(lag), 0),
      atLeast: known.length < partitions.length,
    };
  });
}
