/** One seed: a cluster, its clients, its faults, and the checks. */
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import type { LogFields } from '../../electron/cluster/lib/logger.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';
import { check, type FinalPartition } from './check.ts';
import type { Client } from './client.ts';
import { Consumer } from './consumer.ts';
import { ALL_FAULTS, drawFaults, type Fault, type Weights } from './faults.ts';
import { History, type Violation } from './history.ts';
import { Injector } from './injector.ts';
import { CorruptBatchError } from '../../electron/cluster/log/corruption.ts';
import { readLog, replicasOf } from './inspect.ts';
import { Machine } from './machine.ts';
import { Member } from './member.ts';
import { SimNetwork } from './network.ts';
import { Operator } from './operator.ts';
import { Producer } from './producer.ts';
import { makeTopics, OFFSETS, TOPICS } from './topics.ts';
import { Watch } from './watch.ts';
import { World } from './world.ts';

export interface RunOptions {
  seed: number;
  /** Instead of the faults that the seed draws. */
  faults?: readonly Fault[];
  weights?: Weights;
  nodes?: number;
  /** Called with all log lines and events of nodes. */
  trace?: ((line: string) => void) | undefined;
  /** Called with the timeline entries of nodes and the lab, at simulated ms; `node` is null for the lab. */
  record?: (node: number | null, event: NodeEvent, timeMs: number) => void;
}

export interface RunResult {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly violations: readonly Violation[];
  readonly events: number;
  readonly simulatedMs: number;
  readonly ackedWrites: number;
  readonly voidPartitions: number;
  readonly hash: string;
}

const CLUSTER_ID = 'c2ltdWxhdGVkLWNsdXN0ZQ';
const START_MS = 30_000;
const WINDOW_MS = 12_000;
/** Ms after the last fault within which everything has to work again. */
export const RECOVERY_MS = 40_000;

const PROPERTIES: Readonly<Record<string, string>> = {
  'offsets.topic.num.partitions': '1',
  'min.insync.replicas': '2',
  'group.initial.rebalance.delay.ms': '100',
  'group.min.session.timeout.ms': '1000',
  'leader.imbalance.check.interval.seconds': '5',
  'log.cleaner.backoff.ms': '400',
};

export async function simulate(options: RunOptions): Promise<RunResult> {
  const run = new Run(options);
  await run.go();
  return run.result;
}

class Run {
  private readonly options: RunOptions;
  private readonly world: World;
  private readonly network: SimNetwork;
  private readonly history = new History();
  private readonly machines: Machine[] = [];
  private readonly watch: Watch;
  private readonly producers: Producer[] = [];
  private readonly consumers: Consumer[] = [];
  private readonly members: Member[] = [];
  private operator: Operator | undefined;
  /** A broker without a vote that joins, if any. */
  private readonly guest: Machine | undefined;
  private readonly faults: readonly Fault[];
  private readonly injector: Injector;

  constructor(options: RunOptions) {
    this.options = options;
    this.world = new World(options.seed);
    this.network = new SimNetwork(this.world);
    const random = this.world.random('schedule');
    const nodes = options.nodes ?? (random.next() < 0.75 ? 3 : 5);
    const promises = new Map([...TOPICS, OFFSETS].map(({ name, promise }) => [name, promise]));
    this.watch = new Watch({
      world: this.world,
      history: this.history,
      promises,
      isHeldElsewhere: (topic, partition, hole) => this.injector.segments.isHeldElsewhere(topic, partition, hole),
    });
    // Drawn separately, so that a schedule is the same with and without them.
    const hasGuest = this.world.random('guest').next() < 0.4;
    const clients = ['alice', 'bob', 'carol', 'reader', 'member1', 'member2'];
    this.faults =
      options.faults ??
      drawFaults(random, { nodes: nodes + (hasGuest ? 1 : 0), clients, windowMs: WINDOW_MS }, options.weights ?? swarm(random, ALL_FAULTS));
    this.createMachines(nodes, hasGuest);
    this.guest = this.machines[nodes];
    this.injector = new Injector({
      world: this.world,
      network: this.network,
      machines: this.machines,
      watch: this.watch,
      client: (name) => this.clients().find((client) => client.name === name)?.host,
      trace: this.trace,
      record: (event) => options.record?.(null, { ...event, at: this.world.time }, this.world.time),
    });
    this.world.afterEvent = (host) => {
      const machine = this.machines.find((one) => one.host === host);
      if (machine !== undefined) this.watch.afterEvent(machine);
    };
  }

