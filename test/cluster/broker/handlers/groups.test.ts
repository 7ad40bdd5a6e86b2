import { describe, expect, it, vi } from 'vitest';
import { handleDescribeGroups } from '../../../../electron/cluster/broker/handlers/describe-groups.ts';
import { handleFindCoordinator } from '../../../../electron/cluster/broker/handlers/find-coordinator.ts';
import { joinGroupApi } from '../../../../electron/cluster/broker/handlers/join-group.ts';
import { handleOffsetCommit } from '../../../../electron/cluster/broker/handlers/offset-commit.ts';
import { handleOffsetFetch } from '../../../../electron/cluster/broker/handlers/offset-fetch.ts';
import type { GroupApis } from '../../../../electron/cluster/broker/context.ts';
import { ErrorCode } from '../../../../electron/cluster/protocol/error-codes.ts';
import { ZERO_UUID } from '../../../../electron/cluster/protocol/uuid.ts';
import { fakeBroker, imageOf, registration, requestContext, topic } from '../../../helpers/fake-broker.ts';

const ORDERS = 'AAAAAAAAAAAAAAAAAAAAAQ';
const OFFSETS = 'AAAAAAAAAAAAAAAAAAAAAg';
const GONE = 'AAAAAAAAAAAAAAAAAAAAAw';

describe('FindCoordinator', () => {
  // "g" hashes to 103, "test-group" to 1 of 3 partitions and so on: the partition identifies the leader.
  const offsets = topic('__consumer_offsets', OFFSETS, [{ leader: 1 }, { leader: 2 }, { leader: -1 }, { leader: 3 }]);
  const image = imageOf({ topics: [offsets], brokers: [registration(1), registration(2), registration(3, { fenced: true })] });
  const one = (key: string) => ({ key, keyType: 0, coordinatorKeys: [] });
  const many = (...coordinatorKeys: string[]) => ({ key: '', keyType: 0, coordinatorKeys });

  it("is the leader of the partition that Java's hash of the id falls on", async () => {
    // 'a'..'d' have the hashes 97..100.
    const broker = fakeBroker({ image });
    expect(await handleFindCoordinator(one('d'), requestContext(0), broker)).toMatchObject({
      errorCode: 0,
      nodeId: 1,
      host: 'host1',
      port: 9091,
    });
    expect(await handleFindCoordinator(one('a'), requestContext(3), broker)).toMatchObject({ errorCode: 0, nodeId: 2, host: 'host2' });
  });

  it('is unavailable while its partition has no live leader', async () => {
    const answer = await handleFindCoordinator(many('b', 'c', 'd'), requestContext(4), fakeBroker({ image }));
    expect(answer?.coordinators?.map(({ key, errorCode, nodeId }) => [key, errorCode, nodeId])).toEqual([
      ['b', ErrorCode.COORDINATOR_NOT_AVAILABLE, -1],
      ['c', ErrorCode.COORDINATOR_NOT_AVAILABLE, -1],
      ['d', 0, 1],
    ]);
  });

  it('creates the offsets topic when it is first needed', async () => {
    const slow = fakeBroker({ image: imageOf({}) });
    expect(await handleFindCoordinator(one('d'), requestContext(1), slow)).toMatchObject({
      errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    });
    expect(slow.created).toEqual([['__consumer_offsets']]);
    const quick = fakeBroker({
      image: imageOf({}),
      onCreate: (_names, self) => {
        self.setImage(image);
        return new Map();
      },
    });
    expect(await handleFindCoordinator(one('d'), requestContext(1), quick)).toMatchObject({ errorCode: 0, nodeId: 1 });
  });

  it('refuses share groups, which have no coordinator here', async () => {
    const ask = handleFindCoordinator({ key: 't', keyType: 2, coordinatorKeys: [] }, requestContext(6), fakeBroker({ image }));
    await expect(ask).rejects.toMatchObject({ code: ErrorCode.INVALID_REQUEST, message: 'This cluster does not support share groups.' });
  });

  it.each([1, 2, 4, 6])('refuses a transactional id with an error that no client retries, v%i', async (version) => {
    const ask = handleFindCoordinator({ key: 't', keyType: 1, coordinatorKeys: ['t'] }, requestContext(version), fakeBroker({ image }));
    await expect(ask).rejects.toMatchObject({ code: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED });
  });
});

