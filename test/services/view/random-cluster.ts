/** A cluster that changes at random, and the parts of the view that read it: what brokers answer is made up, the rest is the code of the app. */
import type { ClusterMetadata } from '../../../electron/admin/cluster-client.ts';
import { UnreachableError } from '../../../electron/admin/errors.ts';
import type { GroupDescription, ListedGroup } from '../../../electron/admin/groups.ts';
import type { LogBounds } from '../../../electron/admin/topics.ts';
import type { Random } from '../../../electron/cluster/lib/random.ts';
import type { LabNode } from '../../../electron/services/lab.ts';
import { BrokerLanes } from '../../../electron/services/view/broker-lanes.ts';
import { GroupsPart } from '../../../electron/services/view/groups-part.ts';
import type { Interest } from '../../../electron/services/view/interest.ts';
import { MetadataPart } from '../../../electron/services/view/metadata-part.ts';
import { NodesPart } from '../../../electron/services/view/nodes-part.ts';
import { QuorumPart } from '../../../electron/services/view/quorum-part.ts';
import { Reach } from '../../../electron/services/view/reach.ts';
import { SamplingPart } from '../../../electron/services/view/sampling-part.ts';
import { SettingsPart } from '../../../electron/services/view/settings-part.ts';
import { SizesPart } from '../../../electron/services/view/sizes-part.ts';
import { emptyState } from '../../../electron/services/view/state.ts';
import { UnreadPart } from '../../../electron/services/view/unread-part.ts';
import { ManualClock } from './manual-clock.ts';

const BROKERS = [1, 2, 3];
const TOPICS = ['a', 'b', 'c', 'd', '__proto__'];
const GROUPS = ['g', 'h', 'i', 'constructor'];

interface Partition {
  leader: number;
  epoch: number;
  replicas: number[];
  isr: number[];
  start: bigint;
  end: bigint;
  bytes: bigint;
}

interface Topic {
  id: string;
  policy: string;
  partitions: Partition[];
}

interface Group {
  coordinator: number;
  members: { topic: string; partitions: number[] }[][];
  committed: Map<string, Map<number, bigint>>;
}

export class RandomCluster {
  readonly state = emptyState();
  readonly clock = new ManualClock();
  private readonly random: Random;
  private readonly topics = new Map<string, Topic>();
  private readonly groups = new Map<string, Group>();
  private readonly silent = new Set<number>();
  private readonly unlisted = new Set<number>();
  private readonly nodes: Map<number, LabNode['state']> | null;
  private ids = 0;
  private readonly rounds: (() => Promise<void>)[];

  /** With nodes: the embedded cluster. */
  constructor(random: Random, withNodes: boolean) {
    this.random = random;
    this.nodes = withNodes ? new Map(BROKERS.map((id) => [id, 'running'])) : null;
    const { state, clock } = this;
    const reach = new Reach(state.unreachable, state.otherClusters);
    const wall = (): number => clock.instant().wallMs;
    const lanes = (): BrokerLanes => new BrokerLanes(clock);
    const common = { state, reach, onChange: () => undefined };
    const brokers = (): number[] => BROKERS.filter((id) => !this.unlisted.has(id));
    const answer = <T>(broker: number, make: () => T): Promise<T> =>
      this.silent.has(broker) ? Promise.reject(new UnreachableError(`Broker ${broker}`, 'no answer')) : Promise.resolve(make());
    const metadata = new MetadataPart({ state, now: wall, read: () => Promise.resolve(this.metadata()) });
    const groups = new GroupsPart({
      ...common,
      now: wall,
      lanes: lanes(),
      source: {
        brokers,
        list: (broker) => answer(broker, () => this.listed(broker)),
        describe: (broker, asked) => answer(broker, () => asked.flatMap((one) => this.described(one))),
      },
    });
    const sampling = new SamplingPart({
      ...common,
      onStaleMetadata: () => undefined,
      now: clock.instant,
      lanes,
      source: {
        committed: (coordinator, asked) => answer(coordinator, () => this.committed(asked)),
        bounds: (leader, keys) =>
          answer(leader, () => {
            const found = new Map<string, Map<number, LogBounds>>();
            for (const { topic, partition } of keys)
              found.set(topic, (found.get(topic) ?? new Map<number, LogBounds>()).set(partition, this.bounds(topic, partition, leader)));
            return found;
          }),
      },
    });
    const unread = new UnreadPart({
      ...common,
      lanes: lanes(),
      source: {
        nextUnread: (leader, positions) =>
          answer(
            leader,
            () =>
              new Map(positions.map((one) => [one, this.roll(3) === 0 ? { kind: 'none' } : { kind: 'record', timestamp: this.roll(4) }])),
          ),
      },
    });
    const sizes = new SizesPart({
      ...common,
      lanes: lanes(),
      source: { brokers, read: (broker) => answer(broker, () => ({ sizes: this.sizes(broker), totalBytes: 5n, fullest: null })) },
    });
    const settings = new SettingsPart({
      state,
      read: (names) =>
        Promise.resolve(
          new Map(names.flatMap((name) => [[name, new Map([['cleanup.policy', this.topics.get(name)?.policy ?? null]])] as const])),
        ),
    });
    const quorum = new QuorumPart({
      state,
      now: wall,
      source: {
        quorum: () => Promise.resolve(this.pick([null, 'unanswered', this.quorum()] as const)),
        cluster: () => Promise.resolve({ clusterId: 'c', controllerId: this.pick(BROKERS) }),
      },
    });
    this.rounds = [
      () => metadata.round(),
      () => metadata.round(),
      () => groups.round(this.interest().groups),
      () => groups.round('all'),
      () => sampling.round(this.interest()),
      () => sampling.round(this.interest()),
      () => sampling.round({ topics: 'all', groups: 'all' }),
      () => unread.round(this.interest().groups),
      () => sizes.round(),
      () => settings.round(),
      () => quorum.round(),
    ];
    const { nodes } = this;
    if (nodes === null) return;
    const nodesPart = new NodesPart({
      state,
      now: clock.instant,
      onMembership: () => undefined,
      read: () => Promise.resolve([...nodes].map(([id, one]) => node(id, one))),
    });
    this.rounds.push(() => nodesPart.round());
  }

