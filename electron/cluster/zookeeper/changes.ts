/** Converts a change of the metadata to changes of the tree: created, deleted and changed nodes, in order. */
import type { ZnodeChange } from '../quorum/zookeeper-state/state.ts';
import type { ZooKeeperChange } from '../quorum/zookeeper-state/view.ts';
import { BROKER_RESOURCE, configKey, TOPIC_RESOURCE, type ImageChange, type PartitionImage } from '../quorum/image.ts';
import { DEFAULT_ENTITY } from './system-tree.ts';

export function* znodeChanges(change: ZooKeeperChange): Generator<ZnodeChange> {
  const { metadata, znodes } = change;
  const { before, after } = metadata;
  yield* brokerChanges(change);
  for (const { name, partitions } of metadata.deletedTopics) yield* removed(name, partitions.length);
  yield* topicChanges(change);
  for (const key of metadata.configs) yield* configChanges(metadata, key);
  const was = change.before.system.reassignment;
  const is = change.after.system.reassignment;
  if (was !== is)
    yield { type: was === undefined ? 'created' : is === undefined ? 'deleted' : 'dataChanged', path: '/admin/reassign_partitions' };
  if (before.features !== after.features) yield { type: 'dataChanged', path: '/feature' };
  yield* znodes;
}

function* brokerChanges({ before, after, metadata }: ZooKeeperChange): Generator<ZnodeChange> {
  for (const id of metadata.brokers) {
    const path = `/brokers/ids/${id}`;
    const was = before.system.brokers.get(id);
    const is = after.system.brokers.get(id);
    if (was !== undefined && was.czxid === is?.czxid) {
      if (was.mzxid !== is.mzxid) yield { type: 'dataChanged', path };
      continue;
    }
    if (was !== undefined) yield { type: 'deleted', path };
    if (is !== undefined) yield { type: 'created', path };
  }
}

function* removed(topic: string, partitions: number): Generator<ZnodeChange> {
  const path = `/brokers/topics/${topic}`;
  for (let partition = 0; partition < partitions; partition++) {
    yield { type: 'deleted', path: `${path}/partitions/${partition}/state` };
    yield { type: 'deleted', path: `${path}/partitions/${partition}` };
  }
  yield { type: 'deleted', path: `${path}/partitions` };
  yield { type: 'deleted', path };
  yield { type: 'deleted', path: `/config/topics/${topic}` };
}

function* topicChanges({ before, after, metadata }: ZooKeeperChange): Generator<ZnodeChange> {
  const touched = new Map<string, PartitionImage[]>();
  for (const partition of metadata.partitions) {
    const list = touched.get(partition.topicId);
    if (list === undefined) touched.set(partition.topicId, [partition]);
    else list.push(partition);
  }
  for (const [id, list] of touched) {
    const name = list[0]?.topic ?? '';
    const path = `/brokers/topics/${name}`;
    const known = metadata.before.topicsById.get(id);
    if (known === undefined) {
      yield { type: 'created', path };
      yield { type: 'created', path: `${path}/partitions` };
      yield { type: 'created', path: `/config/topics/${name}` };
    } else if (before.system.topics.get(name)?.mzxid !== after.system.topics.get(name)?.mzxid) {
      yield { type: 'dataChanged', path };
    }
    for (const { partition } of list) {
      const at = `${path}/partitions/${partition}`;
      if (known?.partitions[partition] === undefined) yield { type: 'created', path: at };
      yield { type: known?.partitions[partition] === undefined ? 'created' : 'dataChanged', path: `${at}/state` };
    }
  }
}

function* configChanges({ before, after }: ImageChange, key: string): Generator<ZnodeChange> {
  const [topics, brokers] = [configKey(TOPIC_RESOURCE, ''), configKey(BROKER_RESOURCE, '')];
  if (key.startsWith(topics)) {
    const name = key.slice(topics.length);
    // A created or deleted topic already includes the node of its settings.
    if (before.topics.has(name) && after.topics.has(name)) yield { type: 'dataChanged', path: `/config/topics/${name}` };
  } else if (key.startsWith(brokers)) {
    const name = key.slice(brokers.length);
    const path = `/config/brokers/${name === '' ? DEFAULT_ENTITY : name}`;
    const [was, is] = [before.configs.has(key), after.configs.has(key)];
    if (was || is) yield { type: !was ? 'created' : !is ? 'deleted' : 'dataChanged', path };
  }
}