  get result(): RunResult {
    const { world, history } = this;
    return {
      seed: world.seed,
      faults: this.faults,
      violations: history.violations,
      events: world.events,
      simulatedMs: world.time,
      ackedWrites: history.writes.filter(({ ackedAt }) => ackedAt !== undefined).length,
      voidPartitions: this.allPartitions().filter(({ topic, partition }) => this.watch.voidAt(topic, partition) !== undefined).length,
      hash: world.hash,
    };
  }

  async go(): Promise<void> {
    const { world, history } = this;
    for (const machine of this.machines) if (machine !== this.guest) machine.start();
    const ready = await world.run(START_MS, () => this.machines.every((machine) => machine.ready || machine === this.guest));
    if (!ready) {
      history.violation('no start', world.time, `no cluster after ${START_MS} ms`);
      return;
    }
    const admin = { world, network: this.network, name: 'admin', bootstrap: this.bootstrap() };
    if (!(await makeTopics(admin, START_MS, this.trace))) history.violation('no start', world.time, 'the topics could not be created');
    this.guest?.start();
    this.startClients();
    this.startOperator();
    const begin = world.time + 500;
    for (const fault of this.faults) this.injector.plan(fault, begin);
    const end = Math.max(begin + WINDOW_MS, ...this.faults.map(({ at, forMs }) => begin + at + forMs)) + 1;
    await world.run(end);
    this.injector.healAll();
    await this.recover();
    this.judge();
    for (const { host } of [...this.machines, ...this.clients()]) host?.end();
  }

  private readonly trace = (text: string): void => {
    this.options.trace?.(`${(this.world.time / 1000).toFixed(4).padStart(9)} ${text}`);
  };

  private createMachines(count: number, hasGuest: boolean): void {
    const { world, network, options } = this;
    const voters = Array.from({ length: count }, (_, index) => ({ id: index + 1, host: '127.0.0.1', port: 9193 + index }));
    const guest = { id: count + 1, host: '127.0.0.1', port: 9193 + count };
    for (const { id, host, port } of hasGuest ? [...voters, guest] : voters) {
      const config = {
        nodeId: id,
        clusterId: CLUSTER_ID,
        dataDirectory: '/data',
        host,
        brokerPort: 9091 + id,
        controllerPort: port,
        rack: null,
        voters,
        properties: PROPERTIES,
      };
      const log =
        options.trace === undefined
          ? undefined
          : (name: string, level: string, message: string, fields: LogFields): void =>
              this.trace(`${name} ${level} ${message} ${json(fields)}`);
      this.machines.push(
        new Machine({
          world,
          network,
          config,
          log,
          event: (machine, event) => {
            this.trace(`${machine.name} EVENT ${event.type} ${event.reason ?? ''} ${json(event.details ?? {})}`);
            // A process that was killed during an operation reports nothing.
            if (machine.running) options.record?.(machine.id, event, world.time);
          },
          failed: (machine, error) => this.nodeFailed(machine, error),
        }),
      );
    }
  }

  private nodeFailed(machine: Machine, error: unknown): void {
    this.trace(`${machine.name} FAILED ${String(error)}`);
    this.watch.endedUncleanly(machine.id, false);
    if (this.injector.excuses(machine)) return;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.history.violation('node failed', this.world.time, `${machine.name}: ${text}`, machine.name);
  }

  private clients(): Client[] {
    const operators = this.operator === undefined ? [] : [this.operator];
    return [...this.producers, ...this.consumers, ...this.members, ...operators].map(({ client }) => client);
  }

  private bootstrap(): { host: string; port: number }[] {
    return this.machines.filter(({ voter }) => voter).map(({ id }) => ({ host: '127.0.0.1', port: 9091 + id }));
  }

