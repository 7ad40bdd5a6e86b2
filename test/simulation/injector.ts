/** Injects faults, and ends them. Faults overlap: a node restarts when the last fault that keeps it down has ended. */
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import type { DiskFault } from '../../electron/cluster/lib/memory-disk.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { describeFault, type Fault, type Target } from './faults.ts';
import { mayVote, quorumOf } from './inspect.ts';
import { DATA, type Machine } from './machine.ts';
import { damageMetadataOf } from './metadata-files.ts';
import type { SimNetwork } from './network.ts';
import { Segments } from './segments.ts';
import type { Watch } from './watch.ts';
import type { Host, World } from './world.ts';

export interface InjectorOptions {
  world: World;
  network: SimNetwork;
  machines: readonly Machine[];
  watch: Watch;
  /** The process of a client. */
  client(name: string): Host | undefined;
  trace(text: string): void;
  /** The timeline events that the lab would record: `lab/nodeKilled`, `lab/faultInjected` … */
  record?: ((event: Omit<NodeEvent, 'at'>) => void) | undefined;
}

export class Injector {
  private readonly options: InjectorOptions;
  private readonly random: Random;
  private readonly metadataLuck: Random;
  /** Number of faults that keep each machine down. */
  private readonly down = new Map<Machine, number>();
  private readonly healing = new Map<Fault, () => void>();
  /** Corrupted closed segments. */
  readonly segments: Segments;
  private readonly diskTrouble = new Map<Machine, number>();
  private lastFaultId = 0;
  /** Voters with a new directory that have not been seen with a vote since: at first all of them. */
  private readonly voteless: Set<Machine>;

  constructor(options: InjectorOptions) {
    this.options = options;
    this.random = options.world.random('injector');
    this.metadataLuck = options.world.random('metadata');
    const { machines, watch, world, trace } = options;
    this.segments = new Segments({ machines, watch, random: world.random('segments'), trace });
    this.voteless = new Set(options.machines.filter(({ voter }) => voter));
  }

  plan(fault: Fault, begin: number): void {
    const { world, trace } = this.options;
    world.schedule(begin + fault.at - world.time, undefined, () => {
      trace(`FAULT ${describeFault(fault)}`);
      const heal = this.apply(fault);
      this.healing.set(fault, heal);
      world.schedule(fault.forMs, undefined, () => this.heal(fault));
    });
  }

  /** A node whose disk was corrupted may end by itself. */
  excuses(machine: Machine): boolean {
    return (this.diskTrouble.get(machine) ?? 0) > 0;
  }

  healAll(): void {
    for (const fault of [...this.healing.keys()]) this.heal(fault);
    for (const machine of this.options.machines) {
      machine.host?.thaw();
      if ((this.down.get(machine) ?? 0) === 0 && !machine.running) this.start(machine);
    }
  }

  private heal(fault: Fault): void {
    const heal = this.healing.get(fault);
    if (heal === undefined) return;
    this.healing.delete(fault);
    this.options.trace(`HEALED ${describeFault(fault)}`);
    heal();
  }

