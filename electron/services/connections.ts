/** Clusters that the user knows, and the one in front: its client, its monitor, its producer. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ClusterClient, parseBootstrap } from '../admin/cluster-client.ts';
import { AdminError } from '../admin/errors.ts';
import { RecordProducer } from '../admin/producer.ts';
import type { ConnectionList } from '#shared/ipc';
import type { Connection } from '#shared/models/cluster';
import type { Fault } from '#shared/models/lab';
import type { LoadRow } from '#shared/models/load';
import type { EventBus } from './event-bus.ts';
import { History } from './history/history.ts';
import type { LabNode } from './lab.ts';
import { ClusterMonitor } from './view/monitor.ts';

const EMBEDDED_ID = 'embedded';
const CLIENT_ID = 'brokerdesk';
const FILE_VERSION = 1;

export interface EmbeddedSource {
  /** Null while the cluster starts, and when it could not. */
  bootstrap(): string | null;
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
  /** Why the stored connections could not be read; they are then left as they are, and new ones last for this run only. */
  readonly problem: string | null = null;
  private readonly file: string | null;
  private readonly events: EventBus;
  private readonly embedded: EmbeddedSource | null;
  private readonly onError: (what: string, error: unknown) => void;
  private remotes: Connection[] = [];
  private current: ActiveConnection | null = null;

  constructor(options: {
    /** Where remote connections are kept; null keeps them for this run only. */
    file: string | null;
    events: EventBus;
    embedded: EmbeddedSource | null;
    onError: (what: string, error: unknown) => void;
  }) {
    this.file = options.file;
    this.events = options.events;
    this.embedded = options.embedded;
    this.onError = options.onError;
    try {
      this.remotes = loadConnections(options.file);
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      this.problem = error.app.message;
      this.file = null;
    }
    const [first] = this.all();
    if (first !== undefined) this.open(first);
  }

  private all(): Connection[] {
    const own: Connection[] =
      this.embedded === null
        ? []
        : [{ id: EMBEDDED_ID, name: 'On this desk', kind: 'embedded', bootstrap: this.embedded.bootstrap() ?? '', colour: 'flow' }];
    return [...own, ...this.remotes];
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
    const connection: Connection = { id: randomUUID(), name: input.name, kind: 'remote', bootstrap, colour: input.colour };
    this.remotes.push(connection);
    this.save();
    this.open(connection);
    return this.list();
  }

  remove(id: string): ConnectionList {
    if (id === EMBEDDED_ID) throw new AdminError({ code: 'INVALID_PAYLOAD', message: 'The cluster on this desk cannot be removed.' });
    this.remotes = this.remotes.filter((one) => one.id !== id);
    this.save();
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
    const client = new ClusterClient({ bootstrap, clientId: CLIENT_ID });
    const quorumClient = new ClusterClient({ bootstrap, clientId: CLIENT_ID });
    const isEmbedded = connection.kind === 'embedded' && embedded !== null;
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
      foreground: new ClusterClient({ bootstrap, clientId: CLIENT_ID }),
      monitor,
      history,
      producer: new RecordProducer({ brokers, clientId: CLIENT_ID, idempotent: false }),
      idempotentProducer: new RecordProducer({ brokers, clientId: CLIENT_ID, idempotent: true }),
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

  private save(): void {
    if (this.file === null) return;
    mkdirSync(dirname(this.file), { recursive: true });
    const aside = `${this.file}.tmp`;
    writeFileSync(aside, JSON.stringify({ version: FILE_VERSION, connections: this.remotes }, null, 2), { mode: 0o600 });
    renameSync(aside, this.file);
  }
}

/** What was stored by `save`; throws an `AdminError` when it is there and cannot be understood. */
function loadConnections(file: string | null): Connection[] {
  if (file === null) return [];
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as { version: number; connections: Connection[] };
    if (stored.version <= FILE_VERSION && Array.isArray(stored.connections)) return stored.connections;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const why = error instanceof Error ? error.message : String(error);
    throw new AdminError({ code: 'DATA_DIRECTORY', message: `${file} cannot be read: ${why}.`, subject: file }, { cause: error });
  }
  throw new AdminError({ code: 'DATA_DIRECTORY', message: `${file} was written by a newer Brokerdesk.`, subject: file });
}
