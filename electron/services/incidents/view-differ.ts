/**
 * Events from differences between consecutive views of a cluster that records none by itself: brokers, leaders, ISRs, the controller, topics and
 * groups. What happened and was undone between two polls is not seen. Pure: time is given.
 */
import type { ClusterPatch } from '#shared/ipc';
import type { BrokerRow, GroupRow, QuorumView, TopicRow } from '#shared/models/cluster';
import type { TimelineEvent } from '#shared/models/timeline';

export type ObservedEvent = Omit<TimelineEvent, 'id' | 'node' | 'count' | 'causeId' | 'causeIsPossible'>;

/** Without a time of its own it is of the metadata's. */
type Change = Omit<ObservedEvent, 'at'> & { at?: number };

interface SeenPartition {
  leader: number | null;
  isr: readonly number[];
  replicas: readonly number[];
}

interface SeenTopic {
  id: string | null;
  partitions: ReadonlyMap<number, SeenPartition>;
  settings: ReadonlyMap<string, string | null>;
}

interface SeenGroup {
  coordinator: number | null;
  state: GroupRow['state'];
  members: ReadonlyMap<string, string>;
  /** Null: the last round of all groups that are shown. */
  asOf: number | null;
}

type Named<T> = T & { topic: string; partition: number };

/** A group is read only while it is shown: readings further apart are a new start, but for the end of a rebalance. */
const MAX_GROUP_GAP_MS = 30_000;
const REBALANCING: ReadonlySet<GroupRow['state']> = new Set(['PreparingRebalance', 'CompletingRebalance', 'Assigning', 'Reconciling']);

export class ViewDiffer {
  private readonly brokers = new Map<number, boolean>();
  private readonly topics = new Map<string, SeenTopic>();
  private readonly groups = new Map<string, SeenGroup>();
  /** Topics that the last metadata left out; in the next, too, they are deleted. A broker that is behind may not list a topic yet. */
  private unlisted = new Set<string>();
  private controller: { id: number; epoch: number | null; clusterId: string | null } | undefined;
  private clusterId: string | null = null;
  private asOf = 0;
  private groupsAsOf = 0;

  /** Events of the patch, causes before effects; none for the first metadata. Their reason states how far apart the two polls were. */
  take(patch: ClusterPatch): ObservedEvent[] {
    const last = this.asOf;
    this.asOf = patch.scalars.asOf ?? last;
    const lastRound = this.groupsAsOf;
    this.groupsAsOf = patch.scalars.groupsAsOf ?? lastRound;
    this.clusterId = patch.scalars.clusterId ?? this.clusterId;
    const [at, reason] = [this.asOf, reasonOf(this.asOf - last)];
    const events = [
      ...this.takeBrokers(patch.brokers.set, patch.brokers.removed),
      ...this.takeController(patch.scalars.quorum),
      ...this.takeDeleted(patch.topics, this.asOf > last),
      ...this.takeTopics(patch.topics.set),
      ...this.takeGroups(patch.groups.set, patch.groups.removed, lastRound),
    ];
    return last > 0 ? events.map((event) => ({ at, reason, ...event })) : [];
  }

  private takeBrokers(rows: readonly BrokerRow[], removed: readonly number[]): Change[] {
    const events: Change[] = [];
    const note = (broker: number, listed: boolean): void => {
      const before = this.brokers.get(broker);
      this.brokers.set(broker, listed);
      if (before === listed || (before === undefined && !listed)) return;
      events.push({ type: listed ? 'cluster/brokerUnfenced' : 'cluster/brokerFenced', broker });
    };
    for (const { id, state } of rows) note(id, state !== 'down');
    for (const id of removed) note(id, false);
    return events;
  }

  /** DescribeCluster of a KRaft cluster names any broker as the controller: only the quorum's leader counts. */
  private takeController(quorum: QuorumView | null | undefined): Change[] {
    if (quorum === undefined || quorum === null || quorum.leaderId === null) return [];
    const before = this.controller;
    const { leaderId: id, leaderEpoch: epoch } = quorum;
    const { clusterId } = this;
    // A former leader that has not noticed its end yet.
    if (before !== undefined && before.clusterId === clusterId && epoch !== null && epoch < (before.epoch ?? 0)) return [];
    this.controller = { id, epoch, clusterId };
    if (before === undefined || (before.id === id && before.epoch === epoch)) return [];
    return [{ type: 'quorum/leaderElected', broker: id, details: { epoch, previousLeader: before.id } }];
  }

