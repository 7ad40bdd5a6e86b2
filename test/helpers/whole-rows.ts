/** Patches with whole rows, for tests that follow figures and not the form in which they are sent. */
import { applyDelta } from '../../shared/delta.ts';
import type { ClusterPatch, RowsPatch } from '../../shared/ipc.ts';
import type { ClusterView, GroupRow, TopicRow } from '../../shared/models/cluster.ts';

export class WholeRows {
  private version = 0;
  private readonly topics = new Map<string, TopicRow>();
  private readonly groups = new Map<string, GroupRow>();

  takeView(version: number, { topics, groups }: ClusterView): void {
    this.version = version;
    this.topics.clear();
    this.groups.clear();
    for (const row of topics) this.topics.set(row.name, row);
    for (const row of groups) this.groups.set(row.id, row);
  }

  /** The patch with each row that differs whole, where it follows what was taken last; else as it is: its receiver asks for the view. */
  expand(patch: ClusterPatch): ClusterPatch {
    if (patch.base !== this.version) return patch;
    this.version = patch.version;
    const topics = wholeRows(this.topics, patch.topics, ({ name }) => name);
    return { ...patch, topics, groups: wholeRows(this.groups, patch.groups, ({ id }) => id) };
  }
}

function wholeRows<Row>(
  rows: Map<string, Row>,
  { set, changed = [], removed }: RowsPatch<Row>,
  keyOf: (row: Row) => string,
): RowsPatch<Row> {
  for (const key of removed) rows.delete(key);
  for (const row of set) rows.set(keyOf(row), row);
  const whole = changed.map(([key, delta]) => {
    const before = rows.get(key);
    if (before === undefined) throw new Error(`a patch changes ${key}, which was not sent before`);
    const row = applyDelta(before, delta) as Row;
    rows.set(key, row);
    return row;
  });
  return { set: [...set, ...whole], removed };
}
