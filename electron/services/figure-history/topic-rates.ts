/**
 * Records per second by topic, from two readings of a view: written (log end offsets) and read (committed offsets of all groups). Of the
 * topics with the highest rates only, since a history holds a bounded number of series. Pure: time is that of the view.
 */
import type { ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';
import type { FigureSample } from '#shared/models/figures';

/** Polls are half a second to some seconds apart, and consumers commit every few seconds. */
const WINDOW_MS = 5_000;
/** Readings further apart do not give a rate of now. */
const MAX_WINDOW_MS = 60_000;
/** With a rate, at one time. */
const TOP = 12;
/** A topic that was recorded stays recorded for so long after its last rate, so that its line falls to zero. */
const STAY_MS = 15 * 60_000;
const MAX_RECORDED = 40;

interface Reading {
  /** Wall-clock ms of the round of offsets. */
  at: number;
  /** By topic, then by partition or by group and partition. A topic with an unknown part is absent. */
  offsets: ReadonlyMap<string, TopicOffsets>;
}

interface TopicOffsets {
  id: string | null;
  sum: bigint;
  /** Of how many offsets it is the sum: another number cannot be compared. */
  count: number;
}

/** One direction: what is written to topics, or what groups read of them. */
export class TopicRates {
  private readonly read: (view: ClusterView) => Reading | null;
  private before: Reading | null = null;
  private readonly recordedAt = new Map<string, number>();

  constructor(read: (view: ClusterView) => Reading | null) {
    this.read = read;
  }

  /** Null until the next window ends. */
  take(view: ClusterView): { at: number; values: FigureSample[] } | null {
    const now = this.read(view);
    if (now === null) return null;
    const { before } = this;
    const gapMs = before === null ? 0 : now.at - before.at;
    if (before !== null && gapMs >= 0 && gapMs < WINDOW_MS) return null;
    this.before = now;
    if (before === null || gapMs < 0 || gapMs > MAX_WINDOW_MS) return null;
    return { at: now.at, values: this.select(ratesBetween(before, now, gapMs / 1_000), now.at) };
  }

  private select(rates: ReadonlyMap<string, number>, at: number): FigureSample[] {
    const highest = [...rates].filter(([, rate]) => rate > 0).sort((a, b) => b[1] - a[1]);
    for (const [topic] of highest.slice(0, TOP)) {
      // The order of the map is that of the last rate.
      this.recordedAt.delete(topic);
      this.recordedAt.set(topic, at);
    }
    for (const [topic, last] of this.recordedAt) {
      if (this.recordedAt.size <= MAX_RECORDED && at - last <= STAY_MS && at >= last) break;
      this.recordedAt.delete(topic);
    }
    return [...this.recordedAt.keys()].map((topic) => ({ name: topic, value: rates.get(topic) ?? null, atLeast: false }));
  }
}

function ratesBetween(before: Reading, now: Reading, seconds: number): Map<string, number> {
  const rates = new Map<string, number>();
  for (const [topic, { id, sum, count }] of now.offsets) {
    const was = before.offsets.get(topic);
    if (was === undefined || was.id !== id || was.count !== count || sum < was.sum) continue;
    rates.set(topic, Number(sum - was.sum) / seconds);
  }
  return rates;
}

const sums = new WeakMap<TopicRow, TopicOffsets | null>();

/** Of topics that the last round of offsets read. */
export function readEndOffsets({ topics, offsetsAsOf }: ClusterView): Reading | null {
  if (offsetsAsOf === 0) return null;
  const offsets = new Map<string, TopicOffsets>();
  for (const topic of topics) {
    if (topic.internal || topic.offsetsAsOf !== null) continue;
    let sum = sums.get(topic);
    if (sum === undefined)
      sums.set(
        topic,
        (sum = sumOf(
          topic.id,
          topic.partitions.map(({ endOffset }) => endOffset),
        )),
      );
    if (sum !== null) offsets.set(topic.name, sum);
  }
  return { at: offsetsAsOf, offsets };
}

function sumOf(id: string | null, list: readonly (string | null)[]): TopicOffsets | null {
  let sum = 0n;
  for (const offset of list) {
    if (offset === null) return null;
    sum += BigInt(offset);
  }
  return { id, sum, count: list.length };
}

interface GroupSums {
  byTopic: ReadonlyMap<string, { sum: bigint; count: number }>;
}
const groupSums = new WeakMap<GroupRow, GroupSums>();

/** Of groups that the last round read. A topic that another group reads is left out: the sum would be too low. */
export function readCommittedOffsets({ groups, groupsAsOf }: ClusterView): Reading | null {
  if (groupsAsOf === 0) return null;
  const offsets = new Map<string, TopicOffsets>();
  const unread = new Set<string>();
  for (const group of groups) {
    if (group.error !== null || group.asOf !== null) {
      for (const { topic } of group.partitions) unread.add(topic);
      continue;
    }
    for (const [topic, { sum, count }] of sumsOfGroup(group).byTopic) {
      const known = offsets.get(topic);
      offsets.set(topic, { id: null, sum: (known?.sum ?? 0n) + sum, count: (known?.count ?? 0) + count });
    }
  }
  for (const topic of unread) offsets.delete(topic);
  return { at: groupsAsOf, offsets };
}

function sumsOfGroup(group: GroupRow): GroupSums {
  let known = groupSums.get(group);
  if (known === undefined) {
    const byTopic = new Map<string, { sum: bigint; count: number }>();
    for (const { topic, committed } of group.partitions) {
      if (committed === null) continue;
      const sum = byTopic.get(topic) ?? { sum: 0n, count: 0 };
      byTopic.set(topic, { sum: sum.sum + BigInt(committed), count: sum.count + 1 });
    }
    groupSums.set(group, (known = { byTopic }));
  }
  return known;
}
