/** Shared by the simulated clients: connections to brokers, and metadata that never returns to an earlier epoch. */
import { sleep } from '../../electron/cluster/lib/clock.ts';
import type { Address } from '../../electron/cluster/lib/network.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import type { SimNetwork } from './network.ts';
import { Host, type World } from './world.ts';

export interface ClientOptions {
  world: World;
  network: SimNetwork;
  name: string;
  bootstrap: readonly Address[];
}

export interface Leader {
  broker: number;
  epoch: number;
}

const REQUEST_TIMEOUT_MS = 3_000;

export class Client {
  readonly host: Host;
  readonly world: World;
  readonly random: Random;
  readonly name: string;
  private readonly network: SimNetwork;
  private readonly bootstrap: readonly Address[];
  private readonly connections = new Map<string, PeerClient>();
  private readonly brokers = new Map<number, Address>();
  private readonly leaders = new Map<string, Leader>();
  readonly partitions = new Map<string, number>();
  private refreshing: Promise<void> | undefined;
  private turn: number;

  constructor({ world, network, name, bootstrap }: ClientOptions) {
    this.world = world;
    this.network = network;
    this.name = name;
    this.host = new Host(world, name);
    this.random = world.random(name);
    this.bootstrap = bootstrap;
    this.turn = this.random.int(bootstrap.length);
  }

  get alive(): boolean {
    return this.host.alive;
  }

  sleep(ms: number): Promise<void> {
    return sleep(this.host.clock, ms);
  }

  /** Requests are sequential within a `lane`, so that a long wait in one lane does not delay another. */
  send<Q, S>(
    address: Address,
    lane: string,
    api: Api<unknown, Q, S, never>,
    version: number,
    body: Q,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<S> {
    const key = `${address.port}/${lane}`;
    let connection = this.connections.get(key);
    if (connection === undefined) {
      connection = new PeerClient({
        network: this.network.of(this.host),
        clock: this.host.clock,
        random: this.random,
        address,
        clientId: this.name,
      });
      this.connections.set(key, connection);
    }
    return connection.send(api, version, body, { timeoutMs });
  }

  /** Sends to the next broker, round robin, until one answers. */
  anywhere<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, timeoutMs?: number): Promise<S> {
    const known = this.bootstrap;
    return this.send(known[this.turn++ % known.length] as Address, 'any', api, version, body, timeoutMs);
  }

  address(broker: number): Address | undefined {
    return this.brokers.get(broker);
  }

  leaderOf(topic: string, partition: number): Leader | undefined {
    return this.leaders.get(`${topic}-${partition}`);
  }

  /** KIP-320: a client that has read in an epoch must not accept the leader of an older one. */
  sawEpoch(topic: string, partition: number, epoch: number): void {
    const key = `${topic}-${partition}`;
    if (epoch > (this.leaders.get(key)?.epoch ?? -1)) this.leaders.set(key, { broker: -1, epoch });
  }

  /** Requests the leaders of topics; after a failure the caller repeats the request. */
  refresh(topics: readonly string[]): Promise<void> {
    this.refreshing ??= this.fetchMetadata(topics).finally(() => {
      this.refreshing = undefined;
    });
    return this.refreshing;
  }

  private async fetchMetadata(topics: readonly string[]): Promise<void> {
    try {
      const answer = await this.anywhere(metadata, 9, { topics: topics.map((name) => ({ name })), allowAutoTopicCreation: false }, 1_000);
      for (const { nodeId, host, port } of answer.brokers) this.brokers.set(nodeId, { host, port });
      for (const topic of answer.topics) {
        if (topic.errorCode !== 0 || topic.name === null) continue;
        this.partitions.set(topic.name, Math.max(topic.partitions.length, this.partitions.get(topic.name) ?? 0));
        for (const { partitionIndex, leaderId, leaderEpoch } of topic.partitions) {
          const key = `${topic.name}-${partitionIndex}`;
          const known = this.leaders.get(key);
          // KIP-320: metadata of an older epoch is ignored.
          if (known !== undefined && leaderEpoch < known.epoch) continue;
          this.leaders.set(key, { broker: leaderId, epoch: leaderEpoch });
        }
      }
    } catch (error) {
      if (!this.alive) return;
      this.world.note(String(error));
      await this.sleep(20 + 60 * this.random.next());
    }
  }
}
