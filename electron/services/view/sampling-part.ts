/**
 * Offsets and lag, read in one operation: first the committed offsets of the groups at their coordinators, then the log's bounds of
 * the partitions at their leaders. So an end offset is never older than the committed offset that it is compared with, and a lag is
 * never smaller than it was when the committed offset was read.
 */
import type { CommittedOffset } from '../../admin/groups.ts';
import { isLeaderUnknown } from '../../admin/cluster-client.ts';
import { innerMap, pushTo, type LedPartition, type LogBounds, type PartitionKey } from '../../admin/topics.ts';
import { BrokerLanes } from './broker-lanes.ts';
import { elapsedSeconds, systemInstant, type Instant } from './elapsed.ts';
import { groupCommitted, topicsOfGroup, withBounds, withReadings, withTopicsOnly, type CommittedByTopic } from './group-readings.ts';
import type { Interest } from './interest.ts';
import type { Reach } from './reach.ts';
import { RecordRate } from './record-rate.ts';
import type { ClusterState, MetadataTopic } from './state.ts';

type Target = Pick<ClusterState, 'topics' | 'groups' | 'offsets' | 'offsetTimes' | 'lagTimes' | 'recordsInPerSecond'>;
type BoundsByTopic = ReadonlyMap<string, ReadonlyMap<number, LogBounds>>;

export interface SampleSource {
  /** By group; groups that the coordinator refused are left out. Rejects with an `AdminError`. */
  committed(coordinator: number, groups: readonly string[]): Promise<ReadonlyMap<string, readonly CommittedOffset[]>>;
  /** By topic and partition, of partitions that the broker leads. Rejects with an `AdminError`. */
  bounds(leader: number, keys: readonly LedPartition[], withStable: boolean): Promise<BoundsByTopic>;
}

interface KnownCommitted {
  readonly at: Instant;
  readonly answer: readonly CommittedOffset[];
  readonly offsets: CommittedByTopic;
}

/** An answer that took longer says too little about the time at which its end offsets were read. */
const MAX_RATE_LATENCY_MS = 500;
/** Metadata is older than the broker: it names another leader, or an earlier leader epoch. */
const STALE_ERRORS: ReadonlySet<string> = new Set(['NOT_LEADER_OR_FOLLOWER', 'FENCED_LEADER_EPOCH']);

interface Sample {
  readonly at: Instant;
  /** Of the groups whose coordinator answered. */
  readonly committed: ReadonlyMap<string, CommittedByTopic>;
  /** Groups by the topics that they read. */
  readonly readers: ReadonlyMap<string, readonly string[]>;
}

export class SamplingPart {
  private readonly state: Target;
  private readonly source: SampleSource;
  private readonly reach: Reach;
  private readonly onChange: () => void;
  private readonly onStaleMetadata: () => void;
  private readonly now: () => Instant;
  private readonly coordinators: BrokerLanes;
  private readonly leaders: BrokerLanes;
  private readonly recordRate = new RecordRate();
  /** The last answer for each group. */
  private readonly lastCommitted = new Map<string, KnownCommitted>();

  constructor(options: {
    state: Target;
    source: SampleSource;
    reach: Reach;
    onChange: () => void;
    /** A broker does not lead a partition that metadata says it leads. */
    onStaleMetadata: () => void;
    now?: () => Instant;
    lanes?: () => BrokerLanes;
  }) {
    this.state = options.state;
    this.source = options.source;
    this.reach = options.reach;
    this.onChange = options.onChange;
    this.onStaleMetadata = options.onStaleMetadata;
    this.now = options.now ?? systemInstant;
    const lanes = options.lanes ?? (() => new BrokerLanes());
    this.coordinators = lanes();
    this.leaders = lanes();
  }

  /** One sampling of these topics and groups, and of the topics that those groups read. */
  async round(interest: Interest): Promise<void> {
    const at = this.now();
    const groups = this.groupsOf(interest.groups);
    const sample = this.startSample(groups, await this.readCommitted(groups), at);
    const topics = interest.topics === 'all' ? [...this.state.topics.keys()] : interest.topics === 'none' ? [] : interest.topics;
    const read = new Set([...topics.filter((topic) => this.state.topics.has(topic)), ...sample.readers.keys()]);
    await this.readBounds(sample, read);
    this.forgetUnread(groups, sample);
    this.state.offsetTimes.note(read, at.wallMs);
    this.state.lagTimes.note(groups, at.wallMs);
    this.state.recordsInPerSecond = this.recordRate.sum(this.partitionsOfAll(read));
    this.recordRate.keepOnly((topic) => this.state.topics.has(topic));
  }

