import { expect, test } from 'vitest';
import { ErrorCode as E } from '../../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../../electron/cluster/protocol/kafka-error.ts';
import { buildEndTransactionMarker } from '../../../../electron/cluster/protocol/records/transaction-marker.ts';
import { buildBatch } from '../../../../electron/cluster/protocol/records-builder.ts';
import { encodeGroupRecord } from '../../../../electron/cluster/protocol/records/group-records.ts';
import { GroupBench, GROUP } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

const DAY = 24 * 60 * 60 * 1000;

async function bench(...args: ConstructorParameters<typeof GroupBench>): Promise<GroupBench> {
  const b = new GroupBench(...args);
  await b.elect();
  return b;
}

test('an offset is committed with its epoch, metadata and time, in the record format of Kafka', async () => {
  const b = await bench();
  expect(await b.commit(null, 42n)).toBe(0);
  expect(b.committed()).toBe(42n);
  expect(b.storage.records(0)).toEqual([
    {
      type: 'OffsetCommit',
      key: { group: GROUP, topic: 'orders', partition: 0 },
      value: expect.objectContaining({ offset: 42n, leaderEpoch: 3, metadata: 'm', commitTimestamp: BigInt(b.clock.now()) }),
    },
  ]);
  // Value version 3 unless a topic id (4) or an expiry time (1) has to be stored.
  await b.commit(null, 43n, { topicId: '8hkaIJzaRsSG8TPkKkFvRg' });
  await b.commit(null, 44n, { retentionTimeMs: 1000n });
  const versions = b.storage.batches(0).map((batch) => {
    const at = batch.indexOf('orders') + 'orders'.length + 4;
    return batch.readInt16BE(at + 1) === 0 ? batch.readInt16BE(at + 2) : batch.readInt16BE(at + 1);
  });
  expect(versions).toEqual([3, 4, 1]);
});

test('an offset is neither returned nor acknowledged before it is committed', async () => {
  const b = await bench();
  await b.commit(null, 1n);
  b.storage.hold = true;
  let answered = false;
  const committing = b.commit(null, 2n).then((code) => {
    answered = true;
    return code;
  });
  await settle();
  expect(answered).toBe(false);
  expect(b.committed()).toBe(1n);
  b.storage.commit(0);
  expect(await committing).toBe(0);
  expect(b.committed()).toBe(2n);
});

test('members commit in their generation only, other clients only while the group has no members', async () => {
  const b = await bench();
  const a = b.client('a');
  expect(await b.commit({ ...a, memberId: 'x', generation: 1 }, 1n, { version: 8 })).toBe(E.ILLEGAL_GENERATION);
  expect(await b.commit({ ...a, memberId: 'x', generation: 1 }, 1n, { version: 9 })).toBe(E.GROUP_ID_NOT_FOUND);
  const joining = b.join(a);
  await b.clock.advance(3000);
  await joining;
  expect(await b.commit(a, 1n)).toBe(E.REBALANCE_IN_PROGRESS);
  await b.syncAll(a);
  expect(await b.commit(a, 1n)).toBe(0);
  expect(await b.commit({ ...a, generation: 0 }, 2n)).toBe(E.ILLEGAL_GENERATION);
  expect(await b.commit({ ...a, memberId: 'x' }, 2n)).toBe(E.UNKNOWN_MEMBER_ID);
  expect(await b.commit(null, 2n)).toBe(E.UNKNOWN_MEMBER_ID);
  // While the others are still rejoining, a member may commit what it has read so far.
  void b.join(b.client('c'));
  await settle();
  expect(await b.commit(a, 3n)).toBe(0);
  b.leave(a);
  expect(b.committed()).toBe(3n);
});

test('metadata above the limit is refused for its partition alone', async () => {
  const b = await bench();
  expect(await b.commit(null, 1n, { metadata: 'x'.repeat(4096) })).toBe(0);
  expect(await b.commit(null, 2n, { metadata: 'é'.repeat(2049) })).toBe(E.OFFSET_METADATA_TOO_LARGE);
  expect(b.committed()).toBe(1n);
  expect(await b.commit(null, 3n, { metadata: null })).toBe(0);
  expect(b.committed()).toBe(3n);
});

