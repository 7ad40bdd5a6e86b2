/** Approximate memory of an entry beside the bytes of its key. */
const ENTRY_BYTES = 100;

/**
 * The newest offset of every key in a range of a log. Keys are stored whole, so that no two are mistaken for each other. Memory is
 * bounded; a range with more keys than fit is compacted in parts.
 */
export class KeyOffsets {
  private readonly offsets = new Map<string, bigint>();
  private readonly maxBytes: number;
  private bytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get isFull(): boolean {
    return this.bytes >= this.maxBytes;
  }
  get count(): number {
    return this.offsets.size;
  }

  /** Offsets of a key must come in order. */
  set(key: Buffer, offset: bigint): void {
    const text = key.toString('latin1');
    if (!this.offsets.has(text)) this.bytes += text.length + ENTRY_BYTES;
    this.offsets.set(text, offset);
  }

  get(key: Buffer): bigint | undefined {
    return this.offsets.get(key.toString('latin1'));
  }
}
