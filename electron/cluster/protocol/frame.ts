/**
 * Frames: a 4-byte length, then a header, then the message.
 *
 *   request header v1   apiKey apiVersion correlationId clientId(int16 length)
 *   request header v2   the same and tagged fields; used by flexible versions, ClientId keeps its int16 length
 *   response header v0  correlationId
 *   response header v1  the same and tagged fields; used by flexible versions, but never by ApiVersions (KIP-511)
 */
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

/** Decodes the body that follows `readRequestHeader`. */
export function decodeRequest<T>(api: Api<T, never, unknown, never>, version: number, reader: Reader): T {
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

/**
 * Cuts a byte stream into frames. A frame inside one chunk is a view of it; one that spans chunks is put together in a
 * buffer of its own while they come. A length below 0 or above `maxFrameBytes` (`socket.request.max.bytes`) throws: what
 * follows on that stream cannot be made sense of.
 */
export class FrameSplitter {
  /** The frame that is not complete, its first `filled` bytes. Its length is still being read while this is undefined. */
  private frame: Buffer | undefined;
  private filled = 0;
  private frameBytes = 0;
  private readonly length = Buffer.alloc(4);
  private lengthBytes = 0;
  private readonly maxFrameBytes: number;

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /** Frames that `chunk` completes, without their lengths. */
  push(chunk: Buffer): Buffer[] {
    const frames: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      const left = chunk.length - at;
      if (this.frame !== undefined) {
        at += this.fill(chunk, at);
      } else if (this.lengthBytes === 0 && left >= 4) {
        const length = this.checked(chunk.readInt32BE(at));
        at += 4;
        if (left - 4 < length) {
          this.begin(length);
          continue;
        }
        frames.push(chunk.subarray(at, at + length));
        at += length;
        continue;
      } else {
        const count = Math.min(4 - this.lengthBytes, left);
        chunk.copy(this.length, this.lengthBytes, at, at + count);
        at += count;
        this.lengthBytes += count;
        if (this.lengthBytes < 4) return frames;
        this.begin(this.checked(this.length.readInt32BE(0)));
        this.lengthBytes = 0;
      }
      if (this.filled < this.frameBytes) continue;
      frames.push(this.frame as Buffer);
      this.frame = undefined;
    }
    return frames;
  }

  /** Bytes held for a frame that is not complete, its length among them. */
  get buffered(): number {
    return this.frame === undefined ? this.lengthBytes : 4 + this.filled;
  }

  private begin(length: number): void {
    this.frame = Buffer.allocUnsafe(Math.min(length, FIRST_RESERVE_BYTES));
    this.frameBytes = length;
    this.filled = 0;
  }

  /** Returns how many bytes it took. */
  private fill(chunk: Buffer, at: number): number {
    let frame = this.frame as Buffer;
    const count = Math.min(this.frameBytes - this.filled, chunk.length - at);
    if (this.filled + count > frame.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.frameBytes, Math.max(2 * frame.length, this.filled + count)));
      frame.copy(grown, 0, 0, this.filled);
      this.frame = frame = grown;
    }
    chunk.copy(frame, this.filled, at, at + count);
    this.filled += count;
    return count;
  }

  private checked(length: number): number {
    if (length < 0) throw new ProtocolError(`frame length ${length}`);
    if (length > this.maxFrameBytes)
      throw new ProtocolError(`frame of ${length} bytes; ${this.maxFrameBytes} is the most (socket.request.max.bytes)`);
    return length;
  }
}
