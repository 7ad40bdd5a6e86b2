/** Views as a whole: built from nothing, and published one after another. */
import { ViewDiff, type ViewPatch } from '../../electron/services/view-diff.ts';
import { ViewBuilder } from '../../electron/services/view/build.ts';
import type { ClusterState } from '../../electron/services/view/state.ts';
import type { ClusterView, Connection } from '../../shared/models/cluster.ts';

export function buildView(connection: Connection, state: ClusterState): ClusterView {
  return viewAfter(new ViewBuilder(connection, state), new ViewDiff());
}

/** What is published by the next update. */
export function viewAfter(builder: ViewBuilder, published: ViewDiff): ClusterView {
  published.advance(builder.build());
  if (published.snapshot === undefined) throw new Error('nothing was published');
  return published.snapshot.view;
}

/** Publishes whole views: every row is offered, and those that the view leaves out are deleted. */
export class WholeViewDiff {
  private readonly published = new ViewDiff();

  get snapshot(): ViewDiff['snapshot'] {
    return this.published.snapshot;
  }

  advance({ brokers, topics, groups, ...scalars }: ClusterView): ViewPatch | null {
    const known = this.snapshot?.view;
    return this.published.advance({
      scalars,
      brokers,
      topics: changesBetween(known?.topics, topics, ({ name }) => name),
      groups: changesBetween(known?.groups, groups, ({ id }) => id),
    });
  }
}

function changesBetween<Row>(before: readonly Row[] = [], after: readonly Row[], keyOf: (row: Row) => string): Map<string, Row | null> {
  return new Map<string, Row | null>([
    ...before.map((row) => [keyOf(row), null] as const),
    ...after.map((row) => [keyOf(row), row] as const),
  ]);
}
