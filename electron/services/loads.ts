/**
 * Loads on the embedded cluster: starts, stops and lists the jobs (`GroupJob`, `ProducerJob`) and notifies listeners of changes. It needs
 * only a bootstrap address, so that scenarios use it without the app.
 */
import type { LoadAudit, LoadRow, LoadSpec } from '#shared/models/load';
import { checkProducible } from '#shared/topic-rules';
import { ClusterClient } from '../admin/cluster-client.ts';
import type { ClusterNote } from '../cluster/cluster.ts';
import { ServiceError } from './errors.ts';
import { GroupJob } from './group-job.ts';
import type { Loads } from './load.ts';
import { ProducerJob } from './producer-job.ts';
import { Listeners } from '#shared/listeners';

/** Ended producer loads that can still be audited, at twelve bytes a record; of older ones only the counts are kept. */
const MOST_AUDITABLE = 8;
/** Each load has one or more threads. */
const MOST_ALIVE = 20;
const NOTIFY_INTERVAL_MS = 250;
/** A broker may receive the metadata of a new topic after the topic's creation was acknowledged. */
const TOPIC_METADATA_TIMEOUT_MS = 2_000;

export interface LoadsOptions {
  /** Where clients connect; null while the cluster is not available. */
  bootstrap: () => string | null;
  /** See `ClusterClient`. */
  connectHost?: string;
  /** The load worker's entry. */
  workerPath: string;
  onError: (what: string, error: unknown) => void;
  /** Records an action on the timeline. */
  note?: (note: ClusterNote) => void;
}

type Job = ProducerJob | GroupJob;

export class LoadService implements Loads {
  private readonly options: LoadsOptions;
  private readonly listeners = new Listeners<readonly LoadRow[]>();
  private jobs: Job[] = [];
  private nextId = 1;
  private ticking: NodeJS.Timeout | undefined;
  private lastNotified = '[]';
  private closed = false;

  constructor(options: LoadsOptions) {
    this.options = options;
  }

  async start(spec: LoadSpec): Promise<LoadRow> {
    const bootstrap = this.options.bootstrap();
    if (this.closed || bootstrap === null)
      throw new ServiceError({ code: 'NOT_CONNECTED', message: 'The embedded cluster is not running.' });
    this.checkNew(spec);
    const refusal = spec.kind === 'producer' ? checkProducible(spec.topic) : null;
    if (refusal !== null) throw new ServiceError({ code: 'INVALID_TOPIC_EXCEPTION', message: refusal, field: 'topic' });
    const options = {
      id: this.nextId++,
      bootstrap,
      connectHost: this.options.connectHost,
      workerPath: this.options.workerPath,
      changed: () => this.tick(),
      note: (note: ClusterNote) => this.note(note),
      onError: this.options.onError,
    };
    const job = spec.kind === 'producer' ? new ProducerJob(spec, options) : new GroupJob(spec, options);
    this.jobs.push(job);
    this.tick();
    try {
      const client = new ClusterClient({ bootstrap, clientId: 'brokerdesk-load', connectHost: options.connectHost });
      await checkTopics(client, spec.kind === 'producer' ? [spec.topic] : spec.topics, spec.kind === 'producer' ? 'topic' : 'topics');
      await job.start();
    } catch (error) {
      await job.destroy();
      this.jobs = this.jobs.filter((one) => one !== job);
      this.notify();
      throw error;
    }
    this.notify();
    return job.row();
  }

