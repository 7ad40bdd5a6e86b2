/**
 * The faults in force: begins them, ends them, and tells the nodes concerned and the timeline. A node that was stopped, killed, cut
 * off its power or frozen is a fault in force like any other, whoever did it; it ends when the node runs again.
 */
import { corrupt, type Corruption } from './cluster-corruption.ts';
import { ClusterError } from './cluster-errors.ts';
import type { ClusterNode } from './cluster-node.ts';
import { faultsOf, inWords, nodesOf, type Fault, type FaultSpec, type NodeSpec } from './faults.ts';
import type { Clock } from './lib/clock.ts';
import type { Disk } from './lib/disk.ts';
import type { NodeFaults } from './lib/node-faults.ts';
import { losePower } from './lib/power-loss.ts';
import type { Random } from './lib/random.ts';
import type { TimelineEntry, TimelineType } from './timeline.ts';

/** What the faults need of the cluster. */
export interface FaultHost {
  clock: Clock;
  disk: Disk;
  random: Random;
  nodes(): readonly ClusterNode[];
  /** Throws `ClusterError` NO_SUCH_NODE. */
  node(id: number): ClusterNode;
  startNode(id: number): Promise<void>;
  peers(): NodeFaults['peers'];
  /** Where a node's data is, where what it has not synced is told, and what holds both. */
  directories(id: number): { root: string; data: string; undo: string };
  record(type: TimelineType, more: { broker?: number; reason?: string; details: Record<string, unknown> }): TimelineEntry;
}

const NODE_EVENTS: Readonly<Record<NodeSpec['type'], TimelineType>> = {
  stop: 'lab/nodeStopped',
  kill: 'lab/nodeKilled',
  powerCut: 'lab/powerCut',
  freeze: 'lab/nodeFrozen',
};

/** How long after its disk has room again a node may still end because it had none: a handing over takes 10 s at the most. */
const LATE_FAILURE_MS = 15_000;

export class ClusterFaults {
  private readonly host: FaultHost;
  private inForce: readonly Fault[] = [];
  private readonly corruptions = new Map<number, Corruption>();
  private readonly listeners = new Set<(faults: readonly Fault[]) => void>();
  /** When a node's disk was last given room again; monotonic ms. */
  private readonly roomSince = new Map<number, number>();
  private lastId = 0;

  constructor(host: FaultHost) {
    this.host = host;
  }

  /** In force now, oldest first. */
  list(): readonly Fault[] {
    return this.inForce;
  }

