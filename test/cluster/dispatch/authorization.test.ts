/** Every served API with an authorizer that denies all operations: it has to refuse with Apache Kafka's code, and to do nothing. */
import { describe, expect, it } from 'vitest';
import { brokerApis } from '../../../electron/cluster/broker/api-registry.ts';
import type { GroupApis } from '../../../electron/cluster/broker/context.ts';
import type { Authorization } from '../../../electron/cluster/dispatch/api-descriptor.ts';
import { createDispatch, type ApiRegistry } from '../../../electron/cluster/dispatch/api-registry.ts';
import type { ConnectionInfo } from '../../../electron/cluster/dispatch/request.ts';
import { must } from '../../../electron/cluster/lib/assert.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { ErrorCode, errorName } from '../../../electron/cluster/protocol/error-codes.ts';
import { decodeResponse, encodeRequest, readRequestHeader } from '../../../electron/cluster/protocol/frame.ts';
import { Reader } from '../../../electron/cluster/protocol/reader.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { controllerApis } from '../../../electron/cluster/quorum/api-registry.ts';
import type { ControllerServer } from '../../../electron/cluster/quorum/controller-api.ts';
import { isAllowed, Operation, Resource, type Authorizer } from '../../../electron/cluster/security/authorizer.ts';
import type { Session } from '../../../electron/cluster/security/session.ts';
import { connection as anonymous, fakeBroker, imageOf, topic } from '../../helpers/fake-broker.ts';
import { testContext } from '../../helpers/metadata-image.ts';

const ORDERS = 'AAAAAAAAAAAAAAAAAAAAAg';
const image = imageOf({ topics: [topic('orders', ORDERS, [{}])] });
const session: Session = {
  principal: { type: 'User', name: 'mallory' },
  clientHost: '/127.0.0.1',
  listener: 'PLAINTEXT',
  authenticated: true,
};
const connection: ConnectionInfo = { ...anonymous, session };

interface Asked {
  readonly operation: Operation;
  readonly resource: Resource;
  readonly name: string;
}

class Denying implements Authorizer {
  readonly asked: Asked[] = [];
  readonly sessions = new Set<Session>();
  authorize(asking: Session, operation: Operation, resource: Resource, name: string): boolean {
    this.sessions.add(asking);
    this.asked.push({ operation, resource, name });
    return false;
  }
  authorizeAny(asking: Session, operation: Operation, resource: Resource): boolean {
    return this.authorize(asking, operation, resource, '*');
  }
}

/** A part of a server that fails the test when it is used. */
function untouchable<T extends object>(name: string, allowed: Partial<T> = {}): T {
  return new Proxy(allowed as T, {
    get: (target, property) => {
      if (property in target) return Reflect.get(target, property) as unknown;
      if (typeof property === 'symbol' || property === 'then') return undefined;
      throw new Error(`${name}.${property} was used by a client without any authorization`);
    },
  });
}

const named = [{ name: 'orders', partitions: [{ partitionIndex: 0, index: 0, timestamp: -1n, offset: 0n, committedOffset: 1n }] }];
const resources = [
  { resourceType: 2, resourceName: 'orders', configs: [], configurationKeys: null },
  { resourceType: 4, resourceName: '1', configs: [], configurationKeys: null },
];
const records = buildBatch({ records: [{}] });

