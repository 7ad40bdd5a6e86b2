/** Transactions of a few records, committed, aborted and left open for a while, until it is stopped. It remembers which records can be read. */
import { KafkaJSError, type Kafka, type Producer } from 'kafkajs';
import { later } from './fault-bench.ts';

/** Records of one committed transaction in one partition. */
export interface ReadableRecords {
  readonly partition: number;
  readonly first: bigint;
  readonly last: bigint;
  /** Wall-clock ms by which the commit was acknowledged. */
  readonly committedAt: number;
}

const OPEN_MS = 1_500;
const PAUSE_MS = 100;
const MAX_RECORDS = 5;

export class TransactionLoad {
  readonly readable: ReadableRecords[] = [];
  committed = 0;
  aborted = 0;
  private readonly kafka: Kafka;
  private readonly topic: string;
  private readonly partitions: number;
  private readonly loop: Promise<void>;
  private stopped = false;

  constructor(kafka: Kafka, topic: string, partitions: number) {
    this.kafka = kafka;
    this.topic = topic;
    this.partitions = partitions;
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.loop;
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const producer = this.kafka.producer({ transactionalId: 'transaction-load', maxInFlightRequests: 1, idempotent: true });
      try {
        await producer.connect();
        for (let i = 0; !this.stopped; i++) {
          await this.transact(producer, i);
          await later(PAUSE_MS);
        }
      } catch (error) {
        // A broker that does not answer: the next producer with the id aborts what this one has left open.
        if (!(error instanceof KafkaJSError)) throw error;
      } finally {
        await producer.disconnect();
      }
    }
  }

  private async transact(producer: Producer, number: number): Promise<void> {
    const transaction = await producer.transaction();
    const partition = number % this.partitions;
    const messages = Array.from({ length: 1 + (number % MAX_RECORDS) }, () => ({ partition, value: 'one' }));
    const sent = await transaction.send({ topic: this.topic, messages });
    if (number % 4 === 3) await later(OPEN_MS);
    if (number % 3 === 2) {
      await transaction.abort();
      this.aborted++;
      return;
    }
    await transaction.commit();
    this.committed++;
    for (const { baseOffset } of sent) {
      const first = BigInt(baseOffset ?? -1);
      this.readable.push({ partition, first, last: first + BigInt(messages.length) - 1n, committedAt: Date.now() });
    }
  }
}
