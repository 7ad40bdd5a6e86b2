/** Sizes as people type them: `1 GiB`, `500 MB`, `1,048,588 B`. Binary and decimal units are two things; Kafka's defaults are binary. */
import { formatExactly, parseWithUnits, type Unit } from './units.ts';

const UNITS: readonly Unit[] = [
  { names: ['TiB', 'tib'], size: 1_024n ** 4n },
  { names: ['TB', 'tb'], size: 1_000n ** 4n },
  { names: ['GiB', 'gib'], size: 1_024n ** 3n },
  { names: ['GB', 'gb'], size: 1_000n ** 3n },
  { names: ['MiB', 'mib'], size: 1_024n ** 2n },
  { names: ['MB', 'mb'], size: 1_000n ** 2n },
  { names: ['KiB', 'kib'], size: 1_024n },
  { names: ['kB', 'KB', 'kb'], size: 1_000n },
  { names: ['B', 'b', 'bytes'], size: 1n },
];

/** Bytes of what was typed with units; null for anything else, such as a bare number or part of a byte. */
export const parseTypedSize = (text: string): bigint | null => parseWithUnits(text, UNITS);

/** Exact, and read back as the same by `parseTypedSize`: `1 GiB`, `1 MB`, `1,048,588 B`. For 0 and more. */
export const formatExactSize = (bytes: bigint): string => formatExactly(bytes, UNITS, 'one');
