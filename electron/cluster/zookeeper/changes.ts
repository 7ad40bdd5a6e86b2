/** Converts a change of the metadata image to changes of the tree: created, deleted and changed nodes, in order. */
import type { ZnodeChange } from '../quorum/zookeeper-state/state.ts';
import { BROKER_RESOURCE, configKey, TOPIC_RESOURCE, type ImageChange, type PartitionImage } from '../quorum/image.ts';
import { DEFAULT_ENTITY } from './system-tree.ts';

export function* znodeChanges(change: ImageChange): Generator<ZnodeChange> {
  const { before, after } = change;
  yield* brokerChanges(change);
  for (const { name, partitions } of change.deletedTopics) yield* removed(name, partitions.length);
  yield* topicChanges(change);
  for (const key of change.configs) yield* configChanges(change, key);
  const was = before.coordination.system.reassignment;
  const is = after.coordination.system.reassignment;
  if (was !== is)
    yield { type: was === undefined ? 'created' : is === undefined ? 'deleted' : 'dataChanged', path: '/admin/reassign_partitions' };
  if (before.features !== after.features) yield { type: 'dataChanged', path: '/feature' };
  yield* change.znodes ?? [];
}

function* brokerChanges({ before, after, brokers }: ImageChange): Generator<ZnodeChange> {
  for (const id of brokers) {
    const path = `/brokers/ids/${id}`;
    const was = before.coordination.system.brokers.get(id);
    const is = after.coordination.system.brokers.get(id);
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

function* topicChanges({ before, after, partitions }: ImageChange): Generator<ZnodeChange> {
  const touched = new Map<string, PartitionImage[]>();
  for (const partition of partitions) {
    const list = touched.get(partition.topicId);
    if (list === undefined) touched.set(partition.topicId, [partition]);
    else list.push(partition);
  }
  for (const [id, list] of touched) {
    const name = list[0]?.topic ?? '';
    const path = `/brokers/topics/${name}`;
    const known = before.topicsById.get(id);
    if (known === undefined) {
      yield { type: 'created', path };
      yield { type: 'created', path: `${path}/partitions` };
      yield { type: 'created', path: `/config/topics/${name}` };
    } else if (before.coordination.system.topics.get(name)?.mzxid !== after.coordination.system.topics.get(name)?.mzxid) {
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
