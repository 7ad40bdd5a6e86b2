/**
 * A stretch of the record: a whole moment, then what changed, each as the JSON text that it will be answered with. A block that
 * is full is compressed beside the event loop. It is read, and in the end dropped, as a whole.
 */
import { deflateRaw, inflateRawSync } from 'node:zlib';
import type { Moment } from '#shared/models/history';
import type { Frame } from './frames.ts';

export interface Decoded {
  first: Moment;
  frames: Frame[];
}

/** Speed matters more than the last byte: the text repeats itself enough. */
const LEVEL = 3;

export class Block {
  /** Wall-clock ms of its first and its last moment. */
  readonly from: number;
  until: number;
  /** The whole moment's size as text. */
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

  /** What it takes in memory. What has been decoded for reading comes on top, for one block at a time. */
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

  /** Nothing will be added. Resolves when it is as small as it gets; until then it is read as it was. */
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

  /** Kept until `forget`: who scrubs stays near. */
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
