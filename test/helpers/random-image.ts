import { runWhole } from '../../electron/cluster/lib/work-slices.ts';
import { SortedMap } from '../../electron/cluster/lib/sorted-map.ts';
import {
  EMPTY_COORDINATION,
  emptyZnode,
  znodeBytes,
  type CoordinationImage,
  type CoordinationSession,
  type Znode,
} from '../../electron/cluster/quorum/zookeeper-state/state.ts';
import { CONTAINER_OWNER, isExpirable, ttlOwner } from '../../electron/cluster/quorum/zookeeper-state/node-kind.ts';
import { ZooKeeperLogState } from '../../electron/cluster/quorum/zookeeper-state/log-state.ts';
import { diffImages } from '../../electron/cluster/quorum/image-diff.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';
import { randomUuid } from '../../electron/cluster/protocol/uuid.ts';
import {
  configKey,
  EMPTY_IMAGE,
  type BrokerRegistration,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
} from '../../electron/cluster/quorum/image.ts';
import { IMAGE_CLUSTER_ID } from './metadata-image.ts';

/** Any state that records could have made, with the times of the parts of the image. */
export function randomZooKeeperState(random: Random, image: MetadataImage): CoordinationImage {
  const root = randomZnode(random, 3);
  let sessions = SortedMap.empty<CoordinationSession, bigint>();
  for (let id = 1n; random.int(3) > 0; id++) {
    const ephemerals = SortedMap.empty<true>();
    sessions = sessions.set(id, {
      id,
      timeoutMs: random.int(40_000),
      password: randomBytes(random, 16),
      holder: BigInt(random.int(100)),
      lastRequest: BigInt(random.int(100)),
      ephemerals,
      ephemeralBytes: 0,
    });
  }
  // Times of topics and brokers are recorded where records create them.
  const times = new ZooKeeperLogState();
  runWhole(times.prepare([], diffImages(EMPTY_IMAGE, image), image))();
  return { ...EMPTY_COORDINATION, root, sessions, ...countNodes(root), system: times.current.system };
}

/** Fields of the state that follow from its tree. */
function countNodes(root: Znode): { expirable: SortedMap<true>; sizeBytes: number } {
  let expirable = SortedMap.empty<true>();
  let sizeBytes = 0;
  const visit = (path: string, node: Znode): void => {
    sizeBytes += znodeBytes({ path, ...node });
    if (isExpirable(node.owner)) expirable = expirable.set(path, true);
    for (const [name, child] of node.children.entries()) visit(path === '/' ? `/${name}` : `${path}/${name}`, child);
  };
  visit('/', root);
  return { expirable, sizeBytes };
}

function randomOwner(random: Random): bigint {
  const kind = random.int(4);
  return kind === 0 ? CONTAINER_OWNER : kind === 1 ? ttlOwner(BigInt(1 + random.int(1e9))) : 0n;
}

function randomZnode(random: Random, depth: number): Znode {
  const children =
    depth === 0 ? [] : Array.from({ length: random.int(4) }, () => [`n${random.int(20)}`, randomZnode(random, depth - 1)] as const);
  return {
    ...emptyZnode(SortedMap.of(new Map(children))),
    data: random.int(3) === 0 ? null : randomBytes(random, random.int(30)),
    czxid: BigInt(random.int(1e6)),
    mzxid: BigInt(random.int(1e6)),
    pzxid: BigInt(random.int(1e6)),
    ctime: random.int(1e9),
    mtime: random.int(1e9),
    version: random.int(100),
    aversion: random.int(9),
    created: random.int(100),
    owner: depth === 3 ? 0n : randomOwner(random),
    permissions: random.int(32),
  };
}

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.int(256));
}

/** Any image that records could have made, whether or not a controller would. */
export function randomImage(random: Random): MetadataImage {
  const some = (most: number): number[] => Array.from({ length: random.int(most + 1) }, () => random.int(1000));
  const brokers = new Map<number, BrokerRegistration>();
  for (const id of new Set(some(5))) {
    brokers.set(id, {
      id,
      epoch: BigInt(random.int(1e9)),
      incarnationId: randomUuid(random),
      listeners: some(2).map((port) => ({ name: `L${port}`, host: `host-${port}`, port, securityProtocol: random.int(4) })),
      rack: random.int(2) === 0 ? null : `rack ${random.int(3)}`,
      fenced: random.int(2) === 0,
      inControlledShutdown: random.int(2) === 0,
    });
  }
  const topics = new Map<string, TopicImage>();
  for (const number of new Set(some(6))) {
    const topicId = randomUuid(random);
    const topic = `topic-${number}`;
    const partitions = Array.from({ length: random.int(5) }, (_, partition): PartitionImage => ({
      topicId,
      topic,
      partition,
      replicas: some(5),
      isr: some(4),
      elr: some(3),
      lastKnownElr: some(2),
      addingReplicas: some(2),
      removingReplicas: some(2),
      leader: random.int(5) - 1,
      leaderEpoch: random.int(1e6),
      partitionEpoch: random.int(1e6),
      leaderRecoveryState: random.int(2),
    }));
    topics.set(topic, { id: topicId, name: topic, partitions });
  }
  const configs = new Map<string, ReadonlyMap<string, string>>();
  for (const number of some(4)) {
    const entries = new Map(some(3).map((value) => [`setting.${value}`, random.int(4) === 0 ? '' : `${value}:ü`]));
    if (entries.size > 0)
      configs.set(random.int(2) === 0 ? configKey(2, `topic-${number}`) : configKey(4, random.int(2) === 0 ? '' : `${number}`), entries);
  }
  // Of record type 127, which no release knows.
  const unapplied = some(2).map((value) => Uint8Array.of(1, 127, 0, value % 256));
  return {
    ...EMPTY_IMAGE,
    clusterId: IMAGE_CLUSTER_ID,
    offset: BigInt(random.int(1e9)),
    epoch: random.int(1000),
    brokers,
    topics,
    topicsById: new Map([...topics.values()].map((topic) => [topic.id, topic])),
    configs,
    features: new Map(some(3).map((value) => [`feature.${value}`, 1 + random.int(30)])),
    nextProducerId: random.int(2) === 0 ? 0n : BigInt(random.int(1e9)),
    unappliedRecords: { records: unapplied, sizeBytes: unapplied.reduce((sum, { length }) => sum + length, 0), isComplete: true },
  };
}
