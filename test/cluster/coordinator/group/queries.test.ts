import { expect, test } from 'vitest';
import { ErrorCode as E } from '../../../../electron/cluster/protocol/error-codes.ts';
import { GroupBench, GROUP } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

async function bench(): Promise<GroupBench> {
  const b = new GroupBench();
  await b.elect();
  return b;
}

test('ListGroups filters by state and type, ignoring case', async () => {
  const b = await bench();
  await b.form(b.client('a'));
  const commitTo = (groupId: string) =>
    b.coordinator.offsetCommit(
      { groupId, generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, retentionTimeMs: -1n, topics: [] },
      { version: 9, clientId: '', clientHost: '' },
    );
  await commitTo('offsets-only');
  const list = (statesFilter: string[], typesFilter: string[] = []) => b.coordinator.listGroups({ statesFilter, typesFilter });
  expect(list([])).toEqual({
    errorCode: 0,
    groups: [
      { groupId: GROUP, protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' },
      { groupId: 'offsets-only', protocolType: '', groupState: 'Empty', groupType: 'classic' },
    ],
  });
  expect(list(['stable']).groups.map(({ groupId }) => groupId)).toEqual([GROUP]);
  expect(list(['Empty', 'Stable'], ['Classic']).groups.length).toBe(2);
  expect(list([], ['consumer']).groups).toEqual([]);
});

test('DescribeGroups returns metadata and assignments of a stable group, and the known fields of others', async () => {
  const b = await bench();
  const a = b.client('consumer-1', 'node-1');
  await b.form(a);
  const describe = (groupId: string, version = 5) =>
    b.coordinator.describeGroups({ groups: [groupId], includeAuthorizedOperations: false }, b.context(a, version)).groups[0];
  const described = describe(GROUP);
  expect(described).toMatchObject({ errorCode: 0, groupState: 'Stable', protocolType: 'consumer', protocolData: 'range' });
  expect(described?.members).toMatchObject([
    { memberId: a.memberId, groupInstanceId: 'node-1', clientId: 'consumer-1', clientHost: '127.0.0.1' },
  ]);
  expect(Buffer.from(described?.members[0]?.memberAssignment ?? []).toString()).toBe('for consumer-1');
  expect(described?.members[0]?.memberMetadata.length).toBeGreaterThan(0);
  expect(describe('unknown')).toMatchObject({ errorCode: 0, groupState: 'Dead', members: [] });
  expect(describe('unknown', 6)).toMatchObject({
    errorCode: E.GROUP_ID_NOT_FOUND,
    errorMessage: 'Group unknown not found.',
    groupState: 'Dead',
  });
});

test('DeleteGroups deletes empty groups with their offsets, permanently', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 5n);
  const remove = async (...groupsNames: string[]) =>
    (await b.coordinator.deleteGroups({ groupsNames })).results.map(({ errorCode }) => errorCode);
  expect(await remove(GROUP, 'unknown')).toEqual([E.NON_EMPTY_GROUP, E.GROUP_ID_NOT_FOUND]);
  b.leave(a);
  expect(await remove(GROUP)).toEqual([0]);
  expect(b.status()).toBeUndefined();
  expect(b.committed()).toBe(-1n);
  expect(b.heartbeat(a)).toBe(E.UNKNOWN_MEMBER_ID);
  await b.failOver();
  expect(b.status()).toBeUndefined();
  expect(b.committed()).toBe(-1n);
});

test('a deletion that cannot be written deletes nothing', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  b.storage.refuse = E.NOT_ENOUGH_REPLICAS;
  const { results } = await b.coordinator.deleteGroups({ groupsNames: [GROUP] });
  expect(results).toEqual([{ groupId: GROUP, errorCode: E.COORDINATOR_NOT_AVAILABLE }]);
  expect(b.committed()).toBe(5n);
  expect(b.status()).toBeDefined();
});

test('an offset that is committed while the group is being deleted keeps the group', async () => {
  const b = await bench();
  await b.commit(null, 5n);
  b.storage.hold = true;
  const deleting = b.coordinator.deleteGroups({ groupsNames: [GROUP] });
  const committing = b.commit(null, 6n);
  await settle();
  b.storage.commit(0);
  expect((await deleting).results[0]?.errorCode).toBe(0);
  expect(await committing).toBe(0);
  expect(b.committed()).toBe(6n);
  expect(b.status()?.state).toBe('Empty');
  await b.failOver();
  expect(b.committed()).toBe(6n);
  expect(b.status()?.state).toBe('Empty');
});

test('a broker without metadata of the offsets topic, or with another partition of it, is not the coordinator', async () => {
  const none = new GroupBench({}, 1, 4);
  none.storage.count = undefined;
  expect(none.coordinator.partitionFor(GROUP)).toBeUndefined();
  expect((await none.joinOnce(none.client('a'))).errorCode).toBe(E.NOT_COORDINATOR);
  none.storage.count = 4;
  expect((await none.joinOnce(none.client('a'))).errorCode).toBe(E.NOT_COORDINATOR);
  expect(await none.commit(null, 1n)).toBe(E.NOT_COORDINATOR);
  expect((await none.coordinator.deleteGroups({ groupsNames: ['x'] })).results[0]?.errorCode).toBe(E.NOT_COORDINATOR);
  expect(none.coordinator.listGroups({ statesFilter: [], typesFilter: [] })).toEqual({ errorCode: 0, groups: [] });
});