  private groupsOf(wanted: Interest['groups']): string[] {
    const { groups } = this.state;
    if (wanted === 'none') return [];
    return wanted === 'all' ? [...groups.keys()] : wanted.filter((id) => groups.has(id));
  }

  /** Every partition of the cluster; none where some topic was not read, since the others are not the cluster. */
  private partitionsOfAll(read: ReadonlySet<string>): PartitionKey[] {
    const topics = [...this.state.topics.keys()];
    return topics.every((topic) => read.has(topic)) ? topics.flatMap((topic) => this.partitionsOf(topic)) : [];
  }

  private partitionsOf(topic: string): PartitionKey[] {
    return (this.state.topics.get(topic)?.partitions ?? []).map(({ partitionIndex }) => ({ topic, partition: partitionIndex }));
  }

  /** Returns the groups whose coordinator answered. A late answer is older than this sampling and is dropped: the next one asks again. */
  private async readCommitted(groups: readonly string[]): Promise<ReadonlySet<string>> {
    const answered = new Set<string>();
    const byCoordinator = new Map<number, string[]>();
    for (const id of groups) {
      const group = this.state.groups.get(id);
      if (group === undefined || group.error !== null) continue;
      const own = byCoordinator.get(group.listed.coordinator);
      if (own === undefined) byCoordinator.set(group.listed.coordinator, [id]);
      else own.push(id);
    }
    await this.coordinators.round(
      byCoordinator.keys(),
      (broker) => this.source.committed(broker, byCoordinator.get(broker) ?? []),
      (broker, answer, isLate) => {
        this.reach.note(broker, 'error' in answer ? answer.error : null);
        if ('error' in answer || isLate) return;
        const at = this.now();
        for (const [id, offsets] of answer.value) {
          const last = this.lastCommitted.get(id);
          // An offset that changed while the group was not read was committed at any time since.
          const changedAt = last === undefined || elapsedSeconds(last.at, at) === null ? null : at.wallMs;
          // An answer that did not change is the same object.
          const isSame = last?.answer === offsets;
          this.lastCommitted.set(id, {
            at,
            answer: offsets,
            offsets: isSame ? last.offsets : groupCommitted(last?.offsets, offsets, changedAt),
          });
          answered.add(id);
        }
      },
    );
    return answered;
  }

  private startSample(groups: readonly string[], answered: ReadonlySet<string>, at: Instant): Sample {
    const committed = new Map<string, CommittedByTopic>();
    const readers = new Map<string, string[]>();
    for (const id of groups) {
      const group = this.state.groups.get(id);
      const own = answered.has(id) ? this.lastCommitted.get(id)?.offsets : undefined;
      if (own !== undefined) committed.set(id, own);
      if (group === undefined) continue;
      for (const topic of topicsOfGroup(group, own)) {
        const others = readers.get(topic);
        if (others === undefined) readers.set(topic, [id]);
        else others.push(id);
      }
    }
    return { at, committed, readers };
  }

  private async readBounds(sample: Sample, topics: ReadonlySet<string>): Promise<void> {
    const byLeader = new Map<number, LedPartition[]>();
    for (const topic of topics) {
      const { led, leaderless } = this.partitionKeysOf(topic);
      for (const [leader, keys] of led) {
        const own = byLeader.get(leader);
        if (own === undefined) byLeader.set(leader, [...keys]);
        else for (const key of keys) own.push(key);
      }
      const unasked = new Map<number, LogBounds>(leaderless.map((partition) => [partition, { error: 'LEADER_NOT_AVAILABLE' }]));
      this.addAbsent(sample, topic, unasked);
      if (unasked.size > 0) this.apply(sample, new Map([[topic, unasked]]));
    }
    const askedAt = this.now().monotonicMs;
    const missing = await this.leaders.round(
      byLeader.keys(),
      (leader) => this.askLeader(leader, byLeader.get(leader) ?? [], sample),
      (leader, answer, isLate) => {
        const readAt = this.now();
        const isTimeKnown = readAt.monotonicMs - askedAt <= MAX_RATE_LATENCY_MS;
        this.reach.note(leader, 'error' in answer ? answer.error : null);
        const keys = byLeader.get(leader) ?? [];
        const bounds = 'error' in answer ? failed(keys, answer.error.app.code) : answer.value;
        // A late answer is older than the age that is shown: the next sampling reads it again.
        if (!isLate) this.apply(sample, bounds, isTimeKnown ? readAt : null);
        if (isStale(bounds)) this.onStaleMetadata();
        this.onChange();
      },
    );
    for (const leader of missing) this.apply(sample, failed(byLeader.get(leader) ?? [], 'REQUEST_TIMED_OUT'));
  }

