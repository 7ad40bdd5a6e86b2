/**
 * The memory of a node for request frames, from their first byte until they are answered. A frame that does not fit waits in
 * order, and its socket is not read (as with Apache Kafka's `queued.max.request.bytes`). A connection that holds memory and sends next
 * to nothing while others wait is closed: otherwise a few partial frames would block all large requests. Connections whose complete
 * frames are blocked by an earlier request are closed too, the largest first and no more than a waiting frame needs.
 */
import type { Clock, Timer } from '../lib/clock.ts';

/** A frame up to this size never waits where its connection holds no other one, so that heartbeats and metadata are prompt. */
const SMALL_FRAME_BYTES = 64 * 1024;
/** A record batch of the default `message.max.bytes`, and the bytes around it. */
const MEDIUM_FRAME_BYTES = 1024 * 1024 + 64 * 1024;
const MEDIUM_CAPACITY_BYTES = 32 * 1024 * 1024;
/** Bytes that waiting connections had already read. */
const PARKED_CAPACITY_BYTES = 16 * 1024 * 1024;
const CHECK_MS = 1_000;
/** While others wait, a frame has to make `MIN_PROGRESS_BYTES` of progress in this time (ms), or be complete where less is missing. */
const STALL_MS = 5_000;
const MIN_PROGRESS_BYTES = 64 * 1024;
/** Closing a connection with a smaller queue releases too little: heartbeats behind a JoinGroup, for example. */
const MIN_STUCK_BYTES = 4 * 1024;

/** The interface of a connection for this memory. */
export interface FrameHolder {
  /** Bytes of the frame in progress that have arrived. */
  readonly frameProgress: number;
  /** Bytes of its complete frames that have not begun. */
  readonly queuedBytes: number;
  /** Closes the connection; the reason is logged. */
  refuse(reason: string): void;
}

export interface RequestMemoryOptions {
  clock: Clock;
  /** `socket.request.max.bytes`: one frame of that size fits. */
  maxFrameBytes: number;
  /** For frames up to 1 MiB. */
  mediumCapacityBytes?: number;
  parkedCapacityBytes?: number;
}

interface Waiter {
  readonly bytes: number;
  readonly granted: () => void;
}

/** Frames of one size class: small and medium ones, or large ones. */
class Pool {
  usedBytes = 0;
  /** Waiting frames that got their memory. */
  grants = 0;
  readonly capacityBytes: number;
  readonly waiters = new Set<Waiter>();

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  fits(bytes: number): boolean {
    return this.usedBytes + bytes <= this.capacityBytes;
  }

  /** First in, first out: a large frame must not starve behind small ones. */
  grantWaiting(): void {
    for (const waiter of this.waiters) {
      if (!this.fits(waiter.bytes)) return;
      this.waiters.delete(waiter);
      this.usedBytes += waiter.bytes;
      this.grants++;
      waiter.granted();
    }
  }
}

export class RequestMemory {
  private readonly clock: Clock;
  private readonly medium: Pool;
  private readonly large: Pool;
  private readonly parkedCapacityBytes: number;
  private parkedBytes = 0;
  /** Connections whose frame is granted and incomplete, with their progress at a point in time. */
  private readonly receiving = new Map<FrameHolder, { bytes: number; since: number }>();
  /** Connections with complete frames that have not begun; monotonic ms since when the first of these frames has been the next. */
  private readonly queued = new Map<FrameHolder, number>();
  private timer: Timer | undefined;

  constructor({ clock, maxFrameBytes, mediumCapacityBytes, parkedCapacityBytes }: RequestMemoryOptions) {
    this.clock = clock;
    this.medium = new Pool(mediumCapacityBytes ?? MEDIUM_CAPACITY_BYTES);
    this.large = new Pool(maxFrameBytes);
    this.parkedCapacityBytes = parkedCapacityBytes ?? PARKED_CAPACITY_BYTES;
  }

