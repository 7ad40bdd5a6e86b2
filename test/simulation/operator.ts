/**
 * Whoever runs the cluster: moves partitions from brokers to brokers while they work and fail, gives moves up half-way, and takes a broker
 * that joined out again, as the app does: its partitions first, then a stop in order, then UnregisterBroker.
 */
import { alterPartitionReassignments } from '../../electron/cluster/protocol/apis/alter-partition-reassignments.ts';
import { unregisterBroker } from '../../electron/cluster/protocol/apis/unregister-broker.ts';
import type { MetadataImage, PartitionImage } from '../../electron/cluster/quorum/image.ts';
import { Client, type ClientOptions } from './client.ts';
import type { Machine } from './machine.ts';

export interface OperatorOptions extends ClientOptions {
  /** The brokers that are here to stay. */
  brokers: readonly number[];
  /** One without a vote, which joined. */
  guest: Machine | undefined;
  /** When it is to leave, ms from the start; undefined: it stays. */
  guestLeavesAfterMs: number | undefined;
  /** Mean ms between two moves; 0: none but those that empty the guest. */
  everyMs: number;
  topics: readonly { name: string; partitions: number }[];
  /** The newest metadata there is. */
  image(): MetadataImage | undefined;
  trace(text: string): void;
}

const LOOK_EVERY_MS = 200;
const REPLICAS = 3;
/** Some moves leave one replica less. */
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

  /** No new moves, but for those that a leave takes. */
  finish(): void {
    this.moving = false;
  }

  /** A guest that was to leave has left and is forgotten. */
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
    // Goes on when all is done: a request that was given up may still be carried out, and move a partition to a broker that is gone.
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

  /** Those that are to stay, filled up from the others. */
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
