/**
 * One seed of progress under a fault: a cluster, its clients and one fault that leaves a majority. While it lasts, writes, topic creations
 * and commits continue within a bound of simulated time; no election or fencing without a reason; no timed-out request takes effect.
 */
import { check } from './check.ts';
import { History, type Violation } from './history.ts';
import { quorumOf } from './inspect.ts';
import { Machine } from './machine.ts';
import { Member } from './member.ts';
import { SimNetwork } from './network.ts';
import { Producer } from './producer.ts';
import { commitSlackMs, drawProgressFault, expectationOf, type Place, type ProgressFault } from './progress-faults.ts';
import { TopicCreator } from './topic-creator.ts';
import { makeTopics, OFFSETS, TOPICS } from './topics.ts';
import { Watch } from './watch.ts';
import { World } from './world.ts';

export interface ProgressOptions {
  readonly seed: number;
  /** Instead of the fault that the seed draws. */
  readonly fault?: ProgressFault;
  readonly trace?: ((line: string) => void) | undefined;
}

export interface ProgressResult {
  readonly seed: number;
  readonly fault: ProgressFault;
  readonly violations: readonly Violation[];
  readonly simulatedMs: number;
  /** Unexpected controller elections, and the observed time. */
  readonly controllerChanges: number;
  readonly quietMs: number;
  readonly created: number;
  readonly hash: string;
}

const START_MS = 30_000;
const SETTLE_MS = 5_000;
const FAULT_MS = 10_000;
const AFTER_MS = 4_000;
const CREATE_EVERY_MS = 250;
const CREATE_TIMEOUT_MS = 4_000;
const HASTY_MS = 150;
const NODES = 3;
const PROPERTIES: Readonly<Record<string, string>> = {
  'offsets.topic.num.partitions': '1',
  'min.insync.replicas': '2',
  'group.initial.rebalance.delay.ms': '100',
  'group.min.session.timeout.ms': '1000',
};

export async function simulateProgress(options: ProgressOptions): Promise<ProgressResult> {
  const run = new ProgressRun(options);
  await run.go();
  return run.result;
}

class ProgressRun {
  private readonly world: World;
  private readonly network: SimNetwork;
  private readonly history = new History();
  private readonly watch: Watch;
  private readonly machines: Machine[] = [];
  private readonly options: ProgressOptions;
  private readonly fault: ProgressFault;
  private readonly elections: { at: number; text: string }[] = [];
  private readonly fencings: { at: number; text: string }[] = [];
  private readonly shrunk: { at: number; text: string }[] = [];
  private readonly creators: TopicCreator[] = [];
  private readonly seenAt = new Map<string, number>();
  private seenOffset = -1n;
  private hitsController = false;
  private writing = true;
  private quietMs = 0;
  private controllerChanges = 0;

  constructor(options: ProgressOptions) {
    this.options = options;
    this.world = new World(options.seed);
    this.network = new SimNetwork(this.world);
    this.fault = options.fault ?? drawProgressFault(options.seed, this.world.random('progress'));
    const promises = new Map([...TOPICS, OFFSETS].map(({ name, promise }) => [name, promise]));
    // No fault of these runs corrupts a segment.
    this.watch = new Watch({ world: this.world, history: this.history, promises, isHeldElsewhere: () => true });
    const voters = Array.from({ length: NODES }, (_, index) => ({ id: index + 1, host: '127.0.0.1', port: 9193 + index }));
    for (const { id, host, port } of voters) this.machines.push(this.createMachine({ id, host, port }, voters));
    this.world.afterEvent = (host) => {
      const machine = this.machines.find((one) => one.host === host);
      if (machine === undefined) return;
      this.watch.afterEvent(machine);
      this.noteTopics();
    };
  }

  get result(): ProgressResult {
    const { world, fault, history, controllerChanges, quietMs } = this;
    const created = this.creators.flatMap(({ creations }) => creations).filter(({ createdAt }) => createdAt !== undefined).length;
    const { seed } = this.options;
    return { seed, fault, violations: history.violations, simulatedMs: world.time, controllerChanges, quietMs, created, hash: world.hash };
  }

