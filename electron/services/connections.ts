/** Clusters that the user knows, and the one in front: its client, its monitor, its producer. */
import { randomUUID } from 'node:crypto';
import { ClusterClient, parseBootstrap } from '../admin/cluster-client.ts';
import { AdminError } from '../admin/errors.ts';
import { RecordProducer } from '../admin/producer.ts';
import type { StoredConnection } from '#shared/connections-schema';
import type { ConnectionList } from '#shared/ipc';
import type { Connection } from '#shared/models/cluster';
import type { Fault } from '#shared/models/lab';
import type { LoadRow } from '#shared/models/load';
import { ConnectionsFile } from './connections-file.ts';
import type { EventBus } from './event-bus.ts';
import { History } from './history/history.ts';
import type { LabNode } from './lab.ts';
import { ClusterMonitor } from './view/monitor.ts';

const EMBEDDED_ID = 'embedded';
const CLIENT_ID = 'brokerdesk';

export interface EmbeddedSource {
  /** Null while the cluster starts, and when it could not. */
  bootstrap(): string | null;
  /** See `ClusterClient`. */
  connectHost?: string;
  nodes(): Promise<readonly LabNode[]>;
  /** In force now. */
  faults(): readonly Fault[];
  loads(): readonly LoadRow[];
}

/** What is alive for the connection in front. */
export interface ActiveConnection {
  connection: Connection;
  client: ClusterClient;
  quorumClient: ClusterClient;
  /** Requests that a person waits for have a client of their own, so that they never queue behind polling. */
  foreground: ClusterClient;
  monitor: ClusterMonitor;
  /** What the screen was told since this connection is in front. */
  history: History;
  producer: RecordProducer;
  idempotentProducer: RecordProducer;
}

export class ConnectionsService {
  private readonly file: ConnectionsFile | null;
  private readonly events: EventBus;
  private readonly embedded: EmbeddedSource | null;
  private readonly onError: (what: string, error: unknown) => void;
  /** Kept for this run only, where there is no file. */
  private unsaved: StoredConnection[] = [];
  private current: ActiveConnection | null = null;

  constructor(options: {
    /** Where remote connections are kept; null keeps them for this run only. */
    file: string | null;
    events: EventBus;
    embedded: EmbeddedSource | null;
    onError: (what: string, error: unknown) => void;
    /** Receives sentences about stored connections that could not be read. */
    onProblem: (problem: string) => void;
  }) {
    this.file = options.file === null ? null : new ConnectionsFile(options.file, options.onProblem);
    this.events = options.events;
    this.embedded = options.embedded;
    this.onError = options.onError;
    const [first] = this.all();
    if (first !== undefined) this.open(first);
  }

  private all(): Connection[] {
    const own: Connection[] =
      this.embedded === null
        ? []
        : [{ id: EMBEDDED_ID, name: 'On this desk', kind: 'embedded', bootstrap: this.embedded.bootstrap() ?? '', colour: 'flow' }];
    return [...own, ...(this.file?.read() ?? this.unsaved)];
  }

  private change(change: (connections: readonly StoredConnection[]) => StoredConnection[]): void {
    if (this.file === null) this.unsaved = change(this.unsaved);
    else this.file.change(change);
  }

  list(): ConnectionList {
    return { connections: this.all(), activeId: this.current?.connection.id ?? '' };
  }

  get active(): ActiveConnection {
    if (this.current === null) {
      throw new AdminError({ code: 'NOT_CONNECTED', message: 'No cluster is connected.', advice: 'Add one on the Connections page.' });
    }
    return this.current;
  }

  /** Whether what is shown is the cluster on this desk: its timeline tells of nobody else's brokers. */
  get embeddedInFront(): boolean {
    return this.current?.connection.kind === 'embedded';
  }

  use(id: string): ConnectionList {
    const connection = this.all().find((one) => one.id === id);
    if (connection === undefined) throw new AdminError({ code: 'NOT_FOUND', message: 'That connection is gone.', subject: id });
    if (this.current?.connection.id !== id) this.open(connection);
    return this.list();
  }