/** Bodies of requests that name something to authorize; the fields that a version lacks are dropped by the codec. */
const BODIES: Readonly<Record<string, object>> = {
  Produce: {
    transactionalId: null,
    acks: 1,
    timeoutMs: 1,
    topicData: [{ name: 'orders', topicId: ORDERS, partitionData: [{ index: 0, records }] }],
  },
  Fetch: {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: 'orders', topicId: ORDERS, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 }] }],
    forgottenTopicsData: [],
  },
  ListOffsets: { replicaId: -1, topics: named },
  Metadata: { topics: [{ name: 'orders' }, { name: 'absent' }], allowAutoTopicCreation: true },
  OffsetCommit: {
    groupId: 'g',
    topics: [{ name: 'orders', topicId: ORDERS, partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] }],
  },
  OffsetFetch: { groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }], groups: [{ groupId: 'g', topics: null }] },
  FindCoordinator: { key: 'g', keyType: 0, coordinatorKeys: ['g'] },
  JoinGroup: { groupId: 'g', sessionTimeoutMs: 10_000, memberId: '', protocolType: 'consumer', protocols: [] },
  SyncGroup: { groupId: 'g', generationId: 1, memberId: 'm', assignments: [] },
  Heartbeat: { groupId: 'g', generationId: 1, memberId: 'm' },
  LeaveGroup: { groupId: 'g', memberId: 'm', members: [] },
  DescribeGroups: { groups: ['g'], includeAuthorizedOperations: true },
  ListGroups: {},
  ApiVersions: { clientSoftwareName: 'test', clientSoftwareVersion: '1' },
  CreateTopics: { topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }] },
  DeleteTopics: { topics: [{ name: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }], topicNames: ['orders'], timeoutMs: 1 },
  DeleteRecords: { topics: named, timeoutMs: 1 },
  InitProducerId: { transactionalId: null, transactionTimeoutMs: 1 },
  OffsetForLeaderEpoch: {
    replicaId: -1,
    topics: [{ topic: 'orders', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] }],
  },
  DescribeConfigs: { resources },
  AlterConfigs: { resources, validateOnly: false },
  IncrementalAlterConfigs: { resources, validateOnly: false },
  DescribeLogDirs: { topics: null },
  CreatePartitions: { topics: [{ name: 'orders', count: 9, assignments: null }], timeoutMs: 1, validateOnly: false },
  DeleteGroups: { groupsNames: ['g'] },
  ElectLeaders: { electionType: 0, topicPartitions: [{ topic: 'orders', partitions: [0] }] },
  AlterPartitionReassignments: { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, replicas: [1] }] }] },
  ListPartitionReassignments: { topics: null },
  OffsetDelete: { groupId: 'g', topics: named },
  Vote: { topics: [] },
  BeginQuorumEpoch: { clusterId: null, topics: [] },
  EndQuorumEpoch: { clusterId: null, topics: [] },
  DescribeQuorum: { topics: [] },
  Envelope: { requestData: Buffer.alloc(0), requestPrincipal: null, clientHostAddress: Buffer.alloc(4) },
  AlterPartition: { brokerId: 1, brokerEpoch: 1n, topics: [] },
  FetchSnapshot: { topics: [] },
  DescribeCluster: { includeClusterAuthorizedOperations: true, endpointType: 1 },
  BrokerRegistration: { brokerId: 1, clusterId: '', incarnationId: ORDERS, listeners: [], features: [], rack: null },
  BrokerHeartbeat: { brokerId: 1, brokerEpoch: 1n, currentMetadataOffset: 1n, wantFence: false, wantShutDown: false },
  UnregisterBroker: { brokerId: 1 },
  AllocateProducerIds: { brokerId: 1, brokerEpoch: 1n },
  ConsumerGroupHeartbeat: { groupId: 'g', memberId: 'm', memberEpoch: 0 },
  ConsumerGroupDescribe: { groupIds: ['g'], includeAuthorizedOperations: false },
  ListConfigResources: {},
  DescribeTopicPartitions: { topics: [{ name: 'orders' }] },
  AddRaftVoter: { clusterId: null, timeoutMs: 1, voterId: 1, voterDirectoryId: ORDERS, listeners: [] },
  CoordinationWrite: { sessionId: 1n, holder: 1n, request: 1n, transactions: [] },
  CoordinationSession: { nodeId: 1, sessions: [] },
  CoordinationTouch: { sessionIds: [] },
};

