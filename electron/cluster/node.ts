/**
 * One node of the cluster, composed from injected parts: its directory, its voter in the metadata quorum, its broker, and a listener for each.
 * It has no clock, disk or network of its own, so that a simulation can run many nodes in one thread.
 */
import { brokerApis } from './broker/api-registry.ts';
import { Broker } from './broker/broker.ts';
import { CLIENT_LISTENER, connectionLimitReader, CONTROLLER_LISTENER } from './broker/settings.ts';
import type { NodeStatus } from './cluster-messages.ts';
import type { Clock } from './lib/clock.ts';
import type { DescriptorShare } from './lib/descriptors.ts';
import type { Disk } from './lib/disk.ts';
import type { EventSink } from './lib/events.ts';
import type { Logger } from './lib/logger.ts';
import { NetworkError, type Address, type Network } from './lib/network.ts';
import type { NodeConfig } from './lib/node-config.ts';
import type { Random } from './lib/random.ts';
import { StallAwareClock } from './lib/running-time.ts';
import { PeerClient } from './network/client.ts';
import { ConnectionLimits } from './network/connection-limits.ts';
import type { Dispatch } from './dispatch/request.ts';
import { createNodeMemory, type NodeMemory } from './network/node-memory.ts';
import { Server } from './network/server.ts';
import { claimDirectory } from './node-directory.ts';
import type { BrokerSettings } from './quorum/config-definitions.ts';
import { nodeSettings } from './quorum/node-settings.ts';
import { MetadataQuorum } from './quorum/quorum.ts';
import type { RaftRole } from './quorum/raft.ts';
import { ZooKeeperServer } from './zookeeper/server.ts';

export interface NodeOptions {
  config: NodeConfig;
  clock: Clock;
  disk: Disk;
  network: Network;
  random: Random;
  logger: Logger;
  events: EventSink;
  /** See `LogManagerOptions.syncedAtClose`: for tests. */
  syncedAtClose?: number | undefined;
  /** This node's share of the process's file descriptors; absent: unlimited. */
  descriptors?: DescriptorShare | undefined;
  /** The node has failed and should be stopped: its disk failed, or an invariant was violated. Called once. */
  onFailure?: (error: unknown) => void;
}

export interface Node {
  /**
   * Resolves when the node serves clients: its broker is registered, has read the metadata and is unfenced. That takes a majority of the quorum,
   * for which it waits without a limit. Rejects with `DirectoryError`, `NetworkError` EADDRINUSE, `KafkaError`.
   */
  start(): Promise<void>;
  /**
   * `controlled`: leaderships are moved first, for at most 10 s. Otherwise the files are only closed cleanly. May be called at any time, and more
   * than once.
   */
  stop(how: { controlled: boolean }): Promise<void>;
  status(): Omit<NodeStatus, 'memoryBytes'>;
  /** The bound ports, also where the configuration has 0. */
  readonly ports: { broker: number; controller: number; zookeeper: number };
}

const CONTROLLED_SHUTDOWN_MS = 10_000;
const RESIGN_MS = 1_000;

export function createNode(options: NodeOptions): Node {
  return new RunningNode(options);
}

class RunningNode implements Node {
  readonly ports: { broker: number; controller: number; zookeeper: number };
  private readonly options: NodeOptions;
  /** Replaces `options.clock` in all parts of the node. */
  private readonly clock: StallAwareClock;
  private quorum: MetadataQuorum | undefined;
  private broker: Broker | undefined;
  private readonly servers: { stop(): Promise<void> }[] = [];
  private clientServer: Server | undefined;
  private connections = 0;
  private memory: NodeMemory | undefined;
  private limits: ConnectionLimits | undefined;
  private stopping: Promise<void> | undefined;
  private hurry: () => void = () => undefined;
  private failed = false;
  private abandonStart: ((error: Error) => void) | undefined;

  constructor(options: NodeOptions) {
    this.options = options;
    this.clock = new StallAwareClock(options.clock);
    const { brokerPort, controllerPort, zookeeperPort = 0 } = options.config;
    this.ports = { broker: brokerPort, controller: controllerPort, zookeeper: zookeeperPort };
  }

  async start(): Promise<void> {
    const { config, disk, random, logger, events, syncedAtClose, descriptors } = this.options;
    const { clock } = this;
    clock.start();
    const derived = nodeSettings(config);
    const settings = derived.broker;
    claimDirectory(disk, random, config);
    const connectPeer = (address: Address, more?: { silentMs?: number }): PeerClient => this.connect(address, more);
    const quorum = new MetadataQuorum({
      config,
      settings: derived,
      clock,
      disk,
      random,
      logger,
      events,
      connectPeer,
      onFailure: (error) => this.fail(error),
    });
    this.quorum = quorum;
    this.memory = createNodeMemory(clock, settings.socketRequestMaxBytes);
    const limits = new ConnectionLimits(
      clock,
      connectionLimitReader(config, () => quorum.image()),
      descriptors?.connections,
    );
    this.limits = limits;
    quorum.onImage(({ configs }) => {
      if (configs.length > 0) limits.enforce();
    });
    const quorumAddress = { host: config.host, port: config.controllerPort };
    this.ports.controller = await this.serve(CONTROLLER_LISTENER, quorumAddress, settings, (request) => quorum.dispatch(request)).start();
    this.refuseIfStopping();
    quorum.start();
    const running = Promise.withResolvers<undefined>();
    let serving = false;
    const broker = new Broker({
      config,
      settings,
      clock,
      disk,
      random,
      logger,
      events,
      quorum,
      controller: quorum.channel,
      syncedAtClose,
      maxOpenFiles: descriptors?.files,
      // A replica fetcher has one fetch in flight, and appends its records before it sends the next.
      connectReplica: (address) => this.connect(address, { reuseAnswers: true }),
      onFailure: (error) => this.fail(error),
      onState: (state) => {
        if (state !== 'running') return;
        serving = true;
        running.resolve(undefined);
      },
    });
    this.broker = broker;
    // Before it has read the metadata, a broker would answer that topics do not exist; so requests wait, as in Apache Kafka.
    this.clientServer = this.serve(
      CLIENT_LISTENER,
      { host: config.bindHost ?? config.host, port: config.brokerPort },
      settings,
      (request) => (serving ? broker.dispatch(request) : running.promise.then(() => broker.dispatch(request))),
    );
    this.ports.broker = await this.clientServer.start();
    this.refuseIfStopping();
    await this.serveZooKeeper(quorum);
    this.abandonStart = running.reject;
    broker.start();
    await running.promise;
  }

