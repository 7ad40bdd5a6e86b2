/**
 * The active faults: injects and heals them, and reports them to the nodes concerned and to the timeline. A node that was stopped, killed, lost
 * power or was frozen is an active fault like any other; it ends when the node runs again. Actions that start or end a node are transitions of
 * that node, so a fault of a node is added only while the node is a member.
 */
import { definitionOf, describeFault, nodesOf } from '#shared/faults/definitions';
import { Listeners } from '#shared/listeners';
import type { Fault, FaultSpec } from '#shared/models/lab';
import type { TimelineEvent, TimelineEventType } from '#shared/models/timeline';
import { plural } from '#shared/numbers';
import { corrupt, type Corruption } from './cluster-corruption.ts';
import { ClusterError } from './cluster-errors.ts';
import type { ClusterNode } from './cluster-node.ts';
import { effectOf, processEffectOf, rulesOf, type ProcessFault } from './fault-effects.ts';
import type { Clock } from './lib/clock.ts';
import type { Disk } from './lib/disk.ts';
import type { NodeFaults } from './lib/node-faults.ts';
import { losePower } from './lib/power-loss.ts';
import type { Random } from './lib/random.ts';
import { messageOf } from '#shared/errors';

/** Dependencies on the cluster. */
export interface FaultHost {
  clock: Clock;
  disk: Disk;
  random: Random;
  nodes(): readonly ClusterNode[];
  /** Throws `ClusterError` NO_SUCH_NODE. */
  node(id: number): ClusterNode;
  /** Within a transition of the node. Rejects with `ClusterError` WRONG_STATE, NODE_FAILED. */
  start(node: ClusterNode, signal: AbortSignal): Promise<void>;
  peers(): NodeFaults['peers'];
  /** A node's data directory, the directory of its undo data, and their common parent. */
  directories(id: number): { root: string; data: string; undo: string };
  record(type: TimelineEventType, more: { broker?: number; reason?: string; details: Record<string, unknown> }): TimelineEvent;
}

/** After its disk has space again, a node may still end for the lack of it within this time: a controlled shutdown takes at most 10 s. */
const LATE_FAILURE_MS = 15_000;

export class ClusterFaults {
  private readonly host: FaultHost;
  private inForce: readonly Fault[] = [];
  private readonly corruptions = new Map<number, Corruption>();
  private readonly listeners = new Listeners<readonly Fault[]>();
  /** When a node's disk last had its space restored; monotonic ms. */
  private readonly roomSince = new Map<number, number>();
  private lastId = 0;

  constructor(host: FaultHost) {
    this.host = host;
  }

  /** Active faults, oldest first. */
  list(): readonly Fault[] {
    return this.inForce;
  }

  onChange(listener: (faults: readonly Fault[]) => void): () => void {
    return this.listeners.add(listener);
  }

  /** Resolves when the fault is active. Rejects with `ClusterError` NO_SUCH_NODE, NO_SUCH_REPLICA, WRONG_STATE, BAD_OPTION. */
  async inject(spec: FaultSpec): Promise<Fault> {
    for (const id of nodesOf(spec)) this.host.node(id);
    if (isProcessFault(spec)) return this.takeDown(spec);
    if (spec.type === 'corrupt') return this.corrupt(spec);
    const problem = definitionOf(spec).findProblem?.(spec) ?? null;
    if (problem !== null) throw new ClusterError('BAD_OPTION', `the fault ${spec.type} has no effect: ${problem}`);
    const fault = this.begin(spec);
    await this.sendFaults(nodesOf(spec));
    return fault;
  }

  /** Resolves when the fault has ended; of a node that is down, when it serves again. Rejects with `ClusterError` NO_SUCH_FAULT, NODE_FAILED. */
  async heal(id: number): Promise<void> {
    const fault = this.inForce.find((one) => one.id === id);
    if (fault === undefined) throw new ClusterError('NO_SUCH_FAULT', `there is no active fault ${id}`);
    await this.lift(fault);
    const { fault: spec } = fault;
    if (endsProcess(spec)) {
      const node = this.host.node(spec.node);
      // The fault may have ended before the node's transition runs: another caller started the node, or it lost power as well.
      await node.transitions.run(async (signal) => {
        if (this.inForce.includes(fault)) await this.host.start(node, signal);
      });
    } else if (restartsNode(spec)) for (const node of nodesOf(spec)) await this.bringBack(this.host.node(node));
  }

