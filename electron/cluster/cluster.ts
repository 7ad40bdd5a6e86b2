/**
 * The supervisor of an embedded cluster: it owns the data directory, the ports, the nodes' workers and the timeline. It does not take part in the
 * nodes' work; nodes detect the failure of another one over the network.
 *
 * Two kinds of queues order the requests: changes of membership run one after another, and so do the transitions of each node. A change of
 * membership also holds its node's queue, from before the node becomes a member until it is none any more, so every worker has a member that
 * owns it.
 *
 * More than 400 lines: what the requests do is in `cluster-*.ts`; here is the order in which they hold the queues, which has to be read in one
 * place to show that none waits for another forever.
 */
import { isWildcard } from '#shared/addresses';
import type { Fault, FaultSpec } from '#shared/models/lab';
import type { TimelineEvent, TimelineEventType } from '#shared/models/timeline';
import { ClusterDirectory, removeAbandoned, type ClusterFile, type NodePorts } from './cluster-directory.ts';
import { ClusterError } from './cluster-errors.ts';
import { ClusterFaults } from './cluster-faults.ts';
import type { NodeStart } from './cluster-messages.ts';
import { requireMetadata } from './cluster-metadata.ts';
import { ClusterNode } from './cluster-node.ts';
import { checkBrokers, planCluster, planNode, type PortHosts } from './cluster-plan.ts';
import type { FindPort } from './cluster-ports.ts';
import { isPortTaken, startTogether } from './cluster-start.ts';
import { TransitionQueue } from './cluster-transitions.ts';
import { settlesWithin } from './cluster-waiting.ts';
import { workerThreads, type WorkerFactory } from './cluster-worker.ts';
import { formatAddress, isLoopback, localAddressOf } from './lib/addresses.ts';
import type { Clock } from './lib/clock.ts';
import type { Disk } from './lib/disk.ts';
import type { LogFields, LogLevel } from './lib/logger.ts';
import type { NodeConfig } from './lib/node-config.ts';
import type { Random } from './lib/random.ts';
import { systemClock } from './lib/system-clock.ts';
import { systemDisk } from './lib/system-disk.ts';
import { systemProcessorMs } from './lib/system-processor.ts';
import { systemRandom } from './lib/system-random.ts';
import { SuspensionWatch } from './suspension-watch.ts';
import { viewNodes, type NodeView } from './cluster-view.ts';
import { Timeline } from './timeline.ts';

export { ClusterError } from './cluster-errors.ts';
export type { NodeState } from './cluster-node.ts';
export type { NodeView } from './cluster-view.ts';
export type { QuorumRole } from './cluster-messages.ts';

/** An event outside the cluster for its timeline. */
export interface ClusterNote {
  type: Extract<TimelineEventType, `load/${string}` | `scenario/${string}`>;
  topic?: string;
  group?: string;
  reason?: string;
  details?: Record<string, unknown>;
}

export interface ClusterOptions {
  /** 1 to 9; for an existing directory its own number, which cannot be changed. Default 3. */
  brokers?: number;
  /** Host of the quorum's listener, and default of the next two. Default 127.0.0.1. */
  host?: string;
  /** IP address that the client listeners and ZooKeeper's ports bind to, in its shortest form. Default: `host`. */
  bindHost?: string;
  /** Host that brokers advertise to clients; needed where `bindHost` is a wildcard. Default: `bindHost`. */
  advertisedHost?: string;
  /** First client port; nodes take free ones from there up, 0 takes any. Default 9092, or the directory's. */
  firstPort?: number;
  /** The same for the quorum. Default: 100 above `firstPort`, as 9192 is above 9092. */
  controllerFirstPort?: number;
  /** The same for ZooKeeper clients. Default: 2181, or 200 above a given `firstPort`. */
  zookeeperFirstPort?: number;
  /** Undefined: a temporary directory that is removed at the end. */
  dataDirectory?: string;
  /** Broker settings of every node, by Kafka's names. */
  properties?: Readonly<Record<string, string>>;
  /** The node worker's entry: `node-worker.ts`, or `out/main/node-worker.cjs` when built. */
  workerPath: string;
  /** Default: threads that run `workerPath`. */
  createWorker?: WorkerFactory;
  /** Default: asks the operating system. */
  findPort?: FindPort;
  logLevel?: LogLevel;
  /** Log lines of nodes; without it they are dropped. */
  onLog?: (node: number, level: LogLevel, message: string, fields: LogFields) => void;
  clock?: Clock;
  disk?: Disk;
  random?: Random;
  /** Milliseconds of processor time of this process; see `SuspensionWatch`. */
  processorMs?: () => number;
}

