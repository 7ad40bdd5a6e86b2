/** A cluster that is broken through its control API, and a kafkajs client that judges from outside what became of it. */
import { Kafka, logLevel, type Admin, type Producer } from 'kafkajs';
import { expect } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { KafkajsSockets } from '../../electron/admin/kafkajs-sockets.ts';
import type { Fault } from '../../shared/models/lab.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { describeConfigs } from '../../electron/cluster/protocol/apis/describe-configs.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { ClusterProcess } from './cluster-process.ts';

export interface PartitionState {
  leader: number;
  isr: number[];
}

export const SESSION_MS = 3_000;
/** Until the session of a broker has expired and its partitions have other leaders: 4 s on an idle machine. */
export const FAILOVER_MS = 40_000;
/** Resource type of a topic. */
const TOPIC_RESOURCE = 2;
/** Rounds over the witnesses before a partition counts as unknown: each waits up to a second for an answer. */
const PARTITION_ROUNDS = 10;

export class FaultBench {
  readonly cluster: ClusterProcess;
  readonly kafka: Kafka;
  readonly admin: Admin;
  private readonly sockets = new KafkajsSockets();

  /** Who is asked how a partition is; a test that breaks node 3 names others. */
  witnesses: readonly number[] = [3, 2];

  private constructor(cluster: ClusterProcess) {
    this.cluster = cluster;
    this.kafka = this.client();
    this.admin = this.kafka.admin();
  }

  static async start(args?: readonly string[]): Promise<FaultBench> {
    setUpKafkajs();
    const bench = new FaultBench(await ClusterProcess.start(args));
    await bench.admin.connect();
    return bench;
  }

  client(): Kafka {
    return new Kafka({
      brokers: this.cluster.bootstrap.split(','),
      logLevel: logLevel.NOTHING,
      socketFactory: this.sockets.factory,
      requestTimeout: 1_000,
      connectionTimeout: 1_000,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
    });
  }

  async close(): Promise<void> {
    await this.heal();
    await this.admin.disconnect();
    await this.cluster.stop();
  }

  inject(fault: object): Promise<Fault> {
    return this.cluster.control('POST', '/faults', fault);
  }

  /** Ends every fault; all of them could be ended. */
  async heal(): Promise<void> {
    expect(await this.cluster.control('DELETE', '/faults')).toEqual([]);
  }

  async stateOf(node: number): Promise<string> {
    return (await this.cluster.control<{ state: string }>('GET', `/nodes/${node}`)).state;
  }

  /** With the timeline's entry of each in `events`. */
  timeline(since = 0): Promise<TimelineEvent[]> {
    return this.cluster.control('GET', `/timeline?since=${since}`);
  }

  /** What led to the latest event of that type that fits, the first cause first. */
  async causes(type: TimelineEvent['type'], fits: (event: TimelineEvent) => boolean = () => true): Promise<string[]> {
    const events = await this.timeline();
    let event = events.findLast((one) => one.type === type && fits(one));
    const chain: string[] = [];
    while (event !== undefined) {
      chain.unshift(event.type);
      const { causeId } = event;
      event = events.find(({ id }) => id === causeId);
    }
    return chain;
  }