  /** Ends the fault without waiting for other faults: a node that is down is not started. */
  private async lift(fault: Fault): Promise<void> {
    const spec = fault.fault;
    if (endsProcess(spec)) return;
    if (isProcessFault(spec)) {
      const node = this.host.node(spec.node);
      return node.transitions.run(async () => {
        if (!this.inForce.includes(fault)) return;
        // A frozen worker that ended by itself cannot be thawed.
        if (node.state === 'frozen') await this.thawNow(node);
        else this.drop((one) => one === fault);
      });
    }
    if (spec.type === 'corrupt') {
      const undone = this.corruptions.get(fault.id)?.undo() === true;
      this.corruptions.delete(fault.id);
      this.end(fault, undone ? 'the original bytes were restored' : 'the flipped bytes no longer exist');
      return;
    }
    this.end(fault);
    if (restartsNode(spec)) for (const node of nodesOf(spec)) this.roomSince.set(node, this.host.clock.monotonic());
    await this.sendFaults(nodesOf(spec));
  }

  /** A broker whose log directory failed moves its leaderships and ends; it is restarted once its disk has space again. */
  private bringBack(node: ClusterNode): Promise<void> {
    return node.transitions.run(async (signal) => {
      await this.awaitHandover(node, signal);
      if (node.state === 'failed') await this.host.start(node, signal);
    });
  }

  /** A frozen node cannot move its leaderships. It keeps its entry in `roomSince`: `failed` restarts it when it ends after its thaw. */
  private async awaitHandover(node: ClusterNode, signal: AbortSignal): Promise<void> {
    if (!node.directoryFailed || node.state === 'frozen') return;
    this.roomSince.delete(node.id);
    await node.waitForEnd(signal);
  }

  /** To be called when a node has ended by itself. A node that ended late for its full disk (frozen, or ending already) is restarted too. */
  failed(id: number): void {
    const since = this.roomSince.get(id);
    const node = this.host.nodes().find((one) => one.id === id);
    const persists = this.inForce.some(({ fault }) => restartsNode(fault) && nodesOf(fault).includes(id));
    if (node === undefined || since === undefined || persists || !node.directoryFailed) return;
    if (this.host.clock.monotonic() - since > LATE_FAILURE_MS) return;
    this.roomSince.delete(id);
    this.bringBack(node).catch((error: unknown) => {
      // A cluster that is closing starts no node; otherwise the node's own failure has been recorded.
      if (!(error instanceof ClusterError)) throw error;
    });
  }

  /** Heals all faults, then starts all nodes that are down. Returns the failures with their reasons; id 0 is a node that failed by itself. */
  async healAll(): Promise<{ id: number; error: string }[]> {
    const failed: { id: number; error: string }[] = [];
    const attempt = async (id: number, action: () => Promise<void>): Promise<void> => {
      try {
        await action();
      } catch (error) {
        // A broker that was removed meanwhile needs no repair.
        if (error instanceof ClusterError && error.code === 'NO_SUCH_NODE') return;
        failed.push({ id, error: messageOf(error) });
      }
    };
    // All nodes are started before any is awaited: a node serves only once it has reached a majority.
    for (const fault of this.inForce) if (this.inForce.includes(fault)) await attempt(fault.id, () => this.lift(fault));
    await Promise.all(
      this.host.nodes().map((node) => {
        const fault = this.inForce.find(({ fault: one }) => endsProcess(one) && one.node === node.id);
        return attempt(fault?.id ?? 0, () => this.revive(node));
      }),
    );
    return failed;
  }

  private revive(node: ClusterNode): Promise<void> {
    return node.transitions.run(async (signal) => {
      await this.awaitHandover(node, signal);
      if (!node.alive && !signal.aborted) await this.host.start(node, signal);
    });
  }

  /** Rejects with `ClusterError` WRONG_STATE when the node is not frozen. */
  async thaw(id: number): Promise<void> {
    const node = this.host.node(id);
    this.requireFrozen(node);
    await node.transitions.run(() => this.thawNow(node));
  }

  private async thawNow(node: ClusterNode): Promise<void> {
    this.requireFrozen(node);
    const fault = this.inForce.find(({ fault: one }) => one.type === 'freeze' && one.node === node.id);
    this.host.record('lab/nodeThawed', { broker: node.id, details: { faultId: fault?.id ?? 0 } });
    // The freeze interrupted the shutdown, which gets its full time again.
    if (node.directoryFailed && this.roomSince.has(node.id)) this.roomSince.set(node.id, this.host.clock.monotonic());
    await node.thaw();
    this.drop((one) => one === fault);
  }

  private requireFrozen({ id, state }: ClusterNode): void {
    if (state !== 'frozen') throw new ClusterError('WRONG_STATE', `broker ${id} cannot be thawed: it is ${state}`);
  }

  /** The node is being started: ends the faults that kept it down. Returns their ids. */
  started(id: number): number[] {
    return this.drop(({ fault }) => isProcessFault(fault) && fault.node === id).map((fault) => fault.id);
  }

  /** Ends all faults of a node that is no longer a member. */
  removed(id: number): void {
    this.roomSince.delete(id);
    for (const fault of this.drop(({ fault: spec }) => nodesOf(spec).includes(id))) this.corruptions.delete(fault.id);
  }

