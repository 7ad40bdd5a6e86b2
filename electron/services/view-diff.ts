import type { ClusterPatch } from '#shared/ipc';
import type { BrokerRow, ClusterView, GroupRow, TopicRow } from '#shared/models/cluster';

type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;

interface PublishedRow<Row> {
  row: Row;
  text: string;
}

/** The rows of one kind as they were published. */
class PublishedRows<K, Row> {
  private readonly known = new Map<K, PublishedRow<Row>>();
  private readonly keyOf: (row: Row) => K;
  private last: readonly Row[] | undefined;

  constructor(keyOf: (row: Row) => K) {
    this.keyOf = keyOf;
  }

  /** What differs. A list or a row that is the same object as before is taken as unchanged, unread. */
  advance(rows: readonly Row[]): { set: Row[]; removed: K[] } {
    if (rows === this.last) return { set: [], removed: [] };
    this.last = rows;
    const { known, keyOf } = this;
    const set: Row[] = [];
    const seen = new Set<K>();
    for (const row of rows) {
      const key = keyOf(row);
      seen.add(key);
      const before = known.get(key);
      if (before?.row === row) continue;
      const text = JSON.stringify(row);
      known.set(key, { row, text });
      if (before?.text !== text) set.push(row);
    }
    const removed = known.size === seen.size ? [] : [...known.keys()].filter((key) => !seen.has(key));
    for (const key of removed) known.delete(key);
    return { set, removed };
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
  advance(view: ClusterView): ClusterPatch | null {
    const { brokers, topics, groups, ...scalars } = view;
    this.current = view;
    const patch: ClusterPatch = {
      connectionId: view.connection.id,
      base: this.version,
      version: this.version + 1,
      scalars: changedScalars(this.scalars, scalars),
      brokers: this.brokers.advance(brokers),
      topics: this.topics.advance(topics),
      groups: this.groups.advance(groups),
    };
    const changed =
      Object.keys(patch.scalars).length > 0 ||
      [patch.brokers, patch.topics, patch.groups].some(({ set, removed }) => set.length > 0 || removed.length > 0);
    if (!changed) return null;
    this.version = patch.version;
    return patch;
  }
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