describe('group requests', () => {
  const image = imageOf({ topics: [topic('orders', ORDERS, [{}, {}])] });

  it('reach the coordinator with the properties of the client', async () => {
    const joinGroup = vi.fn<GroupApis['joinGroup']>(() => ({ errorCode: 0, protocolName: null, leader: '', memberId: 'm', members: [] }));
    const request = {
      groupId: 'g',
      sessionTimeoutMs: 1,
      rebalanceTimeoutMs: 1,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [],
      reason: null,
    };
    await joinGroupApi.handle(request, requestContext(9), fakeBroker({ groups: { joinGroup } }));
    expect(joinGroup).toHaveBeenCalledExactlyOnceWith(request, { clientId: 'test', clientHost: '127.0.0.1', version: 9 });
  });

  it('return authorized operations of existing groups on request', async () => {
    const described = (groupId: string, errorCode: number) => ({
      errorCode,
      groupId,
      groupState: '',
      protocolType: '',
      protocolData: '',
      members: [],
    });
    const describeGroups: GroupApis['describeGroups'] = () => ({ groups: [described('g', 0), described('h', ErrorCode.NOT_COORDINATOR)] });
    const broker = fakeBroker({ groups: { describeGroups } });
    const asked = await handleDescribeGroups({ groups: ['g', 'h'], includeAuthorizedOperations: true }, requestContext(3), broker);
    expect(asked?.groups.map(({ authorizedOperations }) => authorizedOperations)).toEqual([3400, undefined]);
  });

  describe('OffsetCommit', () => {
    const partition = (partitionIndex: number) => ({
      partitionIndex,
      committedOffset: 5n,
      committedLeaderEpoch: -1,
      committedMetadata: null,
    });
    const base = { groupId: 'g', generationIdOrMemberEpoch: 1, memberId: 'm', groupInstanceId: null, retentionTimeMs: -1n };
    const coordinator = () =>
      vi.fn<GroupApis['offsetCommit']>((request) => ({
        topics: request.topics.map(({ name, topicId, partitions }) => ({
          name,
          topicId,
          partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: ErrorCode.REBALANCE_IN_PROGRESS })),
        })),
      }));

    it('refuses partitions that do not exist without the coordinator', async () => {
      const offsetCommit = coordinator();
      const topics = [
        { name: 'gone', topicId: ZERO_UUID, partitions: [partition(0)] },
        { name: 'orders', topicId: ZERO_UUID, partitions: [partition(0), partition(2), partition(1)] },
      ];
      const answer = await handleOffsetCommit({ ...base, topics }, requestContext(9), fakeBroker({ image, groups: { offsetCommit } }));
      expect(answer?.topics).toEqual([
        { name: 'gone', topicId: ZERO_UUID, partitions: [{ partitionIndex: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }] },
        {
          name: 'orders',
          topicId: ZERO_UUID,
          partitions: [
            { partitionIndex: 0, errorCode: ErrorCode.REBALANCE_IN_PROGRESS },
            { partitionIndex: 2, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION },
            { partitionIndex: 1, errorCode: ErrorCode.REBALANCE_IN_PROGRESS },
          ],
        },
      ]);
      expect(offsetCommit.mock.calls[0]?.[0].topics).toEqual([
        { name: 'orders', topicId: ORDERS, partitions: [partition(0), partition(1)] },
      ]);
    });

    it('uses topic ids in v10', async () => {
      const offsetCommit = coordinator();
      const topics = [
        { name: '', topicId: GONE, partitions: [partition(0)] },
        { name: '', topicId: ORDERS, partitions: [partition(0)] },
      ];
      const answer = await handleOffsetCommit({ ...base, topics }, requestContext(10), fakeBroker({ image, groups: { offsetCommit } }));
      expect(answer?.topics).toMatchObject([
        { topicId: GONE, partitions: [{ errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] },
        { topicId: ORDERS, partitions: [{ errorCode: ErrorCode.REBALANCE_IN_PROGRESS }] },
      ]);
      expect(offsetCommit.mock.calls[0]?.[0].topics.map(({ name }) => name)).toEqual(['orders']);
    });

    it('does not call the coordinator when no valid partition is left', async () => {
      const topics = [{ name: 'gone', topicId: ZERO_UUID, partitions: [partition(0)] }];
      const answer = await handleOffsetCommit({ ...base, topics }, requestContext(2), fakeBroker({ image }));
      expect(answer?.topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    });
  });

  describe('OffsetFetch', () => {
    const group = (topics: { name: string; topicId: string; partitionIndexes: number[] }[] | null) => ({
      groupId: '',
      topics: [],
      groups: [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }],
      requireStable: false,
    });
    const committed = { partitionIndex: 0, committedOffset: 7n, metadata: '', errorCode: 0 };

    it('passes names on unchanged before v10', async () => {
      const offsetFetch = vi.fn<GroupApis['offsetFetch']>(() => ({ groups: [] }));
      const request = group([{ name: 'orders', topicId: ZERO_UUID, partitionIndexes: [0] }]);
      await handleOffsetFetch(request, requestContext(9), fakeBroker({ image, groups: { offsetFetch } }));
      expect(offsetFetch.mock.calls[0]?.[0]).toBe(request);
    });

    it('maps ids in requests and responses in v10', async () => {
      const offsetFetch = vi.fn<GroupApis['offsetFetch']>(() => ({
        groups: [{ groupId: 'g', topics: [{ name: 'orders', topicId: ZERO_UUID, partitions: [committed] }] }],
      }));
      const request = group([
        { name: '', topicId: GONE, partitionIndexes: [0, 1] },
        { name: '', topicId: ORDERS, partitionIndexes: [0] },
      ]);
      const answer = await handleOffsetFetch(request, requestContext(10), fakeBroker({ image, groups: { offsetFetch } }));
      expect(offsetFetch.mock.calls[0]?.[0].groups[0]?.topics).toEqual([{ name: 'orders', topicId: ORDERS, partitionIndexes: [0] }]);
      expect(answer?.groups?.[0]?.topics).toMatchObject([
        { topicId: ORDERS, partitions: [committed] },
        { topicId: GONE, partitions: [{ errorCode: ErrorCode.UNKNOWN_TOPIC_ID }, { partitionIndex: 1, committedOffset: -1n }] },
      ]);
    });

    it('leaves out deleted topics where all were requested in v10', async () => {
      const offsetFetch: GroupApis['offsetFetch'] = () => ({
        groups: [
          {
            groupId: 'g',
            topics: [
              { name: 'gone', topicId: ZERO_UUID, partitions: [committed] },
              { name: 'orders', topicId: ZERO_UUID, partitions: [committed] },
            ],
          },
        ],
      });
      const answer = await handleOffsetFetch(group(null), requestContext(10), fakeBroker({ image, groups: { offsetFetch } }));
      expect(answer?.groups?.[0]?.topics.map(({ topicId }) => topicId)).toEqual([ORDERS]);
    });
  });
});