  private takeDeleted({ set, removed }: ClusterPatch['topics'], isNewMetadata: boolean): Change[] {
    for (const { name } of set) this.unlisted.delete(name);
    const deleted = isNewMetadata ? [...this.unlisted] : [];
    this.unlisted = new Set([...(isNewMetadata ? [] : this.unlisted), ...removed]);
    return deleted.filter((topic) => this.topics.delete(topic)).map((topic) => ({ type: 'topic/deleted', topic }));
  }

  private takeTopics(rows: readonly TopicRow[]): Change[] {
    const events: Change[] = [];
    const reassigned: Named<{ from: readonly number[]; to: readonly number[] }>[] = [];
    const moves: Named<{ from: number; to: number }>[] = [];
    const lost: Named<{ from: number; to: number }>[] = [];
    const changes: Named<{ from: readonly number[]; to: readonly number[]; leader: number | null }>[] = [];
    for (const row of rows) {
      const { name: topic } = row;
      const before = this.topics.get(topic);
      const now = seenTopic(row);
      this.topics.set(topic, now);
      if (before === undefined || (before.id !== null && now.id !== null && before.id !== now.id)) {
        if (before !== undefined) events.push({ type: 'topic/deleted', topic });
        events.push({ type: 'topic/created', topic });
        continue;
      }
      const added = [...now.partitions.keys()].filter((partition) => !before.partitions.has(partition));
      if (added.length > 0) events.push({ type: 'topic/partitionsAdded', topic, partitions: added });
      const settings = changedSettings(before.settings, now.settings);
      if (Object.keys(settings).length > 0) events.push({ type: 'topic/configChanged', topic, details: { settings } });
      for (const [partition, { leader, isr, replicas }] of now.partitions) {
        const was = before.partitions.get(partition);
        if (was === undefined) continue;
        if (leader === null && was.leader !== null) lost.push({ topic, partition, from: was.leader, to: -1 });
        else if (leader !== null && leader !== was.leader) moves.push({ topic, partition, from: was.leader ?? -1, to: leader });
        if (was.replicas.some((id) => !replicas.includes(id))) reassigned.push({ topic, partition, from: was.replicas, to: replicas });
        // A replica that was assigned elsewhere has left for that reason.
        const from = was.isr.filter((id) => replicas.includes(id));
        if (from.length !== isr.length || from.some((id) => !isr.includes(id))) changes.push({ topic, partition, from, to: isr, leader });
      }
    }
    if (reassigned.length > 0) events.push({ type: 'partition/reassigned', details: { changes: reassigned } });
    return [...events, ...this.partitionEvents(moves, lost, changes)];
  }

  /** One event for each kind and broker, as a controller would report it. */
  private partitionEvents(
    moves: readonly Named<{ from: number; to: number }>[],
    lost: readonly Named<{ from: number; to: number }>[],
    changes: readonly Named<{ from: readonly number[]; to: readonly number[]; leader: number | null }>[],
  ): Change[] {
    const events: Change[] = [];
    const isDown = (broker: number): boolean => this.brokers.get(broker) === false;
    const fencing = (broker: number | null): Pick<ObservedEvent, 'broker'> => (broker === null ? {} : { broker });
    for (const [broker, list] of Map.groupBy(moves, ({ from }) => (isDown(from) ? from : null)))
      events.push({
        type: 'partition/leadersElected',
        ...fencing(broker),
        details: { ...trigger(broker), moves: list },
      });
    for (const [broker, list] of Map.groupBy(lost, ({ from }) => (isDown(from) ? from : null)))
      events.push({
        type: 'partition/leadersLost',
        ...fencing(broker),
        details: { ...trigger(broker), partitions: list },
      });
    const left = changes.filter(({ from, to }) => from.some((id) => !to.includes(id)));
    for (const [broker, list] of Map.groupBy(left, ({ from, to }) => from.find((id) => !to.includes(id) && isDown(id)) ?? null)) {
      const details = { trigger: broker === null ? 'lag' : 'fencing', changes: list };
      events.push({ type: 'partition/isrShrunk', ...fencing(broker), details });
    }
    const joined = changes.filter(({ from, to }) => to.some((id) => !from.includes(id)));
    if (joined.length > 0) events.push({ type: 'partition/isrExpanded', details: { changes: joined } });
    return events;
  }

