/**
 * A network with faults between this node and chosen others: links that are cut, one way or both, and links that are
 * slow. What a cut holds back is not lost: as with TCP over a dead link, it arrives after the link is healed, unless a
 * side gave up in between; closes and resets are held back as well. A cut is never seen as an error, only as silence.
 *
 * Faults are laid over the streams that this node opened, in both directions of each. A stream that the peer opened is
 * the peer's to fault, since it alone knows where the stream leads (here it comes from a port of the system's choosing).
 * So a fault between two nodes is told to both: `cut(b, 'out')` at a and `cut(a, 'in')` at b.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import { NetworkError, type Address, type Listener, type Network, type Stream, type StreamHandlers } from '../lib/network.ts';
import type { Random } from '../lib/random.ts';

export type Direction = 'in' | 'out' | 'both';

/** How one direction of a link is. */
export interface LinkFault {
  cut: boolean;
  latencyMs: number;
  /** Added to the latency, uniformly from 0 up to it. */
  jitterMs: number;
  /** 0: unlimited. */
  bytesPerSecond: number;
}

export interface FaultyNetworkOptions {
  inner: Network;
  clock: Clock;
  random: Random;
  /** The node that listens there; undefined for an address of no node. */
  nodeOf: (address: Address) => number | undefined;
}

const HEALTHY: LinkFault = { cut: false, latencyMs: 0, jitterMs: 0, bytesPerSecond: 0 };
/** A link that holds back more than this stops its writer, or stops reading from the peer. */
const HELD_MARK = 1024 * 1024;

/** Both directions of the link to one node, and who waits on it. */
class Link {
  in: LinkFault = HEALTHY;
  out: LinkFault = HEALTHY;
  readonly changed = new Set<() => void>();
}

export class FaultyNetwork implements Network {
  private readonly options: FaultyNetworkOptions;
  private readonly links = new Map<number, Link>();

  constructor(options: FaultyNetworkOptions) {
    this.options = options;
  }

  /** From now on nothing passes between this node and `peer` in that direction, as seen from here. */
  cut(peer: number, direction: Direction = 'both'): void {
    this.change(peer, direction, { cut: true });
  }

  /** Makes what passes late, or slow. */
  slow(peer: number, fault: Partial<Omit<LinkFault, 'cut'>>, direction: Direction = 'both'): void {
    this.change(peer, direction, fault);
  }

  /** Ends every fault of the link to `peer`, of all links without one. */
  heal(peer?: number): void {
    for (const [id, link] of this.links) {
      if (peer !== undefined && id !== peer) continue;
      link.in = HEALTHY;
      link.out = HEALTHY;
      for (const listener of [...link.changed]) listener();
    }
  }

  /** The faults that hold, by node. */
  faults(): { peer: number; in: LinkFault; out: LinkFault }[] {
    return [...this.links]
      .filter(([, link]) => link.in !== HEALTHY || link.out !== HEALTHY)
      .map(([peer, link]) => ({ peer, in: link.in, out: link.out }));
  }

  listen(address: Address, accept: (stream: Stream) => void): Promise<Listener> {
    return this.options.inner.listen(address, accept);
  }

  async connect(address: Address, timeoutMs: number): Promise<Stream> {
    const { inner, clock, random, nodeOf } = this.options;
    const peer = nodeOf(address);
    if (peer === undefined) return inner.connect(address, timeoutMs);
    const link = this.link(peer);
    const from = clock.monotonic();
    await this.passable(link, address, timeoutMs);
    const stream = await inner.connect(address, Math.max(1, timeoutMs - (clock.monotonic() - from)));
    return new FaultyStream(stream, link, clock, random);
  }

  private link(peer: number): Link {
    let link = this.links.get(peer);
    if (link === undefined) this.links.set(peer, (link = new Link()));
    return link;
  }

  private change(peer: number, direction: Direction, fault: Partial<LinkFault>): void {
    const link = this.link(peer);
    if (direction !== 'out') link.in = { ...link.in, ...fault };
    if (direction !== 'in') link.out = { ...link.out, ...fault };
    for (const listener of [...link.changed]) listener();
  }

  /** A handshake needs both directions: it is sent again and again, so it succeeds soon after the link is healed. */
  private passable(link: Link, address: Address, timeoutMs: number): Promise<void> {
    if (!link.in.cut && !link.out.cut) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.options.clock.setTimer(timeoutMs, () => {
        link.changed.delete(check);
        reject(new NetworkError('ETIMEDOUT', `${address.host}:${address.port} did not answer within ${timeoutMs} ms`));
      });
      const check = (): void => {
        if (link.in.cut || link.out.cut) return;
        link.changed.delete(check);
        timer.cancel();
        resolve();
      };
      link.changed.add(check);
    });
  }
}

/** One direction of one stream: passes things on in order, when the link lets them. */
class Pipe {
  held = 0;
  private readonly queue: { dueAt: number; size: number; deliver: () => void }[] = [];
  private lastDueAt = 0;
  private timer: Timer | undefined;
  private readonly fault: () => LinkFault;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly emptied: () => void;