  private apply(fault: Fault): () => void {
    const { machines, network } = this.options;
    switch (fault.kind) {
      case 'stop': {
        const machine = this.target(fault.node);
        if (machine.running && !machine.stopping) this.recordNode('lab/nodeStopped', machine);
        machine.stop();
        return this.keepDown(machine);
      }
      case 'kill':
      case 'powerCut': {
        const machine = this.target(fault.node);
        const strike = (): void => (fault.kind === 'kill' ? this.kill(machine) : this.powerCut(machine));
        if (fault.afterOperations === 0) strike();
        else machine.dieAtDiskOperation(fault.afterOperations, strike);
        return this.keepDown(machine);
      }
      case 'powerCutAll': {
        for (const machine of machines) this.powerCut(machine);
        return all(machines.map((machine) => this.keepDown(machine)));
      }
      case 'wipe': {
        const machine = this.target(fault.node);
        this.wipe(machine);
        return this.keepDown(machine);
      }
      case 'metadata': {
        const machine = this.target(fault.node);
        this.damageMetadata(machine);
        return this.keepDown(machine);
      }
      case 'freeze': {
        const machine = this.target(fault.node);
        const { host } = machine;
        if (host?.alive === true) this.recordNode('lab/nodeFrozen', machine);
        host?.freeze();
        return () => {
          if (host?.alive === true) this.recordNode('lab/nodeThawed', machine);
          host?.thaw();
        };
      }
      case 'partition':
        return all(fault.left.flatMap((left) => fault.right.map((right) => this.cut(left, right, fault.oneWay ? 'out' : 'both'))));
      case 'isolate': {
        const machine = this.target(fault.node);
        const others = [...machines.filter((one) => one !== machine).map(({ name }) => name), ...(fault.clientsToo ? CLIENTS : [])];
        return all(others.map((other) => this.cut(machine.name, other, fault.oneWay)));
      }
      case 'slowLink': {
        const { left, right } = fault;
        const healed = this.recordFault({ type: 'slowLink', between: [endOf(left), endOf(right)] });
        return all([network.slowDown(left, right, fault), network.slowDown(right, left, fault), healed]);
      }
      case 'slowDisk': {
        const machine = this.target(fault.node);
        machine.diskDelayMs += fault.delayMs;
        const healed = this.recordFault({ type: 'slowDisk', node: machine.id });
        return () => {
          healed();
          machine.diskDelayMs -= fault.delayMs;
        };
      }
      case 'fullDisk': {
        const machine = this.target(fault.node);
        let left = fault.freeBytes;
        let refused = false;
        machine.disk.options.fault = (operation, _path, bytes): DiskFault | undefined => {
          if (operation !== 'write') return undefined;
          left -= bytes;
          if (left >= 0) return undefined;
          refused = true;
          return { code: 'ENOSPC', writtenBytes: Math.max(0, bytes + left) };
        };
        this.trouble(machine, 1);
        return () => {
          delete machine.disk.options.fault;
          this.trouble(machine, -1);
          if (!refused) return;
          // A log that could not be written stays offline until its node restarts, as in Apache Kafka.
          this.kill(machine);
          if ((this.down.get(machine) ?? 0) === 0) this.start(machine);
        };
      }
      case 'corrupt': {
        const machine = this.target(fault.node);
        // After a clean stop the node would not read its logs at the start.
        if (machine.running && !machine.stopping) {
          this.kill(machine);
          if (fault.where === 'closed') this.segments.damage(machine, 'flipped', true);
          else this.corrupt(machine);
        }
        return this.keepDown(machine);
      }
      case 'segment': {
        const machine = this.target(fault.node);
        this.damageSegment(machine, fault);
        return this.keepDown(machine);
      }
      case 'pauseClient': {
        const host = this.options.client(fault.client);
        host?.freeze();
        return () => host?.thaw();
      }
      case 'clockSkew': {
        const { host } = this.target(fault.node);
        if (host === undefined) return () => undefined;
        host.skewMs += fault.skewMs;
        return () => {
          host.skewMs -= fault.skewMs;
        };
      }
    }
  }

  private target(target: Target): Machine {
    const { machines } = this.options;
    const id = typeof target === 'number' ? target : this.playing(target);
    // Without a leader: any node.
    return machines[Math.max(1, id ?? 1) - 1] ?? (machines[0] as Machine);
  }

  private playing(part: Exclude<Target, number>): number | undefined {
    const { machines, watch } = this.options;
    const orders = watch.image?.topics.get('orders')?.partitions[0];
    const runs = (id: number): boolean => machines[id - 1]?.running === true;
    switch (part) {
      case 'leader':
        return orders?.leader;
      case 'follower':
        return orders?.isr.find((id) => id !== orders.leader && runs(id));
      case 'coordinator':
        return watch.image?.topics.get('__consumer_offsets')?.partitions[0]?.leader;
      case 'controller':
        return machines.find(({ node, running }) => running && node !== undefined && quorumOf(node)?.status.role === 'leader')?.id;
    }
  }

  private kill(machine: Machine): void {
    if (!machine.running) return;
    this.recordNode('lab/nodeKilled', machine);
    machine.kill();
    this.options.watch.endedUncleanly(machine.id, false);
  }

  private powerCut(machine: Machine): void {
    // A machine with a cleanly stopped node has nothing to lose; one whose process was killed has.
    const nothingToLose = !machine.running && machine.closedInOrder;
    if (machine.running) this.recordNode('lab/powerCut', machine);
    machine.powerCut();
    if (nothingToLose) return;
    this.options.watch.endedUncleanly(machine.id, true);
  }

  /** Only a minority of the voters at a time: with more, the decisions of the quorum would be unknown, and it would be blocked. */
  private wipe(machine: Machine): void {
    if (!this.mayLoseItsVote(machine)) return;
    this.kill(machine);
    machine.wipe();
    this.options.watch.wiped(machine.id);
  }

  private damageMetadata(machine: Machine): void {
    if (!machine.running || machine.stopping || !this.mayLoseItsVote(machine)) return;
    this.kill(machine);
    this.options.trace(`${machine.name}: ${damageMetadataOf(machine, this.metadataLuck)}`);
  }

  /** If so, the machine counts as one without a vote until it is seen with one. */
  private mayLoseItsVote(machine: Machine): boolean {
    for (const one of this.voteless) if (one.running && one.node !== undefined && mayVote(one.node)) this.voteless.delete(one);
    const others = [...this.voteless].filter((one) => one !== machine).length;
    if (machine.voter && others >= Math.floor((this.options.machines.filter(({ voter }) => voter).length - 1) / 2)) {
      this.options.trace(`${machine.name} keeps its directory: too many others have no vote`);
      return false;
    }
    if (machine.voter) this.voteless.add(machine);
    return true;
  }

