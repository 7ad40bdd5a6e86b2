import { expect, test } from 'vitest';
import { javaStringHash, partitionForKey } from '../../../electron/cluster/coordinator/java-hash.ts';

test('String.hashCode follows the Java documentation', () => {
  expect(javaStringHash('')).toBe(0);
  expect(javaStringHash('a')).toBe(97);
  expect(javaStringHash('hello')).toBe(99162322);
  expect(javaStringHash('polygenelubricants')).toBe(-0x8000_0000);
  expect(javaStringHash('😀')).toBe(1772899);
});

test('the smallest hash has no absolute value in Java, and counts as 0', () => {
  expect(partitionForKey('polygenelubricants', 50)).toBe(0);
  expect(partitionForKey('hello', 50)).toBe(22);
});
