/** How fast groups commit, measured between two views of the cluster. */
import type { GroupRow } from '#shared/models/cluster';

export interface CommittedSnapshot {
  at: number;
  /** By `group/topic-partition`. */
  offsets: Map<string, bigint>;
}

export function snapshotCommitted(groups: Iterable<GroupRow>, at: number): CommittedSnapshot {
  const offsets: CommittedSnapshot['offsets'] = new Map();
  for (const { id, partitions } of groups)
    for (const { topic, partition, committed } of partitions)
      if (committed !== null) offsets.set(`${id}/${topic}-${partition}`, BigInt(committed));
  return { at, offsets };
}

/** Records per second; only of what moved forward. */
export function readRatesBetween(before: CommittedSnapshot, after: CommittedSnapshot): Map<string, number> {
  const rates = new Map<string, number>();
  const seconds = (after.at - before.at) / 1_000;
  if (seconds <= 0) return rates;
  for (const [key, now] of after.offsets) {
    const then = before.offsets.get(key);
    if (then !== undefined && now > then) rates.set(key, Number(now - then) / seconds);
  }
  return rates;
}
