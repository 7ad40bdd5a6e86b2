import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { ProtocolError } from '../../../electron/cluster/protocol/errors.ts';
import { FrameSplitter } from '../../../electron/cluster/protocol/frame.ts';

const frames = [Buffer.from('first'), Buffer.alloc(0), Buffer.from('a longer second frame'), Buffer.from('x')];

function stream(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(
    parts.flatMap((part) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(part.length);
      return [length, part];
    }),
  );
}

describe('FrameSplitter', () => {
  const bytes = stream(frames);

  test('returns the frames of one chunk', () => {
    const splitter = new FrameSplitter(100);
    expect(splitter.push(bytes)).toEqual(frames);
    expect(splitter.buffered).toBe(0);
  });

  test('returns the same frames for every one and every two cuts of the stream', () => {
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const splitter = new FrameSplitter(100);
        const got = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)].flatMap((chunk) =>
          splitter.push(chunk),
        );
        expect(got).toEqual(frames);
        expect(splitter.buffered).toBe(0);
      }
    }
  });

  test('accepts one byte at a time', () => {
    const splitter = new FrameSplitter(100);
    const got = [...bytes].flatMap((byte) => splitter.push(Buffer.from([byte])));
    expect(got).toEqual(frames);
  });

  test('joins a long frame from many chunks', () => {
    const random = seededRandom(1);
    const long = [Buffer.from(random.bytes(100_000)), Buffer.from(random.bytes(50_000))];
    const all = stream(long);
    const splitter = new FrameSplitter(200_000);
    const got: Buffer[] = [];
    for (let at = 0; at < all.length;) {
      const size = 1 + random.int(3000);
      got.push(...splitter.push(all.subarray(at, at + size)));
      at += size;
    }
    expect(got).toEqual(long);
  });

  test.each([
    ['negative', [0xff, 0xff, 0xff, 0xff]],
    ['too long', [0, 0, 0, 101]],
    ['a browser that speaks HTTP', [...Buffer.from('GET ')]],
  ])('throws for a length that is %s, in one chunk or in two', (_name, length) => {
    expect(() => new FrameSplitter(100).push(Buffer.from(length))).toThrow(ProtocolError);
    const splitter = new FrameSplitter(100);
    expect(splitter.push(Buffer.from(length.slice(0, 2)))).toEqual([]);
    expect(() => splitter.push(Buffer.from(length.slice(2)))).toThrow(ProtocolError);
  });
});

describe('FrameSplitter with a reused buffer', () => {
  test('keeps all frames of one chunk apart when it reuses its buffer, and the one that begins in it', () => {
    const parts = [Buffer.alloc(3_000, 1), Buffer.alloc(2_000, 2), Buffer.alloc(5_000, 3), Buffer.alloc(100, 4)];
    const splitter = new FrameSplitter(1_000_000, { reuse: true });
    expect(splitter.push(stream([Buffer.alloc(4_000, 9)]))).toHaveLength(1);
    const all = stream(parts);
    const cut = all.length - 50;
    expect(splitter.push(all.subarray(0, cut))).toEqual(parts.slice(0, 3));
    expect(splitter.push(all.subarray(cut))).toEqual(parts.slice(3));
  });

  test('returns every frame unchanged until the next push', () => {
    const random = seededRandom(7);
    const sizes = [10, 100_000, 0, 70_000, ...Array.from({ length: 40 }, () => 5), 100_000, 300_000, 1];
    const sent = sizes.map((size) => Buffer.from(random.bytes(size)));
    const all = stream(sent);
    const splitter = new FrameSplitter(1_000_000, { reuse: true });
    const got: Buffer[] = [];
    // One request at a time: at most one frame comes with a chunk.
    let at = 0;
    for (const frame of sent) {
      const end = at + 4 + frame.length;
      while (at < end) {
        const size = Math.min(end - at, 1 + random.int(40_000));
        got.push(...splitter.push(all.subarray(at, at + size)).map((one) => Buffer.from(one)));
        at += size;
      }
    }
    expect(got).toEqual(sent);
  });

  test('keeps one buffer for many frames, and releases a large one when only small ones arrive', () => {
    const splitter = new FrameSplitter(1_000_000, { reuse: true });
    const next = (size: number): ArrayBufferLike => (splitter.push(stream([Buffer.alloc(size)]))[0] as Buffer).buffer;
    const large = next(500_000);
    expect(next(400_000)).toBe(large);
    for (let n = 0; n < 15; n++) expect(next(100)).toBe(large);
    expect(next(100).byteLength).toBeLessThan(100_000);
  });
});

test('FrameSplitter: grows the buffer of a large frame with the bytes that arrive', () => {
  const frame = Buffer.from(seededRandom(3).bytes(9_000_000));
  const bytes = stream([frame]);
  const splitter = new FrameSplitter(100_000_000);
  const got: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 1_000_000) got.push(...splitter.push(bytes.subarray(at, at + 1_000_000)));
  expect(got).toHaveLength(1);
  expect(got[0]?.equals(frame)).toBe(true);
});

test('FrameSplitter: a chunk may be overwritten after the push', () => {
  const splitter = new FrameSplitter(100);
  const chunk = stream([Buffer.from('whole')]);
  const got = splitter.push(chunk);
  chunk.fill(0);
  expect(got).toEqual([Buffer.from('whole')]);
});

test('FrameSplitter: frees a discarded large frame at once', () => {
  const allocated: Buffer[] = [];
  const original = Buffer.allocUnsafeSlow;
  Buffer.allocUnsafeSlow = (size) => {
    const buffer = original(size);
    allocated.push(buffer);
    return buffer;
  };
  try {
    const splitter = new FrameSplitter(100_000_000, { admits: () => true });
    splitter.push(stream([Buffer.alloc(9_000_000)]).subarray(0, 8_000_000));
    expect(allocated.map(({ length }) => length)).toEqual([9_000_000]);
    splitter.discard();
    expect(allocated[0]?.buffer.byteLength).toBe(0);
    expect(splitter.buffered).toBe(0);
  } finally {
    Buffer.allocUnsafeSlow = original;
  }
});
