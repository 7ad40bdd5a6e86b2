/** What a lower retention deletes, before it is saved. */
import type { TopicRow } from '#shared/models/cluster';
import { describeSetting } from './setting-values.ts';
import { formatBytes, plural } from './numbers.ts';

/** Where they are lowered, records that are stored now are deleted. */
const LIMITS = new Set(['retention.ms', 'retention.bytes']);
/** Kafka's default for the value that the broker does not report. */
const NO_LIMIT = -1n;

const INTEGER = /^-?\d{1,19}$/;

/** Null: nothing is deleted that would not be deleted otherwise. */
export function describeRetentionLoss(name: string, from: string | null, to: string | null, topic: TopicRow): string | null {
  if (!LIMITS.has(name) || to === null || !INTEGER.test(to)) return null;
  // A topic that is only compacted has no retention.
  if (topic.cleanupPolicy !== null && !topic.cleanupPolicy.includes('delete')) return null;
  const limit = BigInt(to);
  const before = from !== null && INTEGER.test(from) ? BigInt(from) : NO_LIMIT;
  if (limit < 0n || (before >= 0n && limit >= before)) return null;
  const shown = describeSetting(name, to) ?? to;
  if (name === 'retention.ms') return `Deletes all records of ${topic.name} older than ${shown}, on every replica. How many is not known.`;
  let bytes = 0n;
  let partitions = 0;
  let unknown = 0;
  for (const { sizeBytes } of topic.partitions) {
    if (sizeBytes === null) unknown += 1;
    else if (BigInt(sizeBytes) > limit) {
      bytes += BigInt(sizeBytes) - limit;
      partitions += 1;
    }
  }
  const rest = unknown === 0 ? '' : ` The size of ${plural(unknown, 'partition')} is not known.`;
  if (partitions === 0) return unknown === 0 ? null : `May delete the oldest records of ${topic.name}.${rest}`;
  // Only whole segments are deleted, so it is at most this much.
  return `Deletes up to ${formatBytes(`${bytes}`)} of the oldest records in ${plural(partitions, 'partition')} of ${topic.name}, on every replica.${rest}`;
}
