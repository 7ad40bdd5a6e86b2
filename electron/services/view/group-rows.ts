/** Rows of consumer groups, and what a partition's readings say about its lag. A row is built again only when an input is another object. */
import { isLeaderUnknown } from '../../admin/cluster-client.ts';
import { innerMap } from '../../admin/topics.ts';
import type { GroupPartition, GroupRow } from '#shared/models/cluster';
import { sumOfKnown } from '#shared/partial-sum';
import type { ClusterState, GroupReading, GroupState, MetadataTopic, UnreadEntry } from './state.ts';
import { boundText } from './topic-rows.ts';
import { partitionKey } from '#shared/keys';

interface BuiltRow {
  readonly row: GroupRow;
  readonly topics: readonly string[];
  /** Of those topics, in their order. */
  readonly metadata: readonly (MetadataTopic | undefined)[];
  readonly unread: ReadonlyMap<string, UnreadEntry> | undefined;
  readonly asOf: number | null;
  readonly isMetadataKnown: boolean;
}

/** The last row of each group, with what it was made of. */
const rows = new WeakMap<GroupState, BuiltRow>();

export const groupRow = (id: string, group: GroupState, state: ClusterState): GroupRow => builtGroup(id, group, state).row;

/** With the topics whose metadata the row depends on, in order. */
export function builtGroup(id: string, group: GroupState, state: ClusterState): Pick<BuiltRow, 'row' | 'topics'> {
  const asOf = ageOf(id, state);
  const unread = state.unread.get(id);
  const isMetadataKnown = state.metadata !== null;
  const last = rows.get(group);
  if (
    last !== undefined &&
    last.asOf === asOf &&
    last.unread === unread &&
    last.isMetadataKnown === isMetadataKnown &&
    last.topics.every((topic, i) => state.topics.get(topic) === last.metadata[i])
  )
    return last;
  const topics = last?.topics ?? topicsOf(group);
  const row = buildRow(id, group, topics, asOf, state);
  const built = { row, topics, metadata: topics.map((topic) => state.topics.get(topic)), unread, asOf, isMetadataKnown };
  rows.set(group, built);
  return built;
}

/** A topic that it reads is shown whole: a partition that it never committed for is not the same as one without lag. */
function topicsOf(group: GroupState): readonly string[] {
  const topics = new Set(group.readings.keys());
  for (const { assignment } of group.described?.members ?? []) for (const { topic } of assignment) topics.add(topic);
  return [...topics].sort(compareNames);
}

const compareNames = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Null where the last rounds read it; a group that was never read, or not described yet, has the age of what it has. */
function ageOf(id: string, { descriptionTimes, lagTimes }: ClusterState): number | null {
  const [describedAt, sampledAt] = [descriptionTimes.of(id), lagTimes.of(id)];
  if (describedAt > 0 && describedAt === descriptionTimes.roundAt && sampledAt > 0 && sampledAt === lagTimes.roundAt) return null;
  return Math.min(describedAt, sampledAt);
}

function buildRow(id: string, group: GroupState, topics: readonly string[], asOf: number | null, state: ClusterState): GroupRow {
  const { described } = group;
  const owners = ownersOf(group);
  const partitions = topics.flatMap((topic) =>
    partitionsOf(topic, group.readings.get(topic), owners.get(topic), state, state.unread.get(id)),
  );
  const lag = sumOfKnown(partitions.flatMap((one) => (one.absent === null ? [one.lag] : [])));
  return {
    id,
    state: described?.state ?? 'Unknown',
    protocolType: described?.protocolType ?? group.listed.protocolType,
    protocol: described?.protocol ?? null,
    coordinator: group.error !== null ? null : group.listed.coordinator,
    members: described?.members ?? [],
    partitions,
    lag: partitions.length === 0 ? null : (lag.known?.toString() ?? null),
    unknown: lag.unknown,
    error: group.error ?? described?.error ?? null,
    asOf,
  };
}

