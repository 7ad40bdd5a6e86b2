/**
 * The hash by which clients choose a record's partition from its key: MurmurHash2 with Kafka's seed, over the bytes of the key
 * (`org.apache.kafka.common.utils.Utils.murmur2`). 32-bit arithmetic that wraps, as Java's does.
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

export function murmur2(data: Uint8Array): number {
  const at = (i: number): number => data[i] ?? 0;
  let h = SEED ^ data.length;
  const whole = data.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    let k = at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    k = Math.imul(k, M);
    h = Math.imul(h, M) ^ k;
  }
  const rest = data.length - whole;
  if (rest > 2) h ^= at(whole + 2) << 16;
  if (rest > 1) h ^= at(whole + 1) << 8;
  if (rest > 0) h = Math.imul(h ^ at(whole), M);
  h ^= h >>> 13;
  h = Math.imul(h, M);
  return h ^ (h >>> 15);
}

const utf8 = new TextEncoder();

/** The hash of a text as clients use it: without its sign. */
export function keyHash(key: string): number {
  return murmur2(utf8.encode(key)) & 0x7fffffff;
}

/** Where every client with the usual partitioner sends this key, as long as the topic has that many partitions. */
export function partitionOfKey(key: string, partitions: number): number | null {
  return partitions > 0 ? keyHash(key) % partitions : null;
}