const TOPIC = 'TOPIC_AUTHORIZATION_FAILED';
const GROUP = 'GROUP_AUTHORIZATION_FAILED';
const CLUSTER = 'CLUSTER_AUTHORIZATION_FAILED';

/** The codes of a response, as Apache Kafka's handlers give them to a client without any authorization. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  Produce: [TOPIC],
  Fetch: [TOPIC],
  ListOffsets: [TOPIC],
  Metadata: [TOPIC],
  OffsetCommit: [GROUP],
  OffsetFetch: [GROUP],
  FindCoordinator: [GROUP],
  JoinGroup: [GROUP],
  SyncGroup: [GROUP],
  Heartbeat: [GROUP],
  LeaveGroup: [GROUP],
  DescribeGroups: [GROUP],
  // Every client may ask these; the response names only what the client may see.
  ListGroups: [],
  ApiVersions: [],
  DescribeCluster: [],
  CreateTopics: [TOPIC],
  DeleteTopics: [TOPIC],
  DeleteRecords: [TOPIC],
  InitProducerId: [CLUSTER],
  OffsetForLeaderEpoch: [TOPIC],
  DescribeConfigs: [TOPIC, CLUSTER],
  AlterConfigs: [TOPIC, CLUSTER],
  IncrementalAlterConfigs: [TOPIC, CLUSTER],
  DescribeLogDirs: [CLUSTER],
  CreatePartitions: [TOPIC],
  DeleteGroups: [GROUP],
  ElectLeaders: [CLUSTER],
  AlterPartitionReassignments: [CLUSTER],
  ListPartitionReassignments: [CLUSTER],
  OffsetDelete: [GROUP],
  Vote: [CLUSTER],
  BeginQuorumEpoch: [CLUSTER],
  EndQuorumEpoch: [CLUSTER],
  DescribeQuorum: [CLUSTER],
  Envelope: [CLUSTER],
  AlterPartition: [CLUSTER],
  FetchSnapshot: [CLUSTER],
  BrokerRegistration: [CLUSTER],
  BrokerHeartbeat: [CLUSTER],
  UnregisterBroker: [CLUSTER],
  AllocateProducerIds: [CLUSTER],
  // Checked before the authorization, as in Apache Kafka with `group.version` 0.
  ConsumerGroupHeartbeat: ['UNSUPPORTED_VERSION'],
  ConsumerGroupDescribe: ['UNSUPPORTED_VERSION'],
  ListConfigResources: [CLUSTER],
  DescribeTopicPartitions: [TOPIC],
  AddRaftVoter: [CLUSTER],
  CoordinationWrite: [CLUSTER],
  CoordinationSession: [CLUSTER],
  CoordinationTouch: [CLUSTER],
};

/** Operations and resources as Apache Kafka's documentation lists them ("Operations and Resources on Protocols"), of the APIs served here. */
const TABLE: Readonly<Record<string, string>> = {
  Produce: 'WRITE TOPIC, WRITE TRANSACTIONAL_ID',
  Fetch: 'CLUSTER_ACTION CLUSTER, READ TOPIC',
  ListOffsets: 'DESCRIBE TOPIC',
  Metadata: 'CREATE CLUSTER, CREATE TOPIC, DESCRIBE TOPIC',
  OffsetCommit: 'READ GROUP, READ TOPIC',
  OffsetFetch: 'DESCRIBE GROUP, DESCRIBE TOPIC',
  FindCoordinator: 'DESCRIBE GROUP',
  JoinGroup: 'READ GROUP',
  SyncGroup: 'READ GROUP',
  Heartbeat: 'READ GROUP',
  LeaveGroup: 'READ GROUP',
  DescribeGroups: 'DESCRIBE GROUP',
  ListGroups: 'DESCRIBE CLUSTER, DESCRIBE GROUP',
  ApiVersions: '',
  CreateTopics: 'CREATE CLUSTER, CREATE TOPIC, DESCRIBE_CONFIGS TOPIC',
  DeleteTopics: 'DELETE TOPIC, DESCRIBE TOPIC',
  DeleteRecords: 'DELETE TOPIC',
  InitProducerId: 'IDEMPOTENT_WRITE CLUSTER',
  OffsetForLeaderEpoch: 'CLUSTER_ACTION CLUSTER, DESCRIBE TOPIC',
  DescribeConfigs: 'DESCRIBE_CONFIGS CLUSTER, DESCRIBE_CONFIGS GROUP, DESCRIBE_CONFIGS TOPIC',
  AlterConfigs: 'ALTER_CONFIGS CLUSTER, ALTER_CONFIGS GROUP, ALTER_CONFIGS TOPIC',
  IncrementalAlterConfigs: 'ALTER_CONFIGS CLUSTER, ALTER_CONFIGS GROUP, ALTER_CONFIGS TOPIC',
  DescribeLogDirs: 'DESCRIBE CLUSTER',
  CreatePartitions: 'ALTER TOPIC',
  DeleteGroups: 'DELETE GROUP',
  ElectLeaders: 'ALTER CLUSTER',
  AlterPartitionReassignments: 'ALTER CLUSTER',
  ListPartitionReassignments: 'DESCRIBE CLUSTER',
  OffsetDelete: 'DELETE GROUP, READ TOPIC',
  Vote: 'CLUSTER_ACTION CLUSTER',
  BeginQuorumEpoch: 'CLUSTER_ACTION CLUSTER',
  EndQuorumEpoch: 'CLUSTER_ACTION CLUSTER',
  DescribeQuorum: 'DESCRIBE CLUSTER',
  AlterPartition: 'CLUSTER_ACTION CLUSTER',
  Envelope: 'CLUSTER_ACTION CLUSTER',
  FetchSnapshot: 'CLUSTER_ACTION CLUSTER',
  DescribeCluster: 'DESCRIBE CLUSTER',
  BrokerRegistration: 'CLUSTER_ACTION CLUSTER',
  BrokerHeartbeat: 'CLUSTER_ACTION CLUSTER',
  UnregisterBroker: 'ALTER CLUSTER',
  AllocateProducerIds: 'CLUSTER_ACTION CLUSTER',
  ConsumerGroupHeartbeat: '',
  ConsumerGroupDescribe: '',
  ListConfigResources: 'DESCRIBE_CONFIGS CLUSTER',
  DescribeTopicPartitions: 'DESCRIBE TOPIC',
  AddRaftVoter: 'ALTER CLUSTER',
  CoordinationWrite: 'CLUSTER_ACTION CLUSTER',
  CoordinationSession: 'CLUSTER_ACTION CLUSTER',
  CoordinationTouch: 'CLUSTER_ACTION CLUSTER',
};

