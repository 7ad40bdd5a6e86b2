/**
 * Builds the rows of the view from what was last read. Of topics and groups only those that the state has marked are built, so that an update
 * costs as much as it changes; brokers and the facts of the cluster are few and are built each time.
 */
import type { BrokerRow, ClusterView, Connection, GroupRow, TopicRow } from '#shared/models/cluster';
import { brokerRows, downNodes, livingController } from './broker-rows.ts';
import { builtGroup } from './group-rows.ts';
import { GroupsByTopic } from './groups-by-topic.ts';
import { ReplicaCounts } from './replica-counts.ts';
import type { ClusterState } from './state.ts';
import { topicRow } from './topic-rows.ts';

export type Scalars = Omit<ClusterView, 'brokers' | 'topics' | 'groups'>;

/** Rows since the last build. */
export interface ViewChanges {
  readonly scalars: Scalars;
  /** All of them. */
  readonly brokers: readonly BrokerRow[];
  /** By name or id, in this order. Null: deleted. A row may be the same as before. */
  readonly topics: ReadonlyMap<string, TopicRow | null>;
  readonly groups: ReadonlyMap<string, GroupRow | null>;
}

export class ViewBuilder {
  private readonly connection: Connection;
  private readonly state: ClusterState;
  private readonly topics = new Map<string, TopicRow>();
  private readonly replicas = new ReplicaCounts();
  private readonly readers = new GroupsByTopic();
  /** Keeps its object while the same nodes are down. */
  private down: ReadonlySet<number> = new Set();
  private isMetadataKnown = false;

  /** `state` must not be built by two builders: each takes the marks of all changes. */
  constructor(connection: Connection, state: ClusterState) {
    this.connection = connection;
    this.state = state;
    for (const name of state.topics.keys()) state.changes.topicMetadata.add(name);
    for (const id of state.groups.keys()) state.changes.groups.add(id);
  }

  build(): ViewChanges {
    const { state } = this;
    const { changes } = state;
    this.markDependents();
    const topics = new Map<string, TopicRow | null>();
    for (const name of inOrder(changes.topics)) topics.set(name, this.buildTopic(name));
    const groups = new Map<string, GroupRow | null>();
    for (const id of inOrder(changes.groups)) groups.set(id, this.buildGroup(id));
    changes.clear();
    return { scalars: this.buildScalars(), brokers: brokerRows(state, this.replicas, this.down), topics, groups };
  }

  /** What rows of several topics and groups depend on. */
  private markDependents(): void {
    const { state } = this;
    const { changes } = state;
    const down = downNodes(state.nodes);
    if (!isSameSet(down, this.down)) {
      this.down = down;
      for (const name of state.topics.keys()) changes.topics.add(name);
    }
    // Before the first metadata it is not known whether a topic exists.
    if (this.isMetadataKnown !== (state.metadata !== null)) {
      this.isMetadataKnown = state.metadata !== null;
      for (const id of state.groups.keys()) changes.groups.add(id);
    }
    for (const name of changes.topicMetadata) {
      changes.topics.add(name);
      for (const id of this.readers.of(name)) changes.groups.add(id);
    }
  }

  private buildTopic(name: string): TopicRow | null {
    const topic = this.state.topics.get(name);
    const row = topic === undefined ? undefined : topicRow(topic, this.state, this.down);
    const before = this.topics.get(name);
    if (row !== before) this.replicas.replace(before, row);
    if (row === undefined) this.topics.delete(name);
    else this.topics.set(name, row);
    return row ?? null;
  }

  private buildGroup(id: string): GroupRow | null {
    const group = this.state.groups.get(id);
    if (group === undefined) {
      this.readers.set(id, []);
      return null;
    }
    const { row, topics } = builtGroup(id, group, this.state);
    this.readers.set(id, topics);
    return row;
  }

  private buildScalars(): Scalars {
    const { state } = this;
    return {
      connection: this.connection,
      clusterId: state.clusterId,
      controllerId: livingController(state, this.down),
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
}

/** In the order of the view, so that a client that adds rows at the end has new ones in this order. */
const inOrder = (names: ReadonlySet<string>): string[] => [...names].sort();

const isSameSet = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean => a.size === b.size && [...a].every((id) => b.has(id));
