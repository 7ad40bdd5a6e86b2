/** A broker context over a hand-made image, with fakes where other parts would be. */
import { brokerApis } from '../../electron/cluster/broker/api-registry.ts';
import type { BrokerContext, GroupApis } from '../../electron/cluster/broker/context.ts';
import { inProcessConnection, type ConnectionInfo, type RequestContext } from '../../electron/cluster/dispatch/request.ts';
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { ALLOW_ALL, type Authorizer } from '../../electron/cluster/security/authorizer.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { brokerSettings } from '../../electron/cluster/quorum/config-definitions.ts';
import {
  configKey,
  EMPTY_IMAGE,
  type BrokerRegistration,
  type ConfigResourceType,
  type MetadataImage,
  type PartitionImage,
  type TopicImage,
} from '../../electron/cluster/quorum/image.ts';
import { VirtualClock } from './virtual-clock.ts';

export const CLUSTER_ID = 'p8vRBjG1T0aqJvHCvtYbXg';

export function registration(id: number, overrides: Partial<BrokerRegistration> = {}): BrokerRegistration {
  return {
    id,
    epoch: BigInt(100 + id),
    incarnationId: `incarnation-of-${id}-----`,
    listeners: [{ name: 'PLAINTEXT', host: `host${id}`, port: 9090 + id, securityProtocol: 0 }],
    rack: null,
    fenced: false,
    inControlledShutdown: false,
    ...overrides,
  };
}

/** A topic with one partition per given override; replicas 1, 2, 3, all in sync, led by the first. */
export function topic(name: string, id: string, partitions: readonly Partial<PartitionImage>[]): TopicImage {
  return {
    id,
    name,
    partitions: partitions.map((overrides, partition) => ({
      topicId: id,
      topic: name,
      partition,
      replicas: [1, 2, 3],
      isr: [1, 2, 3],
      elr: [],
      lastKnownElr: [],
      addingReplicas: [],
      removingReplicas: [],
      leader: 1,
      leaderEpoch: 5,
      partitionEpoch: 0,
      leaderRecoveryState: 0,
      ...overrides,
    })),
  };
}

export function imageOf(parts: {
  brokers?: readonly BrokerRegistration[];
  topics?: readonly TopicImage[];
  configs?: readonly (readonly [type: ConfigResourceType, name: string, values: Record<string, string>])[];
  features?: Record<string, number>;
  offset?: bigint;
}): MetadataImage {
  const topics = parts.topics ?? [];
  return {
    ...EMPTY_IMAGE,
    offset: parts.offset ?? 1000n,
    clusterId: CLUSTER_ID,
    brokers: new Map((parts.brokers ?? [registration(1), registration(2), registration(3)]).map((one) => [one.id, one])),
    topics: new Map(topics.map((one) => [one.name, one])),
    topicsById: new Map(topics.map((one) => [one.id, one])),
    configs: new Map((parts.configs ?? []).map(([type, name, values]) => [configKey(type, name), new Map(Object.entries(values))])),
    features: new Map(Object.entries(parts.features ?? {})),
  };
}

export interface SentRequest {
  api: string;
  version: number;
  body: unknown;
  timeoutMs: number;
}

export interface FakeBroker extends BrokerContext {
  readonly clock: VirtualClock;
  image: () => MetadataImage;
  setImage(image: MetadataImage): void;
  /** What went to the controller. */
  readonly sent: SentRequest[];
  /** What the controller answers next; an Error is thrown. */
  readonly answers: unknown[];
  readonly created: string[][];
  readonly emitted: NodeEvent[];
}

const noGroups = (): never => {
  throw new Error('no group coordinator in this test');
};

export function fakeBroker(
  options: {
    image?: MetadataImage;
    nodeId?: number;
    properties?: Record<string, string>;
    groups?: Partial<GroupApis>;
    controllerId?: number;
    authorizer?: Authorizer;
    /** What the topic creator answers, and does to the image. */
    onCreate?: (names: readonly string[], broker: FakeBroker) => ReadonlyMap<string, number>;
  } = {},
): FakeBroker {
  let image = options.image ?? imageOf({});
  const sent: SentRequest[] = [];
  const answers: unknown[] = [];
  const created: string[][] = [];
  const emitted: NodeEvent[] = [];
  const properties = options.properties ?? {};
  const broker: FakeBroker = {
    nodeId: options.nodeId ?? 1,
    clusterId: CLUSTER_ID,
    settings: brokerSettings(properties, 3),
    properties,
    clock: new VirtualClock(),
    random: seededRandom(1),
    logger: silentLogger,
    events: (event) => emitted.push(event),
    image: () => image,
    setImage: (next) => {
      image = next;
    },
    // The data path has fakes of its own.
    replicas: undefined as never,
    fetchSessions: undefined as never,
    producerIds: undefined as never,
    groups: {
      joinGroup: noGroups,
      syncGroup: noGroups,
      heartbeat: noGroups,
      leaveGroup: noGroups,
      offsetCommit: noGroups,
      offsetFetch: noGroups,
      offsetDelete: noGroups,
      listGroups: noGroups,
      describeGroups: noGroups,
      deleteGroups: noGroups,
      ...options.groups,
    },
    controller: {
      send: <Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, { timeoutMs }: { timeoutMs: number }): Promise<S> => {
        sent.push({ api: api.name, version, body, timeoutMs });
        const answer = answers.shift();
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer as S);
      },
    },
    quorum: { leaderId: options.controllerId ?? 2, leaderEpoch: 7 },
    autoTopics: {
      create: (names) => {
        created.push([...names]);
        return Promise.resolve(options.onCreate?.(names, broker) ?? new Map(names.map((name) => [name, 0])));
      },
    },
    advertised: brokerApis.advertised,
    authorizer: options.authorizer ?? ALLOW_ALL,
    sent,
    answers,
    created,
    emitted,
  };
  return broker;
}

export const connection: ConnectionInfo = { ...inProcessConnection('PLAINTEXT'), id: 1, clientHost: '127.0.0.1' };

export function requestContext(version: number): RequestContext {
  const { listener, session } = connection;
  return { version, clientId: 'test', connection, session, listener, receivedAt: 0 };
}
