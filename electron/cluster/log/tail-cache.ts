import { iterateBatches } from '../protocol/record-batch.ts';

interface Chunk {
  bytes: Buffer;
  /** Memory that `bytes` keeps: the buffer below may be up to twice as large. */
  readonly heldBytes: number;
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly owner: Tail;
}

const NOTHING = Buffer.alloc(0);
/** Approximate memory of a chunk beside its bytes: many small chunks must not exceed the limit unnoticed. */
const CHUNK_OVERHEAD_BYTES = 300;

/**
 * The memory that all logs of a node share for the records appended last, so that followers and consumers at the tail are served
 * without a read. The oldest chunks are dropped first, across all logs: the limit is the node's, not the partition's.
 */
export class TailCache {
  readonly maxBytes: number;
  private bytes = 0;
  private queue: Chunk[] = [];
  private head = 0;

  /** 8 MiB hold what followers and consumers at the tail have not fetched yet; older records come from the page cache. */
  constructor(maxBytes = 8 * 1024 * 1024) {
    this.maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.bytes;
  }

  /** @internal for Tail */
  add(chunk: Chunk): void {
    this.queue.push(chunk);
    this.bytes += chunk.heldBytes + CHUNK_OVERHEAD_BYTES;
    while (this.bytes > this.maxBytes && this.head < this.queue.length) {
      const oldest = this.queue[this.head++] as Chunk;
      if (!oldest.owner.dropOldest(oldest)) continue;
      this.bytes -= oldest.heldBytes + CHUNK_OVERHEAD_BYTES;
      // Both lists are shortened only now and then; dropped chunks in them must not keep the memory.
      oldest.bytes = NOTHING;
    }
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }

  /** @internal for Tail: chunks that their owner has dropped no longer count. */
  release(bytes: number): void {
    this.bytes -= bytes;
  }
}

export interface TailSlice {
  records: Buffer[];
  sizeBytes: number;
  nextOffset: bigint;
}

/** The last appended bytes of one log, as they were written. */
export class Tail {
  private readonly cache: TailCache;
  private chunks: Chunk[] = [];
  private head = 0;

  constructor(cache: TailCache) {
    this.cache = cache;
  }

  /** Appends whole batches to the cached ones. The bytes must not change any more. */
  append(bytes: Buffer, baseOffset: bigint, lastOffset: bigint): void {
    // A small slice of a large request frame, or of the pool that small buffers share, would keep all of it alive.
    const owned = bytes.buffer.byteLength > 2 * bytes.length ? copyOf(bytes) : bytes;
    const chunk = { bytes: owned, heldBytes: owned.buffer.byteLength, baseOffset, lastOffset, owner: this };
    this.chunks.push(chunk);
    this.cache.add(chunk);
  }

  clear(): void {
    if (this.head === this.chunks.length) return;
    let bytes = 0;
    for (const chunk of this.chunks.slice(this.head)) {
      bytes += chunk.heldBytes + CHUNK_OVERHEAD_BYTES;
      // The cache's queue still names the chunk; it must not keep the memory.
      chunk.bytes = NOTHING;
    }
    this.chunks = [];
    this.head = 0;
    this.cache.release(bytes);
  }

  /** False when the chunk has been dropped. */
  dropOldest(chunk: Chunk): boolean {
    if (this.chunks[this.head] !== chunk) return false;
    this.head++;
    if (this.head * 2 > this.chunks.length) {
      this.chunks = this.chunks.slice(this.head);
      this.head = 0;
    }
    return true;
  }

  /** As `Segment.read`; undefined when `offset` is before the cached range. */
  read(offset: bigint, maxBytes: number, maxOffset: bigint, minOneMessage: boolean): TailSlice | undefined {
    const first = this.chunks[this.head];
    if (first === undefined || offset < first.baseOffset) return undefined;
    const records: Buffer[] = [];
    let sizeBytes = 0;
    let nextOffset = offset;
    for (let index = this.find(offset); index < this.chunks.length; index++) {
      const { bytes } = this.chunks[index] as Chunk;
      let start = 0;
      let end = 0;
      let full = false;
      for (const batch of iterateBatches(bytes)) {
        const lastOffset = batch.lastOffset;
        const size = batch.sizeInBytes;
        if (lastOffset < offset) {
          start = end = batch.position + size;
          continue;
        }
        const taken = sizeBytes + end - start;
        full = lastOffset >= maxOffset || (taken + size > maxBytes && !(taken === 0 && minOneMessage));
        if (full) break;
        end = batch.position + size;
        nextOffset = lastOffset + 1n;
      }
      if (end > start) {
        records.push(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
        sizeBytes += end - start;
      }
      if (full) break;
    }
    return { records, sizeBytes, nextOffset };
  }

  /** Index of the first chunk that ends at or after `offset`. */
  private find(offset: bigint): number {
    let low = this.head;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.chunks[middle] as Chunk).lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