  async go(): Promise<void> {
    const { world, network, history, fault, options } = this;
    for (const machine of this.machines) machine.start();
    const ready = await world.run(START_MS, () => this.machines.every((machine) => machine.ready));
    const bootstrap = this.machines.map(({ id }) => ({ host: '127.0.0.1', port: 9091 + id }));
    const client = { world, network, bootstrap };
    const trace = (text: string): void => this.trace(text);
    if (!ready || !(await makeTopics({ ...client, name: 'admin' }, START_MS, trace))) {
      history.violation('no start', world.time, 'no cluster, or no topics');
      return;
    }
    const common = { ...client, history, isVoid: () => false };
    // A broker processes one write of a connection at a time, so on a slow disk a faster client would only wait for itself.
    const paceMs = 400 + ('latencyMs' in fault ? 5 * fault.latencyMs : 0);
    const producers = [
      new Producer({ ...common, name: 'alice', topics: TOPICS, idempotent: true, acks: -1, everyMs: 8 * paceMs }),
      new Producer({ ...common, name: 'bob', topics: TOPICS, idempotent: false, acks: -1, everyMs: 4 * paceMs }),
    ];
    const members = ['member1', 'member2'].map((name) => new Member({ ...common, name, group: 'billing', topics: TOPICS }));
    // A topic cannot have more replicas than there are unfenced brokers.
    const replicas = expectationOf(fault).quiet ? NODES : NODES - 1;
    const creator = new TopicCreator({ ...client, name: 'creator', everyMs: this.createEveryMs, timeoutMs: CREATE_TIMEOUT_MS, replicas });
    const hasty = new TopicCreator({ ...client, name: 'hasty', everyMs: 1_000, timeoutMs: HASTY_MS, replicas: 1 });
    this.creators.push(creator, hasty);
    for (const one of [...producers, ...members, creator, hasty]) one.start();
    this.writeSteadily(producers[0], paceMs);
    await world.run(world.time + SETTLE_MS);
    trace(`FAULT ${JSON.stringify(fault)}`);
    const begin = world.time;
    const epoch = this.controllerEpoch();
    this.hitsController = 'node' in fault && this.place(fault.node) === this.place('controller');
    const heal = await this.apply({ ...client, name: 'impatient', everyMs: 200 / NODES, timeoutMs: 1, patienceMs: 5_000, replicas: 1 });
    // A suspension has ended before progress is required.
    const from = fault.kind === 'suspend' ? world.time : begin;
    await world.run(begin + Math.max(FAULT_MS, expectationOf(fault).commitMs + 4_000) + (from - begin));
    const end = world.time;
    trace('HEALED');
    heal();
    await world.run(end + AFTER_MS);
    for (const one of this.creators) one.stop();
    this.writing = false;
    for (const producer of producers) producer.finish();
    await world.run(world.time + 2_000);
    this.judge(from, end, epoch);
    check({ history, partitions: [], at: world.time, voids: { voidAt: () => 0, endAtVoid: () => 0n } });
    const hosts = [
      ...this.machines.map(({ host }) => host),
      ...[...producers, ...members, ...this.creators].map(({ client: one }) => one.host),
    ];
    for (const host of hosts) host?.end();
    if (options.trace !== undefined) trace(`hash ${world.hash}`);
  }

  private trace(text: string): void {
    this.options.trace?.(`${(this.world.time / 1000).toFixed(4).padStart(9)} ${text}`);
  }

  private createMachine(
    { id, host, port }: { id: number; host: string; port: number },
    voters: readonly { id: number; host: string; port: number }[],
  ): Machine {
    const { world, network, options } = this;
    const config = {
      nodeId: id,
      clusterId: 'cHJvZ3Jlc3MtY2x1c3RlcjE',
      dataDirectory: '/data',
      host,
      brokerPort: 9091 + id,
      controllerPort: port,
      rack: null,
      voters,
      properties: PROPERTIES,
    };
    return new Machine({
      world,
      network,
      config,
      log:
        options.trace === undefined
          ? undefined
          : (name, level, message, fields) => this.trace(`${name} ${level} ${message} ${json(fields)}`),
      event: (machine, event) => {
        this.trace(`${machine.name} EVENT ${event.type} ${event.reason ?? ''}`);
        if (event.type === 'quorum/leaderElected') this.elections.push({ at: world.time, text: `${machine.name}: ${event.reason ?? ''}` });
        if (event.type === 'cluster/brokerFenced')
          this.fencings.push({ at: world.time, text: `broker ${event.broker ?? '?'}: ${event.reason ?? ''}` });
        if (event.type === 'partition/isrShrunk') this.shrunk.push({ at: world.time, text: `${event.topic ?? ''}: ${event.reason ?? ''}` });
      },
      failed: (machine, error) => this.history.violation('node failed', world.time, `${machine.name}: ${String(error)}`, machine.name),
    });
  }

