/**
 * The supervisor of an embedded cluster: it owns the data directory, the ports, the nodes' workers and the timeline. It
 * knows nothing of what nodes do; what happens when one is killed is found out by the others, over the network.
 */
import { ClusterDirectory, removeAbandoned, type ClusterFile, type NodePorts } from './cluster-directory.ts';
import { ClusterError } from './cluster-errors.ts';
import type { NodeStart, NodeStatus, QuorumRole } from './cluster-messages.ts';
import { ClusterNode, type NodeState } from './cluster-node.ts';
import { freePort } from './cluster-ports.ts';
import type { Clock } from './lib/clock.ts';
import type { Disk } from './lib/disk.ts';
import type { LogFields, LogLevel } from './lib/logger.ts';
import type { NodeConfig } from './lib/node-config.ts';
import type { Random } from './lib/random.ts';
import { systemClock } from './lib/system-clock.ts';
import { systemDisk } from './lib/system-disk.ts';
import { systemRandom } from './lib/system-random.ts';
import { randomUuid } from './protocol/uuid.ts';
import { Timeline, type TimelineEntry } from './timeline.ts';

export { ClusterError } from './cluster-errors.ts';
export type { NodeState } from './cluster-node.ts';
export type { QuorumRole } from './cluster-messages.ts';
export type { TimelineEntry } from './timeline.ts';

export interface ClusterOptions {
  /** 1 to 9; of an existing directory its own number, which cannot be changed. Default 3. */
  brokers?: number;
  /** What nodes bind to and advertise. Default 127.0.0.1. */
  host?: string;
  /** First port for clients; the nodes take free ones from there up, 0 takes any. Default 9092, or what the directory had. */
  firstPort?: number;
  /** The same for the quorum's own traffic. Default: 100 above `firstPort`, as 9192 is above 9092. */
  controllerFirstPort?: number;
  /** The same for ZooKeeper's clients. Default: 2181, or 200 above a `firstPort` that was given. */
  zookeeperFirstPort?: number;
  /** Undefined: a temporary directory that is removed at the end. */
  dataDirectory?: string;
  /** Broker settings by Kafka's names, for every node. */
  properties?: Readonly<Record<string, string>>;
  /** The node worker's entry: `node-worker.ts`, or `out/main/node-worker.cjs` when built. */
  workerPath: string;
  logLevel?: LogLevel;
  /** Log lines of nodes; without it they are dropped. */
  onLog?: (node: number, level: LogLevel, message: string, fields: LogFields) => void;
  clock?: Clock;
  disk?: Disk;
  random?: Random;
}

export interface NodeView {
  id: number;
  state: NodeState;
  /** Its part in the metadata quorum; null while it does not say. */
  role: QuorumRole | null;
  host: string;
  brokerPort: number;
  controllerPort: number;
  zookeeperPort: number;
  /** Milliseconds since the active controller last heard of it; null while no controller says. */
  sessionAgeMs: number | null;
  /** After which silence the controller fences it. */
  sessionTimeoutMs: number;
  /** Wall-clock milliseconds since when it is in its state. */
  since: number;
  memoryBytes: number | null;
  /** Through its client listener since it started, replication included; 0 while it does not say. */
  inBytes: number;
  outBytes: number;
  /** Why it failed. */
  reason: string | null;
}

const MAX_BROKERS = 9;
const DEFAULT_FIRST_PORT = 9092;
const ZOOKEEPER_FIRST_PORT = 2181;
const STATUS_TIMEOUT_MS = 500;
/** Of `broker.session.timeout.ms`. */
const DEFAULT_SESSION_TIMEOUT_MS = 3_000;
/** A port can be taken between the look and the use; somebody else's bad luck is tried again this often. */
const START_ATTEMPTS = 3;

export class Cluster {
  /** What its user should know of how it was started: ports that differ from those asked for. */
  readonly notices: string[] = [];
  private readonly options: ClusterOptions;
  private readonly clock: Clock;
  private readonly disk: Disk;
  private readonly random: Random;
  private readonly host: string;
  private readonly log = new Timeline();
  private directory: ClusterDirectory | undefined;
  private file: ClusterFile | undefined;
  private members: ClusterNode[] = [];
  private starting: Promise<void> = Promise.resolve();
  private closing: Promise<void> | undefined;
  private lifecycle: 'new' | 'started' | 'closed' = 'new';