/** Of `broker.session.timeout.ms`. */
const DEFAULT_SESSION_TIMEOUT_MS = 3_000;
/** Another process can take a port between its check and its use; the start is retried this often. */
const START_ATTEMPTS = 3;
/** Above the time that a node with progress may take to stop by itself (30 s). */
export const CLOSE_TIMEOUT_MS = 33_000;

export class Cluster {
  /** Notices about the start for the user: ports that differ from those requested, nodes that failed. */
  readonly notices: string[] = [];
  private readonly options: ClusterOptions;
  private readonly clock: Clock;
  private readonly disk: Disk;
  private readonly random: Random;
  private readonly host: string;
  private readonly bindHost: string;
  private readonly advertisedHost: string;
  private readonly log: Timeline;
  private readonly labFaults: ClusterFaults;
  private readonly suspensions: SuspensionWatch;
  /** See `SharedMemory`. */
  private readonly portOwners = new SharedArrayBuffer(65_536);
  private directory: ClusterDirectory | undefined;
  private file: ClusterFile | undefined;
  private members: ClusterNode[] = [];
  /** Voters of a new cluster that have not run yet. */
  private readonly newVoters = new Set<number>();
  private starting: Promise<void> = Promise.resolve();
  private closing: Promise<boolean> | undefined;
  private readonly membership = new TransitionQueue('the membership of the cluster');
  private lifecycle: 'new' | 'starting' | 'started' | 'closed' = 'new';

  constructor(options: ClusterOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.disk = options.disk ?? systemDisk;
    this.random = options.random ?? systemRandom();
    this.log = new Timeline(() => this.clock.monotonic());
    this.host = options.host ?? '127.0.0.1';
    this.bindHost = options.bindHost ?? this.host;
    this.advertisedHost = options.advertisedHost ?? this.bindHost;
    this.labFaults = new ClusterFaults({
      clock: this.clock,
      disk: this.disk,
      random: this.random,
      nodes: () => this.members,
      node: (id) => this.node(id),
      start: (node, signal) => this.startNow(node, signal),
      peers: () => this.file?.nodes ?? [],
      directories: (id) => this.directoriesOf(id),
      record: (type, more) => this.record(type, more),
    });
    this.suspensions = new SuspensionWatch({
      clock: this.clock,
      processorMs: options.processorMs ?? systemProcessorMs,
      suspended: (forMs) =>
        this.record('cluster/processSuspended', {
          reason: `the operating system did not run the process for ${(forMs / 1_000).toFixed(1)} s`,
          details: { forMs },
        }),
    });
  }

  /**
   * Starts every node; resolves when all of them serve clients, or all but a minority of the voters that failed (see `notices`). Rejects with
   * `ClusterError`, with everything undone.
   */
  async start(): Promise<void> {
    if (this.lifecycle !== 'new') throw new ClusterError('WRONG_STATE', 'a cluster can be started only once');
    checkBrokers(this.options.brokers);
    if (isWildcard(this.advertisedHost)) {
      throw new ClusterError('BAD_OPTION', `brokers cannot advertise ${this.advertisedHost}; an advertised host is needed`);
    }
    this.lifecycle = 'starting';
    this.starting = this.startNodes();
    this.suspensions.start();
    try {
      await this.starting;
    } catch (error) {
      await this.close();
      throw error;
    }
    if (!this.closed()) this.lifecycle = 'started';
    if (this.options.dataDirectory === undefined) removeAbandoned(this.disk);
  }

  get clusterId(): string {
    return this.plannedFile().clusterId;
  }