  async stop(id: number): Promise<LoadRow> {
    const job = this.job(id);
    await job.stop();
    await this.releaseOldest();
    this.notify();
    return job.row();
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.jobs.filter(({ alive }) => alive).map(({ id }) => this.stop(id)));
  }

  remove(id: number): void {
    const job = this.job(id);
    if (job.alive) {
      throw new ServiceError({ code: 'INVALID_PAYLOAD', message: `${job.spec.name} is still running.`, advice: 'Stop it first.' });
    }
    this.jobs = this.jobs.filter((one) => one !== job);
    job.destroy().catch((error: unknown) => this.options.onError(`removing load ${id}`, error));
    this.notify();
  }

  async change(id: number, to: { recordsPerSecond?: number | undefined; members?: number | undefined }): Promise<LoadRow> {
    const job = this.running(id);
    if (to.recordsPerSecond !== undefined) {
      if (!(job instanceof ProducerJob)) throw wrongKind(job, 'a group has no rate', 'recordsPerSecond');
      job.setRate(to.recordsPerSecond);
    }
    if (to.members !== undefined) {
      if (!(job instanceof GroupJob)) throw wrongKind(job, 'a producer has no members', 'members');
      await job.setMembers(to.members);
    }
    this.notify();
    return job.row();
  }

  async member(id: number, number: number, action: 'crash' | 'pause' | 'resume'): Promise<LoadRow> {
    const job = this.running(id);
    if (!(job instanceof GroupJob)) throw wrongKind(job, 'a producer has no members', 'id');
    await job[action](number);
    this.notify();
    return job.row();
  }

  async audit(id: number): Promise<LoadAudit> {
    const job = this.job(id);
    if (!(job instanceof ProducerJob)) throw wrongKind(job, 'a group writes no records that an audit could look for', 'id');
    return job.audit();
  }

  list(): readonly LoadRow[] {
    return this.jobs.map((job) => job.row());
  }

  onChange(listener: (loads: readonly LoadRow[]) => void): () => void {
    return this.listeners.add(listener);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.ticking);
    this.ticking = undefined;
    this.listeners.clear();
    await Promise.all(this.jobs.map((job) => job.destroy()));
  }

  private note(note: ClusterNote): void {
    if (!this.closed) this.options.note?.(note);
  }

  /** Samples the jobs while one runs, and notifies listeners of changes. */
  private tick(): void {
    if (this.closed) return;
    this.ticking ??= setInterval(() => {
      for (const job of this.jobs) job.tick();
      this.notify();
      if (!this.jobs.some(({ alive }) => alive)) {
        clearInterval(this.ticking);
        this.ticking = undefined;
      }
    }, NOTIFY_INTERVAL_MS);
    this.ticking.unref();
  }

  private notify(): void {
    const rows = this.list();
    const text = JSON.stringify(rows);
    if (text === this.lastNotified) return;
    this.lastNotified = text;
    this.listeners.notify(rows);
  }

  /** Releases the memory of ended producer loads but the newest `MOST_AUDITABLE`. */
  private async releaseOldest(): Promise<void> {
    const held = this.jobs.filter((job) => job instanceof ProducerJob && !job.alive && job.auditable);
    await Promise.all(held.slice(0, -MOST_AUDITABLE).map((job) => job.destroy()));
  }

  private checkNew({ kind, name }: LoadSpec): void {
    const alive = this.jobs.filter((job) => job.alive);
    if (alive.some(({ spec }) => spec.kind === kind && spec.name === name)) {
      throw new ServiceError({
        code: 'INVALID_PAYLOAD',
        message: `A ${kind} load ${name} is running.`,
        advice: 'Choose another name, or stop it.',
        field: 'name',
      });
    }
    if (alive.length >= MOST_ALIVE) {
      throw new ServiceError({ code: 'INVALID_PAYLOAD', message: `${MOST_ALIVE} loads run already.`, advice: 'Stop one of them first.' });
    }
  }

  private job(id: number): Job {
    const job = this.jobs.find((one) => one.id === id);
    if (job === undefined) throw new ServiceError({ code: 'NOT_FOUND', message: `There is no load ${id}.`, field: 'id' });
    return job;
  }

  private running(id: number): Job {
    const job = this.job(id);
    if (job.state !== 'running')
      throw new ServiceError({ code: 'INVALID_PAYLOAD', message: `${job.spec.name} is not running.`, field: 'id' });
    return job;
  }
}

function wrongKind(job: Job, why: string, field: string): ServiceError {
  return new ServiceError({ code: 'INVALID_PAYLOAD', message: `${job.spec.name}: ${why}.`, field });
}

/** A client would wait for a topic that does not exist, or create it. Throws NOT_FOUND then. Closes `client`. */
async function checkTopics(client: ClusterClient, topics: readonly string[], field: string): Promise<void> {
  try {
    for (const deadline = performance.now() + TOPIC_METADATA_TIMEOUT_MS; ;) {
      const found = (await client.metadata([...topics])).topics.flatMap(({ name, partitions }) => (partitions.length > 0 ? [name] : []));
      const missing = topics.filter((topic) => !found.includes(topic));
      if (missing.length === 0) return;
      if (performance.now() > deadline) {
        throw new ServiceError({
          code: 'NOT_FOUND',
          message: `There is no topic ${missing.join(', ')}.`,
          advice: 'Create it first.',
          field,
          subject: missing.join(', '),
        });
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    client.close();
  }
}
