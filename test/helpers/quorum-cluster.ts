import { inProcessConnection } from '../../electron/cluster/dispatch/request.ts';
import type { Clock } from '../../electron/cluster/lib/clock.ts';
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import { createLogger, silentLogger } from '../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../electron/cluster/lib/memory-disk.ts';
import { seededRandom, type Random } from '../../electron/cluster/lib/random.ts';
import { StallAwareClock } from '../../electron/cluster/lib/running-time.ts';
import { brokerHeartbeat } from '../../electron/cluster/protocol/apis/broker-heartbeat.ts';
import { brokerRegistration } from '../../electron/cluster/protocol/apis/broker-registration.ts';
import { decodeResponse, encodeRequest, readRequestHeader } from '../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../electron/cluster/protocol/reader.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { randomUuid } from '../../electron/cluster/protocol/uuid.ts';
import type { NodeConfig } from '../../electron/cluster/lib/node-config.ts';
import type { ControllerSettings } from '../../electron/cluster/quorum/controller-settings.ts';
import type { ForwardedClient } from '../../electron/cluster/quorum/forwarding.ts';
import { nodeSettings } from '../../electron/cluster/quorum/node-settings.ts';
import { MetadataQuorum } from '../../electron/cluster/quorum/quorum.ts';
import type { Authorizer } from '../../electron/cluster/security/authorizer.ts';
import { MessageNetwork } from './message-network.ts';
import { VirtualClock } from './virtual-clock.ts';

export const TEST_CLUSTER_ID = 'Sj2m1SxYQ6-test-clusterA';

/** A node without its broker half; `Broker` below stands in for that. */
export interface TestNode {
  id: number;
  disk: MemoryDisk;
  quorum: MetadataQuorum;
  broker: TestBroker | undefined;
}

export interface QuorumClusterOptions {
  seed?: number;
  properties?: Record<string, string>;
  controllerSettings?: Partial<ControllerSettings>;
  log?: boolean;
  /** Of the CONTROLLER listeners. */
  authorizer?: Authorizer;
  /** Nodes measure their stalls, as they do in `createNode`; see `VirtualClock.stall`. */
  stallAware?: boolean;
}

/** Whole metadata quorums in one thread and in virtual time: real codecs and frames, a log on a disk in memory. */
export class QuorumCluster {
  readonly clock = new VirtualClock();
  /** What nodes and their connections get. */
  private readonly nodeClock: Clock;
  readonly random: Random;
  readonly network: MessageNetwork;
  readonly nodes = new Map<number, TestNode>();
  readonly events: (NodeEvent & { node: number })[] = [];
  readonly failures: unknown[] = [];
  private readonly ids: readonly number[];
  private readonly options: QuorumClusterOptions;

  constructor(size: number, options: QuorumClusterOptions = {}) {
    this.options = options;
    this.random = seededRandom(options.seed ?? 1);
    this.nodeClock = options.stallAware === true ? stallAware(this.clock) : this.clock;
    this.network = new MessageNetwork(this.nodeClock, this.random);
    this.ids = Array.from({ length: size }, (_, index) => index + 1);
    for (const id of this.ids) this.start(id);
  }

  /** Starts a node for the first time or again; one above the size of the cluster observes. */
  start(id: number): TestNode {
    const { nodeClock: clock, ids } = this;
    const disk = this.nodes.get(id)?.disk ?? new MemoryDisk();
    const voters = ids.map((voter) => ({ id: voter, host: '127.0.0.1', port: 9192 + voter }));
    const logger =
      this.options.log === true
        ? createLogger((level, message, fields) => console.log(clock.monotonic(), id, level, message, fields), 'debug')
        : silentLogger;
    const config: NodeConfig = {
      nodeId: id,
      clusterId: TEST_CLUSTER_ID,
      dataDirectory: '/data',
      host: '127.0.0.1',
      brokerPort: 9092 + id,
      controllerPort: 9192 + id,
      rack: null,
      voters,
      properties: this.options.properties ?? {},
    };
    const settings = nodeSettings(config);
    const quorum = new MetadataQuorum({
      config,
      settings: { ...settings, controller: { ...settings.controller, ...this.options.controllerSettings } },
      clock,
      random: seededRandom(this.random.int(1 << 30)),
      disk,
      logger,
      events: (event) => this.events.push({ ...event, node: id }),
      connectPeer: ({ port }) => ({
        send: (api, _version, body, { timeoutMs }) => this.network.send(id, port - 9192, api, body, timeoutMs),
        close: () => undefined,
      }),
      onFailure: (error) => this.failures.push(error),
      ...(this.options.authorizer === undefined ? {} : { authorizer: this.options.authorizer }),
    });
    const node: TestNode = { id, disk, quorum, broker: undefined };
    this.nodes.set(id, node);
    this.network.attach(id, (api, body) => throughDispatch(quorum, this.nodeClock, api, body));
    quorum.start();
    return node;
  }