test('OffsetFetch: one group before v8, many from v8 on, all topics for null', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  await b.commit(null, 6n, { partition: 3 });
  await b.commit(null, 7n, { topic: 'refunds' });
  const request = { groupId: GROUP, topics: null, groups: [], requireStable: false };
  const context = (version: number) => ({ version, clientId: 'c', clientHost: 'h' });
  const at = (partitionIndex: number, committedOffset: bigint) => ({
    partitionIndex,
    committedOffset,
    committedLeaderEpoch: 3,
    metadata: 'm',
    errorCode: 0,
  });
  expect(b.coordinator.offsetFetch(request, context(7))).toEqual({
    errorCode: 0,
    groups: [],
    topics: [
      { name: 'orders', partitions: [at(0, 5n), at(3, 6n)] },
      { name: 'refunds', partitions: [at(0, 7n)] },
    ],
  });
  const asked = { ...request, topics: [{ name: 'orders', partitionIndexes: [3, 9] }] };
  expect(b.coordinator.offsetFetch(asked, context(7)).topics).toEqual([
    {
      name: 'orders',
      partitions: [at(3, 6n), { partitionIndex: 9, committedOffset: -1n, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }],
    },
  ]);
  const many = {
    groupId: '',
    topics: [],
    requireStable: true,
    groups: [GROUP, 'unknown'].map((groupId) => ({ groupId, memberId: null, memberEpoch: -1, topics: null })),
  };
  const { groups } = b.coordinator.offsetFetch(many, context(9));
  expect(groups?.map(({ groupId, errorCode, topics }) => [groupId, errorCode, topics.length])).toEqual([
    [GROUP, 0, 2],
    ['unknown', 0, 0],
  ]);
});

test('an offset of a topic that was re-created under its name is not returned', async () => {
  const b = await bench();
  await b.commit(null, 5n, { topicId: '8hkaIJzaRsSG8TPkKkFvRg' });
  expect(b.committed(0, 'orders', { topicId: '8hkaIJzaRsSG8TPkKkFvRg' })).toBe(5n);
  expect(b.committed(0, 'orders', { topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' })).toBe(-1n);
  expect(b.committed()).toBe(5n);
});

test('deleted topics remove their offsets, pending ones included', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  await b.commit(null, 6n, { topic: 'refunds' });
  b.storage.hold = true;
  const late = b.commit(null, 7n, { partition: 1 });
  b.deleteTopics(['orders']);
  b.storage.commit(0);
  await late;
  expect([b.committed(), b.committed(1), b.committed(0, 'refunds')]).toEqual([-1n, -1n, 6n]);
  await b.failOver();
  expect([b.committed(), b.committed(1), b.committed(0, 'refunds')]).toEqual([-1n, -1n, 6n]);
});

test('offsets of an empty group expire one retention after the last member left', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 5n);
  for (let day = 0; day < 8; day++) {
    for (let i = 0; i < 3; i++) {
      await b.clock.advance(9000);
      expect(b.heartbeat(a)).toBe(0);
    }
  }
  b.leave(a);
  await b.clock.advance(7 * DAY - 1000);
  expect(b.committed()).toBe(5n);
  await b.clock.advance(600_000 + 1000);
  expect(b.committed()).toBe(-1n);
  expect(b.status()).toBeUndefined();
  expect(b.storage.records(0).slice(-2)).toMatchObject([
    { type: 'OffsetCommit', value: null },
    { type: 'GroupMetadata', value: null },
  ]);
});

test('offsets without a group expire one retention after their commit, or when the client requested it', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  await b.commit(null, 6n, { partition: 1, retentionTimeMs: BigInt(DAY) });
  await b.clock.advance(DAY + 600_000);
  expect([b.committed(), b.committed(1)]).toEqual([5n, -1n]);
  await b.clock.advance(6 * DAY);
  expect(b.committed()).toBe(-1n);
});

test('in an active group only offsets without a subscription expire', async () => {
  const b = await bench({ offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 10_000 });
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 5n);
  await b.commit(a, 6n, { topic: 'abandoned' });
  for (let i = 0; i < 12; i++) {
    await b.clock.advance(8000);
    b.heartbeat(a);
  }
  expect([b.committed(), b.committed(0, 'abandoned')]).toEqual([5n, -1n]);
});

