/** The view of a cluster by key, and how a patch changes it: in place, at a cost that grows with the patch, not with the cluster. */
import { applyDelta, type Delta } from '#shared/delta';
import type { ClusterPatch, RowsPatch } from '#shared/ipc';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';

export type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;

export interface ClusterState {
  version: number;
  scalars: Scalars | null;
  brokers: Map<number, BrokerRow>;
  topics: Map<string, TopicRow>;
  groups: Map<string, GroupRow>;
  /** Rows that the last round did not read: wall-clock ms of the round that did. A row with an error shows the error, not an age. */
  datedTopics: Map<string, number>;
  datedGroups: Map<string, number>;
}

/** Keys of the rows that a patch added, changed or removed. */
export interface ChangedKeys {
  readonly brokers: readonly number[];
  readonly topics: readonly string[];
  readonly groups: readonly string[];
}

export function emptyState(): ClusterState {
  const maps = { brokers: new Map(), topics: new Map(), groups: new Map(), datedTopics: new Map(), datedGroups: new Map() };
  return { version: -1, scalars: null, ...maps };
}

export function stateOf({ brokers, topics, groups, ...scalars }: ClusterView, version: number): ClusterState {
  const state = { ...emptyState(), version, scalars };
  for (const row of brokers) state.brokers.set(row.id, row);
  for (const row of topics) state.topics.set(row.name, row);
  for (const row of groups) state.groups.set(row.id, row);
  noteTopicAges(state, state.topics.keys());
  noteGroupAges(state, state.groups.keys());
  return state;
}

/**
 * Null where the patch changes a row that is missing here: nothing is applied, since the view is another one than its version states. The
 * caller has compared connections and versions.
 */
export function applyPatch(state: ClusterState, patch: ClusterPatch): ChangedKeys | null {
  const isWhole = hasRows(state.topics, patch.topics) && hasRows(state.groups, patch.groups);
  if (!isWhole || state.scalars === null) return null;
  state.scalars = { ...state.scalars, ...patch.scalars };
  state.version = patch.version;
  const changed: ChangedKeys = {
    brokers: replaceRows(state.brokers, patch.brokers, (row) => row.id),
    topics: replaceRows(state.topics, patch.topics, (row) => row.name),
    groups: replaceRows(state.groups, patch.groups, (row) => row.id),
  };
  noteTopicAges(state, changed.topics);
  noteGroupAges(state, changed.groups);
  return changed;
}

function noteTopicAges({ topics, datedTopics }: ClusterState, names: Iterable<string>): void {
  for (const name of names) noteAge(datedTopics, name, topics.get(name)?.offsetsAsOf);
}

function noteGroupAges({ groups, datedGroups }: ClusterState, ids: Iterable<string>): void {
  for (const id of ids) {
    const row = groups.get(id);
    noteAge(datedGroups, id, row?.error === null ? row.asOf : null);
  }
}

/** 0: the row has no reading whose age could be stated. */
function noteAge(dated: Map<string, number>, key: string, age: number | null | undefined): void {
  if (age === null || age === undefined || age === 0) dated.delete(key);
  else dated.set(key, age);
}

const hasRows = <Row>(rows: ReadonlyMap<string, Row>, { changed = [] }: RowsPatch<Row>): boolean => changed.every(([key]) => rows.has(key));

/** Returns the keys of the rows that differ. */
function replaceRows<Key, Row>(
  rows: Map<Key, Row>,
  { set, changed = [], removed }: { set: readonly Row[]; changed?: readonly (readonly [Key, Delta])[]; removed: readonly Key[] },
  keyOf: (row: Row) => Key,
): Key[] {
  for (const key of removed) rows.delete(key);
  for (const row of set) rows.set(keyOf(row), row);
  for (const [key, delta] of changed) rows.set(key, applyDelta(rows.get(key), delta) as Row);
  return [...removed, ...set.map(keyOf), ...changed.map(([key]) => key)];
}
