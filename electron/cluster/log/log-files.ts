/** Names of the files in a partition's directory, as Apache Kafka names them. */

export const LOG_SUFFIX = '.log';
export const OFFSET_INDEX_SUFFIX = '.index';
export const TIME_INDEX_SUFFIX = '.timeindex';
export const TRANSACTION_INDEX_SUFFIX = '.txnindex';
export const SNAPSHOT_SUFFIX = '.snapshot';
/** Files of a segment. */
export const SEGMENT_SUFFIXES: readonly string[] = [LOG_SUFFIX, OFFSET_INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX];
/** Files of a segment that compaction writes. */
export const CLEANED_SUFFIX = '.cleaned';
/** Files of a segment that a repair writes. Not `.cleaned`: a compaction of the same segment may run, and each removes its own files. */
export const REPAIR_SUFFIX = '.repair';
/** Files of an operation that a crash ended; they are removed. */
export const LEFTOVER_SUFFIXES: readonly string[] = ['.deleted', CLEANED_SUFFIX, REPAIR_SUFFIX, '.tmp'];
export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint';
export const PARTITION_METADATA_FILE = 'partition.metadata';

/** A file named after an offset: 20 digits, so that names sort as offsets do. */
export function offsetFileName(offset: bigint, suffix: string): string {
  return `${offset.toString().padStart(20, '0')}${suffix}`;
}

export function offsetFile(directory: string, offset: bigint, suffix: string): string {
  return `${directory}/${offsetFileName(offset, suffix)}`;
}

/** The offset in a name with that suffix; undefined for other names. */
export function offsetOfFile(name: string, suffix: string): bigint | undefined {
  if (!name.endsWith(suffix)) return undefined;
  const digits = name.slice(0, -suffix.length);
  return /^\d{20}$/.test(digits) ? BigInt(digits) : undefined;
}