  /** Calls back once the node is down: a clean stop takes time. */
  private damageSegment(machine: Machine, { how, damage }: Extract<Fault, { kind: 'segment' }>): void {
    if (!machine.running || machine.stopping) return;
    if (how === 'kill') {
      this.kill(machine);
      this.segments.damage(machine, damage, true);
      return;
    }
    const { world } = this.options;
    const { life } = machine;
    machine.stop();
    const wait = (): void => {
      if (machine.life !== life) return;
      if (machine.running) world.schedule(5, undefined, wait);
      else this.segments.damage(machine, damage, !machine.closedInOrder);
    };
    wait();
  }

  private keepDown(machine: Machine): () => void {
    const { world } = this.options;
    this.down.set(machine, (this.down.get(machine) ?? 0) + 1);
    return () => {
      this.down.set(machine, (this.down.get(machine) ?? 1) - 1);
      machine.dieAtDiskOperation(Infinity, () => undefined);
      const start = (): void => {
        if ((this.down.get(machine) ?? 0) > 0) return;
        // Waits for a node that is still stopping.
        if (machine.stopping && machine.running) {
          machine.host?.thaw();
          world.schedule(50, undefined, start);
        } else this.start(machine);
      };
      start();
    };
  }

  private cut(one: string, other: string, way: 'in' | 'out' | 'both'): () => void {
    const { network } = this.options;
    if (way !== 'in') network.cut(one, other);
    if (way !== 'out') network.cut(other, one);
    const healed = this.recordFault({ type: 'partition', between: [endOf(one), endOf(other)] });
    return () => {
      healed();
      if (way !== 'in') network.join(one, other);
      if (way !== 'out') network.join(other, one);
    };
  }

  /** Flips bits near the end of a log. */
  private corrupt(machine: Machine): void {
    const { disk } = machine;
    const segments: string[] = [];
    for (const name of disk.exists(DATA) ? disk.list(DATA) : []) {
      const directory = `${DATA}/${name}`;
      if (name.startsWith('__cluster_metadata') || !disk.isDirectory(directory)) continue;
      const logs = disk.list(directory).filter((file) => file.endsWith('.log'));
      const last = logs.at(-1);
      if (last !== undefined) segments.push(`${directory}/${last}`);
    }
    const eligible = segments.filter((path) => disk.size(path) > 0);
    const victim = eligible[this.random.int(Math.max(1, eligible.length))];
    if (victim === undefined) return;
    const file = disk.open(victim);
    const size = file.size();
    // Only bytes that the checksum of a batch covers: a flipped bit in the offset or the epoch before it is undetectable.
    const batches = [...iterateBatches(disk.readFile(victim))];
    const batch = batches.at(-1 - this.random.int(Math.min(3, batches.length)));
    if (batch === undefined) return;
    const at = batch.position + 17 + this.random.int(batch.sizeInBytes - 17);
    const byte = new Uint8Array(1);
    file.read(byte, at);
    byte[0] = (byte[0] ?? 0) ^ (1 << this.random.int(8));
    file.write([byte], at);
    file.sync();
    file.close();
    this.options.trace(`CORRUPT ${victim} at ${at} of ${size}`);
    const [, topic = '', partition = ''] = /^.*\/(.*)-(\d+)\/[^/]*$/.exec(victim) ?? [];
    this.options.watch.tailDamaged(topic, Number(partition), machine.id);
  }

  private start(machine: Machine): void {
    if (!machine.running && !machine.departed) this.recordNode('lab/nodeStarted', machine);
    machine.start();
  }

  private recordNode(type: NodeEvent['type'], { id }: Machine): void {
    this.options.record?.({ type, broker: id });
  }

  /** Returns a function that records its end. */
  private recordFault(fault: { type: string; node?: number; between?: (number | 'clients')[] }): () => void {
    const { record } = this.options;
    const of = { ...(fault.node === undefined ? {} : { broker: fault.node }), details: { faultId: ++this.lastFaultId, fault } };
    record?.({ type: 'lab/faultInjected', ...of });
    return () => record?.({ type: 'lab/faultHealed', ...of });
  }

  private trouble(machine: Machine, change: number): void {
    this.diskTrouble.set(machine, (this.diskTrouble.get(machine) ?? 0) + change);
  }
}

/** `node3` is node 3; any other name belongs to a client. */
const endOf = (name: string): number | 'clients' => (name.startsWith('node') ? Number(name.slice(4)) : 'clients');

const CLIENTS = ['alice', 'bob', 'carol', 'reader', 'member1', 'member2'];

function all(undo: readonly (() => void)[]): () => void {
  return () => {
    for (const one of undo) one();
  };
}
