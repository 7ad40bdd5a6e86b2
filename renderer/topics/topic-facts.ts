/** Sums over a topic's partitions, by broker too. Computed once for each row: in a large cluster few rows change at a time. */
import { leaderStateOf } from '#shared/health';
import type { ReplicaState, TopicRow } from '#shared/models/cluster';
import { displacedLeaders } from './leaders.ts';
import { stoppedInSync, topicHealth, type TopicHealth } from './replicas.ts';

/** Replicas by state. */
export type ReplicaCounts = Record<ReplicaState, number>;

export const noReplicas = (): ReplicaCounts => ({ leader: 0, inSync: 0, lagging: 0, offline: 0, electing: 0, unknown: 0 });

export interface TopicFacts {
  partitions: number;
  health: TopicHealth;
  /** By broker. */
  replicas: ReadonlyMap<number, ReplicaCounts>;
  /** By preferred broker: partitions that it does not lead although its replica is in sync. */
  movable: ReadonlyMap<number, number>;
  /** Partitions that another broker than the preferred one leads. */
  displaced: number;
  /** Partitions without a leader that answers. */
  unserved: number;
  /** Partitions whose acks=all writes wait for a replica that has stopped. */
  waiting: number;
}

const known = new WeakMap<TopicRow, TopicFacts>();

export function topicFacts(topic: TopicRow): TopicFacts {
  let facts = known.get(topic);
  if (facts === undefined) known.set(topic, (facts = readFacts(topic)));
  return facts;
}

function readFacts(topic: TopicRow): TopicFacts {
  const replicas = new Map<number, ReplicaCounts>();
  for (const partition of topic.partitions) {
    for (const { broker, state } of partition.replicas) {
      let counts = replicas.get(broker);
      if (counts === undefined) replicas.set(broker, (counts = noReplicas()));
      counts[state] += 1;
    }
  }
  const movable = new Map<number, number>();
  const displaced = displacedLeaders(topic.partitions);
  for (const { preferred, state } of displaced) if (state === 'inSync') movable.set(preferred, (movable.get(preferred) ?? 0) + 1);
  const unserved = topic.partitions.filter((partition) => leaderStateOf(partition) !== 'serving').length;
  const waiting = topic.partitions.filter((partition) => stoppedInSync(partition).length > 0).length;
  return {
    partitions: topic.partitions.length,
    health: topicHealth(topic),
    replicas,
    movable,
    displaced: displaced.length,
    unserved,
    waiting,
  };
}

export interface BrokerLoad {
  counts: ReplicaCounts;
  /** Partitions that an election of preferred leaders moves to it. */
  movable: number;
}

export interface ClusterLoad {
  brokers: ReadonlyMap<number, BrokerLoad>;
  partitions: number;
  health: TopicHealth;
  displaced: number;
  unserved: number;
  waiting: number;
}

/** Sums over all topics. With each update only topics whose row changed are added again: of 10,000 topics a patch brings few. */
export class ClusterTotals {
  private readonly counted = new Map<string, TopicFacts>();
  private readonly brokers = new Map<number, BrokerLoad>();
  private readonly sums: Omit<ClusterLoad, 'brokers' | 'health'> = { partitions: 0, displaced: 0, unserved: 0, waiting: 0 };
  private readonly health: TopicHealth = { underReplicated: 0, offline: 0, silent: 0, unknown: 0, refusing: 0 };

  update(topics: ReadonlyMap<string, TopicRow>): ClusterLoad {
    for (const [name, topic] of topics) {
      const facts = topicFacts(topic);
      const before = this.counted.get(name);
      if (before === facts) continue;
      if (before !== undefined) this.add(before, -1);
      this.add(facts, 1);
      this.counted.set(name, facts);
    }
    if (this.counted.size > topics.size) {
      for (const [name, facts] of this.counted) {
        if (topics.has(name)) continue;
        this.add(facts, -1);
        this.counted.delete(name);
      }
    }
    const brokers = new Map([...this.brokers].map(([broker, { counts, movable }]) => [broker, { counts: { ...counts }, movable }]));
    return { ...this.sums, health: { ...this.health }, brokers };
  }

  private add(facts: TopicFacts, sign: 1 | -1): void {
    this.sums.partitions += sign * facts.partitions;
    this.sums.displaced += sign * facts.displaced;
    this.sums.unserved += sign * facts.unserved;
    this.sums.waiting += sign * facts.waiting;
    const { health } = this;
    health.underReplicated += sign * facts.health.underReplicated;
    health.offline += sign * facts.health.offline;
    health.silent += sign * facts.health.silent;
    health.unknown += sign * facts.health.unknown;
    health.refusing += sign * facts.health.refusing;
    for (const [broker, counts] of facts.replicas) addCounts(this.loadOf(broker).counts, counts, sign);
    for (const [broker, count] of facts.movable) this.loadOf(broker).movable += sign * count;
  }

  private loadOf(broker: number): BrokerLoad {
    let load = this.brokers.get(broker);
    if (load === undefined) this.brokers.set(broker, (load = { counts: noReplicas(), movable: 0 }));
    return load;
  }
}

export const addLoads = (topics: readonly TopicRow[]): ClusterLoad =>
  new ClusterTotals().update(new Map(topics.map((topic) => [topic.name, topic])));

export function addCounts(to: ReplicaCounts, counts: ReplicaCounts, sign: 1 | -1 = 1): void {
  to.leader += sign * counts.leader;
  to.inSync += sign * counts.inSync;
  to.lagging += sign * counts.lagging;
  to.offline += sign * counts.offline;
  to.electing += sign * counts.electing;
  to.unknown += sign * counts.unknown;
}

export const replicasIn = ({ leader, inSync, lagging, offline, electing, unknown }: ReplicaCounts): number =>
  leader + inSync + lagging + offline + electing + unknown;

/** By metadata: partitions that name the broker as leader, those whose ISR it follows in, and those whose ISR it is missing from. */
export interface AssignedCounts {
  leads: number;
  follows: number;
  missing: number;
}

const assigned = new WeakMap<TopicRow, Map<number, AssignedCounts>>();

export function assignedCounts(topic: TopicRow, broker: number): AssignedCounts {
  let byBroker = assigned.get(topic);
  if (byBroker === undefined) assigned.set(topic, (byBroker = new Map<number, AssignedCounts>()));
  let counts = byBroker.get(broker);
  if (counts === undefined) {
    counts = { leads: 0, follows: 0, missing: 0 };
    for (const { leader, isr, replicas } of topic.partitions) {
      if (!replicas.some((replica) => replica.broker === broker)) continue;
      if (leader === broker) counts.leads += 1;
      else if (isr.includes(broker)) counts.follows += 1;
      else counts.missing += 1;
    }
    byBroker.set(broker, counts);
  }
  return counts;
}