type Owners = ReadonlyMap<number, string>;

/** Member ids by topic and partition. */
function ownersOf({ described }: GroupState): ReadonlyMap<string, Owners> {
  const owners = new Map<string, Map<number, string>>();
  for (const { memberId, assignment } of described?.members ?? []) {
    for (const { topic, partitions } of assignment) {
      const ofTopic = innerMap(owners, topic);
      for (const partition of partitions) ofTopic.set(partition, memberId);
    }
  }
  return owners;
}

function partitionsOf(
  topic: string,
  readings: ReadonlyMap<number, GroupReading> | undefined,
  owners: Owners | undefined,
  state: ClusterState,
  unread: ReadonlyMap<string, UnreadEntry> | undefined,
): GroupPartition[] {
  const metadata = state.topics.get(topic);
  const present = new Map((metadata?.partitions ?? []).map((partition) => [partition.partitionIndex, partition]));
  const partitions = [...new Set([...present.keys(), ...(readings?.keys() ?? []), ...(owners?.keys() ?? [])])].sort((a, b) => a - b);
  const entryOf = (partition: number): UnreadEntry | undefined => {
    const entry = unread?.get(partitionKey(topic, partition));
    return entry?.topicId === metadata?.topicId ? entry : undefined;
  };
  return partitions.map((partition) => {
    const reading = readings?.get(partition);
    const row = present.get(partition);
    const absent = state.metadata === null || row !== undefined ? null : metadata === undefined ? 'topic' : 'partition';
    return {
      topic,
      partition,
      memberId: owners?.get(partition) ?? null,
      leader: row === undefined || isLeaderUnknown(row) ? null : row.leaderId,
      committed: reading?.offset?.toString() ?? null,
      ...(absent === null ? lagOf(reading, entryOf(partition)) : NOTHING_TO_READ),
      absent,
      committedAt: reading?.changedAt ?? null,
      metadata: reading?.metadata ?? null,
    };
  });
}

type LagFields = Omit<GroupPartition, 'topic' | 'partition' | 'memberId' | 'leader' | 'committed' | 'absent' | 'committedAt' | 'metadata'>;

const NOTHING_TO_READ: LagFields = {
  startOffset: null,
  endOffset: null,
  lag: null,
  unknown: null,
  goneBeforeRead: null,
  beyondEnd: null,
  emptyOffsets: null,
  nextUnreadAt: null,
  openTransaction: false,
};

/** Of a partition that exists. */
function lagOf(reading: GroupReading | undefined, unread: UnreadEntry | undefined): LagFields {
  const bounds = reading?.bounds;
  if (reading === undefined || bounds === undefined || 'error' in bounds) return { ...NOTHING_TO_READ, unknown: 'offsets' };
  const { start, end, stable } = bounds;
  const fields: LagFields = {
    ...NOTHING_TO_READ,
    startOffset: boundText(bounds, 'start'),
    endOffset: boundText(bounds, 'end'),
    openTransaction: stable !== null && stable < end,
  };
  if (!reading.isCommittedKnown) return { ...fields, unknown: 'committed' };
  const { offset } = reading;
  // Wherever a member would start in an empty log, nothing can be read.
  if (offset === null) return start === end ? { ...fields, lag: '0' } : { ...fields, unknown: 'neverCommitted' };
  const next = offset > start ? offset : start;
  const left = end > next ? end - next : 0n;
  const isRead = left > 0n && unread !== undefined && unread.offset <= next;
  const isEmpty = isRead && unread.isNone && unread.end === end;
  return {
    ...fields,
    lag: (isEmpty ? 0n : left).toString(),
    emptyOffsets: isEmpty ? left.toString() : null,
    nextUnreadAt: isRead && !unread.isNone ? unread.timestamp : null,
    goneBeforeRead: offset < start ? (start - offset).toString() : null,
    beyondEnd: offset > end ? (offset - end).toString() : null,
  };
}
