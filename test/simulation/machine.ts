/** A machine of the simulated cluster: its disk survives the processes that run on it, one node at a time. */
import { createNode, type Node } from '../../electron/cluster/node.ts';
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import { DiskError, type Disk, type DiskFile } from '../../electron/cluster/lib/disk.ts';
import { createLogger, type LogFields } from '../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../electron/cluster/lib/memory-disk.ts';
import type { NodeConfig } from '../../electron/cluster/lib/node-config.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';
import type { SimNetwork } from './network.ts';
import { Host, type World } from './world.ts';

export const DATA = '/data';

export interface MachineOptions {
  world: World;
  network: SimNetwork;
  config: NodeConfig;
  /** A line of a node's log, with the node's name. */
  log?: ((name: string, level: string, message: string, fields: LogFields) => void) | undefined;
  event?: ((machine: Machine, event: NodeEvent) => void) | undefined;
  /** The node ended by itself: its start failed, or it stopped after an error. */
  failed(machine: Machine, error: unknown): void;
}

export class Machine {
  readonly id: number;
  readonly name: string;
  readonly disk = new MemoryDisk();
  /** The running process, with its node. */
  host: Host | undefined;
  node: Node | undefined;
  ready = false;
  /** A clean stop is in progress. */
  stopping = false;
  /** The last process closed its files before it ended: everything is flushed. */
  closedInOrder = false;
  /** It has left the cluster permanently. */
  departed = false;
  /** Number of processes so far. */
  life = 0;
  /** The process ends during this disk operation from now; undefined: it does not. */
  private dieAt: { operations: number; how: () => void } | undefined;
  /** While the disk is slow: delay of every write, in ms. */
  diskDelayMs = 0;
  /** Delays of every write, in ms, several at a time, as in `FaultyDisk`. */
  diskLatencyMs = 0;
  private readonly options: MachineOptions;
  private readonly luck: Random;
  private readonly stopLuck: Random;

  constructor(options: MachineOptions) {
    this.options = options;
    this.id = options.config.nodeId;
    this.name = `node${this.id}`;
    this.luck = options.world.random(`${this.name}/disk`);
    this.stopLuck = options.world.random(`${this.name}/stop`);
  }

  get voter(): boolean {
    return this.options.config.voters.some(({ id }) => id === this.id);
  }

  get running(): boolean {
    return this.host?.alive === true;
  }

  start(): void {
    if (this.running || this.departed) return;
    const { world, network, config, log, event } = this.options;
    const host = new Host(world, this.name);
    const firstStart = this.life === 0;
    this.life++;
    this.ready = false;
    this.stopping = false;
    this.closedInOrder = false;
    this.host = host;
    network.dark.delete(this.name);
    world.note(`start ${this.name}`);
    // A cluster has few logs here, so most stops use a limit at which these are too many to be synced one by one.
    const syncedAtClose = [0, 0, 3, undefined][this.stopLuck.int(4)];
    // In an event of its own, as a process starts in one.
    world.schedule(0, host, () => {
      const node = createNode({
        config: { ...config, firstStart },
        clock: host.clock,
        disk: new ProcessDisk(this, host),
        network: network.of(host),
        random: world.random(`${this.name}/process`),
        syncedAtClose,
        logger: createLogger((level, message, fields) => log?.(this.name, level, message, fields), log === undefined ? 'error' : 'debug'),
        events: (one) => {
          world.note(one.type);
          event?.(this, one);
        },
        onFailure: (error) => this.gaveUp(host, node, error),
      });
      this.node = node;
      node.start().then(
        () => {
          if (this.host === host) this.ready = true;
        },
        (error: unknown) => this.gaveUp(host, node, error),
      );
    });
  }

  /** A clean stop, after a handover of its leaderships. */
  stop(): void {
    const { host, node } = this;
    if (host === undefined || !host.alive || node === undefined) return;
    this.stopping = true;
    this.options.world.schedule(0, host, () => {
      const end = (): void => host.end();
      node.stop({ controlled: true }).then(() => {
        this.closedInOrder = this.host === host;
        end();
      }, end);
    });
  }

  /** A clean, permanent stop. */
  depart(): void {
    this.departed = true;
    this.stop();
  }

  /** The process is killed; the system keeps its writes. */
  kill(): void {
    this.host?.end();
  }