  /** The data directory. */
  get dataDirectory(): string {
    if (this.directory === undefined) throw new ClusterError('WRONG_STATE', 'the cluster has not been started');
    return this.directory.path;
  }

  /** The host at which clients on this machine reach every node, whatever is advertised. */
  get connectHost(): string {
    return localAddressOf(this.bindHost);
  }

  /** Bootstrap servers for clients, `host:port,host:port`: the advertised addresses. */
  get bootstrap(): string {
    return this.addresses((node) => node.brokerPort);
  }

  /** The same for ZooKeeper clients. */
  get zookeeper(): string {
    return this.addresses((node) => node.zookeeperPort);
  }

  /** The status of every node; a node that does not answer within half a second is shown with what the supervisor knows. */
  nodes(): Promise<NodeView[]> {
    const { connectHost: host, sessionTimeoutMs } = this;
    return viewNodes(this.members, { host, sessionTimeoutMs, ports: this.file?.nodes ?? [] });
  }

  /**
   * Adds a broker with the lowest free id, as an observer of the metadata quorum. Resolves to its id when it serves clients. Rejects with
   * `ClusterError`. A broker that could not start is removed again; one that was killed while it started stays a member, since the others may
   * know it already.
   */
  async addNode(): Promise<number> {
    this.requireStarted();
    return this.membership.run(async () => {
      const { node: ports, notices } = await planNode(this.portHosts, this.plannedFile(), this.options.findPort);
      this.requireStarted();
      this.clusterDirectory().claimNodeDirectory(ports.id, this.clusterId);
      const node = this.createNode(ports.id);
      await node.transitions.run(async (signal) => {
        node.reserve();
        this.setMembers([...this.plannedFile().nodes, ports], [...this.members, node]);
        for (const notice of notices) this.notices.push(notice);
        this.record('lab/nodeAdded', { broker: node.id });
        try {
          await this.labFaults.sendFaults(this.members.filter(({ id }) => id !== node.id).map(({ id }) => id));
          await node.start(this.startOf(node.id), this.portOwners, signal);
        } catch (error) {
          const failed = error instanceof ClusterError && error.code === 'NODE_FAILED';
          if (!node.alive && (failed || !node.hasRun)) this.forget(node);
          throw error;
        }
      });
      return node.id;
    });
  }

  /** Throws `ClusterError` NO_SUCH_NODE, WRONG_STATE when the node cannot be removed. */
  checkRemovable(id: number): void {
    const node = this.node(id);
    if (this.plannedFile().voters.includes(id)) {
      const why = `it is one of the ${this.plannedFile().voters.length} voters of the metadata quorum, which are fixed when a cluster is created`;
      throw new ClusterError('WRONG_STATE', `broker ${id} cannot be removed: ${why}; brokers that were added later can`);
    }
    if (node.state === 'frozen') throw new ClusterError('WRONG_STATE', `broker ${id} is frozen; thaw it before it is removed`);
  }

  /**
   * Deletes a node's data and its membership; the caller ensures that no replica needs it. With `unregister`, a running node is first stopped and
   * then unregistered, all in one transition of the node: it cannot be started in between. Rejects with `ClusterError` NO_SUCH_NODE,
   * WRONG_STATE, or as `unregister`; the node is then still a member.
   */
  async removeNode(id: number, unregister?: () => Promise<void>): Promise<void> {
    this.requireStarted();
    await this.membership.run(async () => {
      this.checkRemovable(id);
      const node = this.node(id);
      await node.transitions.run(async (signal) => {
        this.checkRemovable(id);
        if (unregister !== undefined) {
          if (node.alive) await this.labFaults.takeDownNow({ type: 'stop', node: id }, node, signal);
          await unregister();
        }
        if (node.alive) throw new ClusterError('WRONG_STATE', `broker ${id} cannot be removed: it is ${node.state}`);
        this.forget(node);
        this.record('lab/nodeRemoved', { broker: id });
      });
      await this.labFaults.sendFaults(this.members.map((node) => node.id));
    });
  }

  /** Controlled shutdown: leaderships are moved first. Resolves when the node has ended. */
  async stop(id: number): Promise<void> {
    await this.inject({ type: 'stop', node: id });
  }