  /** A topic whose preferred leader of partition 0 is the first of `replicas`. */
  async topic(name: string, configs: Record<string, string> = {}, replicas = [1, 2, 3]): Promise<string> {
    await this.admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic: name,
          replicaAssignment: [{ partition: 0, replicas }],
          configEntries: Object.entries({ 'min.insync.replicas': '2', ...configs }).map(([key, value]) => ({ name: key, value })),
        },
      ],
    });
    return name;
  }

  /** Node ids: the active controller first. */
  async controllerFirst(): Promise<[number, number, number]> {
    let ids: number[] = [];
    await expect
      .poll(
        async () => {
          const nodes = await this.cluster.control<{ id: number; role: string | null }[]>('GET', '/nodes');
          const leader = nodes.find(({ role }) => role === 'leader');
          ids = nodes.map(({ id }) => id).sort((a, b) => Number(b === leader?.id) - Number(a === leader?.id));
          return leader !== undefined;
        },
        { timeout: FAILOVER_MS },
      )
      .toBe(true);
    return ids as [number, number, number];
  }

  /** Partition 0 in the metadata of the first broker without a fault that answers. */
  async partition(topic: string): Promise<PartitionState> {
    let failure: unknown;
    for (let round = 0; round < PARTITION_ROUNDS; round++) {
      for (const node of this.witnesses) {
        try {
          return (await this.partitionsAt(node, [topic]))[0] ?? { leader: -1, isr: [] };
        } catch (error) {
          failure = error;
        }
      }
      await later(100);
    }
    throw failure;
  }

  /** All partitions of the topics, as one broker knows them. */
  async partitionsAt(node: number, topics: readonly string[]): Promise<PartitionState[]> {
    const body = { topics: topics.map((name) => ({ name })), allowAutoTopicCreation: false };
    const answer = await this.ask(node, (client) => client.send(metadata, 12, body, { timeoutMs: 1_000 }));
    return answer.topics.flatMap(({ partitions }) =>
      partitions
        .toSorted((one, other) => one.partitionIndex - other.partitionIndex)
        .map(({ leaderId, isrNodes }) => ({ leader: leaderId, isr: isrNodes.toSorted() })),
    );
  }

  /** A setting of a topic, as one broker returns it. */
  async configAt(node: number, topic: string, name: string): Promise<string | null | undefined> {
    const body = { resources: [{ resourceType: TOPIC_RESOURCE, resourceName: topic, configurationKeys: [name] }] };
    const answer = await this.ask(node, (client) => client.send(describeConfigs, 4, body, { timeoutMs: 1_000 }));
    return answer.results[0]?.configs[0]?.value;
  }

  private async ask<A>(node: number, send: (client: PeerClient) => Promise<A>): Promise<A> {
    const port = Number(this.cluster.bootstrap.split(',')[node - 1]?.split(':')[1]);
    const address = { host: '127.0.0.1', port };
    const client = new PeerClient({ network: tcpNetwork(), clock: systemClock, random: systemRandom(), address, clientId: 'judge' });
    try {
      return await send(client);
    } finally {
      client.close();
    }
  }

  /** Waits until the partition is as it should be; returns after how many milliseconds it was. */
  async until(topic: string, holds: (state: PartitionState) => boolean, timeoutMs: number): Promise<number> {
    const from = performance.now();
    let last: PartitionState | undefined;
    for (;;) {
      try {
        last = await this.partition(topic);
        if (holds(last)) return performance.now() - from;
      } catch (error) {
        // A broker that is being broken may be the one that was asked.
        if (performance.now() - from > timeoutMs) throw error;
      }
      if (performance.now() - from > timeoutMs) {
        throw new Error(`${topic} is ${JSON.stringify(last)} after ${timeoutMs} ms; what happened: ${await this.story()}`);
      }
      await later(100);
    }
  }

  /** The end of the timeline, an event a line. */
  private async story(): Promise<string> {
    const events = (await this.timeline()).slice(-25);
    return events.map(({ at, type, broker, reason }) => `\n${at} ${type} ${broker ?? ''} ${reason ?? ''}`).join('');
  }

  /** Everybody is back in the ISR. */
  whole(topic: string, timeoutMs = 60_000): Promise<number> {
    return this.until(topic, ({ leader, isr }) => leader > 0 && isr.length === 3, timeoutMs);
  }

  /** The values of partition 0, in their order, by a client of its own that starts from nothing. */
  async read(topic: string): Promise<string[]> {
    const [end] = await this.admin.fetchTopicOffsets(topic);
    const values: string[] = [];
    const consumer = this.client().consumer({ groupId: `reader-${Math.random()}`, maxWaitTimeInMs: 100 });
    if (end === undefined || end.high === end.low) return values;
    try {
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`${topic}: ${values.length} of ${end.high} records in 60 s`)), 60_000);
        consumer
          .run({
            eachMessage: async ({ message }) => {
              values.push(message.value?.toString() ?? '');
              if (BigInt(message.offset) < BigInt(end.high) - 1n) return;
              clearTimeout(timer);
              resolve();
            },
          })
          .catch(reject);
      });
    } finally {
      await consumer.disconnect();
    }
    return values;
  }

  /** `bytes`: of each record's key. */
  async writer(topic: string, bytes = 1): Promise<Writer> {
    const producer = this.client().producer({ idempotent: true, maxInFlightRequests: 1, metadataMaxAge: 500 });
    this.sockets.watch(producer);
    await producer.connect();
    return new Writer(producer, topic, Buffer.alloc(bytes, 107));
  }
}

/** Writes records one by one with acks=all until it is stopped. */
export class Writer {
  readonly acked: string[] = [];
  /** Milliseconds from the request to its acknowledgement, of each value in `acked`. */
  readonly durations: number[] = [];
  readonly errors: string[] = [];
  private readonly producer: Producer;
  private readonly topic: string;
  private readonly key: Buffer;
  private readonly done: Promise<void>;
  private running = true;
  private next = 0;

  constructor(producer: Producer, topic: string, key: Buffer) {
    this.key = key;
    this.producer = producer;
    this.topic = topic;
    this.done = this.run();
  }

  /**
   * The durations of the next `count` writes, all of which start after this call. A span of time around several writes would be
   * too short where this process is suspended between two of them.
   */
  async timeWrites(count: number): Promise<number[]> {
    const from = this.acked.length + 1;
    await this.more(count + 1);
    return this.durations.slice(from, from + count);
  }

  /** Waits for so many more acknowledgements. */
  async more(count: number, timeoutMs = 60_000): Promise<void> {
    const wanted = this.acked.length + count;
    const until = performance.now() + timeoutMs;
    while (this.acked.length < wanted) {
      if (performance.now() > until) {
        const missing = wanted - this.acked.length;
        throw new Error(`${missing} of ${count} writes to ${this.topic} were not acknowledged in ${timeoutMs} ms; ${this.trouble()}`);
      }
      await later(10);
    }
  }

  /** What the client has complained of, the last first. */
  private trouble(): string {
    return this.errors.length === 0
      ? 'the client waits and says nothing'
      : `the client says: ${this.errors.slice(-5).reverse().join('; ')}`;
  }

  async stop(): Promise<readonly string[]> {
    this.running = false;
    await this.done;
    await this.producer.disconnect();
    return this.acked;
  }

  private async run(): Promise<void> {
    while (this.running) {
      const value = `v${this.next++}`;
      const from = performance.now();
      try {
        const [answer] = await this.producer.send({
          topic: this.topic,
          acks: -1,
          timeout: 5_000,
          messages: [{ key: this.key, value, partition: 0 }],
        });
        // Where it knows of no partition for a moment, this client sends nothing and calls it done.
        if (answer?.errorCode === 0) {
          this.acked.push(value);
          this.durations.push(performance.now() - from);
        } else this.errors.push(`${value}: done without an answer`);
      } catch (error) {
        this.errors.push(String(error));
      }
      await later(5);
    }
  }
}

export function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Every value that was acknowledged is there, once. */
export function expectAll(acked: readonly string[], read: readonly string[]): void {
  const counts = new Map<string, number>();
  for (const value of read) counts.set(value, (counts.get(value) ?? 0) + 1);
  expect(acked.filter((value) => !counts.has(value))).toEqual([]);
  expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
}