  /** Faults of a node at its start. */
  of(id: number): NodeFaults {
    return { ...rulesOf(id, this.inForce), peers: this.host.peers() };
  }

  /** Sends nodes the faults of their links, disks and clocks; resolves when running nodes have applied them. */
  async sendFaults(ids: readonly number[]): Promise<void> {
    const nodes = this.host.nodes().filter(({ id }) => ids.includes(id));
    await Promise.all(nodes.map((node) => node.setFaults(this.of(node.id))));
  }

  private async takeDown(spec: ProcessFault): Promise<Fault> {
    const node = this.host.node(spec.node);
    this.requireState(spec, node);
    const take = (signal: AbortSignal): Promise<Fault> => this.takeDownNow(spec, node, signal);
    return processEffectOf(spec).interrupts ? node.transitions.runUrgently(take) : node.transitions.run(take);
  }

  /** Within a transition of the node; as `inject`. */
  async takeDownNow(spec: ProcessFault, node: ClusterNode, signal: AbortSignal): Promise<Fault> {
    const { node: id, type } = spec;
    const effect = processEffectOf(spec);
    // The interrupted start or stop has already killed the node.
    if (type !== 'kill' || node.alive || this.inForce.some(({ fault }) => endsProcess(fault) && fault.node === id)) {
      this.requireState(spec, node);
    }
    const faultId = ++this.lastId;
    const since = this.host.clock.now();
    const entry = this.host.record(effect.event, { broker: id, details: { faultId } });
    await effect.apply(node, signal);
    const detail = effect.losesUnflushed === true ? this.losePower(id) : null;
    // The node was frozen, or was down and has now lost power as well: the new fault replaces the old one.
    this.drop(({ fault }) => isProcessFault(fault) && fault.node === id);
    return this.add({ id: faultId, fault: spec, since, eventId: entry.id, detail });
  }

  private requireState(spec: ProcessFault, node: ClusterNode): void {
    const effect = processEffectOf(spec);
    if (!effect.accepts(node)) {
      throw new ClusterError('WRONG_STATE', `broker ${node.id} cannot be ${effect.participle}: it is ${node.state}`);
    }
    if (effect.losesUnflushed !== true) return;
    const isCut = this.inForce.some(({ fault }) => fault.type === spec.type && nodesOf(fault).includes(node.id));
    if (isCut) throw new ClusterError('WRONG_STATE', `broker ${node.id} already has no power`);
  }

  private losePower(id: number): string {
    const { root, undo } = this.host.directories(id);
    const { files, bytes, names } = losePower(this.host.disk, root, undo);
    if (files === 0 && names === 0) return 'all writes had reached its disk';
    const lost = files === 0 ? [] : [`${bytes} bytes of ${plural(files, 'file')}`];
    if (names > 0) lost.push(`${plural(names, 'name')} of files`);
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
    const entry = this.host.record('lab/faultInjected', this.describe(spec, id, detail));
    return this.add({ id, fault: spec, since: this.host.clock.now(), eventId: entry.id, detail });
  }

  private end(fault: Fault, detail: string | null = null): void {
    const { reason, ...more } = this.describe(fault.fault, fault.id, detail);
    this.host.record('lab/faultHealed', { ...more, reason: `healed: ${reason}` });
    this.drop((one) => one === fault);
  }

  private describe(
    spec: FaultSpec,
    faultId: number,
    detail: string | null,
  ): { broker?: number; reason: string; details: Record<string, unknown> } {
    const brokers = nodesOf(spec);
    return {
      ...(brokers.length === 1 ? { broker: brokers[0] } : {}),
      reason: detail === null ? describeFault(spec) : `${describeFault(spec)}: ${detail}`,
      details: { faultId, fault: spec, brokers },
    };
  }

  private add(fault: Fault): Fault {
    this.inForce = [...this.inForce, fault].sort((a, b) => a.id - b.id);
    this.listeners.notify(this.inForce);
    return fault;
  }

  private drop(which: (fault: Fault) => boolean): Fault[] {
    const dropped = this.inForce.filter(which);
    if (dropped.length === 0) return [];
    this.inForce = this.inForce.filter((fault) => !which(fault));
    this.listeners.notify(this.inForce);
    return dropped;
  }
}

function isProcessFault(fault: FaultSpec): fault is ProcessFault {
  return effectOf(fault).by === 'process';
}

/** A start heals it. */
function endsProcess(fault: FaultSpec): fault is Exclude<ProcessFault, { type: 'freeze' }> {
  return definitionOf(fault).endsProcess === true;
}

function restartsNode(fault: FaultSpec): boolean {
  const effect = effectOf(fault);
  return effect.by === 'rules' && effect.restartsNode === true;
}
