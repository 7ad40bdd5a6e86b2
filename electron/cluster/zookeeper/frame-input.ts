/**
 * The requests of one ZooKeeper connection, from receipt to response: those that wait are in a `FrameQueue`, which takes the memory that the
 * node lends to client requests; those in progress are here, until their responses release it.
 */
import { FrameQueue } from '../network/frame-queue.ts';
import type { RequestMemory } from '../network/request-memory.ts';

export interface FrameInputOptions {
  readonly maxFrameBytes: number;
  readonly memory: RequestMemory;
  /** A waiting frame has its memory, and frames behind it may be complete. */
  readonly arrived: (frames: number) => void;
  readonly failed: (error: unknown) => void;
  /** Closes the connection; the reason is logged. */
  readonly refuse: (reason: string) => void;
}

export class FrameInput {
  private readonly options: FrameInputOptions;
  private readonly frames: FrameQueue;
  /** Lengths of the frames in progress. */
  private begun: number[] = [];
  private closed = false;

  constructor(options: FrameInputOptions) {
    this.options = options;
    const { maxFrameBytes, memory, refuse } = options;
    const hasUnanswered = (): boolean => this.begun.length > 0;
    this.frames = new FrameQueue({ maxFrameBytes, memory: () => memory, hasUnanswered, granted: () => this.admit(), refuse });
  }

  /** Bytes of complete frames whose processing has not begun. */
  get queuedBytes(): number {
    return this.frames.queuedBytes;
  }
  /** Complete frames whose processing has not begun. */
  get length(): number {
    return this.frames.length;
  }
  get first(): Buffer | undefined {
    return this.frames.first?.frame;
  }
  /** A frame waits for its memory, and nothing is to be read. */
  get waits(): boolean {
    return this.frames.waits;
  }

  /** Queues the frames that `chunk` completes; returns their number, 0 where the connection was refused. Throws ProtocolError on bytes that are no frame. */
  push(chunk: Buffer): number {
    return this.frames.push(chunk, 0) ?? 0;
  }

  /** Takes the first frame out of the queue; its memory is held until `done`. */
  take(): Buffer | undefined {
    const frame = this.first;
    if (frame === undefined) return undefined;
    this.frames.shift();
    this.begun.push(frame.length);
    return frame;
  }

  /** All dequeued frames have been answered. */
  done(): void {
    for (const bytes of this.begun.splice(0)) this.options.memory.release(bytes);
  }

  /** Drops the queue and releases its memory. Frames in progress keep their memory until `done`. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.frames.clear();
  }

  private admit(): void {
    if (this.closed) return;
    try {
      this.options.arrived(this.frames.admit(0) ?? 0);
    } catch (error) {
      this.options.failed(error);
    }
  }
}
