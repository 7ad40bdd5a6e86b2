/**
 * Clients outside the app's process: kafkajs in this one, kcat (librdkafka) in processes of its own. Records are bounded by retention, and
 * what they cost the app is what the run measures.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Admin, Consumer, Kafka, Producer } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath } from '../helpers/tools.ts';

export const TOPICS = { orders: 'orders', clicks: 'clicks', state: 'state', bulk: 'bulk' } as const;
export const GROUP = 'billing';
const KCAT_GROUP = 'audit';
const KCAT_GROUP_MEMBERS = 2;
const GROUP_MEMBERS = 3;
const SEND_EVERY_MS = 100;
const RECORDS_PER_SEND = 40;
const STATE_KEYS = 2_000;
const CLICKS_PER_SEND = 60;
const BULK_EVERY_MS = 20_000;
const BULK_BYTES = 12 * 1024 * 1024;
const BULK_CODECS = ['none', 'gzip', 'lz4', 'zstd', 'snappy'];
const MEMBER_MS = 30_000;
const KCAT_MEMBER_MS = 40_000;
const KCAT_LIMIT_MS = 60_000;
const MAX_ERRORS = 30;
const MAX_ERROR_CHARACTERS = 200;

export interface LoadCounts {
  acknowledged: number;
  consumed: number;
  rebalances: number;
  bulkRounds: number;
  /** Failures of clients, which faults cause, by message. */
  errors: Record<string, number>;
}

export class Loads {
  readonly counts: LoadCounts = { acknowledged: 0, consumed: 0, rebalances: 0, bulkRounds: 0, errors: {} };
  private readonly kafka: Kafka;
  private readonly bootstrap: string;
  private readonly stopping = new AbortController();
  private readonly children = new Set<ChildProcess>();
  private work: Promise<unknown> = Promise.resolve();

  constructor(kafka: Kafka, bootstrap: string) {
    this.kafka = kafka;
    this.bootstrap = bootstrap;
  }

  /** Creates the topics, then starts every client; returns once the clients are started. */
  async start(admin: Admin): Promise<void> {
    await createTopics(admin);
    const loops = [this.writeOrders(), this.writeState(), ...Array.from({ length: GROUP_MEMBERS }, (_, i) => this.consumeOrders(i))];
    if (onPath('kcat')) {
      loops.push(this.writeClicks(), this.writeAndReadBulk());
      for (let i = 0; i < KCAT_GROUP_MEMBERS; i++) loops.push(this.consumeClicks(i));
    }
    this.work = Promise.all(loops);
    // A failure shows where `stop` awaits it.
    this.work.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    for (const child of this.children) child.kill('SIGKILL');
    await this.work;
  }

  private isRunning(): boolean {
    return !this.stopping.signal.aborted;
  }

