import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { compress, decompress, DecompressedSizeError } from '../../../electron/cluster/protocol/compression.ts';
import { contentSizeHint } from '../../../electron/cluster/protocol/content-size-hint.ts';
import { decompressLz4Frame, lz4FrameContentSize } from '../../../electron/cluster/protocol/lz4-frame.ts';

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const MIB = 1 << 20;

interface Lz4 {
  compressFrameSync(data: Buffer, options?: { contentChecksum?: boolean; blockChecksums?: boolean }): Buffer;
  decompressFrameSync(frame: Buffer): Buffer;
  compressSync(data: Buffer): Buffer;
  uncompressSync(sizeAndBlock: Buffer): Buffer;
}
const lz4 = createRequire(import.meta.url)('lz4-napi') as Lz4;

/** A frame of independent 64 KiB blocks without checksums, as Java's producer and librdkafka write it. */
function plainFrame(content: Buffer): Buffer {
  const chunks: Buffer[] = [Buffer.from('04224d18604082', 'hex')];
  for (let at = 0; at < content.length; at += 65_536) {
    const plain = content.subarray(at, at + 65_536);
    const packed = lz4.compressSync(plain).subarray(4);
    const word = Buffer.alloc(4);
    word.writeUInt32LE(packed.length < plain.length ? packed.length : 0x8000_0000 + plain.length);
    chunks.push(word, packed.length < plain.length ? packed : plain);
  }
  return Buffer.concat([...chunks, Buffer.alloc(4)]);
}

/** Text and noise in turn, so that blocks of both kinds occur. */
function mixed(bytes: number): Buffer {
  const random = seededRandom(bytes);
  const content = Buffer.alloc(bytes, 'record of a batch; ');
  for (let at = 0; at < bytes; at += 150_000) content.set(random.bytes(Math.min(70_000, bytes - at)), at);
  return content;
}

describe('decompress', () => {
  test.each(CODECS)('%s: returns the compressed content, at sizes around those of buffers and blocks', (codec) => {
    for (const size of [0, 1, 63, 64, 255, 256, 16_320, 16_383, 16_384, 16_385, 32_768, 65_536, 65_792, 200_001]) {
      const content = mixed(size);
      expect(decompress(codec, compress(codec, content), MIB).equals(content), `${size} bytes`).toBe(true);
    }
  });

  test.each(CODECS)('%s: accepts exactly the allowed size and refuses one byte more', (codec) => {
    for (const size of [100, 16_384, 70_000]) {
      const bytes = compress(codec, Buffer.alloc(size, 'x'));
      expect(decompress(codec, bytes, size)).toHaveLength(size);
      expect(() => decompress(codec, bytes, size - 1)).toThrow(DecompressedSizeError);
    }
  });

  test('reads gzip of several members, the last one small, and zstd of several frames', () => {
    const parts = [mixed(100_000), mixed(300_000), Buffer.from('end')];
    const content = Buffer.concat(parts);
    expect(decompress('gzip', Buffer.concat(parts.map((part) => zlib.gzipSync(part))), MIB).equals(content)).toBe(true);
    expect(decompress('zstd', Buffer.concat(parts.map((part) => zlib.zstdCompressSync(part))), MIB).equals(content)).toBe(true);
  });
});

