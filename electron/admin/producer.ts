/**
 * Sends single records for the user by Produce requests of our own, so that a record arrives as it was given: headers in their order and
 * repeated, topics and headers of any name. An idempotent one (KIP-98) numbers its batches, so that one that is sent again, since its
 * answer was lost, is stored once. Its records go one at a time, and after a failure it takes a new producer id: whether the failed
 * batch was stored is not known, and so neither is the next sequence.
 */
import { initProducerId } from '../cluster/protocol/apis/init-producer-id.ts';
import { produce } from '../cluster/protocol/apis/produce.ts';
import { ErrorCode } from '../cluster/protocol/error-codes.ts';
import { addSequence } from '../cluster/protocol/record-batch.ts';
import { buildBatch, type RecordToWrite } from '../cluster/protocol/records-builder.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import { ClusterClient, isLeaderUnknown, leaderOf } from './cluster-client.ts';
import { AdminError, kafkaFailure } from './errors.ts';
import { partitionFor } from './records.ts';
import { partitionKey } from '#shared/keys';

/** Newer ones name topics by id only. */
const PRODUCE_VERSION = 12;
/** What a broker is given for the replicas' acknowledgements, and what its answer may take beyond that. */
const ACKS_TIMEOUT_MS = 10_000;
const GRACE_MS = 1_000;
const ID_TIMEOUT_MS = 5_000;
/** Longer than a broker's session: a leader that dies is waited for. A repeat does no harm where it is numbered. */
const RETRY_MS = 15_000;
const IDEMPOTENT_RETRY_MS = 20_000;
const TRANSACTION_TIMEOUT_MS = 60_000;
/** A broker may not know a new topic or partition for so long; after that it counts as missing. */
const UNKNOWN_MS = 2_000;
/** Sequences kept; a producer that has written to more partitions takes a new id. */
const MAX_SEQUENCES = 10_000;

export interface RecordToSend {
  topic: string;
  partition: number | null;
  key: Buffer | null;
  value: Buffer | null;
  headers: readonly { key: string; value: Buffer | null }[];
  acks: -1 | 0 | 1;
}

export interface SentTo {
  partition: number;
  /** The broker that it was sent to, as leader of the partition. */
  leader: number;
  offset: string;
  timestamp: number | null;
}

interface Identity {
  producerId: bigint;
  producerEpoch: number;
  /** The next sequence, by `partitionKey`. */
  sequences: Map<string, number>;
}

export class RecordProducer {
  /** A connection of its own: a write that waits for replicas holds up no read. */
  private readonly client: ClusterClient;
  private readonly idempotent: boolean;
  private identity: Identity | undefined;
  /** Of an idempotent one: resolves when the record before has its answer. */
  private turn: Promise<unknown> = Promise.resolve();

  /** `connectHost`, `identity`: see `ClusterClient`. */
  constructor(options: {
    brokers: readonly string[];
    clientId: string;
    idempotent: boolean;
    connectHost?: string | undefined;
    identity?: ClusterIdentity;
  }) {
    const bootstrap = options.brokers.filter((address) => address !== '').join(',');
    const { clientId, connectHost, identity } = options;
    const shared = identity === undefined ? {} : { identity };
    this.client = new ClusterClient({ bootstrap: bootstrap === '' ? null : bootstrap, clientId, connectHost, ...shared });
    this.idempotent = options.idempotent;
  }

  /** Offset is −1 with acks=0, which no broker answers. An idempotent one takes acks=all only. */
  send(record: RecordToSend): Promise<SentTo> {
    if (!this.idempotent) return this.sendNow(record, null);
    const sent = this.turn.then(() => this.sendNumbered(record));
    this.turn = sent.catch(() => (this.identity = undefined));
    return sent;
  }

  private async sendNumbered(record: RecordToSend): Promise<SentTo> {
    if (this.identity !== undefined && this.identity.sequences.size >= MAX_SEQUENCES) this.identity = undefined;
    this.identity ??= await notAcknowledged(record.topic, () => this.client.retrying(() => this.takeIdentity(), IDEMPOTENT_RETRY_MS));
    return this.sendNow(record, this.identity);
  }