  /** Tries it before it is kept. */
  async add(input: { name: string; bootstrap: string; colour: Connection['colour'] }): Promise<ConnectionList> {
    const bootstrap = parseBootstrap(input.bootstrap)
      .map(({ host, port }) => `${host}:${port}`)
      .join(',');
    const probe = new ClusterClient({ bootstrap, clientId: CLIENT_ID });
    try {
      await probe.metadata([]);
    } catch (error) {
      if (error instanceof AdminError) throw new AdminError({ ...error.app, field: 'bootstrap' }, { cause: error });
      throw error;
    } finally {
      probe.close();
    }
    const connection: StoredConnection = { id: randomUUID(), name: input.name, kind: 'remote', bootstrap, colour: input.colour };
    this.change((others) => [...others, connection]);
    this.open(connection);
    return this.list();
  }

  remove(id: string): ConnectionList {
    if (id === EMBEDDED_ID) throw new AdminError({ code: 'INVALID_PAYLOAD', message: 'The cluster on this desk cannot be removed.' });
    this.change((others) => others.filter((one) => one.id !== id));
    const [first] = this.all();
    if (this.current?.connection.id === id && first !== undefined) {
      this.open(first);
    } else {
      if (this.current?.connection.id === id) this.closeCurrent();
      this.events.publish('connection/changed', this.list());
    }
    return this.list();
  }

  /** The embedded cluster serves now, or it is known that it will not: whoever is connected to it starts anew. */
  embeddedChanged(): void {
    const embedded = this.all().find(({ id }) => id === EMBEDDED_ID);
    if (embedded !== undefined && this.current?.connection.id === EMBEDDED_ID) this.open(embedded);
    else this.events.publish('connection/changed', this.list());
  }

  /** Faults of the cluster on this desk: part of its record while it is in front. */
  faultsChanged(faults: readonly Fault[]): void {
    if (this.current?.connection.kind === 'embedded') this.current.history.takeFaults(faults);
    this.events.publish('lab/faultsChanged', { faults: [...faults] });
  }

  /** Loads run on the cluster of this desk. */
  loadsChanged(loads: readonly LoadRow[]): void {
    if (this.current?.connection.kind === 'embedded') this.current.history.takeLoads(loads);
    this.events.publish('load/changed', { loads: [...loads] });
  }

  private open(connection: Connection): void {
    this.closeCurrent();
    const { embedded, events } = this;
    const bootstrap = connection.bootstrap === '' ? null : connection.bootstrap;
    const isEmbedded = connection.kind === 'embedded' && embedded !== null;
    const connectHost = isEmbedded ? embedded.connectHost : undefined;
    const createClient = (): ClusterClient => new ClusterClient({ bootstrap, clientId: CLIENT_ID, connectHost });
    const client = createClient();
    const quorumClient = createClient();
    const history = new History({
      faults: isEmbedded ? embedded.faults() : null,
      loads: isEmbedded ? embedded.loads() : null,
      onError: this.onError,
    });
    const monitor = new ClusterMonitor({
      connection,
      client,
      quorumClient,
      ...(isEmbedded ? { nodes: () => embedded.nodes() } : {}),
      onPatch: (patch) => {
        history.take(patch);
        events.publish('cluster/patched', patch);
      },
      onLag: (group, sample) => events.publish('group/lagSampled', { group, sample }),
      onError: this.onError,
    });
    const brokers = connection.bootstrap.split(',');
    this.current = {
      connection,
      client,
      quorumClient,
      foreground: createClient(),
      monitor,
      history,
      producer: new RecordProducer({ brokers, clientId: CLIENT_ID, idempotent: false, connectHost }),
      idempotentProducer: new RecordProducer({ brokers, clientId: CLIENT_ID, idempotent: true, connectHost }),
    };
    monitor.start();
    events.publish('connection/changed', this.list());
  }

  private closeCurrent(): void {
    const { current } = this;
    if (current === null) return;
    this.current = null;
    current.monitor.close();
    current.client.close();
    current.quorumClient.close();
    current.foreground.close();
    for (const producer of [current.producer, current.idempotentProducer])
      producer.close().catch((error: unknown) => this.onError('closing a producer', error));
  }

  close(): void {
    this.closeCurrent();
  }
}
