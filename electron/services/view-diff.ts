/** The view as it was published, and the patches from one publication to the next. A row must not be changed in place. */
import { diff, type Delta } from '#shared/delta';
import type { ClusterPatch, RowsPatch } from '#shared/ipc';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';
import type { Scalars, ViewChanges } from './view/build.ts';

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
  private readonly rows = new Map<K, Row>();
  private readonly isBefore: (a: K, b: K) => boolean;
  /** In order; undefined where a row was added or removed since. */
  private keys: K[] | undefined = [];
  /** Undefined where a row differs since. */
  private list: Row[] | undefined = [];

  constructor(isBefore: (a: K, b: K) => boolean) {
    this.isBefore = isBefore;
  }

  /** What differs. A row that is the same object as before is taken as unchanged, unread. Null: the row is deleted. */
  advance(fresh: Iterable<readonly [K, Row | null]>): RowChanges<K, Row> {
    const changes: RowChanges<K, Row> = { set: [], removed: [], deltas: new Map() };
    const { rows } = this;
    for (const [key, row] of fresh) {
      const before = rows.get(key);
      if (before === (row ?? undefined)) continue;
      this.list = undefined;
      if (row === null) {
        rows.delete(key);
        this.keys = undefined;
        changes.removed.push(key);
        continue;
      }
      // Also a row that was built again with the same content, so that it is read once.
      rows.set(key, row);
      if (before === undefined) {
        this.keys = undefined;
        changes.set.push(row);
        continue;
      }
      const delta = diff(before, row);
      if (delta === undefined) continue;
      changes.set.push(row);
      changes.deltas.set(key, delta);
    }
    return changes;
  }

  /** Rows that are not among `all` are deleted. */
  advanceTo(all: ReadonlyMap<K, Row>): RowChanges<K, Row> {
    const deleted = [...this.rows.keys()].filter((key) => !all.has(key));
    return this.advance([...all, ...deleted.map((key) => [key, null] as const)]);
  }

  /** In order. The list is made where it is asked for, not by each patch. */
  all(): Row[] {
    const { rows, isBefore } = this;
    this.keys ??= [...rows.keys()].sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.list ??= this.keys.flatMap((key) => rows.get(key) ?? []);
    return this.list;
  }
}

export class ViewDiff {
  private version = 0;
  private current: Scalars | undefined;
  private readonly scalars = new Map<string, string>();
  private readonly brokers = new PublishedRows<number, BrokerRow>((a, b) => a < b);
  private readonly topics = new PublishedRows<string, TopicRow>((a, b) => a < b);
  private readonly groups = new PublishedRows<string, GroupRow>((a, b) => a < b);

  /** Undefined: nothing was published. */
  get snapshot(): { version: number; view: ClusterView } | undefined {
    if (this.current === undefined) return undefined;
    const [brokers, topics, groups] = [this.brokers.all(), this.topics.all(), this.groups.all()];
    return { version: this.version, view: { ...this.current, brokers, topics, groups } };
  }

  /** The patch from the last published view to the one with these changes; null when nothing differs. */
  advance({ scalars, brokers, topics, groups }: ViewChanges): ViewPatch | null {
    this.current = scalars;
    const ofBrokers = this.brokers.advanceTo(new Map(brokers.map((row) => [row.id, row])));
    const ofTopics = this.topics.advance(topics);
    const ofGroups = this.groups.advance(groups);
    const patch: ViewPatch = {
      connectionId: scalars.connection.id,
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
