/** Makes the view that the pages show of what was last read. Pure: the same state gives the same view, of the same objects where nothing changed. */
import type { ClusterView, Connection, GroupRow, TopicRow } from '#shared/models/cluster';
import { brokerRows, downNodes, livingController } from './broker-rows.ts';
import { groupRow } from './group-rows.ts';
import { keepList } from './kept-list.ts';
import type { ClusterState } from './state.ts';
import { topicRow } from './topic-rows.ts';

/** What of the last view is kept where nothing changed. */
interface Lists {
  readonly down: ReadonlySet<number>;
  readonly topics: readonly TopicRow[];
  readonly groups: readonly GroupRow[];
}

const lists = new WeakMap<ClusterState, Lists>();

export function buildView(connection: Connection, state: ClusterState): ClusterView {
  const known = lists.get(state);
  const down = keepSet(known?.down, downNodes(state.nodes));
  const topics = keepList(
    known?.topics,
    inOrder(
      [...state.topics.values()].map((topic) => topicRow(topic, state, down)),
      ({ name }) => name,
    ),
  );
  const groups = keepList(
    known?.groups,
    inOrder(
      [...state.groups].map(([id, group]) => groupRow(id, group, state)),
      ({ id }) => id,
    ),
  );
  lists.set(state, { down, topics, groups });
  return {
    connection,
    clusterId: state.clusterId,
    controllerId: livingController(state, down),
    brokers: brokerRows(state, topics, down),
    topics: topics as TopicRow[],
    groups: groups as GroupRow[],
    quorum: state.quorum,
    rates: {
      inBytesPerSecond: state.inBytesPerSecond,
      outBytesPerSecond: state.outBytesPerSecond,
      recordsInPerSecond: state.recordsInPerSecond,
    },
    unreachable: [...state.unreachable]
      .map(([broker, error]) => ({ broker, error, otherCluster: state.otherClusters.get(broker) ?? null }))
      .sort((a, b) => a.broker - b.broker),
    asOf: state.asOf,
    offsetsAsOf: state.offsetTimes.roundAt,
    groupsAsOf: Math.min(state.descriptionTimes.roundAt, state.lagTimes.roundAt),
  };
}

function keepSet(known: ReadonlySet<number> | undefined, fresh: ReadonlySet<number>): ReadonlySet<number> {
  return known !== undefined && known.size === fresh.size && [...fresh].every((id) => known.has(id)) ? known : fresh;
}

/** Sorts where needed only: the parts list topics and groups by name. */
function inOrder<Row>(rows: Row[], nameOf: (row: Row) => string): Row[] {
  for (let i = 1; i < rows.length; i++) {
    const [before, row] = [rows[i - 1], rows[i]];
    if (before !== undefined && row !== undefined && nameOf(before) > nameOf(row))
      return rows.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }
  return rows;
}
