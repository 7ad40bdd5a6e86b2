import { describe, expect, it } from 'vitest';
import kafkajs from 'kafkajs';
import { keyHash, murmur2, partitionOfKey } from '../../../renderer/messages/murmur2.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('murmur2', () => {
  /** From Apache Kafka's own UtilsTest.testMurmur2. */
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as Java does', (key, hash) => {
    expect(murmur2(bytes(key))).toBe(hash);
  });

  it('chooses what the client of this app chooses, for keys of every length and beyond ASCII', () => {
    const choose = kafkajs.Partitioners.DefaultPartitioner();
    for (let n = 0; n < 500; n++) {
      const key = `${'kunde-é漢-'.slice(0, n % 9)}${n * 7919}`;
      for (const count of [1, 3, 6, 7]) {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          partitionErrorCode: 0,
          partitionId,
          leader: 1,
          replicas: [1],
          isr: [1],
        }));
        expect(partitionOfKey(key, count)).toBe(choose({ topic: 't', partitionMetadata, message: { key, value: '' } }));
      }
    }
  });

  it('has no sign, and no partition where there is none', () => {
    expect(keyHash('foobar')).toBe(-790332482 & 0x7fffffff);
    expect(partitionOfKey('foobar', 0)).toBeNull();
  });
});