  constructor(options: ClusterOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.disk = options.disk ?? systemDisk;
    this.random = options.random ?? systemRandom();
    this.host = options.host ?? '127.0.0.1';
  }

  /** Starts every node; resolves when all of them serve clients. Rejects with `ClusterError`, everything undone. */
  async start(): Promise<void> {
    if (this.lifecycle !== 'new') throw new ClusterError('WRONG_STATE', 'a cluster is started once');
    checkBrokers(this.options.brokers);
    this.lifecycle = 'started';
    this.starting = this.startNodes();
    try {
      await this.starting;
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.options.dataDirectory === undefined) removeAbandoned(this.disk);
  }

  get clusterId(): string {
    return this.plannedFile().clusterId;
  }

  /** Where the data is. */
  get dataDirectory(): string {
    if (this.directory === undefined) throw new ClusterError('WRONG_STATE', 'the cluster has not been started');
    return this.directory.path;
  }

  /** `host:port,host:port`, for clients. */
  get bootstrap(): string {
    return this.addresses((node) => node.brokerPort);
  }

  /** The same for ZooKeeper's clients. */
  get zookeeper(): string {
    return this.addresses((node) => node.zookeeperPort);
  }

  /** Asks every running node how it is; one that does not answer within half a second is shown with what is known of it. */
  async nodes(): Promise<NodeView[]> {
    const statuses = await Promise.all(this.members.map((node) => node.status(STATUS_TIMEOUT_MS)));
    const controller = activeController(statuses);
    return this.members.map((node, index) => {
      const status = statuses[index];
      const ports = this.portsOf(node.id);
      const session = controller?.sessions.find((one) => one.broker === node.id);
      return {
        id: node.id,
        state: node.state,
        role: status?.role ?? null,
        host: this.host,
        brokerPort: ports.brokerPort,
        controllerPort: ports.controllerPort,
        zookeeperPort: ports.zookeeperPort,
        sessionAgeMs: session?.ageMs ?? null,
        since: node.since,
        sessionTimeoutMs: this.sessionTimeoutMs,
        memoryBytes: status?.memoryBytes ?? null,
        inBytes: status?.inBytes ?? 0,
        outBytes: status?.outBytes ?? 0,
        reason: node.reason,
      };
    });
  }

  /** Controlled shutdown: leaderships move away first. Resolves when the node has ended. */
  async stop(id: number): Promise<void> {
    const node = this.node(id);
    if (node.state !== 'running') throw new ClusterError('WRONG_STATE', `broker ${id} cannot be stopped: it is ${node.state}`);
    this.record('lab/nodeStopped', id);
    await node.stop(true);
  }

  /** Terminates the node mid-instruction. Resolves when it is gone; that the others notice takes a session timeout. */
  async kill(id: number): Promise<void> {
    const node = this.node(id);
    if (!node.alive) throw new ClusterError('WRONG_STATE', `broker ${id} cannot be killed: it is ${node.state}`);
    this.record('lab/nodeKilled', id);
    await node.kill();
  }

  /** Starts a node that is not running. Resolves when it serves clients again. */
  async startNode(id: number): Promise<void> {
    const node = this.node(id);
    if (node.alive || this.closed()) throw new ClusterError('WRONG_STATE', `broker ${id} cannot be started: it is ${node.state}`);
    this.record('lab/nodeStarted', id);
    await node.start(this.startOf(id));
  }

  /** Ends every node and gives the directory back. May be called at any moment, and more than once. */
  close(): Promise<void> {
    this.lifecycle = 'closed';
    return (this.closing ??= this.end());
  }

  /** What happened after the entry with that id (0: from the start), oldest first. */
  timeline(sinceId = 0): TimelineEntry[] {
    return this.log.since(sinceId);
  }

