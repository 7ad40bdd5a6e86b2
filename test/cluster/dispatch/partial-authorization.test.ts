/** Requests of a client that is authorized for some of the topics or groups that it names: the others are refused, in their places. */
import { describe, expect, it } from 'vitest';
import type { GroupApis } from '../../../electron/cluster/broker/context.ts';
import { handleMetadata } from '../../../electron/cluster/broker/handlers/metadata.ts';
import { deleteGroupsApi } from '../../../electron/cluster/broker/handlers/delete-groups.ts';
import { deleteRecordsApi } from '../../../electron/cluster/broker/handlers/delete-records.ts';
import { handleDescribeGroups } from '../../../electron/cluster/broker/handlers/describe-groups.ts';
import { handleDescribeTopicPartitions } from '../../../electron/cluster/broker/handlers/describe-topic-partitions.ts';
import { handleFetch } from '../../../electron/cluster/broker/handlers/fetch.ts';
import { handleFindCoordinator } from '../../../electron/cluster/broker/handlers/find-coordinator.ts';
import { listGroupsApi } from '../../../electron/cluster/broker/handlers/list-groups.ts';
import { handleOffsetCommit } from '../../../electron/cluster/broker/handlers/offset-commit.ts';
import { offsetDeleteApi } from '../../../electron/cluster/broker/handlers/offset-delete.ts';
import { handleOffsetFetch } from '../../../electron/cluster/broker/handlers/offset-fetch.ts';
import { handleProduce } from '../../../electron/cluster/broker/handlers/produce.ts';
import type { FetchEntry } from '../../../electron/cluster/broker/fetch-session.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { ZERO_UUID } from '../../../electron/cluster/protocol/uuid.ts';
import { createTopics } from '../../../electron/cluster/quorum/controller/create-topics.ts';
import { deleteTopics } from '../../../electron/cluster/quorum/controller/delete-topics.ts';
import { isAllowed, Operation, type Authorizer } from '../../../electron/cluster/security/authorizer.ts';
import { connection, fakeBroker, imageOf, requestContext, topic } from '../../helpers/fake-broker.ts';
import { testContext } from '../../helpers/metadata-image.ts';

const IDS = { open: 'AAAAAAAAAAAAAAAAAAAAAQ', secret: 'AAAAAAAAAAAAAAAAAAAAAg', other: 'AAAAAAAAAAAAAAAAAAAAAw' };
const image = imageOf({ topics: Object.entries(IDS).map(([name, id]) => topic(name, id, [{}])) });

/** Denies everything on topics and groups whose name contains "secret", and on the cluster. */
const authorizer: Authorizer = {
  authorize: (_session, _operation, _resource, name) => !name.includes('secret') && name !== 'kafka-cluster',
  authorizeAny: () => true,
};

const context = (version: number) => requestContext(version);
const broker = (groups: Partial<GroupApis> = {}) => fakeBroker({ image, authorizer, groups });
const names = ['secret', 'open', 'secret2', 'other'];
const { TOPIC_AUTHORIZATION_FAILED: TOPIC, GROUP_AUTHORIZATION_FAILED: GROUP } = ErrorCode;

