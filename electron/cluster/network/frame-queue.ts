/**
 * The frames of one connection, of a Kafka or ZooKeeper client, from their first byte until their requests begin. Takes the memory of a frame before it is allocated, and
 * reports each change that the node's memory for requests has to know about (`request-memory.ts`). Reads no socket and starts no request.
 */
import { FrameSplitter } from '../protocol/frame.ts';
import type { FrameHolder, RequestMemory } from './request-memory.ts';

/** Reading stops above either; a producer keeps five requests in flight, so this holds the usual requests of one. */
const MAX_QUEUED_FRAMES = 16;
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

export interface QueuedFrame {
  readonly frame: Buffer;
  /** Monotonic ms when the frame was complete. */
  readonly receivedAt: number;
}

export interface FrameQueueOptions {
  maxFrameBytes: number;
  /** Known once the first bytes have arrived. */
  memory: () => RequestMemory;
  /** Whether the connection has requests that have begun and are not answered. */
  hasUnanswered: () => boolean;
  /** The frame that waited has its memory: `admit` continues. Never called from within another call. */
  granted: () => void;
  /** Closes the connection; the reason is logged. */
  refuse: (reason: string) => void;
  /** The setting that bounds the memory, for the reason of a refusal. */
  setting?: string;
}

export class FrameQueue implements FrameHolder {
  private readonly options: FrameQueueOptions;
  private readonly splitter: FrameSplitter;
  /** Lengths of the frames that memory was taken for and that are not queued yet. */
  private granted: number[] = [];
  /** Cancels the wait of a frame for its memory. */
  private stopWaiting: (() => void) | undefined;
  private parkedBytes = 0;
  private readonly frames: QueuedFrame[] = [];
  private bytes = 0;

  constructor(options: FrameQueueOptions) {
    this.options = options;
    this.splitter = new FrameSplitter(options.maxFrameBytes, { admits: (length) => this.admits(length) });
  }

  get length(): number {
    return this.frames.length;
  }
  get queuedBytes(): number {
    return this.bytes;
  }
  get frameProgress(): number {
    return this.splitter.buffered;
  }
  /** The frame that begins next. */
  get first(): QueuedFrame | undefined {
    return this.frames[0];
  }
  /** Whether a frame waits for its memory. */
  get waits(): boolean {
    return this.stopWaiting !== undefined;
  }
  /** Whether nothing more may be read for now. */
  get isFull(): boolean {
    return this.splitter.refusedLength !== undefined || this.frames.length >= MAX_QUEUED_FRAMES || this.bytes >= MAX_QUEUED_BYTES;
  }

  refuse(reason: string): void {
    this.options.refuse(reason);
  }

  /**
   * Queues the frames that `chunk` completes. Returns their number, and undefined where the connection was refused. Throws for bytes that are no
   * frame.
   */
  push(chunk: Buffer, now: number): number | undefined {
    return this.add(this.splitter.push(chunk), now);
  }

  /** The same for what arrived behind the length of the frame that waited for its memory. */
  admit(now: number): number | undefined {
    return this.add(this.splitter.admit(), now);
  }

  /** Takes the first frame out. Its memory is the caller's, who releases it. */
  shift(): void {
    const next = this.frames.shift();
    if (next === undefined) return;
    this.bytes -= next.frame.length;
    if (this.frames.length > 0) this.memory.queues(this);
    else this.memory.dequeued(this);
  }

  /** Discards everything, and releases its memory. */
  clear(): void {
    for (const { frame } of this.frames) this.memory.release(frame.length);
    this.frames.length = 0;
    this.bytes = 0;
    this.memory.dequeued(this);
    this.dropIncomplete();
  }

  /** Releases the memory that the frame in progress holds, or waits for. */
  dropIncomplete(): void {
    const { memory } = this;
    this.stopWaiting?.();
    this.stopWaiting = undefined;
    memory.unpark(this.parkedBytes);
    this.parkedBytes = 0;
    memory.received(this);
    this.splitter.discard();
    for (const bytes of this.granted) memory.release(bytes);
    this.granted = [];
  }

  private get memory(): RequestMemory {
    return this.options.memory();
  }

  private add(frames: readonly Buffer[], now: number): number | undefined {
    if (this.frames.length === 0 && frames.length > 0) this.memory.queues(this);
    for (const frame of frames) {
      this.frames.push({ frame, receivedAt: now });
      this.bytes += frame.length;
    }
    // Their memory is the queue's from here on.
    this.granted.splice(0, frames.length);
    return this.accountForRest(frames.length > 0) ? frames.length : undefined;
  }

  /** False where the connection was refused. */
  private accountForRest(completed: boolean): boolean {
    const { memory } = this;
    const { expectedBytes, parkedBytes } = this.splitter;
    if (completed) memory.received(this);
    if (expectedBytes > 0) memory.receives(this);
    if (parkedBytes === this.parkedBytes) return true;
    const more = parkedBytes - this.parkedBytes;
    if (more > 0 && !memory.park(more)) {
      const { setting } = this.options;
      this.refuse(`no memory for its request: other requests hold all of it${setting === undefined ? '' : ` (${setting})`}`);
      return false;
    }
    // Bytes that arrived between the grant and `splitter.admit` were parked as well.
    if (more < 0) memory.unpark(-more);
    this.parkedBytes = parkedBytes;
    return true;
  }

  /** Whether there is memory for a frame of that length; if not, nothing more is read until there is. */
  private admits(length: number): boolean {
    const { memory } = this;
    const only = this.granted.length === 0 && this.frames.length === 0 && !this.options.hasUnanswered();
    if (memory.take(length, only)) {
      this.granted.push(length);
      return true;
    }
    this.stopWaiting = memory.wait(length, () => {
      this.stopWaiting = undefined;
      this.granted.push(length);
      memory.unpark(this.parkedBytes);
      this.parkedBytes = 0;
      // Not from within the release of another connection.
      queueMicrotask(() => this.options.granted());
    });
    return false;
  }
}
