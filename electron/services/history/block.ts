/**
 * A part of the history: a whole state and the frames after it, each as JSON text. A full block is compressed in another thread. A block is
 * read and dropped as a whole.
 */
import { deflateRaw, inflateRawSync } from 'node:zlib';
import type { Moment } from '#shared/models/history';
import type { Frame } from './frames.ts';

export interface Decoded {
  first: Moment;
  frames: Frame[];
}

/** A fast level: the text is repetitive, so that it becomes small anyway. */
const LEVEL = 3;

export class Block {
  /** Wall-clock ms of its first and last state. */
  readonly from: number;
  until: number;
  /** Size of the whole state as text. */
  readonly keyBytes: number;
  private texts: string[] | null;
  private packed: Buffer | null = null;
  private size: number;
  private decoded: Decoded | null = null;

  constructor(first: Moment) {
    const text = JSON.stringify(first);
    this.from = first.at;
    this.until = first.at;
    this.texts = [text];
    this.size = text.length;
    this.keyBytes = text.length;
  }

  /** Bytes in memory, without the decoded form, which one block at a time has. */
  get bytes(): number {
    return this.size;
  }

  get frames(): number {
    return (this.texts?.length ?? 1) - 1;
  }

  get deltaBytes(): number {
    return this.size - this.keyBytes;
  }

  add(frame: Frame): void {
    if (this.texts === null) throw new Error('a block that is full takes no more');
    const text = JSON.stringify(frame);
    this.texts.push(text);
    this.size += text.length;
    this.until = frame.at;
    this.decoded?.frames.push(JSON.parse(text) as Frame);
  }

  /** Compresses the block, to which nothing can be added afterwards. It can be read meanwhile. */
  async pack(): Promise<void> {
    if (this.texts === null) return;
    const text = this.texts.join('\n');
    const packed = await new Promise<Buffer>((resolve, reject) => {
      deflateRaw(text, { level: LEVEL }, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
    });
    this.packed = packed;
    this.size = packed.byteLength;
    this.texts = null;
  }

  /** The decoded block is kept until `forget`: the next read is usually near. */
  read(): Decoded {
    if (this.decoded === null) {
      const texts =
        this.texts ??
        inflateRawSync(this.packed ?? Buffer.alloc(0))
          .toString('utf8')
          .split('\n');
      const [first, ...frames] = texts.map((text) => JSON.parse(text) as unknown);
      this.decoded = { first: first as Moment, frames: frames as Frame[] };
    }
    return this.decoded;
  }

  forget(): void {
    this.decoded = null;
  }
}