  private startClients(): void {
    const { world, network, history } = this;
    const isVoid = (topic: string, partition: number): boolean => this.watch.voidAt(topic, partition) !== undefined;
    const common = { world, network, history, bootstrap: this.bootstrap(), isVoid };
    const topics = TOPICS;
    this.producers.push(
      new Producer({ ...common, name: 'alice', topics, idempotent: true, acks: -1, everyMs: 20 }),
      new Producer({ ...common, name: 'bob', topics, idempotent: true, acks: -1, everyMs: 50 }),
      new Producer({ ...common, name: 'carol', topics, idempotent: false, acks: 1, everyMs: 100 }),
    );
    this.consumers.push(new Consumer({ ...common, name: 'reader', topics }));
    for (const name of ['member1', 'member2']) this.members.push(new Member({ ...common, name, group: 'billing', topics }));
    for (const one of [...this.producers, ...this.consumers, ...this.members]) one.start();
    // A group without members that leave or join would rebalance only because of faults.
    const random = world.random('comings and goings');
    for (let left = random.int(3); left > 0; left--) {
      const member = this.members[random.int(this.members.length)];
      world.schedule(random.next() * WINDOW_MS, undefined, () => member?.leave());
    }
  }

  private startOperator(): void {
    const { world, network, guest } = this;
    const random = world.random('operator');
    const everyMs = random.next() < 0.6 ? 300 * 2 ** (random.next() * 4) : 0;
    const leavesAfterMs = (0.3 + 0.7 * random.next()) * WINDOW_MS;
    const leaves = random.next() < 0.6;
    this.operator = new Operator({
      world,
      network,
      name: 'operator',
      bootstrap: this.bootstrap(),
      brokers: this.machines.filter(({ voter }) => voter).map(({ id }) => id),
      guest,
      guestLeavesAfterMs: guest !== undefined && leaves ? leavesAfterMs : undefined,
      everyMs,
      topics: [...TOPICS, OFFSETS],
      image: () => this.watch.image,
      trace: (text) => this.trace(text),
    });
    this.operator.start();
  }

