/** One member of a group load, in a worker of its own: a kafkajs consumer that takes its time for each record and commits every second. */
import { Kafka, logLevel, type Consumer, type EachBatchPayload } from 'kafkajs';
import { fromKafkajsName, toKafkajsName, withoutAliases } from '../kafkajs-names.ts';
import { setUpKafkajs } from '../kafkajs-setup.ts';
import { KafkajsSockets } from '../kafkajs-sockets.ts';
import { GroupTally } from './group-tally.ts';
import type { FromMember, MemberStart, ToMember } from './messages.ts';

const COMMIT_MS = 1_000;
const FETCH_WAIT_MS = 250;
const REQUEST_TIMEOUT_MS = 8_000;
const CONNECTION_TIMEOUT_MS = 3_000;
const AGAIN_MS = 500;
/** What a client complained of is over when it has not for so long. */
const CALM_MS = 5_000;
/** Timers are this coarse: shorter times are taken for several records at once. */
const SHORTEST_PAUSE_MS = 4;
/** A slow member must not stay away from a stop, or from its heartbeats, for a whole record. */
const LONGEST_PAUSE_MS = 200;

export class MemberRun {
  private readonly start: MemberStart;
  private readonly tell: (message: FromMember) => void;
  private readonly kafka: Kafka;
  private readonly sockets: KafkajsSockets;
  private readonly tally: GroupTally;
  private readonly consumed: BigInt64Array;
  private readonly paused: Int32Array;
  private consumer: Consumer | undefined;
  private stopping = false;
  private complaint: string | null = null;
  private complainedAt = 0;
  /** Work that is owed for records already taken. */
  private owedMs = 0;

  constructor(start: MemberStart, tell: (message: FromMember) => void) {
    setUpKafkajs();
    this.start = start;
    this.sockets = new KafkajsSockets(start.connectHost);
    this.tell = tell;
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
          // CRASH tells that better.
          if (!/^(Crash:|Restarting the consumer)/.test(message)) this.complain(message);
        },
    });
  }

  /** Resolves when it consumes. kafkajs gives up at times (CRASH); it is started again until it is stopped. */
  async run(): Promise<void> {
    let connected = false;
    while (!this.stopping) {
      const consumer = this.create();
      this.consumer = consumer;
      try {
        await consumer.connect();
        await consumer.subscribe({ topics: this.start.spec.topics.map(toKafkajsName), fromBeginning: this.start.spec.from === 'oldest' });
        if (!connected) this.tell({ kind: 'connected' });
        connected = true;
        await consumer.run({
          autoCommit: true,
          autoCommitInterval: COMMIT_MS,
          eachBatchAutoResolve: false,
          eachBatch: (batch) => this.consume(batch),
        });
        return;
      } catch (error) {
        this.complain(textOf(error));
        consumer.disconnect().catch(() => undefined);
        await pause(AGAIN_MS);
      }
    }
  }

  receive(message: ToMember): void {
    switch (message.kind) {
      case 'pause':
        this.tell({ kind: 'paused' });
        // The thread stands still here, timers, heartbeats and sockets with it; what the kernel does for the sockets goes on.
        Atomics.wait(this.paused, 0, 1);
        this.tell({ kind: 'resumed' });
        return;
      case 'stop':
        void this.stop();
        return;
    }
  }

  /** Leaves the group in order. */
  private async stop(): Promise<void> {
    this.stopping = true;
    try {
      await this.consumer?.disconnect();
    } catch (error) {
      this.complain(textOf(error));
    }
    this.tell({ kind: 'ended' });
  }

  private create(): Consumer {
    const { spec } = this.start;
    const consumer = this.kafka.consumer({
      groupId: toKafkajsName(spec.name),
      sessionTimeout: spec.sessionTimeoutMs,
      heartbeatInterval: Math.min(1_000, spec.sessionTimeoutMs / 6),
      // The others wait so long for one that does not come back.
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
      this.tell({ kind: 'joined', memberId: payload.memberId, assignment });
    });
    consumer.on(consumer.events.HEARTBEAT, () => {
      // Its group knows it, and nothing has gone wrong since.
      if (performance.now() - this.complainedAt > CALM_MS) this.complain(null);
    });
    consumer.on(consumer.events.REBALANCING, () => this.tell({ kind: 'rejoining' }));
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      this.tell({ kind: 'rejoining' });
      this.complain(`The client gave up and is started again: ${payload.error.message}`);
      if (!payload.restart && !this.stopping) setTimeout(() => void this.run(), AGAIN_MS);
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
        // A timer that was late is made up for; a thread that stood still has not worked.
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
    this.tell({ kind: 'complaint', message });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
