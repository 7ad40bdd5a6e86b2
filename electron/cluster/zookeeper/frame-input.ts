/**
 * The requests of one ZooKeeper connection, from receipt to response, within the memory that the node lends to client requests: memory is
 * acquired before a frame is allocated; without memory the frame waits unread (`network/request-memory.ts`).
 */
import type { FrameHolder, RequestMemory } from '../network/request-memory.ts';
import { FrameSplitter } from '../protocol/frame.ts';

export interface FrameInputOptions {
  readonly maxFrameBytes: number;
  readonly memory: RequestMemory;
  /** A waiting frame has its memory, and frames behind it may be complete. */
  readonly arrived: (frames: number) => void;
  readonly failed: (error: unknown) => void;
  /** Closes the connection; the reason is logged. */
  readonly refuse: (reason: string) => void;
}

export class FrameInput implements FrameHolder {
  /** Bytes of complete frames whose processing has not begun. */
  queuedBytes = 0;
  private readonly options: FrameInputOptions;
  private readonly splitter: FrameSplitter;
  private readonly queue: Buffer[] = [];
  /** Lengths of the frames that have memory and are not queued yet. */
  private granted: number[] = [];
  /** Lengths of the frames in progress. */
  private begun: number[] = [];
  private parkedBytes = 0;
  private stopWaiting: (() => void) | undefined;
  private closed = false;

  constructor(options: FrameInputOptions) {
    this.options = options;
    this.splitter = new FrameSplitter(options.maxFrameBytes, { admits: (length) => this.admits(length) });
  }

  get frameProgress(): number {
    return this.splitter.buffered;
  }
  /** Complete frames whose processing has not begun. */
  get length(): number {
    return this.queue.length;
  }
  get first(): Buffer | undefined {
    return this.queue[0];
  }
  /** A frame waits for its memory, and nothing is to be read. */
  get waits(): boolean {
    return this.stopWaiting !== undefined;
  }

  /** Queues the frames that `chunk` completes; returns their number. Throws ProtocolError on bytes that are no frame. */
  push(chunk: Buffer): number {
    return this.accept(this.splitter.push(chunk));
  }

  /** Takes the first frame out of the queue; its memory is held until `done`. */
  take(): Buffer | undefined {
    const frame = this.queue.shift();
    if (frame === undefined) return undefined;
    this.queuedBytes -= frame.length;
    this.begun.push(frame.length);
    if (this.queue.length > 0) this.options.memory.queues(this);
    else this.options.memory.dequeued(this);
    return frame;
  }

  /** All dequeued frames have been answered. */
  done(): void {
    for (const bytes of this.begun.splice(0)) this.options.memory.release(bytes);
  }

  refuse(reason: string): void {
    this.options.refuse(reason);
  }

  /** Drops the queue and releases its memory. Frames in progress keep their memory until `done`. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    const { memory } = this.options;
    for (const { length } of this.queue.splice(0)) memory.release(length);
    this.queuedBytes = 0;
    memory.dequeued(this);
    this.stopWaiting?.();
    this.stopWaiting = undefined;
    memory.unpark(this.parkedBytes);
    this.parkedBytes = 0;
    memory.received(this);
    this.splitter.discard();
    for (const bytes of this.granted.splice(0)) memory.release(bytes);
  }

  private admits(length: number): boolean {
    const { memory } = this.options;
    const only = this.granted.length === 0 && this.queue.length === 0 && this.begun.length === 0;
    if (memory.take(length, only)) {
      this.granted.push(length);
      return true;
    }
    this.stopWaiting = memory.wait(length, () => {
      this.stopWaiting = undefined;
      this.granted.push(length);
      memory.unpark(this.parkedBytes);
      this.parkedBytes = 0;
      // Not from within the release by another connection.
      queueMicrotask(() => this.admit());
    });
    return false;
  }

  private admit(): void {
    if (this.closed) return;
    try {
      this.options.arrived(this.accept(this.splitter.admit()));
    } catch (error) {
      this.options.failed(error);
    }
  }

  private accept(frames: readonly Buffer[]): number {
    const { memory } = this.options;
    if (this.queue.length === 0 && frames.length > 0) memory.queues(this);
    for (const frame of frames) {
      this.queue.push(frame);
      this.queuedBytes += frame.length;
    }
    // From here on their memory belongs to the queue.
    this.granted.splice(0, frames.length);
    const { expectedBytes, parkedBytes } = this.splitter;
    if (frames.length > 0) memory.received(this);
    if (expectedBytes > 0) memory.receives(this);
    const more = parkedBytes - this.parkedBytes;
    if (more > 0 && !memory.park(more)) {
      this.refuse('no memory for its request: other requests hold all of it');
      return frames.length;
    }
    // Bytes that arrived between the grant and `splitter.admit` were parked as well.
    if (more < 0) memory.unpark(-more);
    this.parkedBytes = parkedBytes;
    return frames.length;
  }
}
