/**
 * The connections that are open, each with its clients, monitor, history and producers. A connection is open while a client
 * (a window or a tab) has selected it, and for a short time after, so that a page that reloads finds its history.
 */
import type { ClusterClient } from '../admin/cluster-client.ts';
import type { RecordProducer } from '../admin/producer.ts';
import type { Connection } from '#shared/models/cluster';
import type { FigureRecorder } from './figure-history/recorder.ts';
import type { History } from './history/history.ts';
import type { IncidentLog } from './incidents/incident-log.ts';
import type { ObservedTimeline } from './incidents/observed-timeline.ts';
import type { ClusterMonitor } from './view/monitor.ts';

export interface OpenConnection {
  readonly connection: Connection;
  /** Requests that a person waits for have a client of their own, so that they never queue behind polling. */
  readonly foreground: ClusterClient;
  readonly monitor: ClusterMonitor;
  /** The views that were published since it was opened. */
  readonly history: History;
  /** What was observed of a remote cluster; null for the embedded one, whose nodes report events. */
  readonly observed: ObservedTimeline | null;
  /** Incidents of this run and of earlier ones. */
  readonly incidents: IncidentLog;
  /** Figures over time, on disk. */
  readonly figures: FigureRecorder;
  readonly producer: RecordProducer;
  readonly idempotentProducer: RecordProducer;
  close(): void;
}

interface Entry<Open> {
  open: Open;
  readonly holders: Set<string>;
  /** Runs while it has no holder. */
  closing: NodeJS.Timeout | undefined;
}

const GRACE_MS = 30_000;

/** `Open` is `OpenConnection` but in unit tests. */
export class OpenConnections<Open extends { close(): void } = OpenConnection> {
  private readonly entries = new Map<string, Entry<Open>>();
  private readonly open: (connection: Connection) => Open;
  private readonly keeps: (connectionId: string) => boolean;
  private readonly graceMs: number;

  constructor(options: {
    open: (connection: Connection) => Open;
    /** True for a connection that stays open without a client. */
    keeps: (connectionId: string) => boolean;
    graceMs?: number;
  }) {
    this.open = options.open;
    this.keeps = options.keeps;
    this.graceMs = options.graceMs ?? GRACE_MS;
  }

  get(connectionId: string): Open | undefined {
    return this.entries.get(connectionId)?.open;
  }

  /** Opens a connection that `keeps` says is always open. */
  ensure(connection: Connection): Open {
    return this.entry(connection).open;
  }

  /** Opens it if needed, and keeps it open until `release` by the same holder. */
  acquire(connection: Connection, holder: string): Open {
    const entry = this.entry(connection);
    clearTimeout(entry.closing);
    entry.closing = undefined;
    entry.holders.add(holder);
    return entry.open;
  }

  /** Closes the connection after the grace time when that was its last holder. */
  release(connectionId: string, holder: string): void {
    const entry = this.entries.get(connectionId);
    if (entry === undefined || !entry.holders.delete(holder) || entry.holders.size > 0 || this.keeps(connectionId)) return;
    entry.closing = setTimeout(() => this.close(connectionId), this.graceMs);
    entry.closing.unref();
  }

  /** Closes it and opens it with what `connection` says now; its holders stay. Undefined where it is not open. */
  reopen(connection: Connection): Open | undefined {
    const entry = this.entries.get(connection.id);
    if (entry === undefined) return undefined;
    entry.open.close();
    entry.open = this.open(connection);
    return entry.open;
  }

  /** Closes it at once, whatever holders it has. */
  close(connectionId: string): void {
    const entry = this.entries.get(connectionId);
    if (entry === undefined) return;
    this.entries.delete(connectionId);
    clearTimeout(entry.closing);
    entry.open.close();
  }

  closeAll(): void {
    for (const connectionId of [...this.entries.keys()]) this.close(connectionId);
  }

  private entry(connection: Connection): Entry<Open> {
    let entry = this.entries.get(connection.id);
    if (entry === undefined) {
      entry = { open: this.open(connection), holders: new Set(), closing: undefined };
      this.entries.set(connection.id, entry);
    }
    return entry;
  }
}
