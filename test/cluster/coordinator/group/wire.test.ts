/** Every response can be encoded in every version that a client may request. */
import { expect, test } from 'vitest';
import { deleteGroups } from '../../../../electron/cluster/protocol/apis/delete-groups.ts';
import { describeGroups } from '../../../../electron/cluster/protocol/apis/describe-groups.ts';
import { joinGroup } from '../../../../electron/cluster/protocol/apis/join-group.ts';
import { leaveGroup } from '../../../../electron/cluster/protocol/apis/leave-group.ts';
import { listGroups } from '../../../../electron/cluster/protocol/apis/list-groups.ts';
import { offsetCommit } from '../../../../electron/cluster/protocol/apis/offset-commit.ts';
import { offsetFetch } from '../../../../electron/cluster/protocol/apis/offset-fetch.ts';
import { syncGroup } from '../../../../electron/cluster/protocol/apis/sync-group.ts';
import { decodeResponse, encodeResponse } from '../../../../electron/cluster/protocol/frame.ts';
import type { Api } from '../../../../electron/cluster/protocol/schema.ts';
import { ZERO_UUID } from '../../../../electron/cluster/protocol/uuid.ts';
import { GroupBench, GROUP } from '../../../helpers/group-bench.ts';

/** Encoded and decoded. */
function roundTrip<Out, In>(api: Api<unknown, never, Out, In>, version: number, body: In): Out {
  const frame = Buffer.concat(encodeResponse(api as unknown as Api<unknown, never, unknown, In>, version, 7, body));
  return decodeResponse(api as unknown as Api<unknown, never, Out, never>, version, frame.subarray(4)).body;
}

function versions(api: { minVersion: number; maxVersion: number }): number[] {
  return Array.from({ length: api.maxVersion - api.minVersion + 1 }, (_, i) => api.minVersion + i);
}

async function bench(): Promise<GroupBench> {
  const b = new GroupBench();
  await b.elect();
  return b;
}

test.each(versions(joinGroup))('JoinGroup v%i: errors, leaders and followers', async (version) => {
  const b = await bench();
  const refused = roundTrip(joinGroup, version, await b.joinOnce(b.client('x'), { version, protocols: [] }));
  expect(refused.errorCode).toBe(23);
  const [a, c] = [b.client('a'), b.client('c')];
  const joins = [b.join(a, { version }), b.join(c, { version })];
  await b.clock.advance(7000);
  const answers = (await Promise.all(joins)).map((answer) => roundTrip(joinGroup, version, answer));
  expect(answers.map(({ errorCode, generationId, protocolName }) => [errorCode, generationId, protocolName])).toEqual([
    [0, 1, 'range'],
    [0, 1, 'range'],
  ]);
  expect(answers.map(({ members }) => members.length).sort()).toEqual([0, 2]);
});

test.each(versions(syncGroup))('SyncGroup v%i', async (version) => {
  const b = await bench();
  const ask = (memberId: string, generationId: number) =>
    b.coordinator.syncGroup(
      {
        groupId: GROUP,
        generationId,
        memberId,
        groupInstanceId: null,
        protocolType: null,
        protocolName: null,
        assignments: [{ memberId, assignment: Buffer.from('p0') }],
      },
      b.context({ clientId: 'a' }, version),
    );
  expect(roundTrip(syncGroup, version, await ask('x', 1)).errorCode).toBe(25);
  const a = b.client('a');
  const joining = b.join(a);
  await b.clock.advance(3000);
  await joining;
  expect(Buffer.from(roundTrip(syncGroup, version, await ask(a.memberId, 1)).assignment).toString()).toBe('p0');
});

test('LeaveGroup, ListGroups, DescribeGroups, DeleteGroups in all versions', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  for (const version of versions(listGroups)) {
    const listed = roundTrip(listGroups, version, b.coordinator.listGroups({ statesFilter: [], typesFilter: [] }));
    expect(listed.groups.map(({ groupId }) => groupId)).toEqual([GROUP]);
  }
  for (const version of versions(describeGroups)) {
    const answer = b.coordinator.describeGroups({ groups: [GROUP, 'unknown'], includeAuthorizedOperations: false }, b.context(a, version));
    const described = roundTrip(describeGroups, version, answer).groups;
    expect(described.map(({ groupState }) => groupState)).toEqual(['Stable', 'Dead']);
    expect(described[0]?.members[0]?.memberId).toBe(a.memberId);
  }
  for (const version of versions(leaveGroup)) {
    const answer = b.coordinator.leaveGroup(
      { groupId: GROUP, memberId: 'x', members: [{ memberId: 'x', groupInstanceId: null, reason: null }] },
      b.context(a, version),
    );
    const left = roundTrip(leaveGroup, version, answer);
    expect(version < 3 ? left.errorCode : left.members[0]?.errorCode).toBe(25);
  }
  const deleted = await b.coordinator.deleteGroups({ groupsNames: [GROUP, 'unknown'] });
  for (const version of versions(deleteGroups))
    expect(roundTrip(deleteGroups, version, deleted).results.map(({ errorCode }) => errorCode)).toEqual([68, 69]);
});

test('OffsetCommit and OffsetFetch in all versions', async () => {
  const b = await bench();
  for (const version of versions(offsetCommit)) {
    const answer = await b.coordinator.offsetCommit(
      {
        groupId: GROUP,
        generationIdOrMemberEpoch: -1,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1n,
        topics: [
          {
            name: 'orders',
            topicId: ZERO_UUID,
            partitions: [{ partitionIndex: 0, committedOffset: BigInt(version), committedLeaderEpoch: -1, committedMetadata: null }],
          },
        ],
      },
      b.context({ clientId: 'a' }, version),
    );
    expect(roundTrip(offsetCommit, version, answer).topics[0]?.partitions).toEqual([{ partitionIndex: 0, errorCode: 0 }]);
    expect(b.committed()).toBe(BigInt(version));
  }
  for (const version of versions(offsetFetch)) {
    const topics = version === 1 ? [{ name: 'orders', partitionIndexes: [0] }] : null;
    const groups = [{ groupId: GROUP, memberId: null, memberEpoch: -1, topics: null }];
    const request = { groupId: GROUP, topics, groups, requireStable: false };
    const fetched = roundTrip(offsetFetch, version, b.coordinator.offsetFetch(request, b.context({ clientId: 'a' }, version)));
    const found = version < 8 ? fetched.topics : fetched.groups[0]?.topics;
    expect(found?.[0]?.partitions[0]).toMatchObject({ partitionIndex: 0, committedOffset: 10n, metadata: '', errorCode: 0 });
  }
});
