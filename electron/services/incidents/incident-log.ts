/**
 * The incidents of one connection, kept in its history: those of this run as they proceed, those of earlier runs as they were last
 * observed. An incident that is open when its run ends is stored as not observed after that time; no recovery is derived.
 */
import type { Incident } from '#shared/incidents/incident';
import { endObservation, endOf, recordOf, type IncidentRecord } from '#shared/incidents/record';
import { IncidentReducer } from '#shared/incidents/reducer';
import type { TimelineEvent } from '#shared/models/timeline';
import type { StoredIncident } from '../figure-history/point-table.ts';
import { incidentKey, parseIncident, storeIncident } from './stored-incident.ts';
import { messageOf } from '#shared/errors';

export interface IncidentStore {
  recordIncidents(incidents: readonly StoredIncident[]): Promise<void>;
  incidents(from: number, until: number): Promise<StoredIncident[]>;
}

const WRITE_EVERY_MS = 1_000;
/** An open incident is written this often, so that a run that is killed leaves the time of its last observation. */
const OBSERVE_EVERY_MS = 30_000;
/** In one answer, the newest. */
const MAX_LISTED = 500;

export class IncidentLog {
  private readonly run: string;
  private readonly store: IncidentStore;
  private readonly now: () => number;
  private readonly onError: (what: string, error: unknown) => void;
  private readonly reducer = new IncidentReducer();
  /** What is stored of each incident of this run that the reducer keeps, by its id. */
  private readonly written = new Map<number, string>();
  private observedAt = 0;
  private writing = false;
  private failed = false;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  /** `run`: differs between runs whose events count from one again. `now`: wall-clock ms. */
  constructor(options: { run: string; store: IncidentStore; now: () => number; onError: (what: string, error: unknown) => void }) {
    this.run = options.run;
    this.store = options.store;
    this.now = options.now;
    this.onError = options.onError;
    this.endAbandoned().catch((error: unknown) => this.fail('reading the incidents of earlier runs', error));
  }

  /** Events of the connection's timeline, in order. */
  take(events: readonly TimelineEvent[]): void {
    for (const event of events) {
      this.reducer.add(event);
      // A node's clock may be ahead of this one.
      this.observedAt = Math.max(this.observedAt, Math.min(event.at, this.now()));
    }
    if (events.length > 0) this.schedule();
  }

  /** A broker answered at that time, wall-clock ms. */
  observe(at: number): void {
    if (Math.floor(at / OBSERVE_EVERY_MS) > Math.floor(this.observedAt / OBSERVE_EVERY_MS)) this.schedule();
    this.observedAt = Math.max(this.observedAt, at);
  }

  /** Incidents that touch the range, of all runs, ascending by start; of more than 500 the newest. */
  async list(from: number, until: number): Promise<{ run: string; incidents: IncidentRecord[]; problem: string | null }> {
    const records = new Map<string, IncidentRecord>();
    let problem: string | null = null;
    try {
      for (const row of await this.store.incidents(from, until)) {
        const record = parseIncident(row);
        if (record !== null) records.set(incidentKey(record), record.run === this.run ? record : endObservation(record));
      }
    } catch (error) {
      problem = messageOf(error);
    }
    for (const record of this.ownRecords()) {
      if (record.startedAt < until && (endOf(record) ?? Infinity) >= from) records.set(incidentKey(record), record);
    }
    const incidents = [...records.values()].sort((a, b) => a.startedAt - b.startedAt || a.eventId - b.eventId);
    return { run: this.run, incidents: incidents.slice(-MAX_LISTED), problem };
  }

  /** Nothing is observed from here on. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    this.write(this.ownRecords().map(endObservation));
  }

  private schedule(): void {
    if (this.closed) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.write(this.ownRecords());
    }, WRITE_EVERY_MS).unref();
  }

  private ownRecords(): IncidentRecord[] {
    return this.reducer.list().map((incident: Incident) => recordOf(incident, this.run, this.observedAt));
  }

  /** Those that changed. One list at a time: what changes meanwhile is in the next. */
  private write(records: readonly IncidentRecord[]): void {
    if (this.writing && !this.closed) {
      this.schedule();
      return;
    }
    const changed = records
      .map((record) => ({ record, state: stateOf(record) }))
      .filter(({ record, state }) => this.written.get(record.eventId) !== state);
    if (changed.length === 0) return;
    this.writing = true;
    this.store
      .recordIncidents(changed.map(({ record }) => storeIncident(record)))
      .then(() => {
        this.failed = false;
        for (const { record, state } of changed) this.written.set(record.eventId, state);
        this.forget(records);
      })
      .catch((error: unknown) => {
        this.fail('recording incidents', error);
        this.schedule();
      })
      .finally(() => (this.writing = false));
  }

  /** The reducer keeps a bounded number. */
  private forget(records: readonly IncidentRecord[]): void {
    const kept = new Set(records.map(({ eventId }) => eventId));
    for (const id of this.written.keys()) if (!kept.has(id)) this.written.delete(id);
  }

  /** A run that was killed left its open incidents open. Where another process still observes one, its next write opens it again. */
  private async endAbandoned(): Promise<void> {
    const open = await this.store.incidents(this.now(), this.now() + 1);
    const ended = open.flatMap((row) => {
      const record = parseIncident(row);
      return record === null || record.run === this.run || endOf(record) !== null ? [] : [storeIncident(endObservation(record))];
    });
    if (ended.length > 0) await this.store.recordIncidents(ended);
  }

  /** Once, until it works again. */
  private fail(what: string, error: unknown): void {
    if (!this.failed) this.onError(what, error);
    this.failed = true;
  }
}

/** What a row shows; of an open incident also when it was last observed. */
function stateOf({ observedAt, root, subject, ledPartitions, ...shown }: IncidentRecord): string {
  const seen = endOf(shown) === null ? Math.floor(observedAt / OBSERVE_EVERY_MS) : 0;
  return JSON.stringify([shown, ledPartitions.length, seen, root.id, subject.kind]);
}