  /** Calls back with every new entry of the timeline; returns what ends that. */
  onEvent(listener: (entry: TimelineEntry) => void): () => void {
    return this.log.onEntry(listener);
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
    for (let attempt = 1; ; attempt++) {
      await this.plan(directory, attempt === 1 ? known : this.file);
      if (this.closed()) throw new ClusterError('WRONG_STATE', 'the cluster was closed while it started');
      try {
        await Promise.all(this.members.map((node) => node.start(this.startOf(node.id))));
        return;
      } catch (error) {
        await this.endNodes();
        if (this.closed() || attempt === START_ATTEMPTS || !isPortTaken(error)) throw error;
      }
    }
  }

  private async end(): Promise<void> {
    await this.endNodes();
    // Whoever called start() is told why it failed; here it only matters that it is over.
    await this.starting.catch(() => undefined);
    this.directory?.release();
  }

  /** Nobody would take over what a node leads when all of them end, so they just close their files in order. */
  private async endNodes(): Promise<void> {
    await Promise.all(this.members.filter((node) => node.alive).map((node) => node.stop(false)));
  }

  /** Settles identity and ports and writes them down, before anything uses them. */
  private async plan(directory: ClusterDirectory, known: ClusterFile | undefined): Promise<void> {
    const { brokers, firstPort, controllerFirstPort, zookeeperFirstPort } = this.options;
    const quorumFirstPort = controllerFirstPort ?? portBeside(firstPort ?? DEFAULT_FIRST_PORT, 100);
    const coordinationFirstPort =
      zookeeperFirstPort ??
      ((firstPort ?? DEFAULT_FIRST_PORT) === DEFAULT_FIRST_PORT ? ZOOKEEPER_FIRST_PORT : portBeside(firstPort ?? 0, 200));
    const count = brokers ?? known?.nodes.length ?? 3;
    if (known !== undefined && known.nodes.length !== count) {
      throw new ClusterError(
        'DIRECTORY_UNUSABLE',
        `${directory.path} holds a cluster of ${known.nodes.length} ${known.nodes.length === 1 ? 'broker' : 'brokers'}; ` +
          `it cannot be started with ${count}, since the voters of its metadata are fixed. Choose another directory, or that number.`,
      );
    }
    this.notices.length = 0;
    const keepsBroker = firstPort === undefined && known !== undefined;
    const keepsController = controllerFirstPort === undefined && known !== undefined;
    const keepsZooKeeper = firstPort === undefined && zookeeperFirstPort === undefined && known !== undefined;
    // A node whose port was taken in the meantime must not take that of the next one.
    const taken = new Set<number>();
    if (keepsBroker) for (const node of known.nodes) taken.add(node.brokerPort);
    if (keepsController) for (const node of known.nodes) taken.add(node.controllerPort);
    if (keepsZooKeeper) for (const node of known.nodes) taken.add(node.zookeeperPort);
    const nodes: NodePorts[] = [];
    for (let id = 1; id <= count; id++) {
      const before = known?.nodes[id - 1];
      const previous = nodes[id - 2];
      const wantedBroker =
        keepsBroker && before !== undefined ? before.brokerPort : next(firstPort ?? DEFAULT_FIRST_PORT, previous?.brokerPort);
      const wantedController =
        keepsController && before !== undefined ? before.controllerPort : next(quorumFirstPort, previous?.controllerPort);
      const wantedZooKeeper =
        keepsZooKeeper && before !== undefined && before.zookeeperPort !== 0
          ? before.zookeeperPort
          : next(coordinationFirstPort, previous?.zookeeperPort);
      if (keepsBroker) taken.delete(wantedBroker);
      if (keepsController) taken.delete(wantedController);
      if (keepsZooKeeper) taken.delete(wantedZooKeeper);
      const brokerPort = await this.takePort(id, 'for clients', wantedBroker, taken);
      const controllerPort = await this.takePort(id, 'for the quorum', wantedController, taken);
      const zookeeperPort = await this.takePort(id, "for ZooKeeper's clients", wantedZooKeeper, taken);
      nodes.push({ id, brokerPort, controllerPort, zookeeperPort });
    }
    this.file = { version: 1, clusterId: known?.clusterId ?? randomUuid(this.random), nodes };
    directory.write(this.file);
    this.members = nodes.map(({ id }) => this.createNode(id));
  }