test('a failed expiry is retried', async () => {
  const b = await bench({ offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 10_000 });
  await b.commit(null, 5n);
  b.storage.refuse = E.NOT_ENOUGH_REPLICAS;
  await b.clock.advance(100_000);
  expect(b.committed()).toBe(5n);
  expect(b.status()).toBeDefined();
  b.storage.refuse = null;
  await b.clock.advance(10_000);
  expect(b.committed()).toBe(-1n);
  expect(b.status()).toBeUndefined();
});

test('a group whose expired offsets are deleted in part remains with the others', async () => {
  const b = await bench({ offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 10_000 });
  const a = b.client('a');
  await b.form(a);
  for (let partition = 0; partition <= 1000; partition++) await b.commit(a, 5n, { partition });
  b.leave(a);
  // The offsets are deleted in two batches, the second one with the group.
  const append = b.storage.append.bind(b.storage);
  b.storage.append = () => {
    b.storage.append = append;
    throw new KafkaError(E.MESSAGE_TOO_LARGE);
  };
  await b.clock.advance(68_000);
  expect([b.committed(0), b.committed(1000)]).toEqual([5n, -1n]);
  expect(b.status()).toMatchObject({ state: 'Empty', generation: 0 });
  await b.clock.advance(10_000);
  expect([b.committed(0), b.status()]).toEqual([-1n, undefined]);
});

test('offsets in a transaction count after its marker; until then the partition is unstable', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  const transactional = (producerId: bigint, offset: bigint): Buffer =>
    buildBatch({
      transactional: true,
      producerId,
      producerEpoch: 0,
      timestamp: 1n,
      records: [
        encodeGroupRecord({
          type: 'OffsetCommit',
          key: { group: GROUP, topic: 'orders', partition: 0 },
          value: { offset, metadata: '', commitTimestamp: 1n, expireTimestamp: -1n },
        }),
      ],
    });
  const end = (producerId: bigint, type: 'commit' | 'abort'): Buffer =>
    buildEndTransactionMarker({ producerId, producerEpoch: 0, timestamp: 1n, type, coordinatorEpoch: 0 });
  const unstable = () =>
    b.coordinator.offsetFetch(
      {
        groupId: '',
        topics: [],
        groups: [{ groupId: GROUP, memberId: null, memberEpoch: -1, topics: [{ name: 'orders', topicId: '', partitionIndexes: [0] }] }],
        requireStable: true,
      },
      { version: 9, clientId: '', clientHost: '' },
    ).groups?.[0]?.topics[0]?.partitions[0]?.errorCode;

  b.storage.inject(0, transactional(1n, 9n));
  b.storage.inject(0, end(1n, 'abort'));
  b.storage.inject(0, transactional(2n, 7n));
  await b.failOver();
  expect(b.committed()).toBe(5n);
  expect(unstable()).toBe(E.UNSTABLE_OFFSET_COMMIT);
  b.storage.inject(0, end(2n, 'commit'));
  await b.failOver();
  expect(b.committed()).toBe(7n);
  expect(unstable()).toBe(0);
});

test('OffsetDelete deletes offsets without a subscription', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 5n);
  await b.commit(a, 6n, { topic: 'refunds' });
  const request = {
    groupId: GROUP,
    topics: ['orders', 'refunds'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })),
  };
  const { topics } = await b.coordinator.offsetDelete(request);
  expect(topics.map(({ partitions }) => partitions[0]?.errorCode)).toEqual([E.GROUP_SUBSCRIBED_TO_TOPIC, 0]);
  expect([b.committed(), b.committed(0, 'refunds')]).toEqual([5n, -1n]);
});

/** Version 1 names the topics and has no owned partitions, as @platformatic/kafka sends it. */
const TRUNCATED = Buffer.from('0001' + '00000001' + '00066f7264657273' + 'ffffffff', 'hex');

