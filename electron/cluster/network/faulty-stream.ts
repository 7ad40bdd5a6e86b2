/** A stream over a link with faults: holds back bytes and closes as long as the link requires, in order, in either direction. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Stream, StreamHandlers } from '../lib/network.ts';
import type { Random } from '../lib/random.ts';
import { HEALTHY, Link, type Way } from './faulty-link.ts';

/** A link that holds back more bytes than this blocks its writer, or stops reading from the peer. */
const HELD_MARK = 1024 * 1024;

/** One direction of one stream: passes items on in order, when the link permits. */
class Pipe {
  held = 0;
  private readonly queue: { dueAt: number; size: number; deliver: () => void }[] = [];
  private lastDueAt = 0;
  private timer: Timer | undefined;
  private readonly way: () => Way;
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly emptied: () => void;

  constructor(way: () => Way, clock: Clock, random: Random, emptied: () => void) {
    this.way = way;
    this.clock = clock;
    this.random = random;
    this.emptied = emptied;
  }

  /** True when the next item is passed on at once. */
  get passes(): boolean {
    return this.queue.length === 0 && this.way().fault === HEALTHY;
  }

  push(size: number, deliver: () => void): void {
    if (this.passes) {
      deliver();
      return;
    }
    const way = this.way();
    const { latencyMs, jitterMs } = way.fault;
    const travel = latencyMs + (jitterMs === 0 ? 0 : jitterMs * this.random.next());
    this.lastDueAt = Math.max(this.lastDueAt, way.sent(size, this.clock.monotonic()) + travel);
    this.queue.push({ dueAt: this.lastDueAt, size, deliver });
    this.held += size;
    this.flush();
  }

  /** Delivers due items; called again when the link changes. */
  flush(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.queue.length === 0) return;
    for (;;) {
      const { fault } = this.way();
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

export class FaultyStream implements Stream {
  readonly remote: string;
  readonly fromPeer?: () => boolean;
  private readonly inner: Stream;
  /** Called for an accepted stream when its first byte arrives. */
  private readonly linkOf: () => Link;
  private known: Link | undefined;
  private readonly outgoing: Pipe;
  private readonly incoming: Pipe;
  private current: StreamHandlers | undefined;
  private wantsDrain = false;
  private innerFull = false;
  private userPaused = false;
  private innerPaused = false;
  /** Closed by this side; the peer may learn of it later. */
  private dropped = false;
  private readonly onChange = (): void => {
    this.outgoing.flush();
    this.incoming.flush();
  };

  constructor(inner: Stream, link: Link | (() => Link), clock: Clock, random: Random, fromPeer?: () => boolean) {
    this.inner = inner;
    if (fromPeer !== undefined) this.fromPeer = fromPeer;
    this.linkOf = typeof link === 'function' ? link : () => link;
    this.remote = inner.remote;
    this.outgoing = new Pipe(
      () => this.link.out,
      clock,
      random,
      () => this.checkDrain(),
    );
    this.incoming = new Pipe(
      () => this.link.in,
      clock,
      random,
      () => this.checkReading(),
    );
    if (link instanceof Link) this.join(link);
  }

  private get link(): Link {
    return this.known ?? this.join(this.linkOf());
  }

  private join(link: Link): Link {
    this.known = link;
    link.changed.add(this.onChange);
    return link;
  }

  private leave(): void {
    this.known?.changed.delete(this.onChange);
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
        if (this.incoming.passes) {
          handlers.data(chunk);
          return;
        }
        // Held bytes outlive the call.
        const bytes = Buffer.from(chunk);
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
          this.leave();
          return;
        }
        this.incoming.push(0, () => {
          this.leave();
          if (this.dropped) return;
          this.dropped = true;
          this.handlers.close(reason);
        });
      },
    };
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.dropped) return true;
    if (this.outgoing.passes) {
      this.innerFull = !this.inner.write(chunks);
      this.wantsDrain ||= this.innerFull;
      return !this.innerFull;
    }
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