  private allPartitions(): { topic: string; partition: number }[] {
    const all = TOPICS.flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
    );
    return [...all, { topic: OFFSETS.name, partition: 0 }];
  }

  /** The faults have ended: checks the guarantees for the time after them. */
  private async recover(): Promise<void> {
    const { world, history } = this;
    const until = world.time + RECOVERY_MS;
    const late = (what: string): void =>
      history.violation('not recovered', world.time, `${RECOVERY_MS / 1000} s after the last fault, ${what}`, what);
    this.operator?.finish();
    this.startAuditor();
    const serves = ({ ready, running, departed }: Machine): boolean => departed || (ready && running);
    if (!(await world.run(until, () => this.machines.every(serves)))) {
      late(
        `not every node serves: ${this.machines
          .filter((machine) => !serves(machine))
          .map(({ name }) => name)
          .join(', ')}`,
      );
      return;
    }
    for (const producer of this.producers) {
      producer.finish();
      producer.probe();
    }
    const unwritten = (): string[] =>
      this.producers.flatMap(({ unresolved }) => unresolved).filter((name) => !this.watch.isSpoiltName(name));
    await world.run(until, () => unwritten().length === 0);
    const stuck = new Set(unwritten());
    if (stuck.size > 0) late(`these cannot be written: ${[...stuck].join(', ')}`);
    const behind = (): string[] => {
      const lagging: string[] = [];
      for (const { topic, partition } of this.allPartitions().slice(0, -1)) {
        if (this.watch.isSpoilt(topic, partition)) continue;
        const end = this.leaderOf(topic, partition)?.log.highWatermark ?? -1n;
        for (const { places, client } of this.consumers) {
          if ((places.find((place) => place.topic === topic && place.partition === partition)?.position ?? -1n) !== end)
            lagging.push(`${client.name} at ${topic}-${partition}`);
        }
        const positions = this.members.flatMap(({ places }) =>
          places.filter((place) => place.topic === topic && place.partition === partition),
        );
        if (!positions.some(({ position }) => position === end)) lagging.push(`the group at ${topic}-${partition}`);
      }
      return lagging;
    };
    // Checked from time to time, since it is expensive.
    let next = 0;
    await world.run(until, () => {
      if (world.time < next) return false;
      next = world.time + 50;
      // Checked first, since it removes repaired holes: the records of a hole are excused until then, and have to be readable afterwards.
      if (this.unrepaired().length > 0) return false;
      return behind().length === 0 && this.outOfSync().length === 0 && this.hasLeft();
    });
    const unrepaired = this.unrepaired();
    const lagging = behind();
    if (lagging.length > 0) late(`these have not read everything: ${lagging.join(', ')}`);
    const missing = this.outOfSync();
    if (missing.length > 0) late(`replicas are missing from the ISR: ${missing.join(', ')}`);
    if (unrepaired.length > 0) late(`segments are not repaired: ${unrepaired.join(', ')}`);
    if (!this.hasLeft()) late('the broker that was to leave has not left');
  }

  /** A consumer that reads all records from the start, including segments that no other client reads again. */
  private startAuditor(): void {
    const { world, network, history } = this;
    const isVoid = (topic: string, partition: number): boolean => this.watch.voidAt(topic, partition) !== undefined;
    const auditor = new Consumer({ world, network, history, bootstrap: this.bootstrap(), isVoid, name: 'auditor', topics: TOPICS });
    this.consumers.push(auditor);
    auditor.start();
  }

  private unrepaired(): string[] {
    return this.injector.segments.unsettled().filter((name) => !this.watch.isSpoiltName(name));
  }

  /** A corrupt partition may keep a broker in the cluster for ever: it cannot be replicated. */
  private hasLeft(): boolean {
    return this.operator?.done !== false || this.allPartitions().some(({ topic, partition }) => this.watch.isSpoilt(topic, partition));
  }

  private outOfSync(): string[] {
    const image = this.watch.image;
    if (image === undefined) return ['no metadata'];
    const missing: string[] = [];
    for (const topic of image.topics.values()) {
      for (const { partition, isr, replicas, addingReplicas, removingReplicas } of topic.partitions) {
        if (this.watch.isSpoilt(topic.name, partition)) continue;
        if (isr.length < replicas.length) missing.push(`${topic.name}-${partition} has ${isr.join('+')} of ${replicas.join('+')}`);
        else if (addingReplicas.length + removingReplicas.length > 0) missing.push(`${topic.name}-${partition} is still on its way`);
      }
    }
    return missing;
  }

  private leaderOf(topic: string, index: number): ReturnType<typeof this.replica> {
    const leader = this.watch.image?.topics.get(topic)?.partitions[index]?.leader;
    return leader === undefined ? undefined : this.replica(leader, topic, index);
  }

  private replica(id: number, topic: string, index: number) {
    const { node, running } = this.machines[id - 1] ?? {};
    if (node === undefined || running !== true) return undefined;
    return replicasOf(node)?.partition(topic, index);
  }

  private judge(): void {
    const { world, history, watch } = this;
    const partitions: FinalPartition[] = [];
    for (const { topic, partition } of this.allPartitions()) {
      if (watch.isSpoilt(topic, partition)) continue;
      const leader = this.leaderOf(topic, partition);
      if (leader === undefined) {
        if (!topic.startsWith('__')) history.violation('not recovered', world.time, `${topic}-${partition} has no leader`, topic);
        continue;
      }
      const replicas = new Map<number, FinalPartition['replicas'] extends ReadonlyMap<number, infer B> ? B : never>();
      try {
        for (const { id } of this.machines) {
          const replica = this.replica(id, topic, partition);
          if (replica !== undefined) replicas.set(id, readLog(replica, replica.log.highWatermark));
        }
        const records = topic.startsWith('__') ? [] : readLog(leader, leader.log.highWatermark).records;
        const compacted = TOPICS.some(({ name, compacted: isCompacted }) => name === topic && isCompacted === true);
        partitions.push({ topic, partition, compacted, records, replicas });
      } catch (error) {
        if (!(error instanceof CorruptBatchError)) throw error;
        history.violation('not recovered', world.time, `${topic}-${partition} cannot be read: ${error.message}`, topic);
      }
    }
    check({ history, partitions, at: world.time, voids: watch });
  }
}

/** Each seed has its own mix: some kinds of faults are left out, so that the others are more frequent. */
function swarm(random: Random, weights: Weights): Weights {
  const kept = Object.entries(weights).filter(() => random.next() < 0.6);
  return kept.length === 0 ? weights : Object.fromEntries(kept);
}

function json(fields: unknown): string {
  return JSON.stringify(fields, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Error ? value.message : value;
  });
}