  onChange(listener: (faults: readonly Fault[]) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Resolves when the fault is in force. Rejects with `ClusterError` NO_SUCH_NODE, NO_SUCH_REPLICA, WRONG_STATE, BAD_OPTION. */
  async inject(spec: FaultSpec): Promise<Fault> {
    for (const id of nodesOf(spec)) this.host.node(id);
    switch (spec.type) {
      case 'stop':
      case 'kill':
      case 'powerCut':
      case 'freeze':
        return this.takeDown(spec);
      case 'corrupt':
        return this.corrupt(spec);
      case 'partition':
      case 'slowLink':
      case 'slowDisk':
      case 'fullDisk':
      case 'clockSkew': {
        refuseEmpty(spec);
        const fault = this.begin(spec);
        await this.tell(nodesOf(spec));
        return fault;
      }
    }
  }

  /** Resolves when the fault is over; of a node that is down, when it serves again. Rejects with `ClusterError` NO_SUCH_FAULT, WRONG_STATE. */
  async heal(id: number): Promise<void> {
    const fault = this.inForce.find((one) => one.id === id);
    if (fault === undefined) throw new ClusterError('NO_SUCH_FAULT', `there is no fault ${id} in force`);
    await this.lift(fault);
    const { fault: spec } = fault;
    if (isDown(fault)) await this.host.startNode(nodesOf(spec)[0] as number);
    else if (spec.type === 'fullDisk') await this.bringBack(this.host.node(spec.node));
  }

  /** Ends the fault and waits for nobody else: a node that is down stays so. */
  private async lift(fault: Fault): Promise<void> {
    const spec = fault.fault;
    switch (spec.type) {
      case 'stop':
      case 'kill':
      case 'powerCut':
        return;
      case 'freeze':
        return this.thaw(spec.node);
      case 'corrupt': {
        const undone = this.corruptions.get(fault.id)?.undo() === true;
        this.corruptions.delete(fault.id);
        this.end(fault, undone ? 'the bytes are what they were' : 'the bytes were not there any more');
        return;
      }
      case 'partition':
      case 'slowLink':
      case 'slowDisk':
      case 'clockSkew':
        this.end(fault);
        await this.tell(nodesOf(spec));
        return;
      case 'fullDisk':
        this.end(fault);
        this.roomSince.set(spec.node, this.host.clock.monotonic());
        await this.tell(nodesOf(spec));
    }
  }

  /** A broker whose log directory failed hands over and ends; when its disk has room again it is to be back. */
  private async bringBack(node: ClusterNode): Promise<void> {
    if (node.directoryFailed) {
      this.roomSince.delete(node.id);
      await node.ended;
    }
    if (node.state === 'failed') await this.host.startNode(node.id);
  }

  /** To be called when a node has ended by itself. One that met its full disk late (it was frozen, or about to end) comes back all the same. */
  failed(id: number): void {
    const since = this.roomSince.get(id);
    const node = this.host.node(id);
    const isFull = this.inForce.some(({ fault }) => fault.type === 'fullDisk' && fault.node === id);
    if (since === undefined || isFull || !node.directoryFailed || this.host.clock.monotonic() - since > LATE_FAILURE_MS) return;
    this.roomSince.delete(id);
    this.host.startNode(id).catch((error: unknown) => {
      // A cluster that is being closed starts nobody; else the node's own failure has been recorded.
      if (!(error instanceof ClusterError)) throw error;
    });
  }

  /** Ends every fault, then starts every node that does not run. Says what could not be done, and why; id 0 is a node that fell by itself. */
  async healAll(): Promise<{ id: number; error: string }[]> {
    const failed: { id: number; error: string }[] = [];
    const attempt = async (id: number, action: () => Promise<void>): Promise<void> => {
      try {
        await action();
      } catch (error) {
        failed.push({ id, error: error instanceof Error ? error.message : String(error) });
      }
    };
    // Nobody is waited for before all of them are free to move: a node that starts serves once it hears of a majority.
    for (const fault of this.inForce) if (this.inForce.includes(fault)) await attempt(fault.id, () => this.lift(fault));
    await Promise.all(
      this.host.nodes().map((node) => {
        const fault = this.inForce.find((one) => isDown(one) && nodesOf(one.fault).includes(node.id));
        if (node.alive) return attempt(0, () => this.bringBack(node));
        return attempt(fault?.id ?? 0, () => this.host.startNode(node.id));
      }),
    );
    return failed;
  }

  async thaw(id: number): Promise<void> {
    const node = this.host.node(id);
    if (node.state !== 'frozen') throw new ClusterError('WRONG_STATE', `broker ${id} cannot be thawed: it is ${node.state}`);
    const fault = this.inForce.find(({ fault: { type }, fault: one }) => type === 'freeze' && nodesOf(one).includes(id));
    this.host.record('lab/nodeThawed', { broker: id, details: { faultId: fault?.id ?? 0 } });
    await node.thaw();
    this.drop((one) => one === fault);
  }

  /** The node is being started: what kept it down is over. Returns the ids of those faults. */
  started(id: number): number[] {
    return this.drop(({ fault }) => 'node' in fault && fault.node === id && fault.type in NODE_EVENTS).map((fault) => fault.id);
  }

  /** The node is no more, and with it every fault that is about it. */
  removed(id: number): void {
    for (const fault of this.drop(({ fault: spec }) => nodesOf(spec).includes(id))) this.corruptions.delete(fault.id);
  }

  /** What a node that starts has to be told. */
  of(id: number): NodeFaults {
    return { ...faultsOf(id, this.inForce), peers: this.host.peers() };
  }

  /** Tells nodes what they have to lay over their links, disks and clocks; resolves when those that get on have done so. */
  async tell(ids: readonly number[]): Promise<void> {
    await Promise.all(ids.map((id) => this.host.node(id).setFaults(this.of(id))));
  }

  private async takeDown(spec: NodeSpec): Promise<Fault> {
    const { node: id, type } = spec;
    const node = this.host.node(id);
    const refusal = this.whyNot(spec, node);
    if (refusal !== undefined) throw new ClusterError('WRONG_STATE', refusal);
    const faultId = ++this.lastId;
    const since = this.host.clock.now();
    const entry = this.host.record(NODE_EVENTS[type], { broker: id, details: { faultId } });
    let detail: string | null = null;
    if (type === 'stop') await node.stop(true);
    else if (type === 'freeze') await node.freeze();
    else {
      if (node.alive) await node.kill();
      if (type === 'powerCut') detail = this.losePower(id);
    }
    // It was frozen, or it was down and now has lost its power as well: that is told by the new fault.
    this.drop(({ fault }) => 'node' in fault && fault.node === id && fault.type in NODE_EVENTS);
    return this.add({ id: faultId, fault: spec, since, eventId: entry.id, detail });
  }

  private whyNot({ type, node: id }: NodeSpec, node: ClusterNode): string | undefined {
    switch (type) {
      case 'stop':
        return node.state === 'running' ? undefined : `broker ${id} cannot be stopped: it is ${node.state}`;
      case 'freeze':
        return node.state === 'running' ? undefined : `broker ${id} cannot be frozen: it is ${node.state}`;
      case 'kill':
        return node.alive ? undefined : `broker ${id} cannot be killed: it is ${node.state}`;
      case 'powerCut': {
        const cut = this.inForce.some(({ fault }) => fault.type === 'powerCut' && fault.node === id);
        return cut ? `broker ${id} has no power already` : undefined;
      }
    }
  }

  private losePower(id: number): string {
    const { root, undo } = this.host.directories(id);
    const { files, bytes, names } = losePower(this.host.disk, root, undo);
    if (files === 0 && names === 0) return 'everything it had written was on its disk';
    const lost = files === 0 ? [] : [`${bytes} bytes of ${files} ${files === 1 ? 'file' : 'files'}`];
    if (names > 0) lost.push(`${names} ${names === 1 ? 'name' : 'names'} of files`);
    return `${lost.join(' and ')} had not reached its disk`;
  }

  private corrupt(spec: Extract<FaultSpec, { type: 'corrupt' }>): Fault {
    const { disk, random } = this.host;
    const done = corrupt(disk, random, this.host.directories(spec.node).data, spec);
    const fault = this.begin(spec, done.detail);
    this.corruptions.set(fault.id, done);
    return fault;
  }

  private begin(spec: FaultSpec, detail: string | null = null): Fault {
    const id = ++this.lastId;
    const entry = this.host.record('lab/faultInjected', this.words(spec, id, detail));
    return this.add({ id, fault: spec, since: this.host.clock.now(), eventId: entry.id, detail });
  }

  private end(fault: Fault, detail: string | null = null): void {
    const { reason, ...more } = this.words(fault.fault, fault.id, detail);
    this.host.record('lab/faultHealed', { ...more, reason: `no longer: ${reason}` });
    this.drop((one) => one === fault);
  }

  private words(
    spec: FaultSpec,
    faultId: number,
    detail: string | null,
  ): { broker?: number; reason: string; details: Record<string, unknown> } {
    const brokers = nodesOf(spec);
    return {
      ...(brokers.length === 1 ? { broker: brokers[0] } : {}),
      reason: detail === null ? inWords(spec) : `${inWords(spec)}: ${detail}`,
      details: { faultId, fault: spec, brokers },
    };
  }

  private add(fault: Fault): Fault {
    this.inForce = [...this.inForce, fault].sort((a, b) => a.id - b.id);
    this.announce();
    return fault;
  }

  private drop(which: (fault: Fault) => boolean): Fault[] {
    const dropped = this.inForce.filter(which);
    if (dropped.length === 0) return [];
    this.inForce = this.inForce.filter((fault) => !which(fault));
    this.announce();
    return dropped;
  }

  private announce(): void {
    for (const listener of [...this.listeners]) listener(this.inForce);
  }
}

function isDown({ fault }: Fault): boolean {
  return fault.type === 'stop' || fault.type === 'kill' || fault.type === 'powerCut';
}

/** A fault that would change nothing is a mistake of whoever asked for it. */
function refuseEmpty(spec: FaultSpec): void {
  const slow = spec.type === 'slowLink' || spec.type === 'slowDisk';
  const jitterMs = spec.type === 'slowLink' ? spec.jitterMs : 0;
  if (slow && spec.latencyMs === 0 && jitterMs === 0 && spec.bytesPerSecond === 0) {
    throw new ClusterError('BAD_OPTION', `a ${spec.type} of no latency and no limit changes nothing`);
  }
  if (spec.type === 'clockSkew' && spec.offsetMs === 0) throw new ClusterError('BAD_OPTION', 'a clock that is 0 ms off is right');
}