  constructor(fault: () => LinkFault, clock: Clock, random: Random, emptied: () => void) {
    this.fault = fault;
    this.clock = clock;
    this.random = random;
    this.emptied = emptied;
  }

  /** True when the next thing is passed on at once. */
  get passes(): boolean {
    return this.fault() === HEALTHY && this.queue.length === 0;
  }

  push(size: number, deliver: () => void): void {
    if (this.passes) {
      deliver();
      return;
    }
    const fault = this.fault();
    const now = this.clock.monotonic();
    const travel = fault.latencyMs + fault.jitterMs * this.random.next();
    const sending = fault.bytesPerSecond > 0 ? (size * 1000) / fault.bytesPerSecond : 0;
    this.lastDueAt = Math.max(this.lastDueAt, now + travel) + sending;
    this.queue.push({ dueAt: this.lastDueAt, size, deliver });
    this.held += size;
    this.flush();
  }

  /** Delivers what is due; called again when the link changes. */
  flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.queue.length === 0) return;
    for (;;) {
      const fault = this.fault();
      if (fault.cut) return;
      const next = this.queue[0];
      if (next === undefined) break;
      const wait = fault === HEALTHY ? 0 : next.dueAt - this.clock.monotonic();
      if (wait > 0) {
        this.timer = this.clock.setTimer(wait, () => this.flush());
        return;
      }
      this.queue.shift();
      this.held -= next.size;
      next.deliver();
    }
    this.lastDueAt = 0;
    this.emptied();
  }

  clear(): void {
    this.queue.length = 0;
    this.held = 0;
  }
}

class FaultyStream implements Stream {
  readonly remote: string;
  private readonly inner: Stream;
  private readonly link: Link;
  private readonly outgoing: Pipe;
  private readonly incoming: Pipe;
  private current: StreamHandlers | undefined;
  private wantsDrain = false;
  private innerFull = false;
  private userPaused = false;
  private innerPaused = false;
  /** Given up by this side; the peer may hear of it later. */
  private dropped = false;
  private readonly onChange = (): void => {
    this.outgoing.flush();
    this.incoming.flush();
  };

  constructor(inner: Stream, link: Link, clock: Clock, random: Random) {
    this.inner = inner;
    this.link = link;
    this.remote = inner.remote;
    this.outgoing = new Pipe(
      () => link.out,
      clock,
      random,
      () => this.checkDrain(),
    );
    this.incoming = new Pipe(
      () => link.in,
      clock,
      random,
      () => this.checkReading(),
    );
    link.changed.add(this.onChange);
  }

  get handlers(): StreamHandlers {
    if (this.current === undefined) throw new Error('the handlers of this stream have not been set');
    return this.current;
  }

  set handlers(handlers: StreamHandlers) {
    this.current = handlers;
    this.inner.handlers = {
      data: (chunk) => {
        if (this.dropped) return;
        // What is held back outlives the call.
        const bytes = this.incoming.passes ? chunk : Buffer.from(chunk);
        this.incoming.push(bytes.length, () => {
          if (!this.dropped) this.handlers.data(bytes);
        });
        this.checkReading();
      },
      drain: () => {
        this.innerFull = false;
        this.checkDrain();
      },
      close: (reason) => {
        if (this.dropped) {
          this.link.changed.delete(this.onChange);
          return;
        }
        this.incoming.push(0, () => {
          this.link.changed.delete(this.onChange);
          if (this.dropped) return;
          this.dropped = true;
          this.handlers.close(reason);
        });
      },
    };
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.dropped) return true;
    let size = 0;
    for (const chunk of chunks) size += chunk.length;
    this.outgoing.push(size, () => {
      this.innerFull = !this.inner.write(chunks);
    });
    if (!this.innerFull && this.outgoing.held < HELD_MARK) return true;
    this.wantsDrain = true;
    return false;
  }

  pause(): void {
    this.userPaused = true;
    this.checkReading();
  }

  resume(): void {
    this.userPaused = false;
    this.checkReading();
  }

  end(): void {
    this.outgoing.push(0, () => this.inner.end());
  }

  destroy(reason?: Error): void {
    if (this.dropped) return;
    this.dropped = true;
    this.outgoing.clear();
    this.incoming.clear();
    this.outgoing.push(0, () => {
      if (this.innerPaused) this.inner.resume();
      this.inner.destroy(reason);
    });
    queueMicrotask(() => this.current?.close(reason));
  }

  private checkDrain(): void {
    if (!this.wantsDrain || this.innerFull || this.outgoing.held >= HELD_MARK) return;
    this.wantsDrain = false;
    this.current?.drain();
  }

  private checkReading(): void {
    const wanted = this.userPaused || this.incoming.held >= HELD_MARK;
    if (wanted === this.innerPaused) return;
    this.innerPaused = wanted;
    if (wanted) this.inner.pause();
    else this.inner.resume();
  }
}
