/**
 * A simulated network of ordered byte streams, as TCP provides them over an unreliable network: every piece takes the link's latency, a
 * cut link keeps its bytes until it is repaired (the kernel retransmits), a killed process resets its streams, a machine that
 * loses power sends nothing, and a frozen process still has a kernel that accepts.
 */
import { NetworkError, type Address, type Network, type Stream, type StreamHandlers } from '../../electron/cluster/lib/network.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';
import type { Host, World } from './world.ts';

export interface SlowLink {
  latencyMs: number;
  jitterMs: number;
  /** 0: unlimited. */
  bytesPerMs: number;
}

const BASE: SlowLink = { latencyMs: 0.2, jitterMs: 0.3, bytesPerMs: 0 };
/** A sender has to stop above this number of bytes, and may continue below half of it. */
const SEND_BUFFER_BYTES = 256 * 1024;
const RETRY_CONNECT_MS = 250;

type Piece = { kind: 'data'; bytes: Buffer } | { kind: 'end' } | { kind: 'reset' };

interface Bound {
  host: Host;
  accept: (stream: Stream) => void;
}

/** Events of a stream before its owner has set handlers are ignored; the owner sets them in the same turn. */
const DEAF: StreamHandlers = { data: () => undefined, drain: () => undefined, close: () => undefined };

export class SimNetwork {
  private readonly world: World;
  private readonly random: Random;
  private readonly listeners = new Map<number, Bound>();
  /** Machine of each port, known from the first listener on: a port without a listener refuses only if its machine has power. */
  private readonly machines = new Map<number, string>();
  private readonly cuts = new Map<string, number>();
  private readonly slow = new Map<string, SlowLink[]>();
  private readonly stalled = new Set<Pipe>();
  private readonly endpoints = new Map<Host, Set<Endpoint>>();
  /** Machines without power: they never answer. */
  readonly dark = new Set<string>();
  private ephemeral = 40_000;

  constructor(world: World) {
    this.world = world;
    this.random = world.random('network');
  }

  /** The network as one process sees it. */
  of(host: Host): Network {
    host.onEnd(() => this.hostEnded(host));
    return {
      listen: (address, accept) => this.listen(host, address, accept),
      connect: (address, timeoutMs) => this.connect(host, address, timeoutMs),
    };
  }

  /** Blocks one from the other until `join` was called as often. */
  cut(from: string, to: string): void {
    const key = `${from}>${to}`;
    this.cuts.set(key, (this.cuts.get(key) ?? 0) + 1);
  }

  join(from: string, to: string): void {
    const key = `${from}>${to}`;
    const left = (this.cuts.get(key) ?? 1) - 1;
    if (left > 0) this.cuts.set(key, left);
    else this.cuts.delete(key);
    for (const pipe of this.stalled) if (pipe.key === key && left <= 0) this.unstall(pipe);
  }

  /** A link is identified by both its ends: `from>to`. */
  isCut(link: string): boolean {
    return this.cuts.size > 0 && this.cuts.has(link);
  }

  /** Adds to the existing latency of the link; returns a function that removes it again. */
  slowDown(from: string, to: string, link: SlowLink): () => void {
    const key = `${from}>${to}`;
    const list = this.slow.get(key) ?? [];
    this.slow.set(key, [...list, link]);
    return () =>
      this.slow.set(
        key,
        (this.slow.get(key) ?? []).filter((one) => one !== link),
      );
  }

  /** Time, in ms, that a piece takes from one machine to the other. */
  delay(link: string, bytes: number): number {
    const ms = BASE.latencyMs + BASE.jitterMs * this.random.next();
    if (this.slow.size === 0) return ms;
    let slowed = ms;
    for (const { latencyMs, jitterMs, bytesPerMs } of this.slow.get(link) ?? []) {
      slowed += latencyMs + jitterMs * this.random.next();
      if (bytesPerMs > 0) slowed += bytes / bytesPerMs;
    }
    return slowed;
  }

  stall(pipe: Pipe): void {
    this.stalled.add(pipe);
  }

  private unstall(pipe: Pipe): void {
    this.stalled.delete(pipe);
    // Some connections have been closed by then; TCP's own timers decide which.
    pipe.resume(20 + 300 * this.random.next());
  }

