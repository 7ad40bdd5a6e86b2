/** Real clients beside the page: what they know of the cluster is what the page is held to. */
import { Kafka, logLevel, type Admin, type Consumer, type Producer } from 'kafkajs';

/** Clients that outlive a broker. */
export function kafkaOf(brokers: readonly string[], clientId = 'e2e'): Kafka {
  return new Kafka({
    clientId,
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 },
  });
}

export interface Standing {
  leader: number;
  isr: number[];
}

const ATTEMPTS = 15;
/** A broker applies a change of the metadata later than another one. */
const RETRY_MS = 200;
const READ_MS = 60_000;

/** Leader and ISR of a partition as brokers return them. kafkajs may ask a broker that a test has broken: then another one. */
export async function standing(admin: Admin, topic: string, partition: number): Promise<Standing> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await standingByAny(admin, topic, partition);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function standingByAny(admin: Admin, topic: string, partition: number): Promise<Standing> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const found = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition);
  if (found === undefined) throw new Error(`${topic} has no partition ${partition}`);
  return { leader: found.leader, isr: [...found.isr].sort() };
}

/**
 * Writes a few records after a few others, and remembers which were acknowledged. Each send is of one partition: kafkajs 2.2.4
 * resolves a send of several without having written them all, when a leader moves to a broker that had already answered its
 * part (`producer/sendMessages.js` does not ask a broker twice). No broker acknowledged those records.
 */
export class SteadyProducer {
  readonly acknowledged: string[] = [];
  private readonly producer: Producer;
  private readonly topic: string;
  private readonly partitions: number;
  private running = true;
  private readonly work: Promise<void>;

  private constructor(producer: Producer, topic: string, partitions: number) {
    this.producer = producer;
    this.topic = topic;
    this.partitions = partitions;
    this.work = this.run();
  }

  static async start(kafka: Kafka, topic: string, partitions: number): Promise<SteadyProducer> {
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await producer.connect();
    return new SteadyProducer(producer, topic, partitions);
  }

  private async run(): Promise<void> {
    for (let n = 0; this.running; n++) {
      const partition = n % this.partitions;
      const values = Array.from({ length: 6 }, (_, i) => `steady-${n}-${i}`);
      const answers = await this.producer.send({
        topic: this.topic,
        acks: -1,
        messages: values.map((value) => ({ partition, key: value, value })),
      });
      if (answers.length !== 1 || answers[0]?.partition !== partition || answers[0].errorCode !== 0)
        throw new Error(`partition ${partition} was not acknowledged: ${JSON.stringify(answers)}`);
      this.acknowledged.push(...values);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  /** Rejects with what ended it, if anything did. */
  async stop(): Promise<void> {
    this.running = false;
    await this.work;
    await this.producer.disconnect();
  }
}

/** Reads that many records of each partition in a group, commits exactly those, and leaves. */
export async function consumeOfEach(kafka: Kafka, groupId: string, topic: string, partitions: number, count: number): Promise<void> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen = new Map<number, number>();
    await untilEnough(consumer, `${groupId}: ${count} records of each partition`, (partition) => {
      seen.set(partition, (seen.get(partition) ?? 0) + 1);
      return seen.size === partitions && [...seen.values()].every((records) => records >= count);
    });
    await consumer.commitOffsets([...seen.keys()].map((partition) => ({ topic, partition, offset: `${count}` })));
  } finally {
    await consumer.disconnect();
  }
}

/** Every value of a topic, from its first record to where it ends now. */
export async function readAll(kafka: Kafka, topic: string): Promise<Set<string>> {
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const left = new Map(
    ends.filter(({ low, high }) => BigInt(high) > BigInt(low)).map(({ partition, high }) => [partition, BigInt(high) - 1n]),
  );
  const values = new Set<string>();
  const consumer = kafka.consumer({ groupId: `read-back-${topic}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await untilEnough(consumer, `everything of ${topic}`, (partition, offset, value) => {
      values.add(value);
      const last = left.get(partition);
      if (last !== undefined && BigInt(offset) >= last) left.delete(partition);
      return left.size === 0;
    });
  } finally {
    await consumer.disconnect();
  }
  return values;
}

function untilEnough(consumer: Consumer, what: string, take: (partition: number, offset: string, value: string) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: not within ${READ_MS / 1_000} s`)), READ_MS);
    consumer
      .run({
        autoCommit: false,
        eachMessage: async ({ partition, message }) => {
          if (!take(partition, message.offset, message.value?.toString() ?? '')) return;
          clearTimeout(timer);
          resolve();
        },
      })
      .catch(reject);
  });
}