  /** The machine loses power: unflushed bytes are lost, and no peer is notified. */
  powerCut(): void {
    this.options.network.dark.add(this.name);
    this.host?.end();
    this.disk.powerCut(this.luck.next() < 0.5 ? this.luck : undefined);
  }

  /** All data on the disk is lost. */
  wipe(): void {
    this.host?.end();
    // Open handles belong to a process that has ended.
    this.disk.erase();
  }

  /** Ends during the `operations`-th disk operation from now. */
  dieAtDiskOperation(operations: number, how: () => void): void {
    this.dieAt = { operations, how };
  }

  /** Called before every operation of the process on its disk. */
  operate(host: Host): void {
    const { dieAt } = this;
    if (dieAt !== undefined && host.alive && --dieAt.operations <= 0) {
      this.dieAt = undefined;
      dieAt.how();
    }
    if (!host.alive) throw new DiskError('EIO', DATA, 'a dead process uses its disk:');
  }

  private gaveUp(host: Host, node: Node, error: unknown): void {
    // A start that a stop has interrupted is no failure.
    if (!host.alive || this.stopping) return;
    this.stopping = true;
    this.options.failed(this, error);
    const end = (): void => host.end();
    node.stop({ controlled: false }).then(end, end);
  }
}

/** The disk as one process sees it: it works until the process ends, and can be slow. */
class ProcessDisk implements Disk {
  private readonly machine: Machine;
  private readonly host: Host;
  private busyUntil = 0;

  constructor(machine: Machine, host: Host) {
    this.machine = machine;
    this.host = host;
  }
  get powerCycle(): string | undefined {
    return this.machine.disk.powerCycle;
  }
  open(path: string, options?: { create?: boolean }): DiskFile {
    const { machine, host } = this;
    machine.operate(host);
    const file = machine.disk.open(path, options);
    const check = (): void => machine.operate(host);
    return {
      path,
      size: () => {
        this.alive();
        return file.size();
      },
      read: (into, position) => {
        this.alive();
        return file.read(into, position);
      },
      write: (chunks, position) => {
        check();
        file.write(chunks, position);
      },
      truncate: (size) => {
        check();
        file.truncate(size);
      },
      sync: () => {
        check();
        file.sync();
      },
      close: () => file.close(),
    };
  }
  exists(path: string): boolean {
    this.alive();
    return this.machine.disk.exists(path);
  }
  list(path: string): string[] {
    this.alive();
    return this.machine.disk.list(path);
  }
  isDirectory(path: string): boolean {
    this.alive();
    return this.machine.disk.isDirectory(path);
  }
  size(path: string): number {
    this.alive();
    return this.machine.disk.size(path);
  }
  readFile(path: string): Buffer {
    this.alive();
    return this.machine.disk.readFile(path);
  }
  makeDirectory(path: string): void {
    this.machine.operate(this.host);
    this.machine.disk.makeDirectory(path);
  }
  rename(from: string, to: string): void {
    this.machine.operate(this.host);
    this.machine.disk.rename(from, to);
  }
  remove(path: string): void {
    this.machine.operate(this.host);
    this.machine.disk.remove(path);
  }
  syncDirectory(path: string): void {
    this.machine.operate(this.host);
    this.machine.disk.syncDirectory(path);
  }
  /** In its steps, so that a process can end between any two. */
  writeFileAtomic(path: string, bytes: Uint8Array): void {
    const aside = `${path}.tmp`;
    const file = this.open(aside, { create: true });
    file.truncate(0);
    file.write([bytes], 0);
    file.sync();
    file.close();
    this.rename(aside, path);
    this.syncDirectory(path.slice(0, path.lastIndexOf('/')));
  }
  admit(): Promise<void> | undefined {
    const { diskDelayMs, diskLatencyMs } = this.machine;
    const { clock } = this.host;
    const now = clock.monotonic();
    if (diskDelayMs > 0) this.busyUntil = Math.max(this.busyUntil, now) + diskDelayMs;
    const waitMs = Math.max(this.busyUntil - now, 0) + diskLatencyMs;
    if (waitMs <= 0) return undefined;
    return new Promise((resolve) => {
      clock.setTimer(waitMs, resolve);
    });
  }
  private alive(): void {
    if (!this.host.alive) throw new DiskError('EIO', DATA, 'a dead process uses its disk:');
  }
}
