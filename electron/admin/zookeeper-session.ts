/**
 * A ZooKeeper session and its requests: creates, changes and deletes nodes, and sets watches, which it sets again after a reconnection. Its
 * keeper owns the state of the session and its server.
 */
import { AdminError } from './errors.ts';
import { SessionKeeper, type KeeperOptions } from './zookeeper-session-keeper.ts';
import { ZooKeeperWatches } from './zookeeper-watches.ts';
import { EPHEMERAL, Op, refuse, writeOpenAcl, writeText, ZkError } from './zookeeper-wire.ts';
import type { ZooKeeperClientState, ZooKeeperWatch, FiredWatch, WatchKind } from '#shared/models/zookeeper-clients';

const MAX_DEPTH = 8;

export type SessionOptions = Pick<KeeperOptions, 'servers' | 'timeoutMs' | 'changed' | 'step'> & {
  fired: (event: Omit<FiredWatch, 'id'>) => void;
};

export class ZooKeeperSession {
  readonly ephemerals = new Set<string>();
  private readonly options: SessionOptions;
  private readonly held = new ZooKeeperWatches();
  private readonly keeper: SessionKeeper;

  private constructor(options: SessionOptions) {
    this.options = options;
    const { servers, timeoutMs, changed, step } = options;
    this.keeper = new SessionKeeper({
      servers,
      timeoutMs,
      changed,
      step,
      connected: (connection, lastZxid) => {
        const watches = this.held.request(lastZxid);
        if (watches !== null) connection.setWatches(watches);
      },
      watch: (type, path, broker) => this.onWatch(type, path, broker),
      over: (broker) => {
        const ended = this.held.clear();
        this.ephemerals.clear();
        if (broker === null) return;
        const at = Date.now();
        for (const { path, since: setAt } of ended) this.options.fired({ at, path, event: 'expired', broker, setAt });
      },
    });
  }

  /** Resolves when a server has given a session; rejects with `AdminError` when none does in time. */
  static async open(options: SessionOptions): Promise<ZooKeeperSession> {
    const session = new ZooKeeperSession(options);
    await session.keeper.begin();
    return session;
  }

  // What these say stands at `ZooKeeperClientSession`.

  get state(): ZooKeeperClientState {
    return this.keeper.state;
  }

  get since(): number {
    return this.keeper.since;
  }

  get sessionId(): string | null {
    return this.keeper.sessionId;
  }

  get granted(): number | null {
    return this.keeper.granted;
  }

  get broker(): number | null {
    return this.keeper.broker;
  }

  get lastSentAt(): number | null {
    return this.keeper.lastSentAt;
  }

  get resumed(): number {
    return this.keeper.resumed;
  }

  get problem(): string | null {
    return this.keeper.problem;
  }

  get watches(): readonly ZooKeeperWatch[] {
    return this.held.all;
  }

  get over(): boolean {
    return this.keeper.isOver;
  }

  /** Creates missing parents first, as persistent nodes. */
  async create(path: string, data: string, ephemeral: boolean): Promise<void> {
    await this.parents(path);
    await this.make(path, data, ephemeral);
    if (ephemeral) this.ephemerals.add(path);
    this.options.step('created', ephemeral ? `${path}, ephemeral` : path);
    this.options.changed();
  }

  async set(path: string, data: string): Promise<void> {
    const error = await this.keeper.call(Op.setData, path, (writer) => {
      writeText(writer, path);
      writeText(writer, data);
      writer.int32(-1);
    });
    refuse(error, path);
    this.options.step('changed', path);
    this.options.changed();
  }

  async delete(path: string): Promise<void> {
    const error = await this.keeper.call(Op.delete, path, (writer) => {
      writeText(writer, path);
      writer.int32(-1);
    });
    refuse(error, path);
    this.ephemerals.delete(path);
    this.options.step('deleted', path);
    this.options.changed();
  }

  /** Resolves to whether the node exists. A data watch on a missing node waits for its creation. */
  async watch(path: string, kind: WatchKind): Promise<boolean> {
    this.held.makeRoom(path, kind);
    // `exists` sets a watch in both cases, and the watch fires for changes of the data too.
    const error = await this.keeper.call(kind === 'node' ? Op.exists : Op.getChildren, path, (writer) => {
      writeText(writer, path);
      writer.bool(true);
    });
    if (error !== 0 && !(kind === 'node' && error === ZkError.noNode)) refuse(error, path);
    this.held.add(path, kind, error === 0);
    this.options.changed();
    return error === 0;
  }

  /** From now on it neither sends nor reads, as a suspended process. */
  silence(): void {
    this.keeper.silence();
  }

  /** Resumes; it learns from the server what has changed meanwhile. */
  speak(): void {
    this.keeper.speak();
  }

  /** Closes the session and deletes its ephemeral nodes; without a server it is left to expire. */
  close(): Promise<void> {
    return this.keeper.close();
  }

  /** Closes the connection without closeSession. */
  drop(): void {
    this.keeper.drop();
  }

  private async parents(path: string): Promise<void> {
    const names = path.split('/').slice(1, -1);
    if (names.length > MAX_DEPTH)
      throw new AdminError({ code: 'INVALID_PAYLOAD', message: `${path} has more than ${MAX_DEPTH} levels.`, field: 'path' });
    let parent = '';
    for (const name of names) {
      parent += `/${name}`;
      try {
        await this.make(parent, '', false);
      } catch (error) {
        if (!(error instanceof AdminError && error.app.code === 'NODE_EXISTS')) throw error;
      }
    }
  }

  private async make(path: string, data: string, ephemeral: boolean): Promise<void> {
    const error = await this.keeper.call(Op.create, path, (writer) => {
      writeText(writer, path);
      writeText(writer, data);
      writeOpenAcl(writer);
      writer.int32(ephemeral ? EPHEMERAL : 0);
    });
    refuse(error, path);
  }

  private onWatch(type: number, path: string, broker: number): void {
    const fired = this.held.fire(type, path);
    if (fired === null) return;
    this.options.fired({ ...fired, path, broker });
    this.options.changed();
  }
}
