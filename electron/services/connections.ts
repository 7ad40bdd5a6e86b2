/** Clusters that the user knows, those of them that are open, and the clients (windows and tabs) that have selected one. */
import { randomUUID } from 'node:crypto';
import { ClusterClient, parseBootstrap } from '../admin/cluster-client.ts';
import { ClusterIdentity } from '../admin/cluster-identity.ts';
import { AdminError } from '../admin/errors.ts';
import { RecordProducer } from '../admin/producer.ts';
import type { StoredConnection } from '#shared/connections-schema';
import type { ConnectionList } from '#shared/ipc';
import type { Connection } from '#shared/models/cluster';
import type { Fault } from '#shared/models/lab';
import type { LoadRow } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import { ConnectionsFile } from './connections-file.ts';
import { ClientSession, type Deliver, type SessionHost } from './client-session.ts';
import type { EventBus } from './event-bus.ts';
import { ClusterSampler } from './figure-history/cluster-sampler.ts';
import type { FigureHistory } from './figure-history/figure-history.ts';
import { IncidentLog } from './incidents/incident-log.ts';
import { ObservedTimeline } from './incidents/observed-timeline.ts';
import { History } from './history/history.ts';
import type { LabNode } from './lab.ts';
import { OpenConnections, type OpenConnection } from './open-connections.ts';
import { toClusterPatch } from './view-diff.ts';
import { ClusterMonitor } from './view/monitor.ts';

export const EMBEDDED_ID = 'embedded';
const CLIENT_ID = 'brokerdesk';
const MAX_REMOVED = 50;
/** Of this process: ids of the embedded cluster's events continue when its connection is reopened. */
const PROCESS_RUN = randomUUID();

export interface EmbeddedSource {
  /** Null while the cluster starts, and when it could not. */
  bootstrap(): string | null;
  /** See `ClusterClient`. */
  connectHost?: string;
  nodes(): Promise<readonly LabNode[]>;
  /** Active faults. */
  faults(): readonly Fault[];
  loads(): readonly LoadRow[];
  /** All events of this run that are kept, oldest first. */
  timeline(): readonly TimelineEvent[];
}

export class ConnectionsService implements SessionHost {
  private readonly file: ConnectionsFile | null;
  private readonly events: EventBus;
  private readonly embedded: EmbeddedSource | null;
  private readonly figures: Pick<FigureHistory, 'record' | 'delete'>;
  private readonly onError: (what: string, error: unknown) => void;
  private readonly onReleased: (clientId: string) => void;
  private readonly open: OpenConnections;
  private readonly sessions = new Set<ClientSession>();
  /** Connections removed in this run, by id, with their index in the list, for undo. Bounded: the oldest is dropped first. */
  private readonly removed = new Map<string, { connection: StoredConnection; index: number }>();
  /** Kept for this run only, where there is no file. */
  private unsaved: StoredConnection[] = [];

  constructor(options: {
    /** Where remote connections are kept; null keeps them for this run only. */
    file: string | null;
    events: EventBus;
    embedded: EmbeddedSource | null;
    figures: Pick<FigureHistory, 'record' | 'delete'>;
    onError: (what: string, error: unknown) => void;
    /** Receives sentences about stored connections that could not be read. */
    onProblem: (problem: string) => void;
    /** A client has left its connection: what it had begun there ends. */
    onReleased: (clientId: string) => void;
  }) {
    this.file = options.file === null ? null : new ConnectionsFile(options.file, options.onProblem);
    this.events = options.events;
    this.embedded = options.embedded;
    this.figures = options.figures;
    this.onError = options.onError;
    this.onReleased = options.onReleased;
    // The history of the embedded cluster has no hole where no client looked.
    this.open = new OpenConnections({ open: (connection) => this.openConnection(connection), keeps: (id) => id === EMBEDDED_ID });
    const embedded = this.embeddedConnection();
    if (embedded !== null) this.open.ensure(embedded);
    // Reads the file, so that what is wrong with it is known at once.
    this.all();
  }

  /** Opens a session for a client; it ends with its `end`. */
  connect(deliver: Deliver): ClientSession {
    const session: ClientSession = new ClientSession(this, this.events, deliver, () => this.sessions.delete(session));
    this.sessions.add(session);
    return session;
  }

  list(): ConnectionList {
    return { connections: this.all() };
  }

  acquire(connectionId: string, session: ClientSession): OpenConnection {
    const connection = this.all().find(({ id }) => id === connectionId);
    if (connection === undefined) {
      throw new AdminError({
        code: 'NOT_FOUND',
        message: 'The connection was not selected: it was removed.',
        advice: 'Select another one on the Connections page.',
        subject: connectionId,
      });
    }
    return this.open.acquire(connection, session.id);
  }

