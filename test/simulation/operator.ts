/**
 * The operator of the cluster: moves partitions between brokers while they run and fail, cancels moves half-way, and removes a broker
 * that joined, as the app does: first its partitions, then a clean stop, then UnregisterBroker.
 */
import { alterPartitionReassignments } from '../../electron/cluster/protocol/apis/alter-partition-reassignments.ts';
import { unregisterBroker } from '../../electron/cluster/protocol/apis/unregister-broker.ts';
import type { MetadataImage, PartitionImage } from '../../electron/cluster/quorum/image.ts';
import { Client, type ClientOptions } from './client.ts';
import type { Machine } from './machine.ts';

export interface OperatorOptions extends ClientOptions {
  /** The permanent brokers. */
  brokers: readonly number[];
  /** The broker without a vote that joined. */
  guest: Machine | undefined;
  /** When it leaves, ms from the start; undefined: it stays. */
  guestLeavesAfterMs: number | undefined;
  /** Mean ms between two moves; 0: only those that empty the guest. */
  everyMs: number;
  topics: readonly { name: string; partitions: number }[];
  /** The newest metadata of all nodes. */
  image(): MetadataImage | undefined;
  trace(text: string): void;
}

const LOOK_EVERY_MS = 200;
const REPLICAS = 3;
/** Some moves remove one replica. */
const FEWER = 0.3;
const CANCELLED = 0.2;

export class Operator {
  readonly client: Client;
  private readonly options: OperatorOptions;
  private moving = true;
  private leaving = false;

  constructor(options: OperatorOptions) {
    this.options = options;
    this.client = new Client(options);
  }

  start(): void {
    const { everyMs, guestLeavesAfterMs, world } = this.options;
    if (everyMs > 0) void this.move();
    if (guestLeavesAfterMs === undefined) return;
    world.schedule(guestLeavesAfterMs, this.client.host, () => {
      this.leaving = true;
      void this.sendOff();
    });
  }

  /** No new moves, except those of a broker that leaves. */
  finish(): void {
    this.moving = false;
  }

  /** A guest that was to leave has left and is unregistered. */
  get done(): boolean {
    const { guest, image } = this.options;
    return !this.leaving || guest === undefined || (guest.departed && !guest.running && image()?.brokers.has(guest.id) === false);
  }

  private async move(): Promise<void> {
    const { client, options } = this;
    const { random } = client;
    for (;;) {
      await client.sleep(options.everyMs * (0.2 + 1.6 * random.next()));
      if (!this.moving) return;
      const topic = options.topics[random.int(options.topics.length)];
      if (topic === undefined) return;
      const cancelled = random.next() < CANCELLED;
      await this.ask(topic.name, random.int(topic.partitions), cancelled ? null : this.drawReplicas());
    }
  }

  private drawReplicas(): number[] {
    const { guest, brokers } = this.options;
    const left = guest === undefined || this.leaving ? [...brokers] : [...brokers, guest.id];
    const replicas: number[] = [];
    const count = this.client.random.next() < FEWER ? REPLICAS - 1 : REPLICAS;
    while (replicas.length < count && left.length > 0) replicas.push(...left.splice(this.client.random.int(left.length), 1));
    return replicas;
  }

  private async sendOff(): Promise<void> {
    const { client, options } = this;
    const { guest, image } = options;
    if (guest === undefined) return;
    // Continues when all is done: a cancelled request may still be processed, and move a partition to a broker that has left.
    for (;;) {
      const held = partitionsOf(image()).filter(({ replicas }) => replicas.includes(guest.id));
      for (const one of held) await this.ask(one.topic, one.partition, this.without(one, guest.id));
      if (held.length === 0) {
        if (!guest.departed) {
          options.trace(`${guest.name} leaves`);
          guest.depart();
        } else if (!guest.running && image()?.brokers.has(guest.id) === true) await this.unregister(guest.id);
      }
      await client.sleep(LOOK_EVERY_MS);
    }
  }

  /** The permanent brokers among them, filled up from the others. */
  private without({ replicas, removingReplicas }: PartitionImage, id: number): number[] {
    const stay = replicas.filter((one) => one !== id && !removingReplicas.includes(one));
    const more = this.options.brokers.filter((one) => !stay.includes(one));
    return [...stay, ...more].slice(0, Math.max(stay.length, REPLICAS));
  }

  private async ask(topic: string, partition: number, replicas: readonly number[] | null): Promise<void> {
    const { trace } = this.options;
    trace(`MOVE ${topic}-${partition} to ${replicas?.join('+') ?? 'where it was'}`);
    const body = {
      timeoutMs: 2_000,
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, replicas: replicas?.slice() ?? null }] }],
    };
    try {
      const answer = await this.client.anywhere(alterPartitionReassignments, 1, body);
      const result = answer.responses[0]?.partitions[0];
      if (answer.errorCode !== 0 || result?.errorCode !== 0) trace(`MOVE refused: ${result?.errorMessage ?? answer.errorMessage ?? ''}`);
    } catch (error) {
      trace(`MOVE failed: ${String(error)}`);
    }
  }

  private async unregister(brokerId: number): Promise<void> {
    try {
      const { errorCode, errorMessage } = await this.client.anywhere(unregisterBroker, 0, { brokerId });
      this.options.trace(`UNREGISTERED ${brokerId}: ${errorCode} ${errorMessage ?? ''}`);
    } catch (error) {
      this.options.trace(`UNREGISTER failed: ${String(error)}`);
    }
  }
}

function partitionsOf(image: MetadataImage | undefined): PartitionImage[] {
  return [...(image?.topics.values() ?? [])].flatMap(({ partitions }) => partitions);
}