  get usedBytes(): number {
    return this.medium.usedBytes + this.large.usedBytes;
  }

  /** Frames that wait for memory. */
  get waiting(): number {
    return this.medium.waiters.size + this.large.waiters.size;
  }

  /** False where the frame has to wait. `only`: its connection holds no other frame. */
  take(bytes: number, only: boolean): boolean {
    const pool = this.poolOf(bytes);
    if (!(only && bytes <= SMALL_FRAME_BYTES) && (pool.waiters.size > 0 || !pool.fits(bytes))) return false;
    pool.usedBytes += bytes;
    return true;
  }

  /** Calls `granted` once the memory is taken; returns a function that cancels the wait. */
  wait(bytes: number, granted: () => void): () => void {
    const pool = this.poolOf(bytes);
    const waiter: Waiter = { bytes, granted };
    pool.waiters.add(waiter);
    this.watchStalls();
    return () => {
      if (pool.waiters.delete(waiter)) pool.grantWaiting();
    };
  }

  release(bytes: number): void {
    const pool = this.poolOf(bytes);
    pool.usedBytes -= bytes;
    if (pool.waiters.size > 0) pool.grantWaiting();
  }

  /** Takes memory for bytes that a waiting connection had already read; false where there is no room. */
  park(bytes: number): boolean {
    if (this.parkedBytes + bytes > this.parkedCapacityBytes) return false;
    this.parkedBytes += bytes;
    return true;
  }

  unpark(bytes: number): void {
    this.parkedBytes -= bytes;
  }

  // Reports of a connection's frames, which `FrameQueue` makes for every change of its own.

  /** A frame has begun that does not come with its first chunk. */
  receives(holder: FrameHolder): void {
    if (!this.receiving.has(holder)) this.receiving.set(holder, { bytes: holder.frameProgress, since: this.clock.monotonic() });
  }

  /** The frame is complete, or was dropped. */
  received(holder: FrameHolder): void {
    this.receiving.delete(holder);
  }

  /** Another complete frame has become the next one of its connection. */
  queues(holder: FrameHolder): void {
    this.queued.set(holder, this.clock.monotonic());
  }

  /** The connection has no complete frame left that has not begun. */
  dequeued(holder: FrameHolder): void {
    this.queued.delete(holder);
  }

  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private poolOf(bytes: number): Pool {
    return bytes <= MEDIUM_FRAME_BYTES ? this.medium : this.large;
  }

  private watchStalls(): void {
    this.timer ??= this.clock.setTimer(CHECK_MS, () => {
      this.timer = undefined;
      if (this.waiting === 0) return;
      this.refuseStalled();
      this.refuseStuck();
      if (this.waiting > 0) this.watchStalls();
    });
  }

  private refuseStalled(): void {
    const now = this.clock.monotonic();
    for (const [holder, seen] of [...this.receiving]) {
      if (holder.frameProgress - seen.bytes >= MIN_PROGRESS_BYTES) this.receiving.set(holder, { bytes: holder.frameProgress, since: now });
      else if (now - seen.since >= STALL_MS) {
        this.receiving.delete(holder);
        holder.refuse('its frame made no progress while other requests waited for memory');
      }
    }
  }

  /** Closes connections with blocked queues, until the memory of one suffices for a waiting frame. */
  private refuseStuck(): void {
    const before = this.grants;
    const movedBefore = this.clock.monotonic() - STALL_MS;
    const stuck = [...this.queued].filter(([holder, since]) => since <= movedBefore && holder.queuedBytes >= MIN_STUCK_BYTES);
    stuck.sort(([a], [b]) => b.queuedBytes - a.queuedBytes);
    for (const [holder] of stuck) {
      if (this.waiting === 0 || this.grants > before) return;
      holder.refuse('its requests waited behind an earlier one, and other requests waited for their memory');
    }
  }

  private get grants(): number {
    return this.medium.grants + this.large.grants;
  }
}