  release(connectionId: string, session: ClientSession): void {
    this.open.get(connectionId)?.monitor.unwatch(session.id);
    this.open.release(connectionId, session.id);
    this.onReleased(session.id);
  }

  opened(connectionId: string): OpenConnection | undefined {
    return this.open.get(connectionId);
  }

  /** Connects before it stores the connection. */
  async add(input: { name: string; bootstrap: string; colour: Connection['colour'] }): Promise<ConnectionList & { addedId: string }> {
    const addresses = parseBootstrap(input.bootstrap).map(({ host, port }) => `${host}:${port}`);
    const bootstrap = addresses.join(',');
    const probe = new ClusterClient({ bootstrap, clientId: CLIENT_ID });
    try {
      await probe.metadata([]);
      await requireOneCluster(addresses);
    } catch (error) {
      if (error instanceof AdminError) throw new AdminError({ ...error.app, field: 'bootstrap' }, { cause: error });
      throw error;
    } finally {
      probe.close();
    }
    const connection: StoredConnection = { id: randomUUID(), name: input.name, kind: 'remote', bootstrap, colour: input.colour };
    this.change((others) => [...others, connection]);
    this.publishList();
    return { ...this.list(), addedId: connection.id };
  }

  /** Clients that have it selected stay without a cluster until they select another: none is moved to one silently. */
  remove(id: string): ConnectionList {
    if (id === EMBEDDED_ID) throw new AdminError({ code: 'INVALID_PAYLOAD', message: 'The embedded cluster cannot be removed.' });
    this.change((others) => {
      const index = others.findIndex((one) => one.id === id);
      const connection = others[index];
      if (connection !== undefined) this.keepRemoved(connection, index);
      return others.filter((one) => one.id !== id);
    });
    for (const session of this.sessions) if (session.selectedId === id) this.onReleased(session.id);
    this.open.close(id);
    this.publishList();
    return this.list();
  }

  /** Undoes `remove`. Throws NOT_FOUND for what was not removed in this run. */
  restore(id: string): ConnectionList {
    const found = this.removed.get(id);
    if (found === undefined) {
      throw new AdminError({
        code: 'NOT_FOUND',
        message: 'The connection cannot be restored: it was not removed since Brokerdesk started.',
        advice: 'Add it again.',
        subject: id,
      });
    }
    this.change((others) => (others.some((one) => one.id === id) ? [...others] : others.toSpliced(found.index, 0, found.connection)));
    this.removed.delete(id);
    this.publishList();
    return this.list();
  }

  private keepRemoved(connection: StoredConnection, index: number): void {
    this.removed.set(connection.id, { connection, index });
    const [oldest] = this.removed.values();
    if (this.removed.size <= MAX_REMOVED || oldest === undefined) return;
    this.removed.delete(oldest.connection.id);
    this.figures.delete(oldest.connection);
  }

  /** Called when the embedded cluster has started or failed to start: reopens its connection. */
  embeddedChanged(): void {
    const embedded = this.embeddedConnection();
    const open = embedded === null ? undefined : this.open.reopen(embedded);
    for (const session of this.sessions) if (session.selectedId === EMBEDDED_ID) open?.monitor.watch(session.id, session.interest);
    this.publishList();
    this.events.publish('connection/reopened', { connectionId: EMBEDDED_ID }, { connectionId: EMBEDDED_ID });
  }

  /** Events of the embedded cluster. */
  embeddedAppended(appended: TimelineEvent[]): void {
    this.open.get(EMBEDDED_ID)?.incidents.take(appended);
    this.events.publish('timeline/appended', { events: appended }, { connectionId: EMBEDDED_ID });
  }

  /** Faults of the embedded cluster are part of its history. */
  faultsChanged(faults: readonly Fault[]): void {
    this.open.get(EMBEDDED_ID)?.history.takeFaults(faults);
    this.events.publish('lab/faultsChanged', { faults: [...faults] }, { connectionId: EMBEDDED_ID });
  }

  /** Loads run on the embedded cluster. */
  loadsChanged(loads: readonly LoadRow[]): void {
    this.open.get(EMBEDDED_ID)?.history.takeLoads(loads);
    this.events.publish('load/changed', { loads: [...loads] }, { connectionId: EMBEDDED_ID });
  }

  close(): void {
    this.open.closeAll();
    // No removal can be undone from here on.
    for (const { connection } of this.removed.values()) this.figures.delete(connection);
  }

  private all(): Connection[] {
    const embedded = this.embeddedConnection();
    return [...(embedded === null ? [] : [embedded]), ...(this.file?.read() ?? this.unsaved)];
  }

