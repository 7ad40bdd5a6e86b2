/**
 * A producer as Kafka's own clients are: batches of a partition keep their order, up to five are in flight, retriable failures are sent
 * again with the same sequence, the oldest first, and no value with an unknown outcome is given up.
 */
import { initProducerId } from '../../electron/cluster/protocol/apis/init-producer-id.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { ErrorCode, errorName } from '../../electron/cluster/protocol/error-codes.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { Client, type ClientOptions } from './client.ts';
import type { History, Write } from './history.ts';

export interface ProducerOptions extends ClientOptions {
  history: History;
  topics: readonly { name: string; partitions: number; compacted?: boolean }[];
  idempotent: boolean;
  acks: number;
  /** Mean ms between two batches. */
  everyMs: number;
  /** Whether the promises of a partition are void, so that a refusal proves nothing. */
  isVoid(topic: string, partition: number): boolean;
}

interface Batch {
  readonly writes: readonly Write[];
  readonly sequence: number;
  state: 'new' | 'inFlight' | 'retry';
}

interface Lane {
  readonly topic: string;
  readonly partition: number;
  readonly compacted: boolean;
  readonly batches: Batch[];
  nextSequence: number;
  /** Increases with every new producer id. */
  term: number;
  rank: number;
  pausedUntil: number;
}

const MAX_IN_FLIGHT = 5;
const MAX_QUEUED = 12;
/** Keys of each producer, in a compacted topic: some are written all the time, and others seldom or once. */
function keyOf(name: string, rank: number): string {
  return rank % 3 === 0 ? `${name}/seldom${rank % 120}` : `${name}/often${rank % 7}`;
}

/** Retriable errors, or errors that indicate a newer leader. */
const RETRIABLE: ReadonlySet<number> = new Set([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  // A leader whose clock is far behind considers the records to be from the future.
  ErrorCode.INVALID_TIMESTAMP,
]);
const SEQUENCE_LOST: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
]);

export class Producer {
  readonly client: Client;
  private readonly options: ProducerOptions;
  private readonly lanes: Lane[] = [];
  private producerId = -1n;
  private producerEpoch = -1;
  private identity: Promise<void> | undefined;
  private producing = true;

  constructor(options: ProducerOptions) {
    this.options = options;
    this.client = new Client(options);
    for (const { name, partitions, compacted = false } of options.topics) {
      for (let partition = 0; partition < partitions; partition++) {
        this.lanes.push({ topic: name, partition, compacted, batches: [], nextSequence: 0, term: 0, rank: 0, pausedUntil: 0 });
      }
    }
  }

  start(): void {
    void this.generate();
    void this.tend();
  }

  /** Sends no new values; retries unacknowledged ones. */
  finish(): void {
    this.producing = false;
  }

  /** Adds one value for every partition. */
  probe(): void {
    for (const lane of this.lanes) this.add(lane, 1);
  }

  /** Partitions with unacknowledged values. */
  get unresolved(): string[] {
    return this.lanes.filter((lane) => lane.batches.length > 0).map((lane) => `${lane.topic}-${lane.partition}`);
  }

  private async generate(): Promise<void> {
    const { client, options } = this;
    while (this.producing && client.alive) {
      const lane = this.lanes[client.random.int(this.lanes.length)] as Lane;
      if (lane.batches.length < MAX_QUEUED) this.add(lane, 1 + client.random.int(3));
      await client.sleep(options.everyMs * (0.2 + 1.6 * client.random.next()));
    }
  }

  private add(lane: Lane, count: number): void {
    const { history, acks, idempotent, world, name } = this.options;
    const writes: Write[] = [];
    for (let i = 0; i < count; i++) {
      const rank = lane.rank++;
      const value = `${name}/${lane.topic}-${lane.partition}/${rank}`;
      const key = lane.compacted ? keyOf(name, rank) : undefined;
      writes.push({ producer: name, topic: lane.topic, partition: lane.partition, key, value, rank, acks, idempotent, sentAt: world.time });
    }
    history.writes.push(...writes);
    lane.batches.push({ writes, sequence: lane.nextSequence, state: 'new' });
    lane.nextSequence += count;
    this.pump(lane);
  }

  /** Checks lanes that wait for a time or for a leader. */
  private async tend(): Promise<void> {
    const { client } = this;
    while (client.alive) {
      for (const lane of this.lanes) this.pump(lane);
      await client.sleep(25);
    }
  }

