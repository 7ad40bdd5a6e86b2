/**
 * Sends single records for the user, by a kafkajs producer that lives as long as the connection. An idempotent one (KIP-98) numbers its
 * batches, so that one that is sent again, since its answer was lost, is stored once. kafkajs gives the number of a batch that failed to
 * the next one, which a broker that has the first takes for a repeat and does not store: so records go one at a time, and after a failure
 * a new producer, under a new id, takes over.
 */
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { AdminError } from './errors.ts';
import { setUpKafkajs } from './kafkajs-setup.ts';
import { KafkajsSockets } from './kafkajs-sockets.ts';

/** So soon it hears of partitions that were added: a person who has just added some sends to them next. kafkajs waits five minutes. */
const METADATA_MAX_AGE_MS = 2_000;

/** Longer in all than a broker's session: a leader that dies is waited for, not given up just before the next one is there. */
const RETRY = { retries: 8, initialRetryTime: 100, maxRetryTime: 2_000 };
/** Some twenty seconds: a repeat does no harm where it is numbered, and a loaded machine elects late. */
const PATIENT_RETRY = { ...RETRY, retries: 16 };

export interface RecordToSend {
  topic: string;
  partition: number | null;
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly { key: string; value: string }[];
  acks: -1 | 0 | 1;
}

export interface SentTo {
  partition: number;
  offset: string;
  timestamp: number | null;
}

export class RecordProducer {
  private readonly kafka: Kafka;
  private readonly idempotent: boolean;
  private readonly sockets = new KafkajsSockets();
  private producer: Promise<Producer> | undefined;
  /** Of an idempotent one: resolves when the record before has its answer. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: { brokers: readonly string[]; clientId: string; idempotent: boolean }) {
    setUpKafkajs();
    this.idempotent = options.idempotent;
    this.kafka = new Kafka({
      clientId: options.clientId,
      brokers: [...options.brokers],
      connectionTimeout: 5_000,
      requestTimeout: 10_000,
      retry: RETRY,
      socketFactory: this.sockets.factory,
      logLevel: logLevel.NOTHING,
      logCreator: () => () => undefined,
    });
  }

  /** Offset is −1 with acks=0, since the broker says nothing. An idempotent one takes acks=all only. */
  send(record: RecordToSend): Promise<SentTo> {
    if (!this.idempotent) return this.sendNow(record);
    const sent = this.turn.then(() => this.sendNow(record));
    this.turn = sent.catch(() => this.giveUp());
    return sent;
  }

  private async sendNow(record: RecordToSend): Promise<SentTo> {
    const producer = await this.connected();
    const headers: Record<string, string[]> = {};
    for (const { key, value } of record.headers) (headers[key] ??= []).push(value);
    try {
      const [metadata] = await producer.send({
        topic: record.topic,
        acks: record.acks,
        timeout: 10_000,
        messages: [
          { key: record.key, value: record.value, headers, ...(record.partition === null ? {} : { partition: record.partition }) },
        ],
      });
      return {
        partition: metadata?.partition ?? record.partition ?? -1,
        offset: metadata?.baseOffset ?? '-1',
        timestamp: Number(metadata?.logAppendTime ?? -1) < 0 ? null : Number(metadata?.logAppendTime),
      };
    } catch (error) {
      throw produceFailure(error, record.topic);
    }
  }

  private connected(): Promise<Producer> {
    this.producer ??= this.connect();
    return this.producer;
  }

  private async connect(): Promise<Producer> {
    const producer = this.kafka.producer({
      allowAutoTopicCreation: false,
      idempotent: this.idempotent,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      ...(this.idempotent ? { maxInFlightRequests: 1, retry: PATIENT_RETRY } : {}),
    });
    this.sockets.watch(producer);
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      this.producer = undefined;
      throw produceFailure(error, 'the cluster');
    }
  }

  /** The next record connects anew, and is not kept waiting for the end of a producer whose broker may be silent. */
  private giveUp(): void {
    this.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    const { producer } = this;
    this.producer = undefined;
    await (await producer?.catch(() => undefined))?.disconnect();
  }
}

/** kafkajs wraps the broker's answer in an error of its own that carries Kafka's name as `type`. */
function produceFailure(error: unknown, topic: string): AdminError {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { type } = inner as { type?: unknown };
  const message = inner instanceof Error ? inner.message : String(inner);
  return new AdminError(
    {
      code: typeof type === 'string' ? type : 'BROKER_UNREACHABLE',
      message: `The record was not acknowledged: ${message}.`.replace(/\.\.$/, '.'),
      subject: topic,
      ...(type === 'NOT_ENOUGH_REPLICAS' ? { advice: 'Start a broker that is down, or lower min.insync.replicas.' } : {}),
    },
    { cause: error },
  );
}
