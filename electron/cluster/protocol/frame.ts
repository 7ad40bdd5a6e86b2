/**
 * Frames: a 4-byte length, then a header, then the message.
 *
 *   request header v1   apiKey apiVersion correlationId clientId(int16 length)
 *   request header v2   the same and tagged fields; used by flexible versions, ClientId keeps its int16 length
 *   response header v0  correlationId
 *   response header v1  the same and tagged fields; used by flexible versions, but never by ApiVersions (KIP-511)
 */
import { freeBuffer } from '../lib/free-buffer.ts';
import { ProtocolError } from './errors.ts';
import { Reader } from './reader.ts';
import type { Api } from './schema.ts';
import { Writer } from './writer.ts';

const API_VERSIONS_KEY = 18;

export interface RequestHeader {
  apiKey: number;
  apiVersion: number;
  correlationId: number;
  clientId: string | null;
}

/** Reads what both header versions share. A flexible request's tags are passed over by `decodeRequest`, once the API is known. */
export function readRequestHeader(reader: Reader): RequestHeader {
  return {
    apiKey: reader.int16(),
    apiVersion: reader.int16(),
    correlationId: reader.int32(),
    clientId: reader.nullableString(),
  };
}

/**
 * What one request may take in memory when it is decoded: 262,144 array elements, five for every partition of a cluster of 50,000. A frame
 * of 100 MB could else become 7 GB of objects.
 */
const REQUEST_DECODE_BYTES = 32 * 1024 * 1024;

/** Decodes the body that follows `readRequestHeader`. */
export function decodeRequest<T>(api: Api<T, never, unknown, never>, version: number, reader: Reader): T {
  reader.decodeBudgetBytes = REQUEST_DECODE_BYTES;
  if (version >= api.flexibleFrom) reader.skipTags();
  return api.request.codec(version).decode(reader);
}

/** A whole request frame, length included. */
export function encodeRequest<T>(
  api: Api<unknown, T, unknown, never>,
  version: number,
  header: { correlationId: number; clientId: string | null },
  body: T,
): Uint8Array[] {
  const writer = new Writer();
  writer.int32(0);
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(header.correlationId);
  writer.nullableString(header.clientId);
  if (version >= api.flexibleFrom) writer.noTags();
  api.request.codec(version).encode(writer, body);
  return withLength(writer);
}

/** A whole response frame, length included. */
export function encodeResponse<T>(api: Api<unknown, never, unknown, T>, version: number, correlationId: number, body: T): Uint8Array[] {
  const writer = new Writer();
  writer.int32(0);
  writer.int32(correlationId);
  if (version >= api.flexibleFrom && api.key !== API_VERSIONS_KEY) writer.noTags();
  api.response.codec(version).encode(writer, body);
  return withLength(writer);
}

/** Decodes a response frame (without its length). */
export function decodeResponse<T>(api: Api<unknown, never, T, never>, version: number, frame: Buffer): { correlationId: number; body: T } {
  const reader = new Reader(frame);
  const correlationId = reader.int32();
  if (version >= api.flexibleFrom && api.key !== API_VERSIONS_KEY) reader.skipTags();
  return { correlationId, body: api.response.codec(version).decode(reader) };
}

function withLength(writer: Writer): Uint8Array[] {
  const size = writer.size;
  const chunks = writer.finish();
  const first = chunks[0] as Uint8Array;
  const length = size - 4;
  first[0] = length >>> 24;
  first[1] = length >>> 16;
  first[2] = length >>> 8;
  first[3] = length;
  return chunks;
}

/**
 * What is reserved for a frame on its first bytes. Real frames are seldom larger; what claims to be grows with what
 * arrives, so that a length alone costs nothing.
 */
const FIRST_RESERVE_BYTES = 4 * 1024 * 1024;
/** A buffer that is used again goes after so many frames in a row that would have fitted into a sixteenth of it. */
const SMALL_FRAMES_TO_SHRINK = 16;

export interface FrameSplitterOptions {
  /**
   * Asked for each frame, with its length, before memory is allocated for it. After false the splitter keeps what follows (`parkedBytes`)
   * until `admit` is called. A frame that was admitted is allocated as a whole: pages that are not written yet take no memory.
   */
  admits?: (length: number) => boolean;
  /** A frame's bytes are good only until the next `push`: they lie in one buffer that is used again and again. */
  reuse?: boolean;
}

/**
 * Cuts a byte stream into frames, each copied once into a buffer of its own while it comes. A length below 0 or above
 * `maxFrameBytes` (`socket.request.max.bytes`) throws: what follows on that stream cannot be made sense of.
 */
export class FrameSplitter {
  private readonly maxFrameBytes: number;
  private readonly reuse: boolean;
  private readonly admits: ((length: number) => boolean) | undefined;
  private readonly length = Buffer.alloc(4);
  private lengthBytes = 0;
  /** Holds the first `filled` bytes of the frame that is not complete; undefined while its length is read. */
  private frame: Buffer | undefined;
  private frameBytes = 0;
  private filled = 0;
  private spare: Buffer | undefined;
  private smallFrames = 0;
  /** The current `push` or `admit` has completed a frame, whose bytes must stay as they are until the next one. */
  private spareInUse = false;
  /** What follows the length of a frame that was not admitted. */
  private parked: Buffer | undefined;

