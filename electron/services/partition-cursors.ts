/**
 * Where a reading of one partition stands, forwards or backwards. Limits count records: an offset may have none, after compaction, under
 * a transaction marker or in a batch that cannot be decoded.
 */
import type { FetchPosition, PartitionRecords } from '../admin/messages.ts';
import type { CutBatch, RecordRow } from '#shared/models/cluster';

export interface PartitionRange {
  partition: number;
  leader: number;
  /** Log start, first offset to read and end (exclusive). */
  start: bigint;
  from: bigint;
  end: bigint;
}

/** Answers in a row that bring neither a record nor a later offset. */
const MAX_IDLE_ANSWERS = 3;
/** A window that held too few records is followed by one this many times as long. */
const WINDOW_GROWTH = 4n;

export abstract class PartitionCursor {
  readonly partition: number;
  readonly leader: number;
  error: string | null = null;
  /** True when the partition stopped bringing records before its end. */
  gaveUp = false;
  readonly cutBatches: CutBatch[] = [];
  /** In reading order; `head` is the next one to show. */
  private readonly rows: RecordRow[] = [];
  private head = 0;
  private wanted = 0;
  private idleAnswers = 0;

  constructor({ partition, leader }: PartitionRange) {
    this.partition = partition;
    this.leader = leader;
  }

  /** True when every offset of the range has been read. */
  protected abstract get isExhausted(): boolean;
  protected abstract position(limit: number): FetchPosition;
  /** False when the answer brought the reading no further. */
  protected abstract accept(part: PartitionRecords): boolean;

  /** Asks for `count` records beyond those that have not been shown yet. */
  want(count: number): void {
    this.wanted = this.rows.length + count;
  }

  get isReading(): boolean {
    return !this.isOver && this.rows.length < this.wanted;
  }

  /** No record will come any more. */
  get isOver(): boolean {
    return this.isExhausted || this.gaveUp || this.error !== null;
  }

  /** True when records of the range were not shown. */
  get hasMore(): boolean {
    return this.error === null && (this.peek() !== undefined || !this.isExhausted);
  }

  peek(): RecordRow | undefined {
    return this.rows[this.head];
  }

  shift(): void {
    this.head++;
  }

  nextFetch(): FetchPosition {
    return this.position(this.wanted - this.rows.length);
  }

  take(part: PartitionRecords): void {
    for (const batch of part.cutBatches) this.cutBatches.push(batch);
    if (part.error !== null) {
      this.error = part.error;
      return;
    }
    if (this.accept(part)) this.idleAnswers = 0;
    else if (++this.idleAnswers >= MAX_IDLE_ANSWERS) this.gaveUp = true;
  }

  protected add(rows: readonly RecordRow[]): void {
    for (const row of rows) this.rows.push(row);
  }
}

export class ForwardCursor extends PartitionCursor {
  private next: bigint;
  private readonly end: bigint;

  constructor(range: PartitionRange) {
    super(range);
    this.next = range.from;
    this.end = range.end;
  }

  protected get isExhausted(): boolean {
    return this.next >= this.end;
  }

  protected position(limit: number): FetchPosition {
    return { partition: this.partition, offset: this.next, end: this.end, limit, keep: 'first' };
  }

  protected accept(part: PartitionRecords): boolean {
    this.add(part.records);
    const moved = part.nextOffset > this.next;
    if (moved) this.next = part.nextOffset;
    return moved;
  }
}

/** Reads windows of offsets from the end backwards; within a window a Fetch can only go forwards. */
export class BackwardCursor extends PartitionCursor {
  private readonly start: bigint;
  /** Every offset from here on has been read. */
  private high: bigint;
  private low: bigint;
  /** Where the reading of the window stands. */
  private at: bigint;
  private size = 0n;
  /** The newest records of the window so far. */
  private found: RecordRow[] = [];
  private limit = 0;

  constructor(range: PartitionRange) {
    super(range);
    this.start = range.start;
    this.high = range.end;
    this.low = range.end;
    this.at = range.end;
  }

  protected get isExhausted(): boolean {
    return this.high <= this.start;
  }

  protected position(limit: number): FetchPosition {
    if (this.at >= this.high) this.openWindow(limit);
    return { partition: this.partition, offset: this.at, end: this.high, limit: this.limit, keep: 'last' };
  }

  private openWindow(limit: number): void {
    this.limit = limit;
    this.size = this.size === 0n ? BigInt(limit) : this.size * WINDOW_GROWTH;
    this.low = this.high - this.size > this.start ? this.high - this.size : this.start;
    this.at = this.low;
    this.found = [];
  }

  protected accept(part: PartitionRecords): boolean {
    if (part.nextOffset <= this.at) return false;
    this.at = part.nextOffset;
    this.found = [...this.found, ...part.records];
    const excess = this.found.length - this.limit;
    const isCut = excess > 0 || part.passedOver > 0;
    if (excess > 0) this.found.splice(0, excess);
    // Below the oldest record that was kept the window has to be read again.
    if (isCut && this.found[0] !== undefined) this.low = BigInt(this.found[0].offset);
    if (this.at < this.high) return true;
    this.high = this.low;
    this.at = this.low;
    if (isCut || this.found.length >= this.limit) this.size = 0n;
    this.add(this.found.reverse());
    this.found = [];
    return true;
  }
}
