/**
 * One kafkajs producer of a load, which reports the offset of every acknowledged record. Three properties of kafkajs need a workaround:
 * - a failed attempt does not cancel the requests to other brokers, and repeats them: each send is for the partitions of one leader;
 * - when a leader moves to a broker that has already answered, `send` resolves without that partition: its records are sent again;
 * - after a failed send, the next batch has the same sequence numbers, which a broker may treat as a duplicate: a failed producer is
 *   replaced by one with a new producer id.
 */
import { Kafka, logLevel, Partitioners, type Message, type PartitionMetadata, type Producer, type RecordMetadata } from 'kafkajs';
import type { ProducerLoad } from '#shared/models/load';
import { toKafkajsName, withoutAliases } from '../kafkajs-names.ts';
import { setUpKafkajs } from '../kafkajs-setup.ts';
import { KafkajsSockets } from '../kafkajs-sockets.ts';
import { messageOf } from '#shared/errors';
import { pause } from '#shared/waiting';

/** How long a leader waits for its ISR; below the request timeout. */
const ACKS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 8_000;
const CONNECTION_TIMEOUT_MS = 3_000;
/** As `delivery.timeout.ms` of Kafka's producer: records without an acknowledgement fail after this time. */
const DELIVERY_TIMEOUT_MS = 120_000;
/** Time in which new partitions are discovered. */
const METADATA_MAX_AGE_MS = 30_000;
const RETRY_MS = 200;
const ACKS = { all: -1, one: 1, none: 0 } as const;

export interface Outgoing {
  sequence: number;
  message: Message & { partition: number };
}

export interface Outcome {
  acknowledged(sequence: number, offset: number): void;
  failed(sequence: number): void;
}

/** A kafkajs producer with the means to end it. */
interface ProducerInstance {
  producer: Producer;
  sockets: KafkajsSockets;
  closed: boolean;
  /** Rejects when the instance is closed: kafkajs would retry for minutes. */
  end: Promise<never>;
  finish: () => void;
}

export class WritingClient {
  private readonly spec: ProducerLoad;
  /** The name that kafkajs uses. */
  private readonly topic: string;
  private readonly bootstrap: string;
  private readonly connectHost: string | undefined;
  private readonly clientId: string;
  private readonly complain: (message: string) => void;
  private readonly choose = Partitioners.DefaultPartitioner();
  private known: PartitionMetadata[];
  private instance: ProducerInstance | undefined;

  constructor(options: {
    spec: ProducerLoad;
    bootstrap: string;
    connectHost: string | undefined;
    number: number;
    partitions: readonly PartitionMetadata[];
    complain: (message: string) => void;
  }) {
    setUpKafkajs();
    this.spec = options.spec;
    this.topic = toKafkajsName(options.spec.topic);
    this.bootstrap = options.bootstrap;
    this.connectHost = options.connectHost;
    this.clientId = `load-${options.spec.name}-${options.number}`;
    this.known = [...options.partitions];
    this.complain = (message) => options.complain(withoutAliases(message));
  }

  /** The partition that the default partitioner of kafkajs chooses. Retries use the same partition. */
  partitionOf(key: string | null): number {
    return this.choose({ topic: this.topic, partitionMetadata: this.known, message: { key, value: null } });
  }

  get connected(): boolean {
    return this.instance !== undefined;
  }

