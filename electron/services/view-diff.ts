import type { ClusterPatch } from '#shared/ipc';
import type { ClusterView } from '#shared/models/cluster';

type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;

/** Remembers what was published, by row, and says what changed since. */
export class ViewDiff {
  private version = 0;
  private current: ClusterView | undefined;
  private readonly scalars = new Map<string, string>();
  private readonly brokers = new Map<number, string>();
  private readonly topics = new Map<string, string>();
  private readonly groups = new Map<string, string>();

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
      brokers: changedRows(this.brokers, brokers, (row) => row.id),
      topics: changedRows(this.topics, topics, (row) => row.name),
      groups: changedRows(this.groups, groups, (row) => row.id),
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

function changedRows<K, Row>(known: Map<K, string>, rows: readonly Row[], keyOf: (row: Row) => K): { set: Row[]; removed: K[] } {
  const set: Row[] = [];
  const seen = new Set<K>();
  for (const row of rows) {
    const key = keyOf(row);
    seen.add(key);
    const text = JSON.stringify(row);
    if (known.get(key) === text) continue;
    known.set(key, text);
    set.push(row);
  }
  const removed = [...known.keys()].filter((key) => !seen.has(key));
  for (const key of removed) known.delete(key);
  return { set, removed };
}