  private async listen(host: Host, address: Address, accept: (stream: Stream) => void): Promise<{ readonly port: number; close(): void }> {
    if (this.listeners.get(address.port)?.host.alive === true) {
      throw new NetworkError('EADDRINUSE', `port ${address.port} is taken by ${this.listeners.get(address.port)?.host.name ?? ''}`);
    }
    const bound: Bound = { host, accept };
    this.listeners.set(address.port, bound);
    this.machines.set(address.port, host.name);
    return {
      port: address.port,
      close: () => {
        if (this.listeners.get(address.port) === bound) this.listeners.delete(address.port);
      },
    };
  }

  private connect(from: Host, address: Address, timeoutMs: number): Promise<Stream> {
    const { world } = this;
    const give_up = world.time + timeoutMs;
    return new Promise((resolve, reject) => {
      let settled = false;
      const timeout = world.schedule(timeoutMs, from, () => {
        if (settled) return;
        settled = true;
        reject(new NetworkError('ETIMEDOUT', `${address.host}:${address.port} did not answer within ${timeoutMs} ms`));
      });
      const attempt = (): void => {
        if (settled || !from.alive) return;
        const machine = this.machines.get(address.port) ?? '';
        const lost = this.isCut(`${from.name}>${machine}`) || this.isCut(`${machine}>${from.name}`) || this.dark.has(machine);
        if (lost) {
          if (world.time + RETRY_CONNECT_MS < give_up) world.schedule(RETRY_CONNECT_MS, undefined, attempt);
          return;
        }
        const bound = this.listeners.get(address.port);
        const back = this.delay(`${machine}>${from.name}`, 40);
        if (bound === undefined || !bound.host.alive) {
          world.schedule(back, from, () => {
            if (settled) return;
            settled = true;
            timeout.cancel();
            reject(new NetworkError('ECONNREFUSED', `no listener at ${address.host}:${address.port}`));
          });
          return;
        }
        const [near, far] = this.pair(from, bound.host, address.port);
        world.schedule(0, bound.host, () => {
          if (far.isOpen) bound.accept(far);
        });
        world.schedule(back, from, () => {
          if (settled) {
            near.destroy();
            return;
          }
          settled = true;
          timeout.cancel();
          resolve(near);
        });
      };
      world.schedule(this.delay(`${from.name}>${this.machines.get(address.port) ?? ''}`, 40), undefined, attempt);
    });
  }

  private pair(client: Host, server: Host, port: number): [Endpoint, Endpoint] {
    const clientPort = ++this.ephemeral;
    const out = new Pipe(this, this.world, client, server);
    const back = new Pipe(this, this.world, server, client);
    const near = new Endpoint(this.world, client, out, `127.0.0.1:${port}`);
    const far = new Endpoint(this.world, server, back, `127.0.0.1:${clientPort}`);
    out.ends(near, far);
    back.ends(far, near);
    near.connectedTo(far);
    far.connectedTo(near);
    for (const one of [near, far]) {
      let all = this.endpoints.get(one.host);
      if (all === undefined) this.endpoints.set(one.host, (all = new Set()));
      all.add(one);
      one.onGone(() => all.delete(one));
    }
    return [near, far];
  }

  /** The kernel resets the streams that a killed process left open, unless the machine has lost its power too. */
  private hostEnded(host: Host): void {
    for (const [port, bound] of this.listeners) if (bound.host === host) this.listeners.delete(port);
    const silent = this.dark.has(host.name);
    for (const endpoint of this.endpoints.get(host) ?? []) endpoint.abandoned(silent);
    this.endpoints.delete(host);
  }
}

/** One direction of a stream. */
class Pipe {
  readonly key: string;
  private readonly network: SimNetwork;
  private readonly world: World;
  private readonly to: Host;
  private lastArrival = 0;
  private readonly waiting: Piece[] = [];
  private stalled = false;
  private sender: Endpoint | undefined;
  private receiver: Endpoint | undefined;

  constructor(network: SimNetwork, world: World, from: Host, to: Host) {
    this.network = network;
    this.world = world;
    this.to = to;
    this.key = `${from.name}>${to.name}`;
  }

  ends(sender: Endpoint, receiver: Endpoint): void {
    this.sender = sender;
    this.receiver = receiver;
  }