  private embeddedConnection(): Connection | null {
    if (this.embedded === null) return null;
    return { id: EMBEDDED_ID, name: 'Embedded cluster', kind: 'embedded', bootstrap: this.embedded.bootstrap() ?? '', colour: 'flow' };
  }

  private change(change: (connections: readonly StoredConnection[]) => StoredConnection[]): void {
    if (this.file === null) this.unsaved = change(this.unsaved);
    else this.file.change(change);
  }

  private publishList(): void {
    this.events.publish('connection/changed', this.list(), 'all');
  }

  private openConnection(connection: Connection): OpenConnection {
    const { events, onError } = this;
    const connectionId = connection.id;
    const embedded = connection.kind === 'embedded' ? this.embedded : null;
    const bootstrap = connection.bootstrap === '' ? null : connection.bootstrap;
    const connectHost = embedded?.connectHost;
    const identity = new ClusterIdentity();
    const createClient = (): ClusterClient => new ClusterClient({ bootstrap, clientId: CLIENT_ID, connectHost, identity });
    const [client, quorumClient, foreground] = [createClient(), createClient(), createClient()];
    const history = new History({ faults: embedded?.faults() ?? null, loads: embedded?.loads() ?? null, onError });
    const figures = this.figures.record(connection);
    const incidents = new IncidentLog({
      run: embedded === null ? randomUUID() : PROCESS_RUN,
      store: figures,
      now: () => Date.now(),
      onError,
    });
    if (embedded !== null) incidents.take(embedded.timeline());
    const observed =
      embedded !== null
        ? null
        : new ObservedTimeline({
            monotonic: () => performance.now(),
            onEvents: (appended) => {
              incidents.take(appended);
              events.publish('timeline/appended', { events: appended }, { connectionId });
            },
          });
    const monitor = new ClusterMonitor({
      connection,
      client,
      quorumClient,
      ...(embedded === null ? {} : { nodes: () => embedded.nodes() }),
      onPatch: (patch) => {
        history.take(patch);
        observed?.take(patch);
        if (patch.scalars.asOf !== undefined) incidents.observe(patch.scalars.asOf);
        events.publish('cluster/patched', toClusterPatch(patch), { connectionId });
      },
      onLag: (group, sample) => figures.takeLag(group, sample),
      onError,
    });
    const brokers = connection.bootstrap.split(',');
    const producer = new RecordProducer({ brokers, clientId: CLIENT_ID, idempotent: false, connectHost, identity });
    const idempotentProducer = new RecordProducer({ brokers, clientId: CLIENT_ID, idempotent: true, connectHost, identity });
    monitor.start();
    const sampler = new ClusterSampler(
      () => monitor.snapshot().view,
      (at, sampled) => figures.takeClusterFigures(at, sampled),
      (direction, at, rates) => figures.takeTopicRates(direction, at, rates),
    );
    return {
      connection,
      foreground,
      monitor,
      history,
      observed,
      incidents,
      figures,
      producer,
      idempotentProducer,
      close() {
        sampler.close();
        monitor.close();
        incidents.close();
        figures.close();
        for (const one of [client, quorumClient, foreground]) one.close();
        for (const one of [producer, idempotentProducer])
          one.close().catch((error: unknown) => onError(`closing a producer of ${connection.name}`, error));
      },
    };
  }
}

/** Throws where two of the addresses answer for different clusters: their brokers share ids, so that rows of both would be mixed. */
async function requireOneCluster(addresses: readonly string[]): Promise<void> {
  if (addresses.length < 2) return;
  const answers = await Promise.all(addresses.map(async (address) => ({ address, clusterId: await clusterIdAt(address) })));
  const known = answers.filter(({ clusterId }) => clusterId !== null);
  const [first] = known;
  const other = known.find(({ clusterId }) => clusterId !== first?.clusterId);
  if (first === undefined || other === undefined) return;
  throw new AdminError({
    code: 'INVALID_PAYLOAD',
    message: `The connection was not added: ${first.address} belongs to cluster ${first.clusterId ?? '?'}, ${other.address} to cluster ${other.clusterId ?? '?'}.`,
    advice: 'Add a connection for each cluster.',
    field: 'bootstrap',
  });
}

/** Null where the address does not answer, or the cluster has no id. */
async function clusterIdAt(address: string): Promise<string | null> {
  const probe = new ClusterClient({ bootstrap: address, clientId: CLIENT_ID });
  try {
    return (await probe.metadata([])).clusterId;
  } catch (error) {
    if (error instanceof AdminError) return null;
    throw error;
  } finally {
    probe.close();
  }
}