describe('lz4 frames', () => {
  const content = mixed(400_000);

  test('with plain headers, checksums and other block sizes return the compressed content', () => {
    const frames = [
      plainFrame(content),
      lz4.compressFrameSync(content),
      lz4.compressFrameSync(content, { contentChecksum: true }),
      lz4.compressFrameSync(content, { blockChecksums: true }),
    ];
    for (const frame of frames) expect(decompress('lz4', frame, MIB).equals(content)).toBe(true);
    expect(decompress('lz4', plainFrame(Buffer.alloc(0)), MIB)).toHaveLength(0);
  });

  test('with changed bytes have the result that the size check and the codec have for the whole frame', () => {
    const random = seededRandom(4);
    const text = Buffer.from('a record of a batch, and another record of that batch; '.repeat(4));
    const frames = [plainFrame(text), lz4.compressFrameSync(text, { contentChecksum: true }), plainFrame(Buffer.from(random.bytes(40)))];
    let accepted = 0;
    let refused = 0;
    for (const original of frames) {
      for (let round = 0; round < 1_500; round++) {
        let frame = Buffer.from(original);
        const at = random.int(frame.length);
        if (random.next() < 0.8) frame[at] = random.next() < 0.5 ? random.int(256) : (frame[at] ?? 0) ^ (1 << random.int(8));
        else frame = random.next() < 0.5 ? frame.subarray(0, at) : Buffer.concat([frame, Buffer.alloc(1 + random.int(6), at)]);
        const judge = attempt(() => (lz4FrameContentSize(frame, MIB) < 0 ? frame : lz4.decompressFrameSync(frame)));
        const ours = attempt(() => decompress('lz4', frame, MIB));
        expect(ours?.toString('hex'), frame.toString('hex')).toBe(judge?.toString('hex'));
        if (judge === undefined) refused++;
        else accepted++;
      }
    }
    expect(accepted).toBeGreaterThan(300);
    expect(refused).toBeGreaterThan(300);
  });

  test('of independent blocks without checksums are decompressed block by block', () => {
    const { uncompressSync } = lz4;
    const decompressFrameSync = (): never => {
      throw new Error('the whole frame went to the codec');
    };
    expect(decompressLz4Frame(plainFrame(content), MIB, { uncompressSync, decompressFrameSync }).equals(content)).toBe(true);
  });

  test('with a block above the size that the header allows are refused', () => {
    const tooLong = Buffer.concat([Buffer.from('04224d1860408270110180', 'hex'), Buffer.alloc(70_000), Buffer.alloc(4)]);
    expect(() => decompress('lz4', tooLong, MIB)).toThrow(expect.objectContaining({ code: 2 }));
    // The same with a header that allows 256 KiB.
    tooLong.set([0x50, 0xfb], 5);
    expect(decompress('lz4', tooLong, MIB)).toHaveLength(70_000);
  });

  test('without a whole end mark are refused', () => {
    const frame = plainFrame(Buffer.alloc(200, 'text '));
    for (let cut = 1; cut <= 4; cut++) {
      expect(() => decompress('lz4', frame.subarray(0, -cut), MIB)).toThrow(expect.objectContaining({ code: 2 }));
    }
  });

  test('above the limit are refused before they are decompressed', () => {
    const bomb = lz4.compressFrameSync(Buffer.alloc(8 * MIB));
    expect(() => decompress('lz4', bomb, 4 * MIB)).toThrow(DecompressedSizeError);
  });
});

describe('contentSizeHint', () => {
  test.each([20_000, 65_791, 65_792, 70_000, 1_000_000])('suffices for %d bytes in one buffer', (size) => {
    const content = Buffer.alloc(size, 'text ');
    for (const hint of [
      contentSizeHint('gzip', zlib.gzipSync(content), 64 * MIB),
      contentSizeHint('zstd', zlib.zstdCompressSync(content), 64 * MIB),
    ]) {
      expect(hint).toBeGreaterThan(size);
      expect(hint).toBeLessThan(size + 100);
    }
  });

  test('is bounded by the length of the stream and by the limit for any claimed size', () => {
    const claim = Buffer.from('ffffffff', 'hex');
    expect(contentSizeHint('gzip', Buffer.concat([Buffer.alloc(100), claim]), 64 * MIB)).toBeLessThan(110_000);
    expect(contentSizeHint('gzip', Buffer.concat([Buffer.alloc(100_000), claim]), 64 * MIB)).toBe(64 * MIB + 64);
    const eightBytes = Buffer.from('28b52ffdc0ffffffffffffffff7f', 'hex');
    expect(contentSizeHint('zstd', eightBytes, 64 * MIB)).toBe(eightBytes.length * 32_768 + 64);
  });

  test('is the least buffer for bytes that are too short for a header', () => {
    for (let length = 0; length < 12; length++) {
      expect(contentSizeHint('gzip', Buffer.alloc(Math.min(length, 3)), MIB)).toBe(16_384);
      expect(contentSizeHint('zstd', Buffer.from('28b52ffdc0ffffffffffff'.slice(0, 2 * length), 'hex'), MIB)).toBe(16_384);
    }
  });
});

function attempt(work: () => Buffer): Buffer | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