  send(piece: Piece): void {
    if (this.stalled || this.network.isCut(this.key)) {
      this.hold(piece);
      return;
    }
    const bytes = piece.kind === 'data' ? piece.bytes.length : 40;
    const at = Math.max(this.lastArrival, this.world.time + this.network.delay(this.key, bytes));
    this.lastArrival = at;
    const arrive = (): void => this.arrive(piece);
    this.world.schedule(at - this.world.time, this.to, arrive, arrive);
  }

  resume(delayMs: number): void {
    this.stalled = false;
    const pieces = this.waiting.splice(0);
    this.lastArrival = Math.max(this.lastArrival, this.world.time + delayMs);
    for (const piece of pieces) this.send(piece);
  }

  private hold(piece: Piece): void {
    this.waiting.push(piece);
    if (this.stalled) return;
    this.stalled = true;
    this.network.stall(this);
  }

  private arrive(piece: Piece): void {
    if (this.stalled || this.network.isCut(this.key)) {
      this.hold(piece);
      return;
    }
    if (!this.to.alive) {
      // No process: the kernel of a machine with power resets the stream.
      if (piece.kind === 'data' && !this.network.dark.has(this.to.name)) this.sender?.refused();
      return;
    }
    this.receiver?.arrived(piece);
  }
}

class Endpoint implements Stream {
  readonly remote: string;
  readonly host: Host;
  handlers: StreamHandlers = DEAF;
  private readonly world: World;
  private readonly out: Pipe;
  private state: 'open' | 'closed' = 'open';
  private unread = 0;
  private full = false;
  private paused = false;
  private readonly inbox: Piece[] = [];
  private peer: Endpoint | undefined;
  private gone: (() => void) | undefined;

  constructor(world: World, host: Host, out: Pipe, remote: string) {
    this.world = world;
    this.host = host;
    this.out = out;
    this.remote = remote;
  }

  get isOpen(): boolean {
    return this.state === 'open';
  }

  onGone(callback: () => void): void {
    this.gone = callback;
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.state !== 'open' || !this.host.alive) return true;
    const bytes = Buffer.concat(chunks);
    if (bytes.length === 0) return !this.full;
    this.unread += bytes.length;
    this.out.send({ kind: 'data', bytes });
    if (this.unread > SEND_BUFFER_BYTES) this.full = true;
    return !this.full;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (this.inbox.length > 0) this.world.schedule(0, this.host, () => this.readOn());
  }

  end(): void {
    if (this.state !== 'open' || !this.host.alive) return;
    this.out.send({ kind: 'end' });
    this.closeLater(undefined);
  }

  destroy(reason?: Error): void {
    if (this.state === 'closed' || !this.host.alive) return;
    this.out.send({ kind: 'reset' });
    this.closeLater(reason);
  }

  /** The kernel of the other side has received it: there is room again. */
  taken(bytes: number): void {
    this.unread -= bytes;
    if (!this.full || this.unread > SEND_BUFFER_BYTES / 2) return;
    this.full = false;
    this.world.schedule(0, this.host, () => {
      if (this.state === 'open') this.handlers.drain();
    });
  }

  arrived(piece: Piece): void {
    if (this.state !== 'open') return;
    this.inbox.push(piece);
    this.readOn();
  }

  /** The bytes were sent to a process that has ended. */
  refused(): void {
    if (this.state !== 'closed') this.closeLater(new NetworkError('ECONNRESET', `${this.remote} reset the connection`));
  }

  /** The process at this end has ended. */
  abandoned(silent: boolean): void {
    if (this.state === 'open' && !silent) this.out.send({ kind: 'reset' });
    this.state = 'closed';
  }

  connectedTo(peer: Endpoint): void {
    this.peer = peer;
  }

  private readOn(): void {
    while (!this.paused && this.state === 'open') {
      const piece = this.inbox.shift();
      if (piece === undefined) return;
      if (piece.kind === 'data') {
        this.peer?.taken(piece.bytes.length);
        this.handlers.data(piece.bytes);
        // The bytes were valid only during the call; overwriting them reveals code that keeps them.
        piece.bytes.fill(0xdd);
      } else if (piece.kind === 'end') this.closeLater(undefined);
      else this.closeLater(new NetworkError('ECONNRESET', `${this.remote} reset the connection`));
    }
  }

  private closeLater(reason: Error | undefined): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.inbox.length = 0;
    this.gone?.();
    this.world.schedule(0, this.host, () => this.handlers.close(reason));
  }
}
