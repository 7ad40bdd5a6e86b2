/** One connection's figures on their way into its history, and ranges of it. */
import type { LagSample } from '#shared/models/cluster';
import type { FigureRange, FigureSample } from '#shared/models/figures';
import type { StoredIncident } from './point-table.ts';
import type { RangeQuery, SubjectSample } from './figure-store.ts';
import type { StoreClient } from './store-client.ts';
import type { StorePlace } from './store-calls.ts';
import { CLUSTER_SUBJECT, groupSubject, topicRateSubject, type TopicDirection } from './subjects.ts';

export interface FigureSpan {
  /** Wall-clock ms. */
  from: number;
  until: number;
  /** At most so many points, for each series. */
  points: number;
}

const SEND_EVERY_MS = 1_000;
/** A subject's samples in quicker succession add nothing to a step of one second. */
const MIN_SAMPLE_GAP_MS = 900;
/** Values that wait to be sent; while the worker does not take them, further ones are dropped and leave a gap. */
const MAX_VALUES = 100_000;
const MAX_SUBJECTS = 20_000;

export class FigureRecorder {
  private readonly client: StoreClient;
  private readonly connectionId: string;
  private readonly onError: (what: string, error: unknown) => void;
  private samples: SubjectSample[] = [];
  private values = 0;
  private sending = false;
  private failed = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly takenAt = new Map<string, number>();
  private readonly onClosed: () => void;
  private closed = false;

  constructor(options: {
    client: StoreClient;
    connectionId: string;
    place: StorePlace;
    onError: (what: string, error: unknown) => void;
    onClosed: () => void;
  }) {
    this.client = options.client;
    this.connectionId = options.connectionId;
    this.onError = options.onError;
    this.onClosed = options.onClosed;
    this.client
      .call(this.connectionId, 'open', options.place)
      .catch((error: unknown) => this.fail('opening the history of figures', error));
  }

  takeLag(group: string, { at, topics }: LagSample): void {
    this.take({
      at,
      subject: groupSubject(group),
      values: topics.map(({ topic, lag, atLeast }) => ({ name: topic, value: lag, atLeast })),
    });
  }

  takeClusterFigures(at: number, values: readonly FigureSample[]): void {
    this.take({ at, subject: CLUSTER_SUBJECT, values });
  }

  takeTopicRates(direction: TopicDirection, at: number, values: readonly FigureSample[]): void {
    this.take({ at, subject: topicRateSubject(direction), values });
  }

  /** Lag by topic; of a group with many topics those with the highest lag. Rejects with HISTORY_UNAVAILABLE, as do the others below. */
  lag(group: string, span: FigureSpan): Promise<FigureRange> {
    return this.range({ subject: groupSubject(group), names: null, ...span });
  }

  clusterFigures(figures: readonly string[], span: FigureSpan): Promise<FigureRange> {
    return this.range({ subject: CLUSTER_SUBJECT, names: figures, ...span });
  }

  /** Records per second of the topics with the highest rates. */
  topicRates(direction: TopicDirection, span: FigureSpan): Promise<FigureRange> {
    return this.range({ subject: topicRateSubject(direction), names: null, ...span });
  }

  /** Stores incidents; one with the id of a stored incident replaces it. */
  async recordIncidents(incidents: readonly StoredIncident[]): Promise<void> {
    await this.client.call(this.connectionId, 'putIncidents', incidents);
  }

  /** Those that touch the range, ascending by start; of more than 500 the newest. */
  incidents(from: number, until: number): Promise<StoredIncident[]> {
    return this.client.call(this.connectionId, 'incidents', { from, until });
  }

  /** What was taken is written. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClosed();
    clearTimeout(this.timer);
    // Calls are answered in order: it may follow a list that is still on its way.
    this.sending = false;
    this.send();
    this.client.call(this.connectionId, 'close', null).catch((error: unknown) => this.fail('closing the history of figures', error));
  }

  private take(sample: SubjectSample): void {
    if (this.closed) return;
    const last = this.takenAt.get(sample.subject);
    // Of a clock that was set back the samples are taken.
    if (last !== undefined && sample.at >= last && sample.at - last < MIN_SAMPLE_GAP_MS) return;
    if (this.values + sample.values.length > MAX_VALUES) return;
    if (this.takenAt.size >= MAX_SUBJECTS) this.takenAt.clear();
    this.takenAt.set(sample.subject, sample.at);
    this.samples.push(sample);
    this.values += sample.values.length;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.send();
    }, SEND_EVERY_MS).unref();
  }

  /** One list at a time: while the worker is late they collect here. */
  private send(): void {
    if (this.sending || this.samples.length === 0) return;
    const { samples } = this;
    this.samples = [];
    this.values = 0;
    this.sending = true;
    this.client
      .call(this.connectionId, 'append', samples)
      .then(() => (this.failed = false))
      .catch((error: unknown) => this.fail('recording figures', error))
      .finally(() => (this.sending = false));
  }

  private range(query: RangeQuery): Promise<FigureRange> {
    this.send();
    return this.client.call(this.connectionId, 'range', query);
  }

  /** Once, until it works again: the next failure is a second later. */
  private fail(what: string, error: unknown): void {
    if (!this.failed) this.onError(what, error);
    this.failed = true;
  }
}