  private async pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.stopping.signal });
    } catch {
      // The run is over; the loop sees that by itself.
    }
  }

  private count(error: unknown): void {
    const text = String(error).slice(0, MAX_ERROR_CHARACTERS);
    if (text in this.counts.errors || Object.keys(this.counts.errors).length < MAX_ERRORS)
      this.counts.errors[text] = (this.counts.errors[text] ?? 0) + 1;
  }

  private writeOrders(): Promise<void> {
    let next = 0;
    return this.write(TOPICS.orders, 6, () => {
      const number = next++;
      return { key: `customer-${number % 5_000}`, value: JSON.stringify({ order: number, note: 'x'.repeat(200) }) };
    });
  }

  private writeState(): Promise<void> {
    let next = 0;
    return this.write(TOPICS.state, 3, () => ({ key: `key-${next++ % STATE_KEYS}`, value: randomBytes(100).toString('hex') }));
  }

  /** Each send is of one partition: kafkajs numbers the records of several wrongly after one of them has failed. */
  private async write(topic: string, partitions: number, record: () => { key: string; value: string }): Promise<void> {
    while (this.isRunning()) {
      const producer: Producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
      try {
        await producer.connect();
        for (let round = 0; this.isRunning(); round++) {
          const messages = Array.from({ length: RECORDS_PER_SEND }, () => ({ ...record(), partition: round % partitions }));
          await producer.send({ topic, acks: -1, messages });
          this.counts.acknowledged += messages.length;
          await this.pause(SEND_EVERY_MS);
        }
      } catch (error) {
        // Brokers are killed; the records are not what is measured. A producer that failed numbers its next records wrongly.
        this.count(error);
        await this.pause(SEND_EVERY_MS);
      } finally {
        await producer.disconnect();
      }
    }
  }

  /** A member that leaves and joins at intervals, so that the group rebalances. */
  private async consumeOrders(index: number): Promise<void> {
    await this.pause(index * 1_000);
    while (this.isRunning()) {
      const consumer: Consumer = this.kafka.consumer({ groupId: GROUP, sessionTimeout: 10_000, heartbeatInterval: 1_000 });
      try {
        await consumer.connect();
        await consumer.subscribe({ topic: TOPICS.orders });
        consumer.on(consumer.events.GROUP_JOIN, () => {
          this.counts.rebalances++;
        });
        await consumer.run({
          eachBatch: async ({ batch }) => {
            this.counts.consumed += batch.messages.length;
            await Promise.resolve();
          },
        });
        await this.pause(index === 0 ? MEMBER_MS : MEMBER_MS * 4 + index * 10_000);
      } catch (error) {
        this.count(error);
        await this.pause(1_000);
      }
      try {
        await consumer.disconnect();
      } catch (error) {
        // Its coordinator may be down.
        this.count(error);
      }
    }
  }

  private async writeClicks(): Promise<void> {
    while (this.isRunning()) {
      const kcat = this.kcat(['-P', '-t', TOPICS.clicks, '-X', 'acks=all', '-X', 'enable.idempotence=true']);
      for (let i = 0; this.isRunning() && kcat.exitCode === null && i * SEND_EVERY_MS < KCAT_LIMIT_MS; i++) {
        kcat.stdin?.write(`${'click'.repeat(30)}\n`.repeat(CLICKS_PER_SEND));
        await this.pause(SEND_EVERY_MS);
      }
      kcat.stdin?.end();
      await ended(kcat);
    }
  }

  /** Members that are killed, so that the coordinator has to notice by the session time-out. */
  private async consumeClicks(index: number): Promise<void> {
    await this.pause(index * 5_000);
    while (this.isRunning()) {
      const kcat = this.kcat(['-G', KCAT_GROUP, '-q', '-X', 'session.timeout.ms=8000', '-f', '.', TOPICS.clicks]);
      kcat.stdout?.on('data', (chunk: Buffer) => {
        this.counts.consumed += chunk.length;
      });
      await Promise.race([ended(kcat), this.pause(KCAT_MEMBER_MS + index * 15_000)]);
      kcat.kill('SIGKILL');
      await ended(kcat);
    }
  }

  /** Bursts as fast as the brokers take them, in every compression, read back from the oldest record. */
  private async writeAndReadBulk(): Promise<void> {
    for (let round = 0; this.isRunning(); round++) {
      const codec = BULK_CODECS[round % BULK_CODECS.length] ?? 'none';
      const writer = this.kcat(['-P', '-t', TOPICS.bulk, '-z', codec, '-X', round % 2 === 0 ? 'acks=all' : 'acks=1']);
      const line = randomBytes(300).toString('base64');
      const block = `${line}\n`.repeat(1_000);
      for (let bytes = 0; bytes < BULK_BYTES && writer.exitCode === null; bytes += block.length) {
        if (writer.stdin?.write(block) === false) await drained(writer);
      }
      writer.stdin?.end();
      await ended(writer);
      const reader = this.kcat(['-C', '-t', TOPICS.bulk, '-o', 'beginning', '-e', '-q']);
      reader.stdout?.on('data', () => undefined);
      await ended(reader);
      if (this.isRunning()) this.counts.bulkRounds++;
      await this.pause(BULK_EVERY_MS);
    }
  }

  private kcat(args: readonly string[]): ChildProcess {
    const child = spawn('kcat', ['-b', this.bootstrap, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
    // A client that ends early closes its input.
    child.stdin.on('error', () => undefined);
    const timer = setTimeout(() => child.kill('SIGKILL'), KCAT_LIMIT_MS + 30_000);
    this.children.add(child);
    child.once('close', () => {
      clearTimeout(timer);
      this.children.delete(child);
    });
    if (!this.isRunning()) child.kill('SIGKILL');
    return child;
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => child.once('close', () => done()));
}

/** Until its input takes more, or it has ended. */
function drained(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      child.off('close', end);
      child.stdin?.off('drain', end);
      done();
    };
    child.once('close', end);
    child.stdin?.once('drain', end);
  });
}

async function createTopics(admin: Admin): Promise<void> {
  const config = (entries: Record<string, string>) => Object.entries(entries).map(([name, value]) => ({ name, value }));
  const bounded = { 'min.insync.replicas': '2', 'retention.bytes': String(8 * 1024 * 1024), 'segment.bytes': String(2 * 1024 * 1024) };
  const compacted = { 'min.insync.replicas': '2', 'cleanup.policy': 'compact', 'segment.bytes': String(1024 * 1024) };
  await admin.createTopics({
    waitForLeaders: true,
    topics: [
      { topic: TOPICS.orders, numPartitions: 6, replicationFactor: 3, configEntries: config(bounded) },
      { topic: TOPICS.clicks, numPartitions: 6, replicationFactor: 3, configEntries: config(bounded) },
      { topic: TOPICS.bulk, numPartitions: 3, replicationFactor: 3, configEntries: config(bounded) },
      { topic: TOPICS.state, numPartitions: 3, replicationFactor: 3, configEntries: config(compacted) },
    ],
  });
}
