/** Names of the directories of partitions in a data directory, as in Apache Kafka: `<topic>-<partition>`, and that with a suffix. */
import type { Random } from '../lib/random.ts';

/** Of a partition whose files are about to be removed. */
export const DELETED_SUFFIX = '-delete';
/** Of a log that could not be opened and is kept. */
export const SET_ASIDE_SUFFIX = '-damaged';
/** The quorum's own log lives in the same directory and is opened by the quorum. */
const FOREIGN_TOPICS: ReadonlySet<string> = new Set(['__cluster_metadata']);
const MAX_NAME_LENGTH = 255;

/** Topic and number of a partition's directory; undefined for other names. */
export function parsePartitionDirectory(name: string): { topic: string; partition: number } | undefined {
  const match = /^([\w.-]{1,249})-(0|[1-9]\d{0,9})$/.exec(name);
  if (match === null) return undefined;
  const topic = match[1] as string;
  return FOREIGN_TOPICS.has(topic) ? undefined : { topic, partition: Number(match[2]) };
}

/** A name that no other directory has, of at most 255 characters, for a directory that is to be renamed. */
export function uniqueDirectoryName(directory: string, random: Random, suffix: string): string {
  const ending = `.${Buffer.from(random.bytes(16)).toString('hex')}${suffix}`;
  return `${directory.slice(0, MAX_NAME_LENGTH - ending.length)}${ending}`;
}