  private takeGroups(rows: readonly GroupRow[], removed: readonly string[], lastRound: number): Change[] {
    const events: Change[] = [];
    for (const group of removed) {
      const before = this.groups.get(group);
      // A group is deleted only after its last member has left, which ends a rebalance.
      if (before !== undefined && REBALANCING.has(before.state)) events.push({ type: 'group/rebalanced', group, details: { members: 0 } });
      this.groups.delete(group);
    }
    for (const row of rows) {
      // A row that could not be read is no reading.
      const readAt = row.asOf ?? this.groupsAsOf;
      const before = this.groups.get(row.id);
      if (row.error !== null || row.state === 'Unknown' || readAt === 0) {
        if (before !== undefined) before.asOf ??= lastRound;
        continue;
      }
      const { id: group, coordinator, state, asOf } = row;
      const members = new Map(row.members.map(({ memberId, clientId }) => [memberId, clientId]));
      this.groups.set(group, { coordinator, state, members, asOf });
      if (before === undefined) continue;
      const gapMs = readAt - (before.asOf ?? lastRound);
      const note = (change: Change): void => void events.push({ at: readAt, reason: reasonOf(gapMs), ...change });
      const [was, is] = [REBALANCING.has(before.state), REBALANCING.has(state)];
      if (gapMs > MAX_GROUP_GAP_MS) {
        if (was && !is) note({ type: 'group/rebalanced', group, details: { members: members.size } });
        continue;
      }
      if (coordinator !== null && before.coordinator !== null && coordinator !== before.coordinator)
        note({ type: 'group/coordinatorMoved', group, details: { coordinator, members: members.size } });
      for (const [memberId, clientId] of members)
        if (!before.members.has(memberId))
          note({ type: 'group/memberJoined', group, details: { memberId, clientId, members: members.size } });
      for (const [memberId, clientId] of before.members)
        if (!members.has(memberId)) note({ type: 'group/memberLeft', group, details: { memberId, clientId, members: members.size } });
      if (is && !was) note({ type: 'group/rebalanceStarted', group, details: { members: members.size } });
      if (was && !is) note({ type: 'group/rebalanced', group, details: { members: members.size } });
    }
    return events;
  }
}

/** Of what is polled apart from metadata the time between is not known. */
const reasonOf = (gapMs: number): string =>
  gapMs <= 0 ? 'observed between two polls' : `observed between two polls, ${(gapMs / 1000).toFixed(1)} s apart`;

const trigger = (broker: number | null): { trigger?: string } => (broker === null ? {} : { trigger: 'fencing' });

function seenTopic({ id, partitions, cleanupPolicy, minInsyncReplicas }: TopicRow): SeenTopic {
  return {
    id,
    partitions: new Map(
      partitions.map(({ partition, leader, isr, replicas }) => [
        partition,
        { leader, isr, replicas: replicas.map(({ broker }) => broker) },
      ]),
    ),
    settings: new Map([
      ['cleanup.policy', cleanupPolicy],
      ['min.insync.replicas', minInsyncReplicas === null ? null : String(minInsyncReplicas)],
    ]),
  };
}

/** Settings that were read both times. */
function changedSettings(before: SeenTopic['settings'], now: SeenTopic['settings']): Record<string, string> {
  const changed = [...now].flatMap(([name, value]): [string, string][] => {
    const was = before.get(name) ?? null;
    return value === null || was === null || value === was ? [] : [[name, value]];
  });
  return Object.fromEntries(changed);
}
