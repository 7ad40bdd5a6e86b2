/**
 * What flows along each link, measured: the end offsets of what a broker leads, between two views. A follower in sync
 * fetches all of it from the leader. Where an offset is not known there is no flow to show; nothing is made up.
 */
import type { TopicRow } from '#shared/models/cluster';
import { inSyncOf } from '../topics/replicas.ts';

export interface OffsetSnapshot {
  at: number;
  /** By `topic-partition`. */
  ends: Map<string, { offset: bigint; leader: number; epoch: number | null; followers: number[] }>;
}

export interface Flow {
  from: number | 'clients';
  to: number;
  recordsPerSecond: number;
}

export function snapshotOffsets(topics: Iterable<TopicRow>, at: number): OffsetSnapshot {
  const ends: OffsetSnapshot['ends'] = new Map();
  for (const topic of topics) {
    for (const partition of topic.partitions) {
      if (partition.leader === null || partition.endOffset === null) continue;
      ends.set(`${topic.name}-${partition.partition}`, {
        offset: BigInt(partition.endOffset),
        leader: partition.leader,
        epoch: partition.leaderEpoch,
        // A replica that has stopped stays in the ISR until the leader may remove it, and fetches nothing.
        followers: inSyncOf(partition).filter((id) => id !== partition.leader),
      });
    }
  }
  return { at, ends };
}

/** By `from>to`. A partition whose leader changed meanwhile is left out. */
export function flowsBetween(before: OffsetSnapshot, after: OffsetSnapshot): Map<string, Flow> {
  const flows = new Map<string, Flow>();
  const seconds = (after.at - before.at) / 1_000;
  if (seconds <= 0) return flows;
  const add = (from: Flow['from'], to: number, records: number): void => {
    const key = `${from}>${to}`;
    const flow = flows.get(key) ?? { from, to, recordsPerSecond: 0 };
    flow.recordsPerSecond += records / seconds;
    flows.set(key, flow);
  };
  for (const [key, now] of after.ends) {
    const then = before.ends.get(key);
    if (then === undefined || then.leader !== now.leader || then.epoch !== now.epoch || now.offset <= then.offset) continue;
    const records = Number(now.offset - then.offset);
    add('clients', now.leader, records);
    for (const follower of now.followers) add(now.leader, follower, records);
  }
  return flows;
}

/** Records per second appended to each partition, by `topic-partition`; their growth is all that is known. */
export function ratesBetween(before: OffsetSnapshot, after: OffsetSnapshot): Map<string, number> {
  const rates = new Map<string, number>();
  const seconds = (after.at - before.at) / 1_000;
  if (seconds <= 0) return rates;
  for (const [key, now] of after.ends) {
    const then = before.ends.get(key);
    if (then !== undefined && now.offset > then.offset) rates.set(key, Number(now.offset - then.offset) / seconds);
  }
  return rates;
}

/** One dot for each power of ten of records a second, four at most. */
export function dotsFor(recordsPerSecond: number): number {
  if (recordsPerSecond < 0.5) return 0;
  return Math.min(4, 1 + Math.max(0, Math.floor(Math.log10(recordsPerSecond))));
}