  /** One periodic write to each partition, so that a gap is never caused by a lack of writes. */
  private writeSteadily(producer: Producer | undefined, everyMs: number): void {
    if (producer === undefined || !this.writing) return;
    producer.probe();
    this.world.schedule(everyMs, producer.client.host, () => this.writeSteadily(producer, everyMs));
  }

  private get createEveryMs(): number {
    return this.fault.kind === 'slowLink' ? this.fault.createEveryMs : CREATE_EVERY_MS;
  }

  // ── the fault ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves to a function that ends the fault. */
  private async apply(impatient: ConstructorParameters<typeof TopicCreator>[0]): Promise<() => void> {
    const { world, network, fault, machines } = this;
    switch (fault.kind) {
      case 'none':
        return () => undefined;
      case 'slowDisk':
        return slowDown([this.place(fault.node)], fault.latencyMs);
      case 'slowDisks':
        return slowDown(machines, fault.latencyMs);
      case 'slowLink': {
        const [left, step] = fault.between;
        const one = this.place(left);
        const other = machines[(one.id - 1 + step) % NODES] as Machine;
        const link = { latencyMs: fault.latencyMs, jitterMs: fault.latencyMs / 10, bytesPerMs: 0 };
        const ends = [network.slowDown(one.name, other.name, link), network.slowDown(other.name, one.name, link)];
        return () => {
          for (const end of ends) end();
        };
      }
      case 'freeze': {
        const { host } = this.place(fault.node);
        host?.freeze();
        return () => host?.thaw();
      }
      case 'kill': {
        const machine = this.place(fault.node);
        machine.kill();
        this.watch.endedUncleanly(machine.id, false);
        return () => {
          machine.start();
        };
      }
      case 'isolate': {
        const machine = this.place(fault.node);
        const others = machines.filter((one) => one !== machine);
        for (const { name } of others) {
          network.cut(machine.name, name);
          network.cut(name, machine.name);
        }
        return () => {
          for (const { name } of others) {
            network.join(machine.name, name);
            network.join(name, machine.name);
          }
        };
      }
      case 'clockSkew': {
        const { host } = this.place(fault.node);
        if (host !== undefined) host.skewMs += fault.skewMs;
        return () => {
          if (host !== undefined) host.skewMs -= fault.skewMs;
        };
      }
      case 'stutter':
        return this.stutter(fault.longestMs);
      case 'suspend': {
        for (const { host } of machines) host?.freeze();
        await world.run(world.time + fault.forMs);
        for (const { host } of machines) host?.thaw();
        return () => undefined;
      }
      case 'impatientClient': {
        const creator = new TopicCreator(impatient);
        this.creators.push(creator);
        creator.start();
        const link = { latencyMs: fault.linkMs, jitterMs: 1, bytesPerMs: 0 };
        const ends = machines.flatMap((from) =>
          machines.map((to) => (from === to ? () => undefined : network.slowDown(from.name, to.name, link))),
        );
        return () => {
          creator.stop();
          for (const end of ends) end();
        };
      }
    }
  }

  private stutter(longestMs: number): () => void {
    const { world } = this;
    let on = true;
    for (const { host, name } of this.machines) {
      const random = world.random(`stutter/${name}`);
      const stop = (): void => {
        if (!on) return;
        host?.freeze();
        world.schedule(longestMs * (0.3 + 0.7 * random.next()), undefined, () => {
          host?.thaw();
          world.schedule(100 + 500 * random.next(), undefined, stop);
        });
      };
      world.schedule(500 * random.next(), undefined, stop);
    }
    return () => {
      on = false;
    };
  }

  private place(place: Place): Machine {
    const { machines, watch } = this;
    const orders = watch.image?.topics.get('orders')?.partitions[0];
    const id = {
      controller: () => machines.find(({ node }) => node !== undefined && quorumOf(node)?.status.role === 'leader')?.id,
      leader: () => orders?.leader,
      follower: () => orders?.isr.find((one) => one !== orders.leader),
      coordinator: () => watch.image?.topics.get(OFFSETS.name)?.partitions[0]?.leader,
    }[place]();
    return machines[(id ?? 1) - 1] ?? (machines[0] as Machine);
  }

