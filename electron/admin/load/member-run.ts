/** One member of a group load, in its own worker: a kafkajs consumer with a processing time per record, which commits every second. */
import { Kafka, logLevel, type Consumer, type EachBatchPayload } from 'kafkajs';
import { fromKafkajsName, toKafkajsName, withoutAliases } from '../kafkajs-names.ts';
import { setUpKafkajs } from '../kafkajs-setup.ts';
import { KafkajsSockets } from '../kafkajs-sockets.ts';
import { GroupTally } from './group-tally.ts';
import type { FromMember, MemberStart, ToMember } from './messages.ts';
import { messageOf } from '#shared/errors';
import { pause } from '#shared/waiting';

const COMMIT_MS = 1_000;
const FETCH_WAIT_MS = 250;
const REQUEST_TIMEOUT_MS = 8_000;
const CONNECTION_TIMEOUT_MS = 3_000;
const RETRY_MS = 500;
/** An error of the client is cleared after this time without another one. */
const CALM_MS = 5_000;
/** Resolution of timers: shorter processing times are added up over several records. */
const SHORTEST_PAUSE_MS = 4;
/** A slow member reacts to a stop and sends heartbeats during the processing of a record. */
const LONGEST_PAUSE_MS = 200;

export class MemberRun {
  private readonly start: MemberStart;
  private readonly post: (message: FromMember) => void;
  private readonly kafka: Kafka;
  private readonly sockets: KafkajsSockets;
  private readonly tally: GroupTally;
  private readonly consumed: BigInt64Array;
  private readonly paused: Int32Array;
  private consumer: Consumer | undefined;
  private stopping = false;
  private complaint: string | null = null;
  private complainedAt = 0;
  /** Processing time of consumed records that has not passed yet. */
  private owedMs = 0;

  constructor(start: MemberStart, post: (message: FromMember) => void) {
    setUpKafkajs();
    this.start = start;
    this.sockets = new KafkajsSockets(start.connectHost);
    this.post = post;
    this.tally = new GroupTally(start.tally, start.spec.topics);
    this.consumed = new BigInt64Array(start.consumed);
    this.paused = new Int32Array(start.paused);
    this.kafka = new Kafka({
      clientId: `load-${start.spec.name}-${start.number}`,
      brokers: this.sockets.seeds(start.bootstrap),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: { retries: 10, initialRetryTime: 100, maxRetryTime: 1_000 },
      socketFactory: this.sockets.factory,
      logLevel: logLevel.ERROR,
      logCreator:
        () =>
        ({ log: { message } }) => {
          // The CRASH event reports these errors.
          if (!/^(Crash:|Restarting the consumer)/.test(message)) this.complain(message);
        },
    });
  }

  /** Resolves when the consumer runs. kafkajs may stop with a CRASH event; the consumer is then restarted until `stop`. */
  async run(): Promise<void> {
    let connected = false;
    while (!this.stopping) {
      const consumer = this.create();
      this.consumer = consumer;
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: this.start.spec.topics.map(toKafkajsName), fromBeginning: this.start.spec.from === 'oldest' });
        if (!connected) this.post({ kind: 'connected' });
        connected = true;
        await consumer.run({
          autoCommit: true,
          autoCommitInterval: COMMIT_MS,
          eachBatchAutoResolve: false,
          eachBatch: (batch) => this.consume(batch),
        });
        return;
      } catch (error) {
        this.complain(messageOf(error));
        consumer.disconnect().catch(() => undefined);
        await pause(RETRY_MS);
      }
    }
  }

  receive(message: ToMember): void {
    switch (message.kind) {
      case 'pause':
        this.post({ kind: 'paused' });
        // Blocks the thread with its timers, heartbeats and sockets; only the kernel still handles the connections.
        Atomics.wait(this.paused, 0, 1);
        this.post({ kind: 'resumed' });
        return;
      case 'stop':
        void this.stop();
        return;
    }
  }

  /** Leaves the group. */
  private async stop(): Promise<void> {
    this.stopping = true;
    try {
      await this.consumer?.disconnect();
    } catch (error) {
      this.complain(messageOf(error));
    }
    this.post({ kind: 'ended' });
  }

  private create(): Consumer {
    const { spec } = this.start;
    const consumer = this.kafka.consumer({
      groupId: toKafkajsName(spec.name),
      sessionTimeout: spec.sessionTimeoutMs,
      heartbeatInterval: Math.min(1_000, spec.sessionTimeoutMs / 6),
      // How long a rebalance waits for a member that does not rejoin.
      rebalanceTimeout: Math.max(10_000, spec.sessionTimeoutMs),
      maxWaitTimeInMs: FETCH_WAIT_MS,
      allowAutoTopicCreation: false,
    });
    this.sockets.watch(consumer);
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.complain(null);
      const assignment = Object.entries(payload.memberAssignment).map(([topic, partitions]) => ({
        topic: fromKafkajsName(topic),
        partitions: [...partitions].sort((a, b) => a - b),
      }));
      this.post({ kind: 'joined', memberId: payload.memberId, assignment });
    });
    consumer.on(consumer.events.HEARTBEAT, () => {
      // A successful heartbeat, and no recent error.
      if (performance.now() - this.complainedAt > CALM_MS) this.complain(null);
    });
    consumer.on(consumer.events.REBALANCING, () => this.post({ kind: 'rejoining' }));
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.post({ kind: 'rejoining' });
      this.complain(`The consumer crashed and is restarted: ${payload.error.message}`);
      if (!payload.restart && !this.stopping) setTimeout(() => void this.run(), RETRY_MS);
    });
    return consumer;
  }

  private async consume(work: EachBatchPayload): Promise<void> {
    const { batch } = work;
    const { perRecordMs } = this.start.spec;
    const topic = fromKafkajsName(batch.topic);
    for (const { offset } of batch.messages) {
      if (!work.isRunning() || work.isStale()) return;
      this.owedMs += perRecordMs;
      while (this.owedMs >= SHORTEST_PAUSE_MS) {
        const began = performance.now();
        await pause(Math.min(this.owedMs, LONGEST_PAUSE_MS));
        // A late timer is compensated, up to a limit: a blocked thread has not processed records.
        this.owedMs = Math.max(-LONGEST_PAUSE_MS, this.owedMs - (performance.now() - began));
        if (!work.isRunning()) return;
        await work.heartbeat();
        await work.commitOffsetsIfNecessary();
      }
      Atomics.add(this.consumed, 0, 1n);
      this.tally.consume(topic, batch.partition, BigInt(offset));
      work.resolveOffset(offset);
    }
    await work.heartbeat();
  }

  private complain(reason: string | null): void {
    const message = reason === null ? null : withoutAliases(reason);
    if (message !== null) this.complainedAt = performance.now();
    if (message === this.complaint) return;
    this.complaint = message;
    this.post({ kind: 'complaint', message });
  }
}