function describeRules({ request, items = [] }: Authorization<unknown>): string {
  const nameOf = (table: object, code: number): string =>
    must(
      Object.entries(table).find(([, value]) => value === code),
      'no name',
    )[0];
  const rules = [...items, ...(request === undefined ? [] : [request])].flatMap((rule) => [
    `${nameOf(Operation, rule.operation)} ${nameOf(Resource, rule.resource)}`,
    ...('orOnCluster' in rule && rule.orOnCluster !== undefined ? [`${nameOf(Operation, rule.orOnCluster)} CLUSTER`] : []),
  ]);
  return rules.sort().join(', ');
}

/** All error codes of a response but NONE, once each. */
function codesOf(value: unknown, found = new Set<string>()): ReadonlySet<string> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return found;
  for (const [key, field] of Object.entries(value)) {
    if (key === 'errorCode' && field !== ErrorCode.NONE) found.add(errorName(field as number));
    else codesOf(field, found);
  }
  return found;
}

async function ask<Server>(registry: ApiRegistry<Server>, server: Server, key: number, version: number, body: unknown): Promise<unknown> {
  const { api } = must(registry.find(key), 'not served').descriptor;
  const chunks = encodeRequest(api, version, { correlationId: 1, clientId: 'c' }, body);
  const reader = new Reader(Buffer.concat(chunks).subarray(4));
  const answer = await createDispatch(registry, server)({ header: readRequestHeader(reader), reader, connection, receivedAt: 0 });
  return decodeResponse(api, version, Buffer.concat(answer ?? []).subarray(4)).body;
}

