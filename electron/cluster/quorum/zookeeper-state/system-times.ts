/**
 * Creation and change times of the cluster's parts in the ZooKeeper tree: ZooKeeper has them for every node, and the metadata image lacks
 * them. Kept while records are applied, so all nodes of the cluster have the same.
 */
import { SortedMap } from '../../lib/sorted-map.ts';
import { isReassigning } from '../controller/reassignment-state.ts';
import type { ImageChange, MetadataImage, PartitionImage } from '../image.ts';

export interface NodeTimes {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  /** Wall-clock milliseconds. */
  readonly ctime: number;
  readonly mtime: number;
  /** Of the data. */
  readonly version: number;
}

export interface PartitionTimes extends NodeTimes {
  /** Of the controller of the last change. */
  readonly controllerEpoch: number;
}

export interface TopicTimes extends NodeTimes {
  readonly partitions: readonly PartitionTimes[];
}

/** Of a node with children: the last change of its children, and their number. */
export interface ChildTimes {
  readonly pzxid: bigint;
  readonly changes: number;
}

export interface ControllerTimes {
  readonly brokerId: number;
  /** Raft epoch, shown by /controller_epoch. */
  readonly epoch: number;
  readonly zxid: bigint;
  readonly time: number;
  /** Number of controller changes. */
  readonly changes: number;
}

export interface SystemTimes {
  readonly controller: ControllerTimes | undefined;
  /** By broker id; unfenced brokers, which are those shown. */
  readonly brokers: ReadonlyMap<number, NodeTimes>;
  readonly topics: SortedMap<TopicTimes>;
  /** By config key. */
  readonly configs: SortedMap<NodeTimes>;
  readonly reassignment: NodeTimes | undefined;
  /** Of /brokers/ids, /brokers/topics, /admin. */
  readonly ids: ChildTimes;
  readonly topicNames: ChildTimes;
  readonly admin: ChildTimes;
}

const NO_CHILDREN: ChildTimes = { pzxid: 0n, changes: 0 };

export const EMPTY_SYSTEM_TIMES: SystemTimes = {
  controller: undefined,
  brokers: new Map(),
  topics: SortedMap.empty(),
  configs: SortedMap.empty(),
  reassignment: undefined,
  ids: NO_CHILDREN,
  topicNames: NO_CHILDREN,
  admin: NO_CHILDREN,
};

export interface ChangeTime {
  readonly zxid: bigint;
  readonly time: number;
  readonly epoch: number;
}

export function updateSystemTimes(times: SystemTimes, change: ImageChange, at: ChangeTime): SystemTimes {
  const { partitions, deletedTopics, brokers, configs } = change;
  if (partitions.length + deletedTopics.length + brokers.length + configs.length === 0) return times;
  return { ...times, ...brokerTimes(times, change, at), ...topicTimes(times, change, at), ...configTimes(times, change, at) };
}

function brokerTimes(times: SystemTimes, change: ImageChange, at: ChangeTime): Partial<SystemTimes> {
  if (change.brokers.length === 0) return {};
  const brokers = new Map(times.brokers);
  let { ids } = times;
  for (const id of change.brokers) {
    const old = brokers.get(id);
    const broker = change.after.brokers.get(id);
    if (broker === undefined || broker.fenced) {
      if (brokers.delete(id)) ids = counted(ids, at);
      continue;
    }
    if (old?.czxid === broker.epoch) brokers.set(id, changed(old, at));
    else {
      // The node is created with the broker's epoch; it may be shown later.
      brokers.set(id, { czxid: broker.epoch, mzxid: at.zxid, ctime: at.time, mtime: at.time, version: 0 });
      ids = counted(ids, at);
    }
  }
  return { brokers, ids };
}

function topicTimes(times: SystemTimes, change: ImageChange, at: ChangeTime): Partial<SystemTimes> {
  if (change.partitions.length + change.deletedTopics.length === 0) return {};
  let { topics, topicNames } = times;
  for (const { name } of change.deletedTopics) {
    topics = topics.delete(name);
    topicNames = counted(topicNames, at);
  }
  const touched = new Map<string, PartitionImage[]>();
  for (const partition of change.partitions) {
    const list = touched.get(partition.topic);
    if (list === undefined) touched.set(partition.topic, [partition]);
    else list.push(partition);
  }
  for (const [name, list] of touched) {
    const old = topics.get(name);
    if (old === undefined) topicNames = counted(topicNames, at);
    const partitions: PartitionTimes[] = [...(old?.partitions ?? [])];
    const topicId = list[0]?.topicId ?? '';
    const before = change.before.topicsById.get(topicId);
    for (const { partition } of list) {
      const known = partitions[partition];
      // Written out for speed: there are thousands of them at a time.
      partitions[partition] = {
        czxid: known?.czxid ?? at.zxid,
        mzxid: at.zxid,
        ctime: known?.ctime ?? at.time,
        mtime: at.time,
        version: known === undefined ? 0 : known.version + 1,
        controllerEpoch: at.epoch,
      };
    }
    const sameAssignment =
      old !== undefined && before !== undefined && list.every((one) => sameReplicas(one, before.partitions[one.partition]));
    const own = old === undefined ? fresh(at) : sameAssignment ? old : changed(old, at);
    topics = topics.set(name, { ...own, partitions });
  }
  const moving = change.partitions.some(isReassigning) || (times.reassignment !== undefined && anyMoving(change.after));
  if (!moving) {
    return times.reassignment === undefined
      ? { topics, topicNames }
      : { topics, topicNames, reassignment: undefined, admin: counted(times.admin, at) };
  }
  return times.reassignment === undefined
    ? { topics, topicNames, reassignment: fresh(at), admin: counted(times.admin, at) }
    : { topics, topicNames, reassignment: changed(times.reassignment, at) };
}

function configTimes(times: SystemTimes, change: ImageChange, at: ChangeTime): Partial<SystemTimes> {
  if (change.configs.length === 0) return {};
  let { configs } = times;
  for (const key of change.configs) {
    const old = configs.get(key);
    if (!change.after.configs.has(key) && old === undefined) continue;
    configs = configs.set(key, old === undefined ? fresh(at) : changed(old, at));
  }
  return { configs };
}

function anyMoving(image: Pick<MetadataImage, 'topics'>): boolean {
  for (const topic of image.topics.values()) if (topic.partitions.some(isReassigning)) return true;
  return false;
}

function sameReplicas(a: PartitionImage, b: PartitionImage | undefined): boolean {
  const same = (one: readonly number[], other: readonly number[]): boolean =>
    one === other || (one.length === other.length && one.every((id, index) => id === other[index]));
  return (
    b !== undefined &&
    same(a.replicas, b.replicas) &&
    same(a.addingReplicas, b.addingReplicas) &&
    same(a.removingReplicas, b.removingReplicas)
  );
}

function fresh(at: ChangeTime): NodeTimes {
  return { czxid: at.zxid, mzxid: at.zxid, ctime: at.time, mtime: at.time, version: 0 };
}

function changed<T extends NodeTimes>(times: T, at: ChangeTime): T {
  return { ...times, mzxid: at.zxid, mtime: at.time, version: times.version + 1 };
}

function counted(times: ChildTimes, at: ChangeTime): ChildTimes {
  return { pzxid: at.zxid, changes: times.changes + 1 };
}
