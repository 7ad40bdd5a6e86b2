/** The records that a lower retention deletes, before it is saved. */
import type { ConfigEntry, TopicRow } from '#shared/models/cluster';
import { describeSetting } from '../format/setting-values.ts';
import { formatBytes, plural } from '../format/numbers.ts';

/** Where they are lowered, records that are stored now are deleted. */
const LIMITS = new Set(['retention.ms', 'retention.bytes']);
/** Kafka's default for the value that the broker does not report. */
const NO_LIMIT = -1n;

const INTEGER = /^-?\d{1,19}$/;

const POLICY = 'cleanup.policy';

/**
 * What a reset deletes: the value then is the inherited one, which a broker may not report. `settings`: the topic's values by name. Null as
 * `describeRetentionLoss`.
 */
export function describeResetLoss(
  entry: Pick<ConfigEntry, 'name' | 'value' | 'inherited'>,
  topic: TopicRow,
  settings: ReadonlyMap<string, string | null>,
): string | null {
  const { name, value, inherited } = entry;
  if (!LIMITS.has(name) && name !== POLICY) return null;
  if (inherited === undefined || inherited === null) {
    return `May delete records of ${topic.name}: the inherited value of ${name} is not known.`;
  }
  const loss =
    name === POLICY ? describePolicyLoss(value, inherited, topic, settings) : describeRetentionLoss(name, value, inherited, topic);
  return loss === null ? null : `${name} is then ${describeSetting(name, inherited) ?? inherited}. ${loss}`;
}

/** The same of a change of `cleanup.policy`, by which retention or compaction begins to apply. */
export function describePolicyLoss(
  from: string | null,
  to: string,
  topic: TopicRow,
  settings: ReadonlyMap<string, string | null>,
): string | null {
  const has = (list: string | null, policy: string): boolean => (list ?? '').split(',').some((one) => one.trim() === policy);
  const begins = (policy: string): boolean => has(to, policy) && !has(from, policy);
  const losses: string[] = [];
  if (begins('delete')) {
    const deleting = { ...topic, cleanupPolicy: 'delete' };
    for (const name of LIMITS) {
      const limit = settings.get(name);
      const loss =
        limit === undefined || limit === null
          ? `May delete records of ${topic.name}: ${name} is not known.`
          : describeRetentionLoss(name, null, limit, deleting);
      if (loss !== null) losses.push(loss);
    }
  }
  if (begins('compact')) losses.push(`Compaction deletes each record of ${topic.name} whose key has a later record.`);
  return losses.length === 0 ? null : losses.join(' ');
}

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