function denyingBroker(authorizer: Authorizer) {
  const listGroups = () => ({
    errorCode: 0,
    groups: [{ groupId: 'secret', protocolType: 'consumer', groupState: 'Empty', groupType: 'classic' }],
  });
  const broker = fakeBroker({ image, authorizer });
  return {
    ...broker,
    groups: untouchable<GroupApis>('groups', { listGroups }),
    replicas: untouchable<typeof broker.replicas>('replicas', { admit: () => undefined }),
    producerIds: untouchable<typeof broker.producerIds>('producerIds'),
    autoTopics: untouchable<typeof broker.autoTopics>('autoTopics'),
    controller: untouchable<typeof broker.controller>('controller'),
    fetchSessions: untouchable<typeof broker.fetchSessions>('fetchSessions', {
      open: (request: { topics: { topic: string; topicId: string; partitions: { partition: number }[] }[] }) => {
        const entries = request.topics.flatMap(({ topicId, partitions }) =>
          partitions.map(({ partition }) => ({ topic: 'orders', topicId, partition })),
        );
        const respond = (results: { response: object }[]) => ({
          sessionId: 0,
          responses: [{ topic: 'orders', topicId: ORDERS, partitions: results.map(({ response }) => response) }],
        });
        return { entries, respond, empty: false };
      },
    } as never),
  };
}

function denyingController(authorizer: Authorizer): { server: ControllerServer; written: unknown[] } {
  const written: unknown[] = [];
  const server: ControllerServer = {
    authorizer,
    logger: silentLogger,
    registry: controllerApis,
    voters: [],
    raft: untouchable('raft'),
    controller: {
      handle: (api, request, { session: asking }) => {
        const context = {
          ...testContext(image),
          allows: (rule: Parameters<typeof isAllowed>[2], name: string) => isAllowed(authorizer, asking, rule, name),
        };
        const { records, response } = api.decide(context, request, untouchable('sessions'));
        written.push(...records);
        return Promise.resolve(response);
      },
    },
  };
  return { server, written };
}

function versionsOf(
  registry: { apis: readonly { name: string; key: number; minVersion: number; maxVersion: number }[] },
  except: readonly string[] = [],
) {
  return registry.apis
    .filter(({ name }) => !except.includes(name))
    .flatMap(({ name, key, minVersion, maxVersion }) =>
      Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => [name, minVersion + index, key] as const),
    );
}

/** Forwarded to the controller, which authorizes them with the principal of the client. */
const FORWARDED = brokerApis.apis.filter(({ descriptor }) => descriptor.listeners.includes('controller')).map(({ name }) => name);