  /** Some changes of the cluster, some time, and the round of one part. Returns which one. */
  async step(): Promise<number> {
    for (let i = this.roll(4); i > 0; i--) this.pick(CHANGES).call(this);
    // The wall clock may be set back, also to a time that was before.
    if (this.roll(40) === 0) this.clock.wallOffsetMs -= this.roll(3) * 1_000;
    const round = this.roll(this.rounds.length);
    await Promise.all([this.rounds[round]?.(), this.clock.advance(this.roll(3) * 1_000)]);
    return round;
  }

  createTopic(): void {
    const name = this.pick(TOPICS);
    const partitions = Array.from({ length: 1 + this.roll(3) }, () => this.partition());
    this.topics.set(name, { id: `id${this.ids++}`, policy: 'delete', partitions });
  }

  deleteTopic(): void {
    this.topics.delete(this.pick(TOPICS));
  }

  growTopic(): void {
    this.topics.get(this.pick(TOPICS))?.partitions.push(this.partition());
  }

  write(): void {
    const partition = this.somePartition();
    if (partition === undefined) return;
    partition.end += BigInt(this.roll(40));
    partition.bytes += 1n;
    if (this.roll(4) === 0) partition.start = partition.end;
  }

  elect(): void {
    const partition = this.somePartition();
    if (partition === undefined) return;
    partition.leader = this.pick([-1, ...partition.replicas]);
    partition.epoch++;
    partition.isr = partition.replicas.filter(() => this.roll(3) > 0);
  }

  configure(): void {
    const topic = this.topics.get(this.pick(TOPICS));
    if (topic !== undefined) topic.policy = this.pick(['delete', 'compact']);
  }

  toggleBroker(): void {
    const broker = this.pick(BROKERS);
    const set = this.pick([this.silent, this.unlisted]);
    if (!set.delete(broker)) set.add(broker);
  }

  toggleNode(): void {
    this.nodes?.set(this.pick(BROKERS), this.pick(['running', 'killed', 'stopped', 'frozen'] as const));
  }

  changeGroup(): void {
    const members = Array.from({ length: this.roll(3) }, () => [{ topic: this.pick(TOPICS), partitions: [this.roll(3)] }]);
    this.groups.set(this.pick(GROUPS), { coordinator: this.pick(BROKERS), members, committed: new Map() });
  }

  moveGroup(): void {
    const group = this.groups.get(this.pick(GROUPS));
    if (group !== undefined) group.coordinator = this.pick(BROKERS);
  }

  deleteGroup(): void {
    this.groups.delete(this.pick(GROUPS));
  }

  commit(): void {
    const group = this.groups.get(this.pick(GROUPS));
    const name = this.pick(TOPICS);
    const index = this.roll(3);
    const end = this.topics.get(name)?.partitions[index]?.end ?? 3n;
    const own = group?.committed.get(name) ?? new Map<number, bigint>();
    group?.committed.set(name, own.set(index, this.pick([0n, end, end + 2n, end - 1n])));
  }