  /** Kills the node, at any instruction. Resolves when it has ended; the other nodes notice after the session timeout. */
  async kill(id: number): Promise<void> {
    await this.inject({ type: 'kill', node: id });
  }

  /** Starts a node that is down, for any reason. Resolves when it serves clients again. */
  async startNode(id: number): Promise<void> {
    this.requireStarted();
    const node = this.node(id);
    this.requireDown(node);
    await node.transitions.run((signal) => this.startNow(node, signal));
  }

  /** Resolves when the node's thread runs again. */
  async thaw(id: number): Promise<void> {
    this.requireStarted();
    await this.labFaults.thaw(id);
  }

  /**
   * Resolves when the fault is active. Rejects with `ClusterError` NO_SUCH_NODE, NO_SUCH_REPLICA, WRONG_STATE (the node's state does not allow it),
   * BAD_OPTION (a fault without an effect). Faults combine; those of links, disks and clocks survive a restart of the node.
   */
  async inject(fault: FaultSpec): Promise<Fault> {
    this.requireStarted();
    return this.labFaults.inject(fault);
  }

  /** Resolves when the fault has ended; of a node that is down, when it serves again. Rejects with `ClusterError` NO_SUCH_FAULT, NODE_FAILED. */
  heal(id: number): Promise<void> {
    return this.labFaults.heal(id);
  }

  /** Heals all faults and starts all nodes that are down; returns the failures (id 0: a node that failed by itself). */
  healAll(): Promise<{ id: number; error: string }[]> {
    return this.labFaults.healAll();
  }

  /** Active faults, oldest first. */
  faults(): readonly Fault[] {
    return this.labFaults.list();
  }

  /** Calls back with all active faults when one begins or ends; returns its removal. */
  onFaults(listener: (faults: readonly Fault[]) => void): () => void {
    return this.labFaults.onChange(listener);
  }

  /**
   * Ends every node and releases the directory. May be called at any time, and more than once; operations in progress are ended too. Bounded in
   * time: false when a worker could not be ended (a system call blocks its thread). Such a worker also blocks a normal exit of the process, so
   * the caller must end the process by SIGKILL; the directory stays locked until then.
   */
  close(): Promise<boolean> {
    this.lifecycle = 'closed';
    return (this.closing ??= this.end());
  }

  /** Entries after the one with that id (0: all), oldest first. */
  timeline(sinceId = 0): TimelineEvent[] {
    return this.log.since(sinceId);
  }

  /** Calls back with every new entry of the timeline; returns its removal. */
  onEvent(listener: (entry: TimelineEvent) => void): () => void {
    return this.log.onEntry(listener);
  }

  /** Records an event of the cluster's clients or of a scenario. */
  note({ type, ...more }: ClusterNote): void {
    this.record(type, more);
  }

  /** Within the node's transition, after its worker has ended. */
  private forget(node: ClusterNode): void {
    const { id } = node;
    if (node.alive) throw new Error(`broker ${id} still has a worker`);
    this.setMembers(
      this.plannedFile().nodes.filter((one) => one.id !== id),
      this.members.filter((one) => one !== node),
    );
    node.transitions.close(new ClusterError('NO_SUCH_NODE', `there is no broker ${id}`));
    this.labFaults.removed(id);
    if (this.clusterDirectory().removeNodeDirectory(id, this.clusterId)) return;
    this.notices.push(`The directory of broker ${id} was kept: it does not belong to this cluster.`);
  }

  /** The file first: where it cannot be written, nothing has changed. */
  private setMembers(nodes: NodePorts[], members: ClusterNode[]): void {
    const file = { ...this.plannedFile(), nodes: nodes.toSorted((a, b) => a.id - b.id) };
    this.clusterDirectory().write(file);
    this.file = file;
    this.members = members.toSorted((a, b) => a.id - b.id);
  }

  private clusterDirectory(): ClusterDirectory {
    if (this.directory === undefined) throw new ClusterError('WRONG_STATE', 'the cluster has not been started');
    return this.directory;
  }