  private async takePort(id: number, what: string, wanted: number, taken: Set<number>): Promise<number> {
    const port = await freePort(this.host, wanted, taken);
    if (wanted !== 0 && port !== wanted) this.notices.push(`Port ${wanted} is in use; broker ${id} has ${port} ${what} instead.`);
    return port;
  }

  private createNode(id: number): ClusterNode {
    return new ClusterNode(id, this.options.workerPath, this.clock, {
      event: (node, event) => {
        if (this.log.record(node, event) === undefined) this.options.onLog?.(node, 'debug', 'event not recorded', { type: event.type });
      },
      log: (node, level, message, fields) => this.options.onLog?.(node, level, message, fields),
      failed: (node, reason) => this.record('node/failed', node, { reason }),
      ready: (node, startedInMs) =>
        this.log.record(node, { type: 'node/ready', at: this.clock.now(), broker: node, details: { startedInMs } }),
    });
  }

  private record(
    type: 'lab/nodeStarted' | 'lab/nodeStopped' | 'lab/nodeKilled' | 'node/failed',
    broker: number,
    more?: { reason: string },
  ): void {
    this.log.record(null, { type, at: this.clock.now(), broker, ...more });
  }

  private startOf(id: number): NodeStart {
    return { config: this.configOf(id), logLevel: this.logLevel, temporary: this.options.dataDirectory === undefined };
  }

  private configOf(id: number): NodeConfig {
    const { nodes, clusterId } = this.plannedFile();
    const { brokerPort, controllerPort, zookeeperPort } = this.portsOf(id);
    return {
      nodeId: id,
      clusterId,
      dataDirectory: (this.directory as ClusterDirectory).nodeDirectory(id),
      host: this.host,
      brokerPort,
      controllerPort,
      zookeeperPort,
      rack: rackOf(id, this.options.properties?.['broker.rack']),
      voters: nodes.map((node) => ({ id: node.id, host: this.host, port: node.controllerPort })),
      properties: this.options.properties ?? {},
    };
  }

  private addresses(port: (node: NodePorts) => number): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return this.plannedFile()
      .nodes.map((node) => `${host}:${port(node)}`)
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

/** Where other ports begin: clusters that were given ports of their own do not meet on 9192. 0, any, where that is no port. */
function portBeside(firstPort: number, distance: number): number {
  const port = firstPort + distance;
  return firstPort === 0 || port + MAX_BROKERS > 65_535 ? 0 : port;
}

/** The port to try for a node: after the one of the node before it, 0 stays 0. */
function next(first: number, previous: number | undefined): number {
  return first === 0 || previous === undefined ? first : previous + 1;
}

/** Of the nodes that say they lead the quorum, the one of the newest epoch: an older one has not heard of it yet. */
function activeController(statuses: readonly (NodeStatus | undefined)[]): NodeStatus | undefined {
  let active: NodeStatus | undefined;
  for (const status of statuses) {
    if (status?.role === 'leader' && (active === undefined || status.leaderEpoch > active.leaderEpoch)) active = status;
  }
  return active;
}

function checkBrokers(brokers: number | undefined): void {
  if (brokers === undefined || (Number.isInteger(brokers) && brokers >= 1 && brokers <= MAX_BROKERS)) return;
  throw new ClusterError('BAD_OPTION', `a cluster has 1 to ${MAX_BROKERS} brokers, not ${brokers}`);
}

function isPortTaken(error: unknown): boolean {
  return error instanceof ClusterError && error.code === 'NODE_FAILED' && error.message.includes('EADDRINUSE');
}

/** `broker.rack` of a cluster's configuration names one rack for each broker in turn. */
function rackOf(id: number, racks: string | undefined): string | null {
  const names = (racks ?? '').split(',').flatMap((name) => name.trim() || []);
  return names[(id - 1) % names.length] ?? null;
}