  private async takeIdentity(): Promise<Identity> {
    const answer = await this.client.anyBroker(
      initProducerId,
      { transactionalId: null, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS },
      { timeoutMs: ID_TIMEOUT_MS },
    );
    if (answer.errorCode !== 0) throw kafkaFailure(answer.errorCode, {});
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch, sequences: new Map() };
  }

  private async sendNow(record: RecordToSend, identity: Identity | null): Promise<SentTo> {
    const { topic } = record;
    const timestamp = BigInt(Date.now());
    const headers = record.headers.map(({ key, value }): [string, Buffer | null] => [key, value]);
    const written: RecordToWrite = { key: record.key, value: record.value, headers, timestamp };
    const deadline = performance.now() + (identity === null ? RETRY_MS : IDEMPOTENT_RETRY_MS);
    const unknownUntil = performance.now() + UNKNOWN_MS;
    return notAcknowledged(topic, async () => {
      const retrying = <T>(attempt: () => Promise<T>): Promise<T> =>
        this.client.retrying(() => endUnknown(unknownUntil, attempt), deadline - performance.now());
      const partition = await retrying(() => this.choosePartition(record));
      const key = partitionKey(topic, partition);
      const baseSequence = identity?.sequences.get(key) ?? 0;
      const batch = buildBatch({
        records: [written],
        ...(identity === null ? {} : { producerId: identity.producerId, producerEpoch: identity.producerEpoch, baseSequence }),
      });
      const sent = await retrying(() => this.sendBatch(record, partition, batch, deadline - performance.now()));
      identity?.sequences.set(key, addSequence(baseSequence, 1));
      return sent;
    });
  }

  /** Fails with UNKNOWN_TOPIC_OR_PARTITION, which is worth a retry: a topic that was just created may not be known to every broker. */
  private async choosePartition({ topic, partition, key }: RecordToSend): Promise<number> {
    if (partition !== null) return partition;
    const found = (await this.client.metadata([topic])).topics.find(({ name }) => name === topic);
    const partitions = found?.partitions ?? [];
    if (partitions.length === 0) throw unknownTopic(topic);
    if (key !== null) return partitionFor(key, topic, partitions.length);
    const led = partitions.filter((one) => !isLeaderUnknown(one));
    const among = led.length === 0 ? partitions : led;
    return among[Math.floor(Math.random() * among.length)]?.partitionIndex ?? 0;
  }

  private async sendBatch({ topic, acks }: RecordToSend, partition: number, batch: Buffer, leftMs: number): Promise<SentTo> {
    const leader = leaderOf(await this.client.metadata([topic]), topic, partition);
    const timeoutMs = Math.max(GRACE_MS, Math.min(ACKS_TIMEOUT_MS, Math.floor(leftMs)));
    const answer = await this.client.onBroker(
      leader,
      produce,
      { acks, timeoutMs, topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }] },
      { maxVersion: PRODUCE_VERSION, timeoutMs: timeoutMs + GRACE_MS, isAnswered: acks !== 0 },
    );
    if (acks === 0) return { partition, leader, offset: '-1', timestamp: null };
    const result = answer.responses[0]?.partitionResponses[0];
    if (result === undefined) throw kafkaFailure(ErrorCode.UNKNOWN_SERVER_ERROR, { subject: topic });
    // The batch is stored; only where, the broker does not remember.
    if (result.errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER) return { partition, leader, offset: '-1', timestamp: null };
    if (result.errorCode !== 0) {
      const message = result.errorMessage ?? result.recordErrors[0]?.batchIndexErrorMessage ?? null;
      throw kafkaFailure(result.errorCode, { message: message === '' ? null : message, subject: `${topic}-${partition}` });
    }
    return {
      partition,
      leader,
      offset: `${result.baseOffset}`,
      timestamp: result.logAppendTimeMs < 0n ? null : Number(result.logAppendTimeMs),
    };
  }

  close(): Promise<void> {
    this.client.close();
    return Promise.resolve();
  }
}

function unknownTopic(topic: string): AdminError {
  return kafkaFailure(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { message: `There is no topic ${topic}.`, subject: topic });
}

/** Makes the error of an unknown topic or partition final once the time is over: without Kafka's code it is not retried. */
async function endUnknown<T>(untilMs: number, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    const isUnknown = error instanceof AdminError && error.kafkaCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION;
    if (!isUnknown || performance.now() < untilMs) throw error;
    throw new AdminError(error.app, { cause: error });
  }
}

async function notAcknowledged<T>(topic: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    const { app } = error;
    throw new AdminError(
      { subject: topic, ...app, message: `The record was not acknowledged: ${app.message}` },
      { cause: error, ...(error.kafkaCode === null ? {} : { kafkaCode: error.kafkaCode }) },
    );
  }
}
