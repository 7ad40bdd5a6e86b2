/** How a sampling's answers become the readings of groups. Pure; what did not change keeps its object. */
import type { CommittedOffset } from '../../admin/groups.ts';
import { innerMap, type LogBounds } from '../../admin/topics.ts';
import type { Committed, GroupReading, GroupState, TopicOffsets } from './state.ts';

/** Of one group, by topic and partition. */
export type CommittedByTopic = ReadonlyMap<string, ReadonlyMap<number, Committed>>;

const NEVER: Committed = { offset: null, metadata: null, changedAt: null };

/**
 * Committed offsets by topic, with the time of their last change carried over. `changedAt`: of an offset that differs from the known one,
 * wall-clock ms; null where the last answer is too old to say.
 */
export function groupCommitted(
  known: CommittedByTopic | undefined,
  fresh: readonly CommittedOffset[],
  changedAt: number | null,
): CommittedByTopic {
  const byTopic = new Map<string, Map<number, Committed>>();
  for (const { topic, partition, offset, metadata } of fresh) {
    const ofTopic = innerMap(byTopic, topic);
    const before = known?.get(topic)?.get(partition);
    if (before !== undefined && before.offset === offset)
      ofTopic.set(partition, before.metadata === metadata ? before : { ...before, metadata });
    // The first answer shows no change.
    else ofTopic.set(partition, { offset, metadata, changedAt: known === undefined ? null : changedAt });
  }
  return byTopic;
}

const REBALANCING: ReadonlySet<string | undefined> = new Set(['PreparingRebalance', 'CompletingRebalance', 'Assigning', 'Reconciling']);
/** More are a cluster that restarts; all of them are read once a page shows them. */
const MAX_REBALANCING = 100;

/** Groups that were rebalancing when they were described last. */
export function rebalancingGroups(groups: ReadonlyMap<string, GroupState>): string[] {
  const ids: string[] = [];
  for (const [id, { described }] of groups) {
    if (!REBALANCING.has(described?.state)) continue;
    ids.push(id);
    if (ids.length === MAX_REBALANCING) break;
  }
  return ids;
}

/** Of each group with the committed offsets that they were found with. */
const knownTopics = new WeakMap<GroupState, { committed: CommittedByTopic | undefined; topics: ReadonlySet<string> }>();

/** The topics that a group reads: those it has committed for, and those of its members. */
export function topicsOfGroup(group: GroupState, committed: CommittedByTopic | undefined): ReadonlySet<string> {
  const known = knownTopics.get(group);
  if (known !== undefined && known.committed === committed) return known.topics;
  const topics = new Set(committed === undefined ? group.readings.keys() : committed.keys());
  for (const { assignment } of group.described?.members ?? []) for (const { topic } of assignment) topics.add(topic);
  knownTopics.set(group, { committed, topics });
  return topics;
}

/**
 * `partitions`: those that were read, all of which have bounds. `committed` is undefined where the coordinator did not answer this sampling: the
 * offsets of an earlier one stay, marked.
 */
export function withReadings(
  group: GroupState,
  topic: string,
  partitions: Iterable<number>,
  bounds: ReadonlyMap<number, LogBounds>,
  committed: CommittedByTopic | undefined,
): GroupState {
  const known = group.readings.get(topic);
  const committedHere = committed?.get(topic);
  const isCommittedKnown = committed !== undefined;
  let changed: Map<number, GroupReading> | undefined;
  for (const partition of partitions) {
    const bound = bounds.get(partition);
    if (bound === undefined) throw new Error(`Partition ${topic}-${partition} was read without bounds`);
    const before = known?.get(partition);
    const place = (isCommittedKnown ? committedHere?.get(partition) : before) ?? NEVER;
    if (
      before !== undefined &&
      before.offset === place.offset &&
      before.metadata === place.metadata &&
      before.changedAt === place.changedAt &&
      before.isCommittedKnown === isCommittedKnown &&
      before.bounds === bound
    )
      continue;
    changed ??= new Map(known);
    const { offset, metadata, changedAt } = place;
    changed.set(partition, { offset, metadata, changedAt, isCommittedKnown, bounds: bound });
  }
  return changed === undefined ? group : { ...group, readings: new Map(group.readings).set(topic, changed) };
}

/** Leaves the topics that the group still reads. */
export function withTopicsOnly(group: GroupState, topics: ReadonlySet<string>): GroupState {
  if ([...group.readings.keys()].every((topic) => topics.has(topic))) return group;
  return { ...group, readings: new Map([...group.readings].filter(([topic]) => topics.has(topic))) };
}

/** The bounds of a topic with those of an answer; of another incarnation nothing is kept. */
export function withBounds(known: TopicOffsets | undefined, topicId: string, fresh: ReadonlyMap<number, LogBounds>): TopicOffsets {
  const before = known?.topicId === topicId ? known : undefined;
  let changed: Map<number, LogBounds> | undefined = before === undefined ? new Map() : undefined;
  for (const [partition, bounds] of fresh) {
    const kept = before?.partitions.get(partition);
    if (kept !== undefined && isSameBounds(kept, bounds)) continue;
    changed ??= new Map(before?.partitions);
    changed.set(partition, bounds);
  }
  return changed === undefined && before !== undefined ? before : { topicId, partitions: changed ?? new Map() };
}

/** Compared tens of thousands of times a round: the members by name, not as those of any object. */
function isSameBounds(a: LogBounds, b: LogBounds): boolean {
  if ('error' in a || 'error' in b) return 'error' in a && 'error' in b && a.error === b.error;
  return a.end === b.end && a.start === b.start && a.stable === b.stable;
}