  // ── the judgement ─────────────────────────────────────────────────────────────────────────────────────────────────

  private controllerEpoch(): number {
    return Math.max(...this.machines.map(({ node }) => (node === undefined ? -1 : (quorumOf(node)?.status.epoch ?? -1))));
  }

  /** First time at which a topic was in the metadata of any node. */
  private noteTopics(): void {
    const { image } = this.watch;
    if (image === undefined || image.offset === this.seenOffset) return;
    this.seenOffset = image.offset;
    for (const name of image.topics.keys()) if (!this.seenAt.has(name)) this.seenAt.set(name, this.world.time);
  }

  private judge(from: number, end: number, epoch: number): void {
    const { history, fault, world } = this;
    const { progressMs, commitMs, quiet } = expectationOf(fault);
    for (const { name, partitions } of TOPICS) {
      for (let partition = 0; partition < partitions; partition++) {
        const acks = history.writes.filter((write) => write.topic === name && write.partition === partition).map(({ ackedAt }) => ackedAt);
        this.expectProgress(`acknowledged write to ${name}-${partition}`, acks, from, end, progressMs);
      }
    }
    const [creator] = this.creators;
    const created = creator?.creations.map(({ createdAt }) => createdAt) ?? [];
    this.expectProgress('created topic', created, from, end, progressMs);
    const commits = history.commits.filter(({ acked }) => acked).map(({ answeredAt }) => answeredAt);
    this.expectProgress('committed offset', commits, from, end, commitMs);
    const changes = this.elections.filter(({ at }) => at >= from);
    // An affected node is replaced once; the end of the fault is no reason for another election.
    if (!quiet) {
      for (const { at, text } of changes.slice(this.hitsController ? 1 : 0))
        history.violation('controller change without a reason', at, text);
    } else {
      this.quietMs = world.time - from;
      this.controllerChanges = changes.length;
      for (const { at, text } of changes) history.violation('controller change without a reason', at, text);
      const now = this.controllerEpoch();
      if (now !== epoch) history.violation('controller change without a reason', world.time, `epoch ${epoch} to ${now}`);
      for (const { at, text } of this.fencings.filter((one) => one.at >= from))
        history.violation('broker fenced without a reason', at, text);
      for (const { at, text } of this.shrunk.filter((one) => one.at >= from))
        history.violation('replica left the ISR without a reason', at, text);
    }
    // A cut or frozen link may deliver bytes long after they were sent, which this product cannot know.
    if (fault.kind === 'freeze' || fault.kind === 'isolate') return;
    for (const { name, sentAt, timeoutMs, patienceMs } of this.creators.flatMap(({ creations }) => creations)) {
      const at = this.seenAt.get(name);
      const late = fault.kind === 'suspend' && sentAt < from ? from : sentAt;
      if (at === undefined || at <= late + patienceMs + timeoutMs + commitSlackMs(fault)) continue;
      const text = `${name} was asked for at ${sentAt.toFixed(0)} with ${timeoutMs} ms and came about at ${at.toFixed(0)}`;
      history.violation('created too late', at, text);
    }
  }

  /** The longest time between two of `times` of which some lie in the interval. */
  private expectProgress(what: string, times: readonly (number | undefined)[], from: number, end: number, boundMs: number): void {
    const inside = times.filter((at): at is number => at !== undefined && at >= from && at <= end).sort((a, b) => a - b);
    let last = from;
    for (const at of [...inside, end]) {
      if (at - last > boundMs) {
        const text = `no ${what} for ${((at - last) / 1000).toFixed(1)} s, from ${(last / 1000).toFixed(1)} s on; ${boundMs / 1000} s are allowed`;
        this.history.violation('no progress', last, text, what);
        return;
      }
      last = at;
    }
  }
}

function slowDown(machines: readonly Machine[], latencyMs: number): () => void {
  for (const machine of machines) machine.diskLatencyMs += latencyMs;
  return () => {
    for (const machine of machines) machine.diskLatencyMs -= latencyMs;
  };
}

function json(fields: unknown): string {
  return JSON.stringify(fields, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Error ? value.message : value;
  });
}