describe('a client without any authorization', () => {
  it.each(versionsOf(brokerApis, FORWARDED))('is refused by a broker: %s v%i', async (name, version, key) => {
    const authorizer = new Denying();
    const body = await ask(brokerApis, denyingBroker(authorizer), key, version, must(BODIES[name], `no request for ${name}`));
    // DescribeLogDirs has a code since v3; before, a refusal has no results.
    const expected = name === 'DescribeLogDirs' && version < 3 ? [] : must(EXPECTED[name], `no expectation for ${name}`);
    expect([...codesOf(body)].sort()).toEqual([...expected].sort());
    if (name === 'DescribeLogDirs') expect(body).toMatchObject({ results: [] });
    if (authorizer.asked.length > 0) expect([...authorizer.sessions]).toEqual([session]);
  });

  it.each(versionsOf(controllerApis))('is refused by a controller: %s v%i', async (name, version, key) => {
    const authorizer = new Denying();
    const { server, written } = denyingController(authorizer);
    // At this listener Fetch reads the metadata log.
    const expected = name === 'Fetch' ? [CLUSTER] : must(EXPECTED[name], `no expectation for ${name}`);
    const body = await ask(controllerApis, server, key, version, must(BODIES[name], `no request for ${name}`));
    expect([...codesOf(body)].sort()).toEqual([...expected].sort());
    expect(written).toEqual([]);
    if (authorizer.asked.length > 0) expect([...authorizer.sessions]).toEqual([session]);
  });

  it.each([...brokerApis.apis, ...controllerApis.apis].map((api) => [api.name, api] as const))(
    'is refused for an operation that the descriptor names: %s',
    async (name, { key, maxVersion, descriptor }) => {
      const authorizer = new Denying();
      const body = must(BODIES[name], `no request for ${name}`);
      const isBroker = descriptor.listeners.includes('broker') && !FORWARDED.includes(name);
      if (isBroker) await ask(brokerApis, denyingBroker(authorizer), key, maxVersion, body);
      else await ask(controllerApis, denyingController(authorizer).server, key, maxVersion, body);
      const registry = isBroker ? brokerApis : controllerApis;
      const { authorization } = must(registry.find(key), 'not served').descriptor;
      const rules = [...(authorization.items ?? []), ...(authorization.request === undefined ? [] : [authorization.request])];
      const allowed = new Set(
        rules.flatMap((rule) => [
          `${rule.operation} ${rule.resource}`,
          ...('orOnCluster' in rule && rule.orOnCluster !== undefined ? [`${rule.orOnCluster} 4`] : []),
        ]),
      );
      // A client that may write to any topic may be idempotent too (KIP-679); the rule names the other operation.
      if (name === 'InitProducerId') allowed.add('4 2');
      for (const { operation, resource } of authorizer.asked) expect([...allowed]).toContain(`${operation} ${resource}`);
      expect(authorizer.asked.length > 0).toBe(rules.length > 0);
    },
  );

  it.each(
    [...brokerApis.apis.filter(({ name }) => !FORWARDED.includes(name)), ...controllerApis.apis].map((api) => [api.name, api] as const),
  )('needs the operations that Apache Kafka documents: %s', (name, { descriptor }) => {
    const expected = name === 'Fetch' && descriptor.listeners.includes('controller') ? 'CLUSTER_ACTION CLUSTER' : TABLE[name];
    expect(describeRules(descriptor.authorization)).toBe(expected);
  });

  it('is refused where it changes the loggers of a broker', async () => {
    const key = 44;
    const body = await ask(brokerApis, denyingBroker(new Denying()), key, 1, LOGGERS);
    expect([...codesOf(body)]).toEqual([CLUSTER]);
  });

  it('sees no group, no topic and no authorized operation', async () => {
    const broker = denyingBroker(new Denying());
    expect(await ask(brokerApis, broker, 16, 5, {})).toMatchObject({ errorCode: 0, groups: [] });
    expect(await ask(brokerApis, broker, 3, 12, { topics: null, allowAutoTopicCreation: true })).toMatchObject({ topics: [] });
    const byId = { topics: [{ name: null, topicId: ORDERS }], allowAutoTopicCreation: true };
    expect(await ask(brokerApis, broker, 3, 12, byId)).toMatchObject({ topics: [{ errorCode: 29, name: null, topicId: ORDERS }] });
    expect(await ask(brokerApis, broker, 75, 0, { topics: [] })).toMatchObject({ topics: [], nextCursor: null });
    expect(await ask(brokerApis, broker, 60, 2, must(BODIES.DescribeCluster, ''))).toMatchObject({ clusterAuthorizedOperations: 0 });
  });
});

const LOGGERS = {
  resources: [{ resourceType: 8, resourceName: '1', configs: [{ name: 'root', configOperation: 0, value: 'DEBUG' }] }],
  validateOnly: false,
};
