/** A listener and its connections. */
import type { Dispatch } from '../dispatch/request.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { NetworkError, type Address, type Listener, type Network, type Stream } from '../lib/network.ts';
import { ConnectionLimits } from './connection-limits.ts';
import { clientHost, Connection, type Traffic } from './connection.ts';
import { createNodeMemory, type NodeMemory } from './node-memory.ts';

export interface ServerOptions {
  network: Network;
  clock: Clock;
  logger: Logger;
  /** `PLAINTEXT`, `CONTROLLER`. */
  listener: string;
  /** Port 0 requests any free port. */
  address: Address;
  dispatch: Dispatch;
  /** See `ConnectionOptions`; none if absent. */
  pipelined?: ReadonlySet<number>;
  /** Generates connection ids; shared by all servers of a node. */
  nextConnectionId: () => number;
  /** `socket.request.max.bytes`, 104857600. */
  maxFrameBytes?: number;
  /** `connections.max.idle.ms`, 600000; negative: never. */
  maxIdleMs?: number;
  /** Shared by all servers of a node; created for this server if absent. */
  memory?: NodeMemory;
  /** Shared by all servers of a node. */
  limits?: ConnectionLimits;
  /** Whether max.connections and max.connections.per.ip count the connections of this listener; true if absent. */
  countsConnections?: boolean;
}

const MAX_FRAME_BYTES = 104_857_600;
const UNLIMITED = { maxConnections: 2_147_483_647, maxPerIp: 2_147_483_647 };
/** How long connections may take to close by themselves before `stop` resets them. */
const STOP_GRACE_MS = 100;

export class Server {
  /** Since the start. */
  readonly traffic: Traffic = { inBytes: 0, outBytes: 0 };
  private readonly options: Required<ServerOptions>;
  private readonly connections = new Set<Connection>();
  private listener: Listener | undefined;
  private sweep: Timer | undefined;
  private stopped = false;
  private emptied: (() => void) | undefined;

  constructor(options: ServerOptions) {
    const maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    this.options = {
      maxFrameBytes,
      maxIdleMs: 600_000,
      pipelined: new Set(),
      memory: createNodeMemory(options.clock, maxFrameBytes),
      limits: new ConnectionLimits(options.clock, () => UNLIMITED),
      countsConnections: true,
      ...options,
    };
  }

  /** Number of open connections. */
  get size(): number {
    return this.connections.size;
  }

  /** Starts to accept; resolves to the port. Rejects with `NetworkError` EADDRINUSE when it is in use. */
  async start(): Promise<number> {
    const { network, address } = this.options;
    const listener = await network.listen(address, (stream) => this.accept(stream));
    if (this.stopped) {
      listener.close();
      throw new NetworkError('ECANCELED', 'the server was stopped while it started');
    }
    this.listener = listener;
    this.scheduleSweep();
    return listener.port;
  }

  /** Stops accepting and dispatching; resolves when every connection is closed, after at most 100 ms. */
  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    this.listener?.close();
    this.sweep?.cancel();
    if (this.connections.size === 0) return;
    const emptied = new Promise<void>((resolve) => (this.emptied = resolve));
    for (const connection of [...this.connections]) connection.end();
    const timer = this.options.clock.setTimer(STOP_GRACE_MS, () => {
      for (const connection of [...this.connections]) connection.destroy(new NetworkError('ECONNRESET', 'the server stops'));
    });
    await emptied;
    timer.cancel();
  }

  private accept(stream: Stream): void {
    const { clock, logger, listener, dispatch, pipelined, maxFrameBytes, memory, limits, nextConnectionId, countsConnections } =
      this.options;
    const reason = this.stopped ? 'the server stops' : limits.refusal(clientHost(stream.remote), countsConnections);
    if (reason !== undefined) {
      stream.handlers = { data: () => undefined, drain: () => undefined, close: () => undefined };
      if (!this.stopped) logger.warn('connection refused', { client: stream.remote, listener, reason });
      stream.destroy();
      return;
    }
    const connection = new Connection({
      id: nextConnectionId(),
      listener,
      stream,
      dispatch,
      pipelined,
      clock,
      logger,
      maxFrameBytes,
      traffic: this.traffic,
      memory,
      used: (first) => limits.settle(first),
      closed: (gone) => {
        limits.remove(gone);
        this.connections.delete(gone);
        if (this.connections.size === 0) this.emptied?.();
      },
    });
    this.connections.add(connection);
    limits.add(connection, countsConnections);
  }

  /** One timer for all connections: an idle one is closed at most a quarter of the limit late. */
  private scheduleSweep(): void {
    const { clock, maxIdleMs, logger, listener } = this.options;
    if (maxIdleMs < 0) return;
    this.sweep = clock.setTimer(Math.max(10, maxIdleMs / 4), () => {
      const oldest = clock.monotonic() - maxIdleMs;
      for (const connection of [...this.connections]) {
        if (connection.active || connection.lastActiveAt > oldest) continue;
        logger.debug('idle connection closed', { client: connection.clientHost, listener });
        connection.end();
      }
      this.scheduleSweep();
    });
  }
}