  /** A second call that is not controlled ends a controlled shutdown in progress: no node remains to take over leaderships. */
  stop({ controlled }: { controlled: boolean }): Promise<void> {
    if (!controlled) this.hurry();
    return (this.stopping ??= this.end(controlled));
  }

  status(): Omit<NodeStatus, 'memoryBytes'> {
    const { quorum } = this;
    const { role, leaderId, epoch, since } = quorum?.status ?? { role: 'stopped' as const, leaderId: -1, epoch: 0, since: 0 };
    const brokers = quorum?.image().brokers;
    const { inBytes, outBytes } = this.clientServer?.traffic ?? { inBytes: 0, outBytes: 0 };
    return {
      role: quorumRole(role),
      leaderId: leaderId < 0 ? null : leaderId,
      leaderEpoch: epoch,
      leadsSince: role === 'leader' ? since : null,
      sessions: [...(quorum?.sessions() ?? [])].map(([broker, ageMs]) => ({
        broker,
        ageMs: Math.round(ageMs),
        fenced: brokers?.get(broker)?.fenced ?? true,
      })),
      inBytes,
      outBytes,
    };
  }

  private async end(controlled: boolean): Promise<void> {
    const { broker, quorum } = this;
    if (controlled && broker !== undefined) {
      const hurried = new Promise<undefined>((resolve) => (this.hurry = () => resolve(undefined)));
      await Promise.race([broker.controlledShutdown(CONTROLLED_SHUTDOWN_MS), hurried]);
    }
    this.abandonStart?.(new NetworkError('ECANCELED', 'the node was stopped while it started'));
    broker?.stop();
    if (controlled && quorum !== undefined) await this.resign(quorum);
    else quorum?.kill();
    await Promise.all(this.servers.map((server) => server.stop()));
    this.clock.stop();
  }

  /** A resignation without responses must not keep the node from stopping. */
  private async resign(quorum: MetadataQuorum): Promise<void> {
    const timer = this.clock.setTimer(RESIGN_MS, () => {
      try {
        quorum.kill();
      } catch (error) {
        // Its log could not be closed.
        this.fail(error);
      }
    });
    await quorum.stop();
    timer.cancel();
  }

  /** Disk and quorum may fail one after the other; the first failure is the cause. */
  private fail(error: unknown): void {
    if (this.failed) return;
    this.failed = true;
    this.options.onFailure?.(error);
  }

  private refuseIfStopping(): void {
    if (this.stopping !== undefined) throw new NetworkError('ECANCELED', 'the node was stopped while it started');
  }

  private serve(listener: string, address: Address, settings: BrokerSettings, dispatch: Dispatch): Server {
    const { network, logger } = this.options;
    const { clock } = this;
    const server = new Server({
      network,
      clock,
      logger: logger.child({ part: 'network' }),
      listener,
      address,
      dispatch,
      pipelined: brokerApis.pipelined,
      nextConnectionId: () => ++this.connections,
      maxFrameBytes: settings.socketRequestMaxBytes,
      maxIdleMs: settings.connectionsMaxIdleMs,
      countsConnections: listener !== CONTROLLER_LISTENER,
      ...(this.memory === undefined ? {} : { memory: this.memory }),
      ...(this.limits === undefined ? {} : { limits: this.limits }),
    });
    this.servers.push(server);
    return server;
  }

  /** Where the configuration enables it. */
  private async serveZooKeeper(quorum: MetadataQuorum): Promise<void> {
    const { config, network, random, logger } = this.options;
    const { clock } = this;
    if (config.zookeeperPort === undefined) return;
    const server = new ZooKeeperServer({
      nodeId: config.nodeId,
      network,
      clock,
      random,
      logger,
      address: { host: config.bindHost ?? config.host, port: config.zookeeperPort },
      coordination: quorum,
      voters: config.voters.length,
      ...(this.memory === undefined ? {} : { memory: this.memory.clients }),
      ...(this.limits === undefined ? {} : { limits: this.limits }),
    });
    this.servers.push(server);
    this.ports.zookeeper = await server.start();
    this.refuseIfStopping();
  }

  private connect(address: Address, more: { reuseAnswers?: boolean; silentMs?: number } = {}): PeerClient {
    const { config, network, random } = this.options;
    return new PeerClient({ network, clock: this.clock, random, address, clientId: `broker-${config.nodeId}`, ...more });
  }
}

function quorumRole(role: RaftRole): NodeStatus['role'] {
  switch (role) {
    case 'leader':
    case 'follower':
      return role;
    case 'candidate':
    case 'prospective':
      return 'candidate';
    case 'unattached':
    case 'stopped':
      return null;
  }
}
