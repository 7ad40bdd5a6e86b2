/** ZooKeeper endpoints over a metadata quorum in virtual time: real frames, no sockets. */
import type { Clock } from '../../electron/cluster/lib/clock.ts';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { NetworkError, type Network, type Stream } from '../../electron/cluster/lib/network.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import type { RequestMemory } from '../../electron/cluster/network/request-memory.ts';
import { ZooKeeperServer } from '../../electron/cluster/zookeeper/server.ts';
import { QuorumCluster, type QuorumClusterOptions } from './quorum-cluster.ts';
import { ZkTestClient } from './zookeeper-client.ts';

/** What one endpoint listens on. */
class Port implements Network {
  accept: ((stream: Stream) => void) | undefined;

  listen(_: unknown, accept: (stream: Stream) => void): Promise<{ port: number; close(): void }> {
    this.accept = accept;
    return Promise.resolve({ port: 2181, close: () => (this.accept = undefined) });
  }

  connect(): Promise<Stream> {
    return Promise.reject(new NetworkError('ECONNREFUSED', 'no connections in this test'));
  }
}

export class ZooKeeperCluster {
  readonly quorum: QuorumCluster;
  readonly servers = new Map<number, ZooKeeperServer>();
  private readonly ports = new Map<number, Port>();
  private clients = 0;
  private readonly memory: ((clock: Clock) => RequestMemory) | undefined;

  /** `memory` makes what each endpoint lends to requests. */
  constructor(size: number, options: QuorumClusterOptions = {}, memory?: (clock: Clock) => RequestMemory) {
    this.memory = memory;
    this.quorum = new QuorumCluster(size, options);
  }

  static async start(
    size: number,
    options: QuorumClusterOptions = {},
    memory?: (clock: Clock) => RequestMemory,
  ): Promise<ZooKeeperCluster> {
    const cluster = new ZooKeeperCluster(size, options, memory);
    await cluster.quorum.ready();
    await cluster.quorum.withBrokers();
    for (const id of cluster.quorum.nodes.keys()) await cluster.serve(id);
    return cluster;
  }

  async serve(id: number): Promise<void> {
    const { clock, nodes } = this.quorum;
    const port = new Port();
    const server = new ZooKeeperServer({
      nodeId: id,
      network: port,
      clock,
      random: seededRandom(1000 + id),
      logger: silentLogger,
      address: { host: '127.0.0.1', port: 2181 },
      coordination: this.quorum.node(id).quorum,
      voters: nodes.size,
      ...(this.memory === undefined ? {} : { memory: this.memory(clock) }),
    });
    this.ports.set(id, port);
    this.servers.set(id, server);
    await server.start();
  }

  /** The node is gone; its clients' connections with it. */
  kill(id: number): void {
    this.quorum.kill(id);
    void this.servers.get(id)?.stop();
  }

  /** A connection; what is said on it arrives in the same moment, and is only taken in when promises settle. */
  dial(node: number, onText?: (text: string) => void): { client: ZkTestClient; drop: () => void; write: (bytes: Buffer) => void } {
    const stream: Stream = {
      remote: `10.0.0.1:${++this.clients}`,
      write: (chunks) => {
        const bytes = Buffer.concat(chunks);
        if (onText !== undefined) onText(bytes.toString());
        else client.receive(bytes);
        return true;
      },
      pause: () => undefined,
      resume: () => undefined,
      end: () => finish(),
      destroy: () => finish(),
      handlers: { data: () => undefined, drain: () => undefined, close: () => undefined },
    };
    let open = true;
    const finish = (): void => {
      if (!open) return;
      open = false;
      client.lost();
      stream.handlers.close();
    };
    const write = (bytes: Uint8Array): void => {
      if (open) stream.handlers.data(Buffer.from(bytes));
    };
    const client = new ZkTestClient(write);
    const accept = this.ports.get(node)?.accept;
    if (accept === undefined) throw new Error(`node ${node} does not listen`);
    accept(stream);
    return { client, drop: finish, write };
  }

  async client(node: number, options: Parameters<ZkTestClient['connect']>[0] = {}): Promise<ZkTestClient> {
    const { client } = this.dial(node);
    await this.run(client.connect(options));
    return client;
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.quorum.clock.settled(promise);
  }
}