describe('a client that is authorized for some resources', () => {
  it('writes to those topics, with the results in the order of the request', async () => {
    for (const late of [false, true]) {
      const appended: (string | undefined)[] = [];
      const replicas = {
        admit: () => undefined,
        partition: () => undefined,
        appends: {
          append: (_params: unknown, entries: readonly { topic: string | undefined; partition: number }[]) => {
            appended.push(...entries.map((entry) => entry.topic));
            const results = entries.map((entry) => ({
              topic: entry.topic,
              errorCode: 0,
              errorMessage: null,
              baseOffset: BigInt(entry.partition),
              recordErrors: [],
            }));
            return late ? Promise.resolve(results) : results;
          },
        },
      };
      const data = { ...broker(), replicas: replicas as never };
      const topicData = names.map((name, place) => ({
        name,
        topicId: ZERO_UUID,
        partitionData: [
          { index: 10 * place, records: null },
          { index: 10 * place + 1, records: null },
        ],
      }));
      const request = { transactionalId: null, acks: -1, timeoutMs: 1, topicData };
      const answer = await handleProduce(request, context(12), data);
      const results = answer?.responses.flatMap(({ name, partitionResponses }) =>
        partitionResponses.map((one) => [name, one.index, one.errorCode, one.baseOffset]),
      );
      expect(results).toEqual([
        ['secret', 0, TOPIC, -1n],
        ['secret', 1, TOPIC, -1n],
        ['open', 10, 0, 10n],
        ['open', 11, 0, 11n],
        ['secret2', 20, TOPIC, -1n],
        ['secret2', 21, TOPIC, -1n],
        ['other', 30, 0, 30n],
        ['other', 31, 0, 31n],
      ]);
      expect(appended).toEqual(['open', 'open', 'other', 'other']);
    }
  });

  it('reads those topics, with the results in the order of the request', async () => {
    const entries = names.map((name, partition) => ({ topic: name, topicId: ZERO_UUID, partition }) as FetchEntry);
    const read: (string | undefined)[] = [];
    const data = {
      ...broker(),
      fetchSessions: {
        open: () => ({
          entries,
          empty: false,
          respond: (results: { response: unknown }[]) => ({
            sessionId: 0,
            responses: [{ partitions: results.map(({ response }) => response) }],
          }),
        }),
      } as never,
      replicas: {
        fetches: {
          fetch: (_params: unknown, asked: readonly FetchEntry[]) => {
            read.push(...asked.map((entry) => entry.topic));
            return asked.map((entry) => ({ entry, response: { partitionIndex: entry.partition, errorCode: 0 } }));
          },
        },
      } as never,
    };
    const request = {
      replicaId: -1,
      replicaState: { replicaId: -1, replicaEpoch: -1n },
      maxBytes: 1,
      minBytes: 1,
      maxWaitMs: 1,
      isolationLevel: 0,
      rackId: '',
    };
    const asked = { ...request, clusterId: null, sessionId: 0, sessionEpoch: -1, topics: [], forgottenTopicsData: [] };
    const answer = await handleFetch(asked, context(12), data);
    expect(answer.responses[0]?.partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode])).toEqual([
      [0, TOPIC],
      [1, 0],
      [2, TOPIC],
      [3, 0],
    ]);
    expect(read).toEqual(['open', 'other']);
    // A replica needs the authorization to act on the cluster for all of them.
    const replica = await handleFetch({ ...asked, replicaId: 2 }, context(12), data);
    expect(replica.responses[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([TOPIC, TOPIC, TOPIC, TOPIC]);
  });

  it('sees and creates only those topics', async () => {
    const one = broker();
    const asked = { topics: [...names, 'new', 'secret-new'].map((name) => ({ name, topicId: ZERO_UUID })), allowAutoTopicCreation: true };
    const flags = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: true };
    const answer = await handleMetadata({ ...asked, ...flags }, context(9), one);
    expect(answer?.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['secret', TOPIC],
      ['open', 0],
      ['secret2', TOPIC],
      ['other', 0],
      ['new', ErrorCode.LEADER_NOT_AVAILABLE],
      ['secret-new', TOPIC],
    ]);
    expect(one.created).toEqual([['new']]);
    expect(answer?.clusterAuthorizedOperations).toBe(0);
    expect(answer?.topics[1]?.topicAuthorizedOperations).toBe(3576);
    const all = await handleMetadata({ ...asked, ...flags, topics: null }, context(9), one);
    expect(all?.topics.map(({ name }) => name)).toEqual(['open', 'other']);
    const pages = await handleDescribeTopicPartitions(
      { topics: names.map((name) => ({ name })), responsePartitionLimit: 100, cursor: null },
      context(0),
      one,
    );
    expect(pages?.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['open', 0],
      ['other', 0],
      ['secret', TOPIC],
      ['secret2', TOPIC],
    ]);
  });

  it('is refused a topic that it may describe and not create', async () => {
    const describesOnly: Authorizer = { authorize: (_session, operation) => operation === Operation.DESCRIBE, authorizeAny: () => false };
    const one = fakeBroker({ image, authorizer: describesOnly });
    const request = { topics: [{ name: 'new', topicId: ZERO_UUID }], allowAutoTopicCreation: true };
    const flags = { includeClusterAuthorizedOperations: true, includeTopicAuthorizedOperations: false };
    const answer = await handleMetadata({ ...request, ...flags }, context(9), one);
    expect(answer).toMatchObject({ topics: [{ name: 'new', errorCode: TOPIC }], clusterAuthorizedOperations: 1 << Operation.DESCRIBE });
    expect(one.created).toEqual([]);
  });

  it.each([9, 10])('commits and reads offsets of those topics, in OffsetCommit and OffsetFetch v%i', async (version) => {
    const committed: string[] = [];
    const fetched: unknown[] = [];
    const one = broker({
      offsetCommit: (request) => {
        committed.push(...request.topics.map(({ name }) => name));
        return {
          topics: request.topics.map(({ name, topicId }) => ({ name, topicId, partitions: [{ partitionIndex: 0, errorCode: 0 }] })),
        };
      },
      offsetFetch: (request) => {
        fetched.push(request.groups.map(({ groupId, topics }) => [groupId, topics?.map(({ name }) => name)]));
        const topicsOf = (topics: { name: string }[] | null) =>
          (topics ?? [{ name: 'secret' }, { name: 'open' }]).map(({ name }) => ({
            name,
            topicId: ZERO_UUID,
            partitions: [{ partitionIndex: 0, committedOffset: 7n, metadata: '', errorCode: 0 }],
          }));
        return { groups: request.groups.map(({ groupId, topics }) => ({ groupId, topics: topicsOf(topics), errorCode: 0 })) };
      },
    });
    const by = (name: keyof typeof IDS) => (version >= 10 ? { name: '', topicId: IDS[name] } : { name, topicId: ZERO_UUID });
    const shown = (asked: { name?: string | undefined; topicId?: string | undefined }) => (version >= 10 ? asked.topicId : asked.name);
    const partition = { partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: null };
    const member = { generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, retentionTimeMs: -1n };
    const topics = (['secret', 'open', 'other'] as const).map(by);
    const answer = await handleOffsetCommit(
      { groupId: 'g', ...member, topics: topics.map((asked) => ({ ...asked, partitions: [partition] })) },
      context(version),
      one,
    );
    expect(answer?.topics.map((found) => [shown(found), found.partitions[0]?.errorCode])).toEqual([
      [shown(by('secret')), TOPIC],
      [shown(by('open')), 0],
      [shown(by('other')), 0],
    ]);
    expect(committed).toEqual(['open', 'other']);

    const group = (groupId: string, named: typeof topics | null) => ({
      groupId,
      memberId: null,
      memberEpoch: -1,
      topics: named?.map((asked) => ({ ...asked, partitionIndexes: [0] })) ?? null,
    });
    const groups = [group('secret-group', topics), group('g', topics), group('all', null)];
    const offsets = await handleOffsetFetch({ groupId: '', topics: [], groups, requireStable: false }, context(version), one);
    expect(offsets?.groups?.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ['secret-group', GROUP],
      ['g', 0],
      ['all', 0],
    ]);
    const codes = offsets?.groups?.[1]?.topics.map((found) => [shown(found), found.partitions[0]?.errorCode]);
    expect(codes).toEqual([
      [shown(by('open')), 0],
      [shown(by('other')), 0],
      [shown(by('secret')), TOPIC],
    ]);
    expect(offsets?.groups?.[2]?.topics.map(shown)).toEqual([shown(by('open'))]);
    expect(fetched).toEqual([
      [
        ['g', ['open', 'other']],
        ['all', undefined],
      ],
    ]);
  });

  it('reads offsets of those topics before many groups could be requested', async () => {
    const found = (name: string) => ({ name, partitions: [{ partitionIndex: 0, committedOffset: 7n, metadata: '', errorCode: 0 }] });
    const one = broker({
      offsetFetch: ({ topics }) => ({
        topics: (topics ?? [{ name: 'secret' }, { name: 'open' }]).map(({ name }) => found(name)),
        errorCode: 0,
      }),
    });
    const request = { groupId: 'g', groups: [], requireStable: false };
    const listed = await handleOffsetFetch({ ...request, topics: names.map((name) => ({ name, partitionIndexes: [0] })) }, context(7), one);
    expect(listed?.topics?.map(({ name, partitions }) => [name, partitions[0]?.errorCode])).toEqual([
      ['open', 0],
      ['other', 0],
      ['secret', TOPIC],
      ['secret2', TOPIC],
    ]);
    const all = await handleOffsetFetch({ ...request, topics: null }, context(7), one);
    expect(all?.topics?.map(({ name }) => name)).toEqual(['open']);
  });

  it('copies the offsets of a group once, however often a request names it', async () => {
    const shared = { groupId: 'g', errorCode: 0, topics: [{ name: 'open', topicId: ZERO_UUID, partitions: [] }] };
    const one = broker({ offsetFetch: ({ groups }) => ({ groups: groups.map(() => shared) }) });
    const groups = [1, 2, 3].map(() => ({ groupId: 'g', memberId: null, memberEpoch: -1, topics: null }));
    const answer = await handleOffsetFetch({ groupId: '', topics: [], groups, requireStable: false }, context(8), one);
    expect(answer?.groups).toHaveLength(3);
    expect(new Set(answer?.groups).size).toBe(1);
  });

  it('lists, describes, deletes and finds only those groups', async () => {
    const groups = ['secret-1', 'open', 'secret-2'];
    const asked: string[] = [];
    const state = { groupState: 'Empty', protocolType: '', protocolData: '', members: [] };
    const one = broker({
      listGroups: () => ({ errorCode: 0, groups: groups.map((groupId) => ({ groupId, protocolType: '', groupState: '', groupType: '' })) }),
      describeGroups: (request) => {
        asked.push(...request.groups);
        return { groups: request.groups.map((groupId) => ({ errorCode: 0, groupId, ...state })) };
      },
      deleteGroups: (request) => {
        asked.push(...request.groupsNames);
        return { results: request.groupsNames.map((groupId) => ({ groupId, errorCode: 0 })) };
      },
      offsetDelete: (request) => {
        asked.push(...request.topics.map(({ name }) => name));
        return { errorCode: 0, topics: request.topics.map(({ name }) => ({ name, partitions: [{ partitionIndex: 0, errorCode: 0 }] })) };
      },
    });
    const listed = await listGroupsApi.handle({ statesFilter: [], typesFilter: [] }, context(5), one);
    expect(listed?.groups.map(({ groupId }) => groupId)).toEqual(['open']);
    const described = await handleDescribeGroups({ groups, includeAuthorizedOperations: true }, context(5), one);
    expect(described?.groups.map(({ groupId, errorCode, authorizedOperations }) => [groupId, errorCode, authorizedOperations])).toEqual([
      ['open', 0, 3400],
      ['secret-1', GROUP, undefined],
      ['secret-2', GROUP, undefined],
    ]);
    const deleted = await deleteGroupsApi.handle({ groupsNames: groups }, context(2), one);
    expect(deleted?.results.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ['open', 0],
      ['secret-1', GROUP],
      ['secret-2', GROUP],
    ]);
    const topics = names.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] }));
    const offsets = await offsetDeleteApi.handle({ groupId: 'open', topics }, context(0), one);
    expect(offsets?.topics.map(({ name, partitions }) => [name, partitions[0]?.errorCode])).toEqual([
      ['open', 0],
      ['other', 0],
      ['secret', TOPIC],
      ['secret2', TOPIC],
    ]);
    expect(asked).toEqual(['open', 'open', 'open', 'other']);
    const found = await handleFindCoordinator({ key: '', keyType: 0, coordinatorKeys: groups }, context(4), one);
    expect(found?.coordinators?.map(({ key, errorCode }) => [key, errorCode])).toEqual([
      ['secret-1', GROUP],
      ['open', ErrorCode.COORDINATOR_NOT_AVAILABLE],
      ['secret-2', GROUP],
    ]);
  });

  it('deletes records of those topics, with the results in the order of the request', async () => {
    const deletions = {
      delete: (entries: readonly { topic: string; offset: bigint }[]) =>
        Promise.resolve(entries.map(({ offset }) => ({ errorCode: 0, lowWatermark: offset }))),
    };
    const topics = names.map((name, place) => ({ name, partitions: [{ partitionIndex: 0, offset: BigInt(place) }] }));
    const answer = await deleteRecordsApi.handle({ topics, timeoutMs: 1 }, context(2), { ...broker(), replicas: { deletions } as never });
    expect(answer?.topics.map(({ name, partitions }) => [name, partitions[0]?.errorCode, partitions[0]?.lowWatermark])).toEqual([
      ['secret', TOPIC, -1n],
      ['open', 0, 1n],
      ['secret2', TOPIC, -1n],
      ['other', 0, 3n],
    ]);
  });

  it('creates and deletes only those topics', () => {
    const { session } = connection;
    const allows: Parameters<typeof createTopics>[0]['allows'] = (rule, name) => isAllowed(authorizer, session, rule, name);
    const decision = { ...testContext(image), allows };
    const wanted = ['new', 'secret-new'].map((name) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }));
    const created = createTopics(decision, { topics: wanted, timeoutMs: 1, validateOnly: false });
    expect(created.response.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['new', 0],
      ['secret-new', TOPIC],
    ]);
    expect(created.records.filter(({ type }) => type === 'TopicRecord')).toHaveLength(1);
    // Without DESCRIBE_CONFIGS the response shows none of the settings of a created topic.
    const noConfigs = { ...decision, allows: (rule: { operation: number }) => rule.operation !== Operation.DESCRIBE_CONFIGS };
    const hidden = createTopics(noConfigs, { topics: wanted.slice(0, 1), timeoutMs: 1, validateOnly: false });
    expect(hidden.response.topics).toMatchObject([
      { errorCode: 0, numPartitions: -1, replicationFactor: -1, configs: null, topicConfigErrorCode: TOPIC },
    ]);

    const topics = [
      { name: null, topicId: IDS.secret },
      { name: null, topicId: IDS.open },
      { name: 'secret-absent', topicId: ZERO_UUID },
      { name: 'absent', topicId: ZERO_UUID },
    ];
    const deleted = deleteTopics(decision, { topics, topicNames: [], timeoutMs: 1 });
    // The name of a topic that was requested by its id is not revealed.
    expect(deleted.response.responses.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      [null, TOPIC],
      ['open', 0],
      ['secret-absent', TOPIC],
      ['absent', ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
    ]);
    expect(deleted.records).toEqual([{ type: 'RemoveTopicRecord', value: { topicId: IDS.open } }]);
  });
});