  private roll(below: number): number {
    return this.random.int(below);
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.roll(from.length)] as T;
  }

  private interest(): Interest {
    const some = (names: readonly string[]): Interest['topics'] =>
      this.pick(['none', 'all', names.filter(() => this.roll(2) === 0)] as const);
    return { topics: some(TOPICS), groups: some(GROUPS) };
  }

  private partition(): Partition {
    const replicas = BROKERS.filter(() => this.roll(3) > 0);
    const own = replicas.length === 0 ? [1] : replicas;
    return { leader: this.pick(own), epoch: 1, replicas: own, isr: own, start: 0n, end: BigInt(this.roll(5)), bytes: 0n };
  }

  private somePartition(): Partition | undefined {
    const partitions = this.topics.get(this.pick(TOPICS))?.partitions ?? [];
    return partitions[this.roll(Math.max(1, partitions.length))];
  }

  private metadata(): ClusterMetadata {
    return {
      throttleTimeMs: 0,
      brokers: BROKERS.filter((id) => !this.unlisted.has(id)).map((nodeId) => ({ nodeId, host: 'h', port: 9_092, rack: null })),
      clusterId: 'c',
      controllerId: 1,
      topics: [...this.topics].map(([name, { id, partitions }]) => ({
        errorCode: 0,
        name,
        topicId: id,
        isInternal: name.startsWith('_'),
        partitions: partitions.map(({ leader, epoch, replicas, isr }, partitionIndex) => ({
          errorCode: leader < 0 ? 5 : 0,
          partitionIndex,
          leaderId: leader,
          leaderEpoch: epoch,
          replicaNodes: [...replicas],
          isrNodes: [...isr],
          offlineReplicas: replicas.filter((id) => this.unlisted.has(id)),
        })),
        topicAuthorizedOperations: 0,
      })),
      clusterAuthorizedOperations: 0,
      errorCode: 0,
    };
  }

  private listed(broker: number): ListedGroup[] {
    return [...this.groups]
      .filter(([, { coordinator }]) => coordinator === broker)
      .map(([id, { coordinator }]) => ({ id, coordinator, protocolType: 'consumer', type: 'classic' }));
  }

  private described({ id, coordinator }: ListedGroup): GroupDescription[] {
    const group = this.groups.get(id);
    if (group === undefined) return [];
    const members = group.members.map((assignment, i) => ({
      memberId: `${id}-${i}`,
      instanceId: null,
      clientId: 'x',
      host: 'h',
      assignment,
    }));
    return [
      {
        id,
        coordinator,
        state: this.pick(['Stable', 'PreparingRebalance']),
        protocolType: 'consumer',
        protocol: null,
        members,
        error: null,
      },
    ];
  }

  private committed(asked: readonly string[]) {
    return new Map(
      asked.flatMap((id) => {
        const group = this.groups.get(id);
        if (group === undefined) return [];
        const offsets = [...group.committed].flatMap(([topic, own]) =>
          [...own].map(([partition, offset]) => ({ topic, partition, offset, metadata: null })),
        );
        return [[id, offsets] as const];
      }),
    );
  }

  private bounds(topic: string, index: number, leader: number): LogBounds {
    const partition = this.topics.get(topic)?.partitions[index];
    if (partition === undefined) return { error: 'UNKNOWN_TOPIC_OR_PARTITION' };
    if (partition.leader !== leader) return { error: 'NOT_LEADER_OR_FOLLOWER' };
    return { start: partition.start, end: partition.end, stable: this.pick([null, partition.end, partition.start]) };
  }

  private sizes(broker: number): Map<string, Map<number, bigint>> {
    const sizes = new Map<string, Map<number, bigint>>();
    for (const [name, { partitions }] of this.topics) {
      const own = partitions.flatMap(({ replicas, bytes }, index) => (replicas.includes(broker) ? [[index, bytes] as const] : []));
      if (own.length > 0) sizes.set(name, new Map(own));
    }
    return sizes;
  }

  private quorum() {
    const voters = BROKERS.map((id) => ({ id, logEndOffset: '5', lag: '0', lastFetchAt: null, lastCaughtUpAt: null }));
    return { leaderId: this.pick(BROKERS), leaderEpoch: this.roll(3), highWatermark: '5', voters, observers: [] };
  }
}

const CHANGES = [
  RandomCluster.prototype.createTopic,
  RandomCluster.prototype.deleteTopic,
  RandomCluster.prototype.growTopic,
  RandomCluster.prototype.write,
  RandomCluster.prototype.write,
  RandomCluster.prototype.write,
  RandomCluster.prototype.elect,
  RandomCluster.prototype.configure,
  RandomCluster.prototype.toggleBroker,
  RandomCluster.prototype.toggleNode,
  RandomCluster.prototype.changeGroup,
  RandomCluster.prototype.moveGroup,
  RandomCluster.prototype.deleteGroup,
  RandomCluster.prototype.commit,
  RandomCluster.prototype.commit,
];

function node(id: number, state: LabNode['state']): LabNode {
  return {
    id,
    state,
    reason: null,
    role: null,
    host: '127.0.0.1',
    port: 9_092 + id,
    controllerPort: 9_192 + id,
    zookeeperPort: 2_181 + id,
    since: 5,
    sessionAgeMs: null,
    sessionTimeoutMs: 3_000,
    memoryBytes: null,
    inBytes: 0,
    outBytes: 0,
  };
}
