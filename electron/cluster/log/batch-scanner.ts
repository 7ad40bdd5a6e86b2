import type { DiskFile } from '../lib/disk.ts';
import { BATCH_HEADER_BYTES, BatchView, LOG_OVERHEAD_BYTES } from '../protocol/record-batch.ts';

/** Steps through the batches of a log file, with a window that is read as needed. Views stay valid when the window moves. */
export class BatchScanner {
  private readonly file: Pick<DiskFile, 'read'>;
  private readonly end: number;
  private readonly windowBytes: number;
  private window: Buffer = Buffer.alloc(0);
  private windowStart = 0;

  /** `end`: size of the file in bytes, as its owner knows it; bytes behind it are not read. */
  constructor(file: Pick<DiskFile, 'read'>, end: number, windowBytes = 64 * 1024) {
    this.file = file;
    this.end = end;
    this.windowBytes = windowBytes;
  }

  /**
   * The batch that starts at `position`, with at least its header in memory. Undefined where no batch can start: too few bytes
   * left, or a length that leads out of the file.
   */
  header(position: number): BatchView | undefined {
    if (this.end - position < BATCH_HEADER_BYTES) return undefined;
    const view = this.view(position, BATCH_HEADER_BYTES);
    if (view === undefined) return undefined;
    const size = LOG_OVERHEAD_BYTES + view.batchLength;
    return size < BATCH_HEADER_BYTES || size > this.end - position ? undefined : view;
  }

  /** The same with the whole batch in memory. */
  batch(position: number): BatchView | undefined {
    const header = this.header(position);
    return header === undefined ? undefined : this.view(position, header.sizeInBytes);
  }

  private view(position: number, bytes: number): BatchView | undefined {
    const offset = position - this.windowStart;
    if (offset >= 0 && offset + bytes <= this.window.length) return new BatchView(this.window, offset);
    const window = Buffer.allocUnsafe(Math.min(Math.max(bytes, this.windowBytes), this.end - position));
    const count = this.file.read(window, position);
    this.window = window.subarray(0, count);
    this.windowStart = position;
    return count < bytes ? undefined : new BatchView(this.window, 0);
  }
}
