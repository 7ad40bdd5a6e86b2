/** Java's `String.hashCode`: over UTF-16 code units, modulo 2³². */
export function javaStringHash(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

/**
 * The partition of an internal topic for a group or a transactional id: Kafka's `Utils.abs(hash) % count`, where the absolute value of the
 * smallest int is 0.
 */
export function partitionForKey(key: string, partitionCount: number): number {
  const hash = javaStringHash(key);
  return (hash === -0x8000_0000 ? 0 : Math.abs(hash)) % partitionCount;
}