  /** Partitions that were committed for and do not exist: nothing can be asked about them. */
  private addAbsent({ committed, readers }: Sample, topic: string, into: Map<number, LogBounds>): void {
    const { present } = this.partitionKeysOf(topic);
    for (const id of readers.get(topic) ?? []) {
      for (const partition of committed.get(id)?.get(topic)?.keys() ?? [])
        if (!present.has(partition)) into.set(partition, { error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    }
  }

  private partitionKeysOf(topic: string): PartitionKeys {
    const metadata = this.state.topics.get(topic);
    return metadata === undefined ? NO_PARTITIONS : partitionKeysOf(topic, metadata);
  }

  private async askLeader(leader: number, keys: readonly LedPartition[], { readers }: Sample): Promise<BoundsByTopic> {
    const read = keys.filter(({ topic }) => readers.has(topic));
    const others = keys.filter(({ topic }) => !readers.has(topic));
    const parts = await Promise.all([
      read.length === 0 ? undefined : this.source.bounds(leader, read, true),
      others.length === 0 ? undefined : this.source.bounds(leader, others, false),
    ]);
    return new Map(parts.flatMap((part) => (part === undefined ? [] : [...part])));
  }

  /** `readAt`: when the broker read the bounds; null where that is too uncertain to measure a rate. */
  private apply({ committed, readers }: Sample, bounds: BoundsByTopic, readAt: Instant | null = null): void {
    const { topics, offsets, groups } = this.state;
    for (const [topic, fresh] of bounds) {
      const topicId = topics.get(topic)?.topicId;
      let known: ReadonlyMap<number, LogBounds> = fresh;
      if (topicId !== undefined) {
        const before = offsets.get(topic);
        const merged = withBounds(before, topicId, fresh);
        if (merged !== before) offsets.set(topic, merged);
        known = merged.partitions;
        for (const [partition, one] of fresh)
          this.recordRate.note(topic, topicId, partition, readAt === null || 'error' in one ? null : { end: one.end, at: readAt });
      }
      for (const id of readers.get(topic) ?? []) {
        const group = groups.get(id);
        if (group === undefined) continue;
        const next = withReadings(group, topic, fresh.keys(), known, committed.get(id));
        if (next !== group) groups.set(id, next);
      }
    }
  }

  private forgetUnread(ids: readonly string[], { committed }: Sample): void {
    const { groups } = this.state;
    for (const id of ids) {
      const group = groups.get(id);
      const own = committed.get(id);
      if (group === undefined || own === undefined) continue;
      const next = withTopicsOnly(group, topicsOfGroup(group, own));
      if (next !== group) groups.set(id, next);
    }
    for (const id of this.lastCommitted.keys()) if (!groups.has(id)) this.lastCommitted.delete(id);
  }
}

interface PartitionKeys {
  readonly present: ReadonlySet<number>;
  /** By leader. */
  readonly led: ReadonlyMap<number, readonly LedPartition[]>;
  readonly leaderless: readonly number[];
}

const NO_PARTITIONS: PartitionKeys = { present: new Set(), led: new Map(), leaderless: [] };
/** By metadata: a topic that did not change is asked for by the same keys. */
const knownKeys = new WeakMap<MetadataTopic, PartitionKeys>();

function partitionKeysOf(topic: string, metadata: MetadataTopic): PartitionKeys {
  const known = knownKeys.get(metadata);
  if (known !== undefined) return known;
  const led = new Map<number, LedPartition[]>();
  const leaderless: number[] = [];
  for (const row of metadata.partitions) {
    const { partitionIndex: partition, leaderEpoch } = row;
    if (isLeaderUnknown(row)) leaderless.push(partition);
    else pushTo(led, row.leaderId, { topic, partition, leaderEpoch });
  }
  const found = { present: new Set(metadata.partitions.map(({ partitionIndex }) => partitionIndex)), led, leaderless };
  knownKeys.set(metadata, found);
  return found;
}

function failed(keys: readonly PartitionKey[], error: string): BoundsByTopic {
  const bounds = new Map<string, Map<number, LogBounds>>();
  for (const { topic, partition } of keys) {
    const ofTopic = innerMap(bounds, topic);
    ofTopic.set(partition, { error });
  }
  return bounds;
}

/** UNKNOWN_LEADER_EPOCH is no sign of old metadata: the broker is older than metadata. */
function isStale(bounds: BoundsByTopic): boolean {
  for (const partitions of bounds.values())
    for (const one of partitions.values()) if ('error' in one && STALE_ERRORS.has(one.error)) return true;
  return false;
}