  private pump(lane: Lane): void {
    const { client, options } = this;
    if (!client.alive || client.world.time < lane.pausedUntil || lane.batches.length === 0) return;
    if (lane.batches.every(({ state }) => state === 'inFlight')) return;
    if (options.idempotent && this.producerId < 0n) {
      this.identity ??= this.identify();
      return;
    }
    const leader = client.leaderOf(lane.topic, lane.partition);
    const address = leader && client.address(leader.broker);
    if (address === undefined) {
      this.pause(lane);
      return;
    }
    let flying = lane.batches.filter((batch) => batch.state === 'inFlight').length;
    for (const [index, batch] of lane.batches.entries()) {
      if (batch.state === 'inFlight') continue;
      // Retries are sent alone, and first.
      if (flying >= MAX_IN_FLIGHT || (batch.state === 'retry' && index > 0)) return;
      batch.state = 'inFlight';
      flying++;
      this.transmit(lane, batch, address);
    }
  }

  private transmit(lane: Lane, batch: Batch, address: { host: string; port: number }): void {
    const { client, options } = this;
    const { acks, idempotent } = options;
    const records = buildBatch({
      records: batch.writes.map(({ key, value }) => ({ key: key === undefined ? null : Buffer.from(key), value: Buffer.from(value) })),
      timestamp: BigInt(client.host.clock.now()),
      ...(idempotent ? { producerId: this.producerId, producerEpoch: this.producerEpoch, baseSequence: batch.sequence } : {}),
    });
    const body = { acks, timeoutMs: 1_500, topicData: [{ name: lane.topic, partitionData: [{ index: lane.partition, records }] }] };
    const { term } = lane;
    for (const write of batch.writes) {
      write.sentAt = options.world.time;
      write.firstSentAt ??= write.sentAt;
    }
    client.send(address, 'produce', produce, 9, body).then(
      (answer) => {
        if (lane.term !== term) return;
        const result = answer.responses[0]?.partitionResponses[0];
        this.answered(lane, batch, result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, result?.baseOffset ?? -1n);
      },
      () => {
        if (lane.term === term) this.retry(lane, batch);
      },
    );
  }

  private answered(lane: Lane, batch: Batch, errorCode: number, baseOffset: bigint): void {
    const { history, world, isVoid } = this.options;
    if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) {
      for (const [index, write] of batch.writes.entries()) {
        write.ackedAt = world.time;
        write.offset = baseOffset < 0n ? -1n : baseOffset + BigInt(index);
      }
      lane.batches.splice(lane.batches.indexOf(batch), 1);
      this.pump(lane);
      return;
    }
    if (SEQUENCE_LOST.has(errorCode)) {
      // Batches behind a failed one are out of order; the first of all is only where the broker lost the state of acknowledged ones.
      if (lane.batches[0] !== batch) {
        this.retry(lane, batch);
        return;
      }
      if (!isVoid(lane.topic, lane.partition)) {
        const text = `${lane.topic}-${lane.partition} refused the oldest unacknowledged batch of ${this.options.name} (sequence ${batch.sequence}) with ${errorName(errorCode)}`;
        history.violation('sequence refused', world.time, text, `${lane.topic}-${lane.partition}`);
      }
      this.renewProducerId();
      return;
    }
    if (!RETRIABLE.has(errorCode)) {
      const text = `produce to ${lane.topic}-${lane.partition} was answered with ${errorName(errorCode)}`;
      history.violation('unexpected error', world.time, text, `produce ${errorCode}`);
    }
    this.retry(lane, batch);
  }

  private retry(lane: Lane, batch: Batch): void {
    if (!this.client.alive) return;
    batch.state = 'retry';
    this.pause(lane);
  }

  private pause(lane: Lane): void {
    const { client } = this;
    lane.pausedUntil = client.world.time + 50 + 50 * client.random.next();
    void client.refresh(this.options.topics.map(({ name }) => name));
  }

  /** Gets a new producer id: the outcome of unresolved values is unknown, so none of them is retried. */
  private renewProducerId(): void {
    for (const lane of this.lanes) {
      lane.term++;
      lane.batches.length = 0;
      lane.nextSequence = 0;
    }
    this.producerId = -1n;
  }

  private async identify(): Promise<void> {
    const { client } = this;
    try {
      const answer = await client.anywhere(initProducerId, 4, { transactionalId: null, transactionTimeoutMs: 0 });
      if (answer.errorCode === ErrorCode.NONE) {
        this.producerId = answer.producerId;
        this.producerEpoch = answer.producerEpoch;
      } else await client.sleep(100);
    } catch {
      // The next broker is tried.
      if (client.alive) await client.sleep(50);
    }
    this.identity = undefined;
    for (const lane of this.lanes) this.pump(lane);
  }
}
