/** A producer load: its worker, the worker's counts, and requested audits. */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { FromProducer, ProducerCounts, ProducerStart, ToProducer } from '../admin/load/messages.ts';
import type { LoadAudit, LoadRow, ProducerLoad } from '#shared/models/load';
import { ServiceError } from './errors.ts';
import { LoadJob, STOP_TIMEOUT_MS, within, type LoadJobOptions } from './load-job.ts';
import { LoadMeter } from './load-meter.ts';
import { messageOf } from '#shared/errors';

const AUDIT_TIMEOUT_MS = 300_000;
/** The log that an audit reads may hold records of any client. */
const HEAP_MB = 1_024;

interface AuditWaiter {
  resolve: (audit: LoadAudit) => void;
  reject: (error: Error) => void;
}

export class ProducerJob extends LoadJob {
  spec: ProducerLoad;
  private worker: Worker | undefined;
  private readonly connected = Promise.withResolvers<undefined>();
  private readonly ended = Promise.withResolvers<undefined>();
  private readonly meter = new LoadMeter();
  private counts: ProducerCounts = { sent: 0, acknowledged: 0, failed: 0, medianMs: null, p99Ms: null };
  private last: LoadAudit | null = null;
  private requests = 0;
  private readonly audits = new Map<number, AuditWaiter>();

  constructor(spec: ProducerLoad, options: LoadJobOptions) {
    super(options);
    this.spec = spec;
    // Callers that await it receive the error; without one it must not be an unhandled rejection.
    this.connected.promise.catch(() => undefined);
  }

  async start(): Promise<void> {
    const { id, bootstrap, connectHost, workerPath } = this.options;
    const workerData: ProducerStart = { kind: 'producer', bootstrap, connectHost, spec: this.spec, run: randomBytes(4).toString('hex') };
    const worker = new Worker(workerPath, { workerData, name: `load-${id}`, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    this.worker = worker;
    worker.on('message', (message: FromProducer) => this.receive(message));
    worker.on('error', (error: unknown) => this.fail(error));
    worker.once('exit', () => this.onExit());
    try {
      await this.connecting(this.connected.promise);
    } catch (error) {
      await this.destroy();
      throw error;
    }
    this.enter('running', null);
    this.options.note({
      type: 'load/started',
      topic: this.spec.topic,
      reason: `producer ${this.spec.name} started`,
      details: this.details(),
    });
  }

  async stop(): Promise<void> {
    if (!this.alive) return;
    this.enter('stopping');
    this.post({ kind: 'stop' });
    try {
      await within(this.ended.promise, STOP_TIMEOUT_MS, () => new Error('its worker does not answer'));
    } catch (error) {
      this.options.onError(`stopping load ${this.spec.name}`, error);
      await this.destroy();
    }
  }

  async destroy(): Promise<void> {
    if (this.alive) this.finish('ended', this.error);
    await this.worker?.terminate();
  }

  /** True while its worker exists, which keeps the list of sent records. */
  get auditable(): boolean {
    return this.worker !== undefined;
  }

  setRate(recordsPerSecond: number): void {
    this.spec = { ...this.spec, recordsPerSecond };
    this.post({ kind: 'rate', recordsPerSecond });
    this.options.changed();
    const { name, topic } = this.spec;
    this.options.note({ type: 'load/changed', topic, reason: `producer ${name} writes ${recordsPerSecond}/s`, details: this.details() });
  }

  async audit(): Promise<LoadAudit> {
    if (this.worker === undefined) {
      throw new ServiceError({
        code: 'NOT_FOUND',
        message: `${this.spec.name} cannot be audited: its list of sent records was released.`,
        advice: 'The result of its last audit is still valid.',
      });
    }
    const request = ++this.requests;
    const answer = new Promise<LoadAudit>((resolve, reject) => this.audits.set(request, { resolve, reject }));
    this.post({ kind: 'audit', request });
    try {
      return await within(
        answer,
        AUDIT_TIMEOUT_MS,
        () =>
          new ServiceError({
            code: 'REQUEST_TIMED_OUT',
            message: `The log could not be read within ${AUDIT_TIMEOUT_MS / 60_000} minutes.`,
          }),
      );
    } finally {
      this.audits.delete(request);
    }
  }

  tick(): void {
    if (this.alive) this.meter.sample(this.counts.acknowledged, performance.now());
  }

  row(): LoadRow {
    const { id, spec, state, since, error, counts } = this;
    const { sent, acknowledged, failed, medianMs, p99Ms } = counts;
    const running = state === 'running';
    return {
      id,
      spec,
      state,
      since,
      error,
      written: {
        sent,
        acknowledged,
        failed,
        waiting: Math.max(0, sent - acknowledged - failed),
        perSecond: this.alive ? this.meter.perSecond : 0,
        medianMs: running ? medianMs : null,
        p99Ms: running ? p99Ms : null,
        audit: this.last,
      },
      consumed: null,
    };
  }

  private receive(message: FromProducer): void {
    switch (message.kind) {
      case 'connected':
        this.connected.resolve(undefined);
        return;
      case 'counts':
        this.counts = message.counts;
        break;
      case 'audit':
        this.last = message.audit;
        break;
      case 'audited':
        this.last = message.audit;
        this.audits.get(message.request)?.resolve(message.audit);
        break;
      case 'notAudited':
        this.audits.get(message.request)?.reject(new ServiceError(message.error));
        return;
      case 'complaint':
        // An error of a running client no longer matters once the load has ended.
        if (this.alive) this.complain(message.message);
        return;
      case 'ended':
        this.finish('ended', message.reason);
        break;
    }
    this.options.changed();
  }

  private post(message: ToProducer): void {
    this.worker?.postMessage(message);
  }

  /** The worker threw an error: the topic does not exist, or there is a bug. */
  private fail(error: unknown): void {
    const failure = serviceError(error);
    this.connected.reject(failure);
    if (failure.app.code === 'INTERNAL') this.options.onError(`load ${this.spec.name}`, error);
    if (this.alive) this.finish('failed', failure.app.message);
  }

  private onExit(): void {
    this.worker = undefined;
    const failure = new ServiceError({ code: 'CANCELLED', message: `The load ${this.spec.name} was ended.` });
    this.connected.reject(failure);
    for (const { reject } of this.audits.values()) reject(failure);
    if (this.alive) this.finish('failed', 'Its worker ended.');
    this.ended.resolve(undefined);
  }

  private finish(state: 'ended' | 'failed', error: string | null): void {
    const was = this.state;
    this.enter(state, error);
    this.ended.resolve(undefined);
    if (was === 'starting') return;
    const reason = `producer ${this.spec.name} ${state === 'failed' ? 'failed' : 'ended'}`;
    this.options.note({ type: 'load/ended', topic: this.spec.topic, reason, details: this.details() });
  }

  private details(): Record<string, unknown> {
    const { name, recordsPerSecond, acks } = this.spec;
    return { loadId: this.id, kind: 'producer', name, recordsPerSecond, acks };
  }
}

/** An error from another thread has only its plain fields. */
function serviceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  const { app } = error as { app?: unknown };
  if (typeof app === 'object' && app !== null && 'code' in app && 'message' in app) {
    const { code, message, ...rest } = app as { code: unknown; message: unknown; field?: string; subject?: string; advice?: string };
    return new ServiceError({ ...rest, code: String(code), message: String(message) });
  }
  return new ServiceError({ code: 'INTERNAL', message: messageOf(error) }, { cause: error });
}
