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

  test('gives the frames of one chunk', () => {
    const splitter = new FrameSplitter(100);
    expect(splitter.push(bytes)).toEqual(frames);
    expect(splitter.buffered).toBe(0);
  });

  test('does not care where the stream is cut: every one and every two cuts', () => {
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

  test('takes a byte at a time', () => {
    const splitter = new FrameSplitter(100);
    const got = [...bytes].flatMap((byte) => splitter.push(Buffer.from([byte])));
    expect(got).toEqual(frames);
  });

  test('joins a long frame of many chunks', () => {
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