  /** Rejects with the error of kafkajs when no broker accepts the connection. */
  async connect(): Promise<void> {
    const sockets = new KafkajsSockets(this.connectHost);
    const kafka = new Kafka({
      clientId: this.clientId,
      brokers: sockets.seeds(this.bootstrap),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // For connections and metadata; few, as they run within every attempt of a send.
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 500 },
      socketFactory: sockets.factory,
      logLevel: logLevel.ERROR,
      logCreator:
        () =>
        ({ log: { message } }) =>
          this.complain(message),
    });
    const { promise: end, reject } = Promise.withResolvers<never>();
    end.catch(() => undefined);
    const finish = (): void => reject(new Error('given up'));
    const instance: ProducerInstance = { producer: this.createProducer(kafka, () => instance), sockets, closed: false, end, finish };
    sockets.watch(instance.producer);
    try {
      await instance.producer.connect();
      this.instance = instance;
    } catch (error) {
      sockets.refuse();
      throw error;
    }
  }

  private createProducer(kafka: Kafka, instance: () => ProducerInstance): Producer {
    return kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: this.spec.idempotent,
      maxInFlightRequests: 1,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      // More than fit into the delivery timeout, which ends them.
      retry: { retries: 400, initialRetryTime: 100, maxRetryTime: 500 },
      createPartitioner: () => (args) => {
        // The only place where a send in the background can be aborted.
        if (instance().closed) throw Object.assign(new Error('given up'), { retriable: false });
        this.known = args.partitionMetadata;
        return args.message.partition as number;
      },
    });
  }

  /** Resolves when each record is acknowledged or has failed. Afterwards, `connected` is false if the producer has failed. */
  async send(records: readonly Outgoing[], outcome: Outcome): Promise<void> {
    const leaders = new Map(this.known.map(({ partitionId, leader }) => [partitionId, leader]));
    const byLeader = new Map<number, Map<number, Outgoing[]>>();
    for (const record of records) {
      const { partition } = record.message;
      const leader = leaders.get(partition) ?? -1;
      let partitions = byLeader.get(leader);
      if (partitions === undefined) byLeader.set(leader, (partitions = new Map<number, Outgoing[]>()));
      const list = partitions.get(partition);
      if (list === undefined) partitions.set(partition, [record]);
      else list.push(record);
    }
    const { instance } = this;
    if (instance === undefined) throw new Error('the producer is not connected');
    await Promise.all([...byLeader.values()].map((partitions) => this.deliver(instance, partitions, outcome)));
  }

  /** Sends until every partition is acknowledged. */
  private async deliver(instance: ProducerInstance, waiting: Map<number, Outgoing[]>, outcome: Outcome): Promise<void> {
    const deadline = performance.now() + DELIVERY_TIMEOUT_MS;
    try {
      for (;;) {
        const messages = [...waiting.values()].flatMap((records) => records.map(({ message }) => message));
        const answers = await within(
          instance.producer.send({ topic: this.topic, acks: ACKS[this.spec.acks], timeout: ACKS_TIMEOUT_MS, messages }),
          instance.end,
          deadline - performance.now(),
        );
        if (this.spec.acks === 'none') {
          for (const records of waiting.values()) for (const { sequence } of records) outcome.acknowledged(sequence, -1);
          return;
        }
        for (const answer of answers) settle(answer, waiting, outcome);
        if (waiting.size === 0) return;
        if (performance.now() > deadline) throw new Error('no broker has acknowledged the records of the partition');
        await pause(RETRY_MS);
      }
    } catch (error) {
      if (!instance.closed) this.complain(messageOf(error));
      for (const records of waiting.values()) for (const { sequence } of records) outcome.failed(sequence);
      this.closeInstance(instance);
    }
  }

  private closeInstance(instance: ProducerInstance): void {
    if (this.instance === instance) this.instance = undefined;
    if (instance.closed) return;
    instance.closed = true;
    instance.finish();
    instance.sockets.refuse();
    // Not awaited, as it may never resolve; without sockets the producer cannot reach a broker.
    instance.producer.disconnect().catch(() => undefined);
  }

  /** Ends the producer; records in flight fail. */
  end(): void {
    if (this.instance !== undefined) this.closeInstance(this.instance);
  }
}

/** Records of a partition have consecutive offsets from the base offset. */
function settle(answer: RecordMetadata, waiting: Map<number, Outgoing[]>, outcome: Outcome): void {
  const records = waiting.get(answer.partition);
  if (records === undefined || answer.errorCode !== 0) return;
  const base = Number(answer.baseOffset ?? -1);
  records.forEach(({ sequence }, index) => outcome.acknowledged(sequence, base < 0 ? -1 : base + index));
  waiting.delete(answer.partition);
}

async function within<T>(promise: Promise<T>, end: Promise<never>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`given up after ${DELIVERY_TIMEOUT_MS / 1_000} s without an acknowledgement`)),
      Math.max(0, timeoutMs),
    );
  });
  try {
    return await Promise.race([promise, end, late]);
  } finally {
    clearTimeout(timer);
    // The promise that lost the race may still reject; the caller already has a result.
    promise.catch(() => undefined);
  }
}
