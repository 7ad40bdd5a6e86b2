/**
 * The cluster as the tree that Apache Kafka kept in ZooKeeper: brokers, topics, the controller, settings, derived from the metadata image on
 * demand. Data is in the form of Kafka's `ZkData`.
 */
import { isReassigning, targetReplicas } from '../quorum/controller/reassignment-state.ts';
import { Permission } from '../quorum/zookeeper-state/state.ts';
import type { Stat } from '../quorum/zookeeper-state/stat.ts';
import type { ZooKeeperView } from '../quorum/zookeeper-state/view.ts';
import type { ChildTimes, NodeTimes } from '../quorum/zookeeper-state/system-times.ts';
import { BROKER_RESOURCE, configKey, TOPIC_RESOURCE, type BrokerRegistration, type TopicImage } from '../quorum/image.ts';

/** One node as a client reads it. */
export interface NodeView {
  readonly data: Uint8Array | null;
  readonly stat: Stat;
  readonly permissions: number;
  /** In order. */
  children(): string[];
}

const NO_TIMES: NodeTimes = { czxid: 0n, mzxid: 0n, ctime: 0, mtime: 0, version: 0 };
const NO_CHILDREN: ChildTimes = { pzxid: 0n, changes: 0 };
const SECURITY_PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'];

/** The node at `/first/second/…`; undefined for an unknown path. */
export function systemNode(view: ZooKeeperView, parts: readonly string[]): NodeView | undefined {
  const [first, ...rest] = parts;
  switch (first) {
    case 'admin':
      return adminNode(view, rest);
    case 'brokers':
      return brokersNode(view, rest);
    case 'cluster':
      if (rest.length === 0) return directory(['id']);
      return rest.length === 1 && rest[0] === 'id' ? leaf({ version: '1', id: view.image.clusterId }) : undefined;
    case 'config':
      return configNode(view, rest);
    case 'controller':
      return rest.length === 0 ? controllerNode(view) : undefined;
    case 'controller_epoch':
      return rest.length === 0 ? controllerEpochNode(view) : undefined;
    case 'feature':
      if (rest.length > 0) return undefined;
      return leaf({ features: Object.fromEntries(view.image.features), version: 2, status: 1 });
    case 'isr_change_notification':
      return rest.length === 0 ? directory([]) : undefined;
    default:
      return undefined;
  }
}

/** The session that owns a broker's nodes: not assignable to a client, and a new one with every registration. */
export function brokerSessionId(brokerId: number, brokerEpoch: bigint): bigint {
  return (BigInt(brokerId) << 56n) | (1n << 55n) | (brokerEpoch & 0x7f_ffff_ffff_ffffn);
}

function adminNode(view: ZooKeeperView, [second, ...rest]: readonly string[]): NodeView | undefined {
  const { admin, reassignment } = view.zookeeper.system;
  if (second === undefined)
    return directory(reassignment === undefined ? ['delete_topics'] : ['delete_topics', 'reassign_partitions'], admin);
  if (rest.length > 0) return undefined;
  if (second === 'delete_topics') return directory([]);
  if (second !== 'reassign_partitions' || reassignment === undefined) return undefined;
  const moving = [...view.image.topics.values()].flatMap((topic) => topic.partitions.filter(isReassigning));
  const partitions = moving.map((one) => ({ topic: one.topic, partition: one.partition, replicas: targetReplicas(one) }));
  return leaf({ version: 1, partitions }, reassignment);
}

function brokersNode(view: ZooKeeperView, [second, third, ...rest]: readonly string[]): NodeView | undefined {
  const { system } = view.zookeeper;
  switch (second) {
    case undefined:
      return directory(['ids', 'seqid', 'topics']);
    case 'seqid':
      return third === undefined ? directory([]) : undefined;
    case 'ids': {
      if (third === undefined) return directory([...system.brokers.keys()].map(String).sort(), system.ids);
      const id = numberOf(third);
      const broker = id === undefined ? undefined : view.image.brokers.get(id);
      const times = id === undefined ? undefined : system.brokers.get(id);
      return rest.length > 0 || broker === undefined || times === undefined ? undefined : brokerNode(broker, times);
    }
    case 'topics': {
      if (third === undefined) return directory([...view.image.topics.keys()].sort(), system.topicNames);
      const topic = view.image.topics.get(third);
      return topic === undefined ? undefined : topicNode(view, topic, rest);
    }
    default:
      return undefined;
  }
}

function brokerNode(broker: BrokerRegistration, times: NodeTimes): NodeView {
  const { listeners, rack, epoch, id } = broker;
  const plain = listeners.find((listener) => listener.securityProtocol === 0);
  const data = {
    features: {},
    listener_security_protocol_map: Object.fromEntries(
      listeners.map(({ name, securityProtocol }) => [name, SECURITY_PROTOCOLS[securityProtocol] ?? 'PLAINTEXT']),
    ),
    endpoints: listeners.map(({ name, host, port }) => `${name}://${host.includes(':') ? `[${host}]` : host}:${port}`),
    jmx_port: -1,
    port: plain?.port ?? -1,
    host: plain?.host ?? null,
    version: 5,
    timestamp: String(times.ctime),
    ...(rack === null ? {} : { rack }),
  };
  return leaf(data, times, brokerSessionId(id, epoch));
}

