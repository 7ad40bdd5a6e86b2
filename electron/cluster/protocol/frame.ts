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
 * Cuts a byte stream into frames. A frame inside one chunk is a view of it; one that spans chunks is joined once, when
 * its last byte is there. A length below 0 or above `maxFrameBytes` (`socket.request.max.bytes`) throws: what follows on
 * that stream cannot be made sense of.
 */
export class FrameSplitter {
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private readonly maxFrameBytes: number;

  constructor(maxFrameBytes: number) {
    this.maxFrameBytes = maxFrameBytes;
  }

  /** Frames that `chunk` completes, without their lengths. */
  push(chunk: Buffer): Buffer[] {
    let data = chunk;
    if (this.pendingBytes > 0) {
      this.pending.push(chunk);
      this.pendingBytes += chunk.length;
      if (this.pendingBytes < this.needed()) return [];
      data = Buffer.concat(this.pending, this.pendingBytes);
      this.pending = [];
      this.pendingBytes = 0;
    }
    const frames: Buffer[] = [];
    let at = 0;
    while (data.length - at >= 4) {
      const length = this.checked(data.readInt32BE(at));
      if (data.length - at - 4 < length) break;
      frames.push(data.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    if (at < data.length) {
      this.pending.push(data.subarray(at));
      this.pendingBytes = data.length - at;
    }
    return frames;
  }

  /** Bytes held for a frame that is not complete. */
  get buffered(): number {
    return this.pendingBytes;
  }

  /** How many pending bytes make the next step worth it: four for a length, then the whole frame. */
  private needed(): number {
    if (this.pendingBytes < 4) return 4;
    let head = this.pending[0] as Buffer;
    if (head.length < 4) {
      head = Buffer.concat(this.pending, this.pendingBytes);
      this.pending = [head];
    }
    return 4 + this.checked(head.readInt32BE(0));
  }

  private checked(length: number): number {
    if (length < 0) throw new ProtocolError(`frame length ${length}`);
    if (length > this.maxFrameBytes)
      throw new ProtocolError(`frame of ${length} bytes; ${this.maxFrameBytes} is the most (socket.request.max.bytes)`);
    return length;
  }
}
