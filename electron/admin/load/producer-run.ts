/** A producer load in its worker: clients that share one rate limit, the ledger of their records, and the audits of the log. */
import type { PartitionMetadata } from 'kafkajs';
import { ClusterClient } from '../cluster-client.ts';
import { AdminError, toAppError } from '../errors.ts';
import { Auditor } from './auditor.ts';
import { Ledger, MOST_RECORDS } from './ledger.ts';
import type { FromProducer, ProducerStart, ToProducer } from './messages.ts';
import { LatencyWindow, TokenBucket } from './rate.ts';
import { keyIndex, keyText, LoadValues } from './values.ts';
import { WritingClient, type Outcome, type Outgoing } from './writing-client.ts';
import { messageOf } from '#shared/errors';
import { pause } from '#shared/waiting';

/** Minimum time between the starts of two batches: short at low rates, longer at high rates, where many records share a request. */
const LINGER_MS = 5;
const BUSY_LINGER_MS = 20;
const BUSY_RATE = 500;
const MOST_A_BATCH = 1_000;
/** Below `message.max.bytes`, with room for headers. */
const BATCH_BYTES = 800_000;
const RECORD_OVERHEAD_BYTES = 80;
const COUNTS_INTERVAL_MS = 250;
const RECONNECT_MS = 500;
/** A broker may not know a new topic for this time; afterwards the topic does not exist. */
const UNKNOWN_MS = 2_000;
const RETRY_MS = 100;
/** Time for records in flight at a stop. */
const STOP_TIMEOUT_MS = 10_000;
/** Interval of audits while the load runs, or a multiple of the duration of the last audit if that is longer. */
const AUDIT_MS = 3_000;
const AUDIT_SHARE = 10;

export class ProducerRun {
  private readonly start: ProducerStart;
  private readonly post: (message: FromProducer) => void;
  private readonly ledger = new Ledger();
  private readonly latency = new LatencyWindow();
  private readonly values: LoadValues;
  private readonly bucket: TokenBucket;
  private readonly client: ClusterClient;
  private readonly auditor: Auditor;
  private clients: WritingClient[] = [];
  private loops: Promise<void> = Promise.resolve();
  private stopping = false;
  private complaint: string | null = null;

  constructor(start: ProducerStart, post: (message: FromProducer) => void) {
    this.start = start;
    this.post = post;
    this.values = new LoadValues(start.run, start.spec.valueBytes);
    this.bucket = new TokenBucket(start.spec.recordsPerSecond, performance.now());
    this.client = new ClusterClient({ bootstrap: start.bootstrap, clientId: 'brokerdesk-load', connectHost: start.connectHost });
    this.auditor = new Auditor(this.client, start.spec, this.ledger, this.values);
  }

  /** Resolves when the load has ended by itself or was stopped. */
  async run(): Promise<void> {
    const { spec, bootstrap, connectHost } = this.start;
    const complain = (message: string | null): void => this.complain(message);
    const partitions = await this.partitions();
    this.clients = Array.from(
      { length: spec.clients },
      (_, index) => new WritingClient({ spec, bootstrap, connectHost, number: index + 1, partitions, complain }),
    );
    await Promise.all(this.clients.map((client) => this.connect(client)));
    this.complain(null);
    this.post({ kind: 'connected' });
    const countsTimer = setInterval(() => this.postCounts(), COUNTS_INTERVAL_MS);
    let ended = false;
    const auditing = this.auditPeriodically(() => ended);
    // Discards the tokens that accumulated while the clients connected.
    this.bucket.take(Infinity, performance.now());
    this.loops = Promise.all(this.clients.map((client, index) => this.loop(client, index + 1))).then(() => undefined);
    await this.loops;
    ended = true;
    clearInterval(countsTimer);
    for (const client of this.clients) client.end();
    this.postCounts();
    const full = this.ledger.sent >= MOST_RECORDS && this.ledger.sent !== spec.records;
    this.post({
      kind: 'ended',
      reason: full ? `The load ended at the limit of ${MOST_RECORDS.toLocaleString('en')} records that can be audited.` : null,
    });
    await auditing;
    await this.audit(true);
  }

  receive(message: ToProducer): void {
    switch (message.kind) {
      case 'rate':
        this.bucket.setRate(message.recordsPerSecond, performance.now());
        return;
      case 'stop':
        this.stop();
        return;
      case 'audit':
        this.auditor.audit(true).then(
          (audit) => this.post({ kind: 'audited', request: message.request, audit }),
          (error: unknown) => this.post({ kind: 'notAudited', request: message.request, error: toAppError(error) }),
        );
        return;
    }
  }

