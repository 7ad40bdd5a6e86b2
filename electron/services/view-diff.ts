import { diff, type Delta } from '#shared/delta';
import type { ClusterPatch, RowsPatch } from '#shared/ipc';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';

type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;

/** A patch as the services of this process read it: `set` holds each row that differs whole. */
export interface ViewPatch extends ClusterPatch {
  /** Of rows that were published before: what differs. */
  readonly deltas: { readonly topics: ReadonlyMap<string, Delta>; readonly groups: ReadonlyMap<string, Delta> };
}

interface RowChanges<K, Row> {
  set: Row[];
  removed: K[];
  deltas: Map<K, Delta>;
}

/** The rows of one kind as they were published. */
class PublishedRows<K, Row> {
  private readonly known = new Map<K, Row>();
  private readonly keyOf: (row: Row) => K;
  private last: readonly Row[] | undefined;

  constructor(keyOf: (row: Row) => K) {
    this.keyOf = keyOf;
  }

  /** What differs. A list or a row that is the same object as before is taken as unchanged, unread. */
  advance(rows: readonly Row[]): RowChanges<K, Row> {
    const changes: RowChanges<K, Row> = { set: [], removed: [], deltas: new Map() };
    if (rows === this.last) return changes;
    this.last = rows;
    const { known, keyOf } = this;
    const seen = new Set<K>();
    for (const row of rows) {
      const key = keyOf(row);
      seen.add(key);
      const before = known.get(key);
      if (before === row) continue;
      const delta = before === undefined ? undefined : diff(before, row);
      // Also a row that was built again with the same content, so that it is read once.
      known.set(key, row);
      if (before !== undefined && delta === undefined) continue;
      changes.set.push(row);
      if (delta !== undefined) changes.deltas.set(key, delta);
    }
    if (known.size !== seen.size) changes.removed = [...known.keys()].filter((key) => !seen.has(key));
    for (const key of changes.removed) known.delete(key);
    return changes;
  }
}

/** Remembers what was published, by row, and finds what changed since. Rows must not be changed in place. */
export class ViewDiff {
  private version = 0;
  private current: ClusterView | undefined;
  private readonly scalars = new Map<string, string>();
  private readonly brokers = new PublishedRows<number, BrokerRow>((row) => row.id);
  private readonly topics = new PublishedRows<string, TopicRow>((row) => row.name);
  private readonly groups = new PublishedRows<string, GroupRow>((row) => row.id);

  get snapshot(): { version: number; view: ClusterView } | undefined {
    return this.current === undefined ? undefined : { version: this.version, view: this.current };
  }

  /** The patch from the last published view to `view`; null when nothing differs. */
  advance(view: ClusterView): ViewPatch | null {
    const { brokers, topics, groups, ...scalars } = view;
    this.current = view;
    const ofBrokers = this.brokers.advance(brokers);
    const ofTopics = this.topics.advance(topics);
    const ofGroups = this.groups.advance(groups);
    const patch: ViewPatch = {
      connectionId: view.connection.id,
      base: this.version,
      version: this.version + 1,
      scalars: changedScalars(this.scalars, scalars),
      brokers: { set: ofBrokers.set, removed: ofBrokers.removed },
      topics: { set: ofTopics.set, removed: ofTopics.removed },
      groups: { set: ofGroups.set, removed: ofGroups.removed },
      deltas: { topics: ofTopics.deltas, groups: ofGroups.deltas },
    };
    const changed =
      Object.keys(patch.scalars).length > 0 ||
      [patch.brokers, patch.topics, patch.groups].some(({ set, removed }) => set.length > 0 || removed.length > 0);
    if (!changed) return null;
    this.version = patch.version;
    return patch;
  }
}

/** The patch as it is sent: of a row that the receiver has, only what differs. */
export function toClusterPatch({ deltas, ...patch }: ViewPatch): ClusterPatch {
  return {
    ...patch,
    topics: withDeltas(patch.topics, deltas.topics, ({ name }) => name),
    groups: withDeltas(patch.groups, deltas.groups, ({ id }) => id),
  };
}

function withDeltas<Row>(
  { set, removed }: RowsPatch<Row>,
  deltas: ReadonlyMap<string, Delta>,
  keyOf: (row: Row) => string,
): RowsPatch<Row> {
  return { set: deltas.size === 0 ? set : set.filter((row) => !deltas.has(keyOf(row))), changed: [...deltas], removed };
}

function changedScalars(known: Map<string, string>, scalars: Scalars): Partial<Scalars> {
  const changed: Partial<Record<keyof Scalars, unknown>> = {};
  for (const [name, value] of Object.entries(scalars) as [keyof Scalars, unknown][]) {
    const text = JSON.stringify(value);
    if (known.get(name) === text) continue;
    known.set(name, text);
    changed[name] = value;
  }
  return changed as Partial<Scalars>;
}
