/** The difference of two images without the records between them: the second was loaded from a snapshot. */
import type { ImageChange, MetadataImage, PartitionImage, TopicImage } from './image.ts';

export function diffImages(before: MetadataImage, after: MetadataImage): ImageChange {
  const partitions: PartitionImage[] = [];
  const deletedTopics: TopicImage[] = [];
  for (const topic of before.topicsById.values()) if (!after.topicsById.has(topic.id)) deletedTopics.push(topic);
  for (const topic of after.topicsById.values()) {
    const known = before.topicsById.get(topic.id);
    for (const partition of topic.partitions) {
      // Every change of a partition begins a new partition epoch.
      if (known?.partitions[partition.partition]?.partitionEpoch !== partition.partitionEpoch) partitions.push(partition);
    }
  }
  return {
    before,
    after,
    partitions,
    deletedTopics,
    brokers: changedKeys(
      before.brokers,
      after.brokers,
      (a, b) => a.epoch === b.epoch && a.fenced === b.fenced && a.inControlledShutdown === b.inControlledShutdown,
    ),
    configs: changedKeys(before.configs, after.configs, sameEntries),
  };
}

function changedKeys<K, V>(before: ReadonlyMap<K, V>, after: ReadonlyMap<K, V>, same: (a: V, b: V) => boolean): K[] {
  const changed: K[] = [];
  for (const key of before.keys()) if (!after.has(key)) changed.push(key);
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old === undefined || !same(old, value)) changed.push(key);
  }
  return changed;
}

function sameEntries(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}