  private async startNow(node: ClusterNode, signal: AbortSignal): Promise<void> {
    this.requireDown(node);
    const { id } = node;
    const faultIds = this.labFaults.started(id);
    this.record('lab/nodeStarted', { broker: id, ...(faultIds.length === 0 ? {} : { details: { faultIds } }) });
    await node.start(this.startOf(id), this.portOwners, signal);
  }

  private requireDown({ id, state }: ClusterNode): void {
    const down = state === 'stopped' || state === 'killed' || state === 'failed';
    if (!down || this.closed()) throw new ClusterError('WRONG_STATE', `broker ${id} cannot be started: it is ${state}`);
  }

  private requireStarted(): void {
    if (this.lifecycle === 'started') return;
    const states = { new: 'has not been started', starting: 'is still starting', closed: 'has been closed' };
    throw new ClusterError('WRONG_STATE', `the cluster ${states[this.lifecycle]}`);
  }

  private get portHosts(): PortHosts {
    return { host: this.host, clientHost: this.bindHost };
  }

  private get sessionTimeoutMs(): number {
    return Number(this.options.properties?.['broker.session.timeout.ms'] ?? DEFAULT_SESSION_TIMEOUT_MS);
  }

  private get logLevel(): LogLevel {
    return this.options.logLevel ?? 'warn';
  }

  private closed(): boolean {
    return this.lifecycle === 'closed';
  }

  private async startNodes(): Promise<void> {
    const directory = new ClusterDirectory(this.disk, this.options.dataDirectory);
    this.directory = directory;
    const known = directory.read();
    let isNew = known === undefined;
    for (let attempt = 1; ; attempt++) {
      await this.plan(directory, attempt === 1 ? known : this.file);
      if (this.closed()) throw new ClusterError('WRONG_STATE', 'the cluster was closed while it started');
      const { voters } = this.plannedFile();
      if (isNew) for (const { id } of this.members) this.newVoters.add(id);
      const voteless = isNew ? new Map<number, string>() : requireMetadata(this.disk, voters, (id) => directory.nodeDirectory(id));
      isNew = false;
      try {
        const failures = await startTogether(this.members, voters, voteless, (node) =>
          node.transitions.run((signal) => node.start(this.startOf(node.id), this.portOwners, signal)),
        );
        for (const { message } of failures) this.notices.push(`${message}. The other brokers serve without it.`);
        return;
      } catch (error) {
        await this.endNodes();
        if (this.closed() || attempt === START_ATTEMPTS || !isPortTaken(error)) throw error;
      }
    }
  }

  private async end(): Promise<boolean> {
    this.suspensions.stop();
    const closed = new ClusterError('WRONG_STATE', 'the cluster has been closed');
    this.membership.close(closed);
    for (const node of this.members) node.transitions.close(closed);
    const released = this.endNodes().then(async () => {
      // The caller of start() receives its error; here the start only has to be complete.
      await this.starting.catch(() => undefined);
      await this.membership.whenIdle();
      await Promise.all(this.members.map((node) => node.transitions.whenIdle()));
      this.directory?.release();
    });
    try {
      if (await settlesWithin(this.clock, CLOSE_TIMEOUT_MS, released)) return true;
    } catch (error) {
      // The node has logged which system call is the cause.
      if (!(error instanceof ClusterError)) throw error;
    }
    return false;
  }

