/**
 * The other client, in a thread of its own: at each broker in turn Metadata, Produce with acks=1 and Fetch, as fast as every 20 ms. Measures the
 * longest time without a complete round at any broker, and the peak of the target's resident memory.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { residentBytes } from './target.ts';
import { Client, Sockets } from './wire.ts';
import { messageOf } from '../../shared/errors.ts';

export interface ProbeStart {
  pid: number;
  ports: readonly number[];
  topic: string;
}

export interface ProbeReport {
  /** Longest time without a complete round at the broker for which it was longest, milliseconds. */
  silenceMs: number;
  peakBytes: number | undefined;
  rounds: number;
  /** Of the last failed round. */
  lastError: string | undefined;
}

const ROUND_MS = 20;
const SAMPLE_MS = 25;
const CALL_MS = 20_000;

class BrokerProbe {
  rounds = 0;
  lastError: string | undefined;
  private readonly sockets = new Sockets();
  private readonly port: number;
  private readonly topic: string;
  private client: Client | undefined;
  private lastAt = performance.now();
  private longestMs = 0;

  constructor(port: number, topic: string) {
    this.port = port;
    this.topic = topic;
  }

  async run(): Promise<never> {
    for (;;) {
      try {
        await this.round();
        this.rounds++;
        this.longestMs = this.silenceMs;
        this.lastAt = performance.now();
      } catch (error) {
        this.lastError = messageOf(error);
        this.client?.close();
        this.client = undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
    }
  }

  get silenceMs(): number {
    return Math.max(this.longestMs, performance.now() - this.lastAt);
  }

  reset(): void {
    this.longestMs = 0;
    this.rounds = 0;
    this.lastError = undefined;
    this.lastAt = performance.now();
  }

  private async round(): Promise<void> {
    const client = (this.client ??= await Client.open(this.sockets, this.port));
    const { topic } = this;
    const asked = { topics: [{ name: topic }], allowAutoTopicCreation: false };
    const { brokers, topics } = await client.call(metadata, 9, asked, CALL_MS);
    const own = brokers.find(({ port }) => port === this.port)?.nodeId;
    const led = topics[0]?.partitions.find(({ leaderId }) => leaderId === own);
    if (led === undefined) throw new Error(`the broker at port ${this.port} leads no partition of ${topic}`);
    const index = led.partitionIndex;
    const records = buildBatch({ records: [{ value: Buffer.from('probe') }], timestamp: BigInt(Date.now()) });
    const sent = { acks: 1, timeoutMs: 5_000, topicData: [{ name: topic, partitionData: [{ index, records }] }] };
    const written = (await client.call(produce, 9, sent, CALL_MS)).responses[0]?.partitionResponses[0];
    if (written?.errorCode !== 0) throw new Error(`Produce: error ${written?.errorCode ?? '?'}`);
    const partitions = [{ partition: index, fetchOffset: 0n, partitionMaxBytes: 4_096 }];
    const read = await client.call(fetch, 11, { maxWaitMs: 0, minBytes: 0, maxBytes: 4_096, topics: [{ topic, partitions }] }, CALL_MS);
    const code = read.responses[0]?.partitions[0]?.errorCode;
    if (read.errorCode !== 0 || code !== 0) throw new Error(`Fetch: error ${read.errorCode}/${code ?? '?'}`);
  }
}

const { pid, ports, topic } = workerData as ProbeStart;
const probes = ports.map((port) => new BrokerProbe(port, topic));
let peakBytes = residentBytes(pid);
setInterval(() => {
  const now = residentBytes(pid);
  if (now !== undefined) peakBytes = Math.max(now, peakBytes ?? 0);
}, SAMPLE_MS);
for (const probe of probes) void probe.run();

parentPort?.on('message', (message: 'reset' | 'report') => {
  if (message === 'reset') {
    for (const probe of probes) probe.reset();
    peakBytes = residentBytes(pid);
    parentPort?.postMessage(undefined);
    return;
  }
  const silent = probes.reduce((worst, probe) => (probe.silenceMs > worst.silenceMs ? probe : worst));
  const report: ProbeReport = {
    silenceMs: Math.round(silent.silenceMs),
    peakBytes,
    rounds: Math.min(...probes.map(({ rounds }) => rounds)),
    lastError: silent.lastError,
  };
  parentPort?.postMessage(report);
});