  private stop(): void {
    if (this.stopping) return;
    this.stopping = true;
    const timer = setTimeout(() => {
      for (const client of this.clients) client.end();
    }, STOP_TIMEOUT_MS);
    void this.loops.then(() => clearTimeout(timer));
  }

  /** Partitions in the form of kafkajs, before its own first metadata request. */
  private async partitions(): Promise<PartitionMetadata[]> {
    const { topic } = this.start.spec;
    const unknownUntil = performance.now() + UNKNOWN_MS;
    let [found] = (await this.client.metadata([topic])).topics;
    while (found === undefined || found.partitions.length === 0) {
      if (performance.now() >= unknownUntil)
        throw new AdminError({ code: 'NOT_FOUND', message: `There is no topic ${topic}.`, subject: topic, field: 'topic' });
      await pause(RETRY_MS);
      [found] = (await this.client.metadata([topic])).topics;
    }
    return found.partitions.map((partition) => ({
      partitionErrorCode: partition.errorCode,
      partitionId: partition.partitionIndex,
      leader: partition.leaderId,
      replicas: [...partition.replicaNodes],
      isr: [...partition.isrNodes],
    }));
  }

  private async loop(client: WritingClient, number: number): Promise<void> {
    const { spec } = this.start;
    const most = Math.max(1, Math.min(MOST_A_BATCH, Math.floor(BATCH_BYTES / (spec.valueBytes + RECORD_OVERHEAD_BYTES))));
    while (!this.stopping) {
      if (!client.connected) {
        await this.connect(client);
        continue;
      }
      const began = performance.now();
      const left = Math.min(spec.records ?? Infinity, MOST_RECORDS) - this.ledger.sent;
      if (left <= 0) return;
      const count = this.bucket.take(Math.min(most, left), began);
      if (count === 0) {
        // In short steps, so that a new rate and a stop take effect soon.
        await pause(Math.min(200, Math.max(LINGER_MS, this.bucket.waitMs(began))));
        continue;
      }
      await client.send(this.batch(client, number, count), this.outcome(began));
      const linger = count >= most / 2 ? 0 : count * (1_000 / BUSY_LINGER_MS) > BUSY_RATE / spec.clients ? BUSY_LINGER_MS : LINGER_MS;
      const rest = began + linger - performance.now();
      await pause(Math.max(0, rest));
    }
  }

  private batch(client: WritingClient, number: number, count: number): Outgoing[] {
    const { keys } = this.start.spec;
    return Array.from({ length: count }, () => {
      const index = keyIndex(keys, this.ledger.sent);
      const key = index < 0 ? null : keyText(index);
      const partition = client.partitionOf(key);
      const sequence = this.ledger.send(partition);
      return { sequence, message: { key, value: this.values.encode(number, sequence), partition } };
    });
  }

  private outcome(began: number): Outcome {
    let firstAcknowledged = -1;
    return {
      acknowledged: (sequence, offset) => {
        this.ledger.acknowledge(sequence, offset);
        const now = performance.now();
        this.latency.add(now - began, 1, now);
        // An acknowledgement clears the error of the client.
        if (firstAcknowledged < 0) {
          firstAcknowledged = sequence;
          this.complain(null);
        }
      },
      failed: (sequence) => this.ledger.fail(sequence),
    };
  }

  /** Retries until the client is connected or the load is stopped. */
  private async connect(client: WritingClient): Promise<void> {
    while (!this.stopping) {
      try {
        await client.connect();
        return;
      } catch (error) {
        this.complain(messageOf(error));
        await pause(RECONNECT_MS);
      }
    }
  }

  private complain(message: string | null): void {
    if (message === this.complaint) return;
    this.complaint = message;
    this.post({ kind: 'complaint', message });
  }

  private postCounts(): void {
    const { sent, acknowledged, failed } = this.ledger;
    this.post({ kind: 'counts', counts: { sent, acknowledged, failed, ...this.latency.percentiles(performance.now()) } });
  }

  private async auditPeriodically(ended: () => boolean): Promise<void> {
    let next = performance.now() + AUDIT_MS;
    while (!ended()) {
      await pause(100);
      if (performance.now() < next) continue;
      const began = performance.now();
      await this.audit(false);
      next = performance.now() + Math.max(AUDIT_MS, (performance.now() - began) * AUDIT_SHARE);
    }
  }

  /** A periodic audit, which fails without an error when no broker answers. */
  private async audit(whole: boolean): Promise<void> {
    try {
      this.post({ kind: 'audit', audit: await this.auditor.audit(whole) });
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      this.complain(error.app.message);
    }
  }
}