  /** When all nodes end, none remains to take over leaderships: they only close their files cleanly. */
  private async endNodes(): Promise<void> {
    const ends = await Promise.allSettled(this.members.map((node) => node.end()));
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** Determines and stores identity and ports, before anything uses them. */
  private async plan(directory: ClusterDirectory, known: ClusterFile | undefined): Promise<void> {
    const { random, portHosts } = this;
    const { file, notices } = await planCluster({ ...this.options, ...portHosts, known, random, path: directory.path });
    this.notices.length = 0;
    if (!isLoopback(this.bindHost)) {
      this.notices.push(
        `Warning: clients connect at ${this.bindHost} without authentication; every client that reaches that address can read, write and delete.`,
      );
    }
    for (const notice of [...directory.notices, ...notices]) this.notices.push(notice);
    this.file = file;
    directory.write(file);
    this.members = file.nodes.map(({ id }) => this.createNode(id));
  }

  private createNode(id: number): ClusterNode {
    const createWorker = this.options.createWorker ?? workerThreads(this.options.workerPath);
    return new ClusterNode(id, createWorker, this.clock, {
      event: (node, event) => {
        this.suspensions.look();
        if (this.log.record(node, event) === undefined) this.options.onLog?.(node, 'debug', 'event not recorded', { type: event.type });
      },
      log: (node, level, message, fields) => this.options.onLog?.(node, level, message, fields),
      failed: (node, reason) => {
        this.record('node/failed', { broker: node, reason });
        this.labFaults.failed(node);
      },
      ready: (node, startedInMs) =>
        void this.log.record(node, { type: 'node/ready', at: this.clock.now(), broker: node, details: { startedInMs } }),
      gone: (node) => {
        const owners = new Uint8Array(this.portOwners);
        for (let port = owners.indexOf(node); port >= 0; port = owners.indexOf(node, port + 1)) owners[port] = 0;
      },
    });
  }

  private record(
    type: TimelineEventType,
    more: { broker?: number; topic?: string; group?: string; reason?: string; details?: Record<string, unknown> },
  ): TimelineEvent {
    const entry = this.log.record(null, { type, at: this.clock.now(), ...more });
    if (entry === undefined) throw new Error(`the timeline did not take ${type}`);
    return entry;
  }

  private startOf(id: number): Omit<NodeStart, 'memory'> {
    const { root, undo } = this.directoriesOf(id);
    const firstStart = this.newVoters.delete(id);
    return {
      config: { ...this.configOf(id), firstStart },
      logLevel: this.logLevel,
      temporary: this.options.dataDirectory === undefined,
      faults: this.labFaults.of(id),
      rootDirectory: root,
      undoDirectory: undo,
    };
  }

  private directoriesOf(id: number): { root: string; data: string; undo: string } {
    const directory = this.clusterDirectory();
    return { root: directory.path, data: directory.nodeDirectory(id), undo: directory.undoDirectory(id) };
  }

  private configOf(id: number): NodeConfig {
    const { nodes, clusterId, voters } = this.plannedFile();
    const { brokerPort, controllerPort, zookeeperPort } = this.portsOf(id);
    return {
      nodeId: id,
      clusterId,
      dataDirectory: this.clusterDirectory().nodeDirectory(id),
      host: this.host,
      ...(this.options.bindHost === undefined && this.options.advertisedHost === undefined
        ? {}
        : { bindHost: this.bindHost, advertisedHost: this.advertisedHost }),
      brokerPort,
      controllerPort,
      zookeeperPort,
      rack: rackOf(id, this.options.properties?.['broker.rack']),
      voters: nodes.filter((node) => voters.includes(node.id)).map((node) => ({ id: node.id, host: this.host, port: node.controllerPort })),
      properties: this.options.properties ?? {},
    };
  }

  private addresses(port: (node: NodePorts) => number): string {
    return this.plannedFile()
      .nodes.map((node) => formatAddress(this.advertisedHost, port(node)))
      .join(',');
  }

  private portsOf(id: number): NodePorts {
    const ports = this.plannedFile().nodes.find((node) => node.id === id);
    if (ports === undefined) throw new ClusterError('NO_SUCH_NODE', `there is no broker ${id}`);
    return ports;
  }

  private plannedFile(): ClusterFile {
    if (this.file === undefined) throw new ClusterError('WRONG_STATE', 'the cluster has not been started');
    return this.file;
  }

  private node(id: number): ClusterNode {
    const node = this.members.find((one) => one.id === id);
    if (node === undefined) throw new ClusterError('NO_SUCH_NODE', `there is no broker ${id}`);
    return node;
  }
}

/** `broker.rack` of a cluster's configuration lists the racks of its brokers in turn. */
function rackOf(id: number, racks: string | undefined): string | null {
  const names = (racks ?? '').split(',').flatMap((name) => name.trim() || []);
  return names[(id - 1) % names.length] ?? null;
}
