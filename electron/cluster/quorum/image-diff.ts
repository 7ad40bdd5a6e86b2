/** What differs between two images of which the second did not come of the first by records that were seen: it was loaded from a snapshot. */
import type { Znode, ZnodeChange } from './coordination/coordination.ts';
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
    znodes: [...znodeChanges('/', before.coordination.root, after.coordination.root), ...controllerChanges(before, after)],
  };
}

/** In an order in which they can have happened: a node comes after its parent and goes after its children. */
function* znodeChanges(path: string, before: Znode, after: Znode): Generator<ZnodeChange, void, undefined> {
  if (before === after) return;
  if (before.mzxid !== after.mzxid) yield { type: 'dataChanged', path };
  const child = (name: string): string => (path === '/' ? `/${name}` : `${path}/${name}`);
  for (const [name, node] of before.children.entries()) {
    if (after.children.get(name)?.czxid !== node.czxid) yield* whole(child(name), node, 'deleted');
  }
  for (const [name, node] of after.children.entries()) {
    const known = before.children.get(name);
    if (known?.czxid === node.czxid) yield* znodeChanges(child(name), known, node);
    else yield* whole(child(name), node, 'created');
  }
}

function* whole(path: string, node: Znode, type: 'created' | 'deleted'): Generator<ZnodeChange, void, undefined> {
  if (type === 'created') yield { type, path };
  for (const [name, child] of node.children.entries()) yield* whole(`${path}/${name}`, child, type);
  if (type === 'deleted') yield { type, path };
}

/** As a change of controller tells it. */
function controllerChanges({ coordination: before }: MetadataImage, { coordination: after }: MetadataImage): ZnodeChange[] {
  const old = before.system.controller;
  const { controller } = after.system;
  if (controller === undefined || controller.zxid === old?.zxid) return [];
  return [
    ...(old === undefined ? [] : [{ type: 'deleted', path: '/controller' } as const]),
    { type: 'created', path: '/controller' },
    { type: old === undefined ? 'created' : 'dataChanged', path: '/controller_epoch' },
  ];
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
