/**
 * One kafkajs producer of a load. It knows of each record to which partition it goes and, from the answers, at which offset it was
 * acknowledged. kafkajs has habits that would make that untrue, and each is met here:
 * - a try that fails lets the requests to other brokers run on and sends theirs again: so each send is for one leader's partitions;
 * - where a leader moved to a broker that has answered already, it resolves without an answer for that partition: that part is sent again;
 * - after a failed send it gives the next batch the same sequence numbers, which a broker may take for a repetition: so a producer that
 *   has failed is replaced by one with a new producer id.
 */
import { Kafka, logLevel, Partitioners, type Message, type PartitionMetadata, type Producer, type RecordMetadata } from 'kafkajs';
import type { ProducerLoad } from '#shared/models/load';
import { toKafkajsName, withoutAliases } from '../kafkajs-names.ts';
import { setUpKafkajs } from '../kafkajs-setup.ts';
import { KafkajsSockets } from '../kafkajs-sockets.ts';

/** How long a leader may wait for its followers; below the time after which it counts as silent. */
const ACKS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 8_000;
const CONNECTION_TIMEOUT_MS = 3_000;
/** As `delivery.timeout.ms` of Kafka's own client: what is not acknowledged by then is given up. */
const DELIVERY_TIMEOUT_MS = 120_000;
/** A partition more is found within this. */
const METADATA_MAX_AGE_MS = 30_000;
const AGAIN_MS = 200;
const ACKS = { all: -1, one: 1, none: 0 } as const;

export interface Outgoing {
  sequence: number;
  message: Message & { partition: number };
}

export interface Outcome {
  acknowledged(sequence: number, offset: number): void;
  failed(sequence: number): void;
}

/** A kafkajs producer and what ends it for good. */
interface Life {
  producer: Producer;
  sockets: KafkajsSockets;
  over: boolean;
  /** Rejects when it is over: kafkajs would go on trying for minutes. */
  end: Promise<never>;
  finish: () => void;
}

export class WritingClient {
  private readonly spec: ProducerLoad;
  /** As kafkajs names it. */
  private readonly topic: string;
  private readonly bootstrap: string;
  private readonly connectHost: string | undefined;
  private readonly clientId: string;
  private readonly complain: (message: string) => void;
  private readonly choose = Partitioners.DefaultPartitioner();
  private known: PartitionMetadata[];
  private life: Life | undefined;

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

  /** Where kafkajs' own partitioner sends it; stays so, however often it is sent. */
  partitionOf(key: string | null): number {
    return this.choose({ topic: this.topic, partitionMetadata: this.known, message: { key, value: null } });
  }

  get connected(): boolean {
    return this.life !== undefined;
  }

  /** Rejects with kafkajs' error when the cluster does not let it in. */
  async connect(): Promise<void> {
    const sockets = new KafkajsSockets(this.connectHost);
    const kafka = new Kafka({
      clientId: this.clientId,
      brokers: sockets.seeds(this.bootstrap),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Of connecting and of metadata; few, since they are within each try of a send.
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
    const life: Life = { producer: this.createProducer(kafka, () => life), sockets, over: false, end, finish };
    sockets.watch(life.producer);
    try {
      await life.producer.connect();
      this.life = life;
    } catch (error) {
      sockets.refuse();
      throw error;
    }
  }

  private createProducer(kafka: Kafka, life: () => Life): Producer {
    return kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: this.spec.idempotent,
      maxInFlightRequests: 1,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      // More than fit into the delivery timeout, which is what ends them.
      retry: { retries: 400, initialRetryTime: 100, maxRetryTime: 500 },
      createPartitioner: () => (args) => {
        // The one place where a send in the background can be told to end.
        if (life().over) throw Object.assign(new Error('given up'), { retriable: false });
        this.known = args.partitionMetadata;
        return args.message.partition as number;
      },
    });
  }

  /** Resolves when each of them is acknowledged or given up. Afterwards `connected` says whether the producer is still of use. */
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
    const { life } = this;
    if (life === undefined) throw new Error('it is not connected');
    await Promise.all([...byLeader.values()].map((partitions) => this.deliver(life, partitions, outcome)));
  }

  /** Sends until every partition has answered. */
  private async deliver(life: Life, waiting: Map<number, Outgoing[]>, outcome: Outcome): Promise<void> {
    const deadline = performance.now() + DELIVERY_TIMEOUT_MS;
    try {
      for (;;) {
        const messages = [...waiting.values()].flatMap((records) => records.map(({ message }) => message));
        const answers = await within(
          life.producer.send({ topic: this.topic, acks: ACKS[this.spec.acks], timeout: ACKS_TIMEOUT_MS, messages }),
          life.end,
          deadline - performance.now(),
        );
        if (this.spec.acks === 'none') {
          for (const records of waiting.values()) for (const { sequence } of records) outcome.acknowledged(sequence, -1);
          return;
        }
        for (const answer of answers) settle(answer, waiting, outcome);
        if (waiting.size === 0) return;
        if (performance.now() > deadline) throw new Error('no broker has answered for its partition');
        await pause(AGAIN_MS);
      }
    } catch (error) {
      if (!life.over) this.complain(error instanceof Error ? error.message : String(error));
      for (const records of waiting.values()) for (const { sequence } of records) outcome.failed(sequence);
      this.giveUp(life);
    }
  }

  private giveUp(life: Life): void {
    if (this.life === life) this.life = undefined;
    if (life.over) return;
    life.over = true;
    life.finish();
    life.sockets.refuse();
    // It may wait for what will not come; its sockets are gone, so nothing of it reaches a broker.
    life.producer.disconnect().catch(() => undefined);
  }

  /** What is still on its way fails. */
  end(): void {
    if (this.life !== undefined) this.giveUp(this.life);
  }
}

/** Records of one partition in one request keep their order from the base offset on. */
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
    // The loser of the race may still reject; what matters has been told.
    promise.catch(() => undefined);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