function topicNode(view: ZooKeeperView, topic: TopicImage, [first, second, third, ...rest]: readonly string[]): NodeView | undefined {
  const times = view.zookeeper.system.topics.get(topic.name);
  const { partitions } = topic;
  if (first === undefined) {
    const lists = (of: 'replicas' | 'addingReplicas' | 'removingReplicas') =>
      Object.fromEntries(
        partitions.filter((one) => of === 'replicas' || one[of].length > 0).map((one) => [String(one.partition), one[of]]),
      );
    const data = {
      removing_replicas: lists('removingReplicas'),
      partitions: lists('replicas'),
      topic_id: topic.id,
      adding_replicas: lists('addingReplicas'),
      version: 3,
    };
    return node({ data: json(data), times, names: ['partitions'], childTimes: { pzxid: times?.czxid ?? 0n, changes: 1 } });
  }
  if (first !== 'partitions') return undefined;
  if (second === undefined) {
    // The last partition is the newest.
    const pzxid = times?.partitions.at(-1)?.czxid ?? 0n;
    return node({
      data: null,
      times,
      names: partitions.map((one) => String(one.partition)),
      childTimes: { pzxid, changes: partitions.length },
    });
  }
  const index = numberOf(second);
  const partition = index === undefined ? undefined : partitions[index];
  if (partition === undefined || rest.length > 0) return undefined;
  const own = times?.partitions[partition.partition];
  if (third === undefined) return node({ data: null, times: own, names: ['state'], childTimes: { pzxid: own?.czxid ?? 0n, changes: 1 } });
  if (third !== 'state') return undefined;
  const { leader, leaderEpoch, isr, partitionEpoch } = partition;
  const state = { controller_epoch: own?.controllerEpoch ?? view.image.epoch, leader, version: 1, leader_epoch: leaderEpoch, isr };
  // Kafka compared and set the version in ZooKeeper; it is now the partition epoch.
  return leaf(state, { ...(own ?? NO_TIMES), version: partitionEpoch });
}

const CONFIG_KINDS = ['brokers', 'changes', 'clients', 'ips', 'topics', 'users'];
/** Kafka's name for the settings of all brokers. */
export const DEFAULT_ENTITY = '<default>';

function configNode(view: ZooKeeperView, [kind, name, ...rest]: readonly string[]): NodeView | undefined {
  if (kind === undefined) return directory(CONFIG_KINDS);
  if (rest.length > 0 || !CONFIG_KINDS.includes(kind)) return undefined;
  const { system } = view.zookeeper;
  if (kind === 'topics') {
    if (name === undefined) return directory([...view.image.topics.keys()].sort(), system.topicNames);
    const topic = view.image.topics.get(name);
    if (topic === undefined) return undefined;
    const created = system.topics.get(name);
    const key = configKey(TOPIC_RESOURCE, name);
    const changed = system.configs.get(key);
    const times = changed === undefined || created === undefined ? created : { ...changed, czxid: created.czxid, ctime: created.ctime };
    return configLeaf(view, key, times === undefined ? NO_TIMES : { ...times, version: changed?.version ?? 0 });
  }
  if (kind === 'brokers') {
    const prefix = configKey(BROKER_RESOURCE, '');
    if (name === undefined) {
      const names = [...view.image.configs.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
      return directory(names.map((one) => (one === '' ? DEFAULT_ENTITY : one)).sort());
    }
    const key = configKey(BROKER_RESOURCE, name === DEFAULT_ENTITY ? '' : name);
    return view.image.configs.has(key) ? configLeaf(view, key, system.configs.get(key)) : undefined;
  }
  return name === undefined ? directory([]) : undefined;
}

function configLeaf(view: ZooKeeperView, key: string, times: NodeTimes | undefined): NodeView {
  return leaf({ version: 1, config: Object.fromEntries(view.image.configs.get(key) ?? []) }, times);
}

function controllerNode(view: ZooKeeperView): NodeView | undefined {
  const { controller } = view.zookeeper.system;
  if (controller === undefined) return undefined;
  const { brokerId, zxid, time } = controller;
  const times = { czxid: zxid, mzxid: zxid, ctime: time, mtime: time, version: 0 };
  const owner = brokerSessionId(brokerId, view.image.brokers.get(brokerId)?.epoch ?? 0n);
  return leaf({ version: 2, brokerid: brokerId, timestamp: String(time), kraftControllerEpoch: -1 }, times, owner);
}

function controllerEpochNode(view: ZooKeeperView): NodeView | undefined {
  const { controller } = view.zookeeper.system;
  if (controller === undefined) return undefined;
  const { epoch, zxid, time, changes } = controller;
  return node({
    data: Buffer.from(String(epoch)),
    times: { czxid: 0n, mzxid: zxid, ctime: 0, mtime: time, version: changes - 1 },
    names: [],
  });
}

function leaf(value: unknown, times?: NodeTimes, owner?: bigint): NodeView {
  return node({ data: json(value), times, names: [], owner });
}

function directory(names: readonly string[], childTimes?: ChildTimes): NodeView {
  return node({ data: null, times: undefined, names, childTimes });
}

function node(parts: {
  data: Uint8Array | null;
  times: NodeTimes | undefined;
  names: readonly string[];
  childTimes?: ChildTimes | undefined;
  owner?: bigint | undefined;
}): NodeView {
  const { data, names } = parts;
  const times = parts.times ?? NO_TIMES;
  const childTimes = parts.childTimes ?? NO_CHILDREN;
  return {
    data,
    permissions: Permission.read,
    stat: {
      czxid: times.czxid,
      mzxid: times.mzxid,
      ctime: BigInt(times.ctime),
      mtime: BigInt(times.mtime),
      version: times.version,
      cversion: childTimes.changes,
      aversion: 0,
      ephemeralOwner: parts.owner ?? 0n,
      dataLength: data?.length ?? 0,
      numChildren: names.length,
      pzxid: childTimes === NO_CHILDREN ? times.czxid : childTimes.pzxid,
    },
    children: () => [...names],
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

/** `7` → 7; `07`, `x` → undefined. */
function numberOf(text: string): number | undefined {
  return /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : undefined;
}