test.each([
  ['version 1 without owned partitions', TRUNCATED],
  ['an unknown later version', Buffer.concat([Buffer.from('0009', 'hex'), TRUNCATED.subarray(2), Buffer.from('more')])],
])('topics of %s are subscribed: other offsets are deleted and expire', async (_, metadata) => {
  const b = await bench({ offsetsRetentionMs: 60_000, offsetsRetentionCheckIntervalMs: 10_000 });
  const a = b.client('a');
  const joining = b.join(a, { protocols: [{ name: 'range', metadata }] });
  await b.clock.advance(7000);
  expect((await joining).errorCode).toBe(0);
  await b.syncAll(a);
  for (const [offset, topic] of [
    [5n, 'orders'],
    [6n, 'refunds'],
    [7n, 'abandoned'],
  ] as const)
    await b.commit(a, offset, { topic });
  const request = { groupId: GROUP, topics: ['orders', 'refunds'].map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })) };
  const { errorCode, topics } = await b.coordinator.offsetDelete(request);
  expect(errorCode).toBe(0);
  expect(topics.map(({ partitions }) => partitions[0]?.errorCode)).toEqual([E.GROUP_SUBSCRIBED_TO_TOPIC, 0]);
  for (let i = 0; i < 12; i++) {
    await b.clock.advance(8000);
    b.heartbeat(a);
  }
  expect(['orders', 'refunds', 'abandoned'].map((topic) => b.committed(0, topic))).toEqual([5n, -1n, -1n]);
});

test('an active consumer group with unreadable subscriptions keeps the offsets of every topic', async () => {
  const b = await bench();
  const a = b.client('a');
  const joining = b.join(a, { protocols: [{ name: 'range', metadata: Uint8Array.of(9) }] });
  await b.clock.advance(7000);
  expect((await joining).errorCode).toBe(0);
  await b.syncAll(a);
  await b.commit(a, 5n);
  const { errorCode, topics } = await b.coordinator.offsetDelete({
    groupId: GROUP,
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }],
  });
  expect([errorCode, topics[0]?.partitions[0]?.errorCode]).toEqual([0, E.GROUP_SUBSCRIBED_TO_TOPIC]);
});

test('offsets of a topic that was deleted while its group had no coordinator are deleted at the load', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  await b.commit(null, 6n, { topic: 'refunds' });
  b.deleteTopics(['orders'], { notify: false });
  await b.failOver();
  expect([b.committed(), b.committed(0, 'refunds')]).toEqual([-1n, 6n]);
  expect(b.storage.records(0).at(-1)).toMatchObject({ key: { topic: 'orders' }, value: null });
  // Re-created, it starts without offsets.
  b.createTopic('orders', 'AAAAAAAAAAAAAAAAAAAAAQ');
  await b.failOver();
  expect(b.committed()).toBe(-1n);
});

test('offsets of a topic that is deleted while its group is loading are deleted after the load', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  let open = (): void => undefined;
  b.storage.readGate = new Promise((resolve) => {
    open = resolve;
  });
  await b.failOver();
  b.deleteTopics(['orders']);
  open();
  await settle();
  expect(b.committed()).toBe(-1n);
});

test('an offset of an earlier topic of the same name is deleted at the load; one of the same topic is kept', async () => {
  const b = await bench();
  b.deleteTopics(['orders', 'refunds'], { notify: false });
  b.createTopic('orders', 'AAAAAAAAAAAAAAAAAAAAAQ');
  b.createTopic('refunds', 'AAAAAAAAAAAAAAAAAAAAAg');
  await b.commit(null, 5n, { topicId: '8hkaIJzaRsSG8TPkKkFvRg' });
  await b.commit(null, 6n, { topic: 'refunds', topicId: 'AAAAAAAAAAAAAAAAAAAAAg' });
  await b.commit(null, 7n, { topic: 'refunds', partition: 1 });
  await b.failOver();
  expect([b.committed(), b.committed(0, 'refunds'), b.committed(1, 'refunds')]).toEqual([-1n, 6n, 7n]);
});

test('a failed deletion of offsets of a deleted topic is retried', async () => {
  const b = await bench({ offsetsRetentionCheckIntervalMs: 10_000 });
  await b.commit(null, 5n);
  b.storage.refuse = E.NOT_ENOUGH_REPLICAS;
  b.deleteTopics(['orders']);
  await b.clock.advance(15_000);
  expect(b.committed()).toBe(5n);
  b.storage.refuse = null;
  await b.clock.advance(10_000);
  expect(b.committed()).toBe(-1n);
});