  /** The node is gone, its files as they were. */
  kill(id: number): void {
    const node = this.node(id);
    this.network.detach(id);
    node.broker?.stop();
    node.quorum.kill();
  }

  /** The node's power is cut: what it had not flushed is lost. */
  powerCut(id: number): void {
    const node = this.node(id);
    this.network.detach(id);
    node.broker?.stop();
    // First the disk: what the dead node's code still writes must not reach it.
    const { disk } = node;
    disk.powerCut(this.random);
    node.disk = disk;
    node.quorum.kill();
  }

  node(id: number): TestNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  get controller(): TestNode | undefined {
    return [...this.nodes.values()].find((node) => node.quorum.controller.isActive);
  }

  /** Waits for an active controller. */
  async ready(): Promise<TestNode> {
    if (!(await this.clock.until(() => this.controller !== undefined, 10_000, 5))) throw new Error('no controller');
    return this.controller as TestNode;
  }

  /** Starts brokers on all nodes and waits until they are in service. */
  async withBrokers(): Promise<void> {
    for (const node of this.nodes.values()) node.broker = new TestBroker(this, node);
    const unfenced = (): boolean => {
      const brokers = [...(this.controller?.quorum.image().brokers.values() ?? [])];
      return brokers.length === this.ids.length && brokers.every((broker) => !broker.fenced);
    };
    if (!(await this.clock.until(unfenced, 10_000, 5))) throw new Error('brokers did not come into service');
  }

  /** Sends to the controller by way of one node's channel. */
  send<Q, S>(from: number, api: Api<unknown, Q, S, never>, body: Q, timeoutMs = 10_000, client?: ForwardedClient): Promise<S> {
    const options = client === undefined ? { timeoutMs } : { timeoutMs, client };
    const answer = this.node(from).quorum.channel.send(api, api.maxVersion, body, options);
    return this.clock.settled(answer);
  }
}

function stallAware(inner: Clock): Clock {
  const clock = new StallAwareClock(inner);
  clock.start();
  return clock;
}

const CONNECTION = inProcessConnection('CONTROLLER');

async function throughDispatch(quorum: MetadataQuorum, clock: Clock, api: Api, body: unknown): Promise<unknown> {
  const frame = Buffer.concat(encodeRequest(api, api.maxVersion, { correlationId: 7, clientId: 'test' }, body)).subarray(4);
  const reader = new Reader(frame);
  const header = readRequestHeader(reader);
  const chunks = await quorum.dispatch({ header, reader, connection: CONNECTION, receivedAt: clock.monotonic() });
  const answer = Buffer.concat(chunks ?? []).subarray(4);
  return decodeResponse(api, api.maxVersion, answer).body;
}

/** Registers, sends heartbeats and shuts down on request: the part of a broker that the controller sees. */
export class TestBroker {
  epoch = -1n;
  fenced = true;
  wantShutDown = false;
  shouldShutDown = false;
  /** Requests that were not answered in time. */
  failures = 0;
  private running = true;
  private readonly cluster: QuorumCluster;
  private readonly node: TestNode;
  private readonly incarnationId: string;

  constructor(cluster: QuorumCluster, node: TestNode) {
    this.cluster = cluster;
    this.node = node;
    this.incarnationId = randomUuid(cluster.random);
    void this.live();
  }

  stop(): void {
    this.running = false;
  }

  private async live(): Promise<void> {
    const { channel } = this.node.quorum;
    while (this.running) {
      try {
        if (this.epoch < 0n) {
          const body = {
            brokerId: this.node.id,
            clusterId: TEST_CLUSTER_ID,
            incarnationId: this.incarnationId,
            listeners: [{ name: 'PLAINTEXT', host: '127.0.0.1', port: 9092 + this.node.id, securityProtocol: 0 }],
            features: [],
            rack: null,
          };
          const answer = await channel.send(brokerRegistration, 4, body, { timeoutMs: 10_000 });
          if (answer.errorCode === 0) this.epoch = answer.brokerEpoch;
        } else {
          const body = {
            brokerId: this.node.id,
            brokerEpoch: this.epoch,
            currentMetadataOffset: this.node.quorum.image().offset,
            wantFence: false,
            wantShutDown: this.wantShutDown,
          };
          const answer = await channel.send(brokerHeartbeat, 1, body, { timeoutMs: 1000 });
          if (answer.errorCode === 77) this.epoch = -1n;
          this.fenced = answer.isFenced;
          if (answer.shouldShutDown) {
            this.shouldShutDown = true;
            this.running = false;
          }
        }
      } catch {
        this.failures++;
        this.fenced = true;
      }
      await new Promise<void>((resolve) => this.cluster.clock.setTimer(this.fenced ? 50 : 500, resolve));
    }
  }
}