  constructor(maxFrameBytes: number, { reuse = false, admits }: FrameSplitterOptions = {}) {
    this.maxFrameBytes = maxFrameBytes;
    this.reuse = reuse;
    this.admits = admits;
  }

  /** Frames that `chunk` completes, without their lengths. The chunk may be used for something else afterwards. */
  push(chunk: Buffer): Buffer[] {
    if (this.parked === undefined) return this.split(chunk);
    this.parked = Buffer.concat([this.parked, chunk]);
    return [];
  }

  /** The frame that was refused has its memory now; returns the frames that were kept complete. */
  admit(): Buffer[] {
    const { parked = NOTHING } = this;
    this.parked = undefined;
    this.spareInUse = false;
    this.allocate();
    return this.split(parked);
  }

  /** Length of the frame that was not admitted; undefined where none waits. */
  get refusedLength(): number | undefined {
    return this.parked === undefined ? undefined : this.frameBytes;
  }

  /** Bytes that came behind the length of a frame that was not admitted. */
  get parkedBytes(): number {
    return this.parked?.length ?? 0;
  }

  /** Length of the frame in progress; 0 between frames. */
  get expectedBytes(): number {
    return this.frame === undefined ? 0 : this.frameBytes;
  }

  /** Frees the frame in progress, and what was kept behind it, at once; nothing may be pushed afterwards. */
  discard(): void {
    const { frame } = this;
    this.frame = undefined;
    this.parked = undefined;
    // Only a buffer that was allocated for this frame alone has its memory to itself.
    if (!this.reuse && frame !== undefined && frame.length === frame.buffer.byteLength) freeBuffer(frame);
  }

  private split(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    this.spareInUse = false;
    for (let at = 0; at < chunk.length;) {
      if (this.frame === undefined) {
        let admitted: boolean;
        if (this.lengthBytes === 0 && chunk.length - at >= 4) {
          at += 4;
          admitted = this.begin(chunk.readInt32BE(at - 4));
        } else {
          const count = chunk.copy(this.length, this.lengthBytes, at, Math.min(chunk.length, at + 4 - this.lengthBytes));
          at += count;
          this.lengthBytes += count;
          if (this.lengthBytes < 4) break;
          this.lengthBytes = 0;
          admitted = this.begin(this.length.readInt32BE(0));
        }
        if (!admitted) {
          this.parked = Buffer.from(chunk.subarray(at));
          break;
        }
      }
      const count = Math.min(this.frameBytes - this.filled, chunk.length - at);
      const frame = this.room(count);
      chunk.copy(frame, this.filled, at, at + count);
      at += count;
      this.filled += count;
      if (this.filled < this.frameBytes) break;
      frames.push(frame.length === this.frameBytes ? frame : frame.subarray(0, this.frameBytes));
      this.frame = undefined;
      this.spareInUse = true;
    }
    return frames;
  }

  /** Bytes held for a frame that is not complete, its length among them. */
  get buffered(): number {
    return this.frame === undefined ? this.lengthBytes : 4 + this.filled;
  }

  private begin(length: number): boolean {
    if (length < 0) throw new ProtocolError(`frame length ${length}`);
    if (length > this.maxFrameBytes)
      throw new ProtocolError(`frame of ${length} bytes; ${this.maxFrameBytes} is the most (socket.request.max.bytes)`);
    this.frameBytes = length;
    this.filled = 0;
    if (this.admits !== undefined && !this.admits(length)) return false;
    this.allocate();
    return true;
  }

  private allocate(): void {
    const { frameBytes } = this;
    if (this.reuse) this.frame = this.usedAgain(frameBytes);
    else if (this.admits !== undefined && frameBytes > FIRST_RESERVE_BYTES) this.frame = Buffer.allocUnsafeSlow(frameBytes);
    else this.frame = Buffer.allocUnsafe(Math.min(frameBytes, FIRST_RESERVE_BYTES));
  }

  private usedAgain(length: number): Buffer {
    const spare = this.spare ?? NOTHING;
    this.smallFrames = length * 16 < spare.length ? this.smallFrames + 1 : 0;
    if (!this.spareInUse && length <= spare.length && this.smallFrames < SMALL_FRAMES_TO_SHRINK) return spare;
    this.smallFrames = 0;
    return (this.spare = Buffer.allocUnsafeSlow(Math.min(Math.max(length, FIRST_CHUNK_BYTES), FIRST_RESERVE_BYTES)));
  }

  /** The frame's buffer, large enough for `count` bytes more. */
  private room(count: number): Buffer {
    const frame = this.frame as Buffer;
    const needed = this.filled + count;
    if (needed <= frame.length) return frame;
    const grown = Buffer.allocUnsafeSlow(Math.min(this.frameBytes, Math.max(2 * frame.length, needed)));
    frame.copy(grown, 0, 0, this.filled);
    if (this.reuse) this.spare = grown;
    return (this.frame = grown);
  }
}

const NOTHING = Buffer.alloc(0);
const FIRST_CHUNK_BYTES = 4096;
