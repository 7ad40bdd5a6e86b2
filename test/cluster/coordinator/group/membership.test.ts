import { expect, test } from 'vitest';
import { ErrorCode as E } from '../../../../electron/cluster/protocol/error-codes.ts';
import { encodeSubscription } from '../../../../electron/cluster/protocol/records/consumer-protocol.ts';
import { GroupBench, GROUP } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

async function bench(...args: ConstructorParameters<typeof GroupBench>): Promise<GroupBench> {
  const b = new GroupBench(...args);
  await b.elect();
  return b;
}

test('a member joins, becomes leader, gets its assignment, and stays by heartbeats', async () => {
  const b = await bench();
  const a = b.client('consumer-1');
  const first = await b.joinOnce(a);
  expect(first.errorCode).toBe(E.MEMBER_ID_REQUIRED);
  expect(first.memberId).toMatch(/^consumer-1-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  a.memberId = first.memberId;
  const joining = b.join(a);
  await b.clock.advance(2999);
  expect(b.status()).toMatchObject({ state: 'PreparingRebalance', generation: 0 });
  await b.clock.advance(1);
  const joined = await joining;
  expect(joined).toMatchObject({
    errorCode: 0,
    generationId: 1,
    leader: a.memberId,
    protocolType: 'consumer',
    protocolName: 'range',
    skipAssignment: false,
  });
  expect(joined.members.map(({ memberId }) => memberId)).toEqual([a.memberId]);
  expect(b.status()?.state).toBe('CompletingRebalance');
  expect(b.heartbeat(a)).toBe(E.NONE);
  expect(await b.sync(a, { [a.memberId]: 'p0' })).toEqual({ errorCode: 0, assignment: 'p0' });
  expect(b.status()?.state).toBe('Stable');
  for (let i = 0; i < 10; i++) {
    await b.clock.advance(9000);
    expect(b.heartbeat(a)).toBe(E.NONE);
  }
  expect(b.eventTypes()).toEqual(['group/memberJoined', 'group/rebalanceStarted', 'group/rebalanced']);
  expect(b.events[1]).toMatchObject({ group: GROUP, reason: 'member consumer-1 joined' });
  expect(b.events[2]).toMatchObject({ details: { generation: 1, members: 1, protocol: 'range' } });
});

test('before v4 the first JoinGroup is enough', async () => {
  const b = await bench();
  const a = b.client('old');
  const joining = b.joinOnce(a, { version: 3 });
  await b.clock.advance(3000);
  expect(await joining).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range' });
});

test('errors of JoinGroup v6 have a protocol name, since null came with v7', async () => {
  const b = await bench();
  expect((await b.joinOnce(b.client('a'), { version: 6, sessionTimeoutMs: 1 })).protocolName).toBe('');
  expect((await b.joinOnce(b.client('a'), { version: 7, sessionTimeoutMs: 1 })).protocolName).toBe(null);
});

test('the initial delay is extended while members arrive, up to the rebalance timeout', async () => {
  const b = await bench();
  const clients = [b.client('a'), b.client('b'), b.client('c')];
  const joins: Promise<unknown>[] = [];
  for (const client of clients) {
    joins.push(b.join(client));
    await b.clock.advance(2000);
  }
  // Starts at 0; ends at 3000 (extended: b joined), 6000 (extended: c joined), 9000.
  await b.clock.advance(2999);
  expect(b.status()).toMatchObject({ state: 'PreparingRebalance' });
  await b.clock.advance(1);
  await Promise.all(joins);
  expect(b.status()).toMatchObject({ generation: 1, state: 'CompletingRebalance' });
  expect(clients.map(({ generation }) => generation)).toEqual([1, 1, 1]);
});

test('a new member makes all members rejoin; only the leader gets the members', async () => {
  const b = await bench();
  const [a, c, d] = [b.client('a'), b.client('c'), b.client('d')];
  await b.form(a, c);
  const leader = b.status()?.leader;
  const joining = b.join(d);
  await settle();
  expect(b.heartbeat(a)).toBe(E.REBALANCE_IN_PROGRESS);
  expect(b.heartbeat(c)).toBe(E.REBALANCE_IN_PROGRESS);
  expect((await b.sync(a)).errorCode).toBe(E.REBALANCE_IN_PROGRESS);
  const answers = await Promise.all([b.join(a), b.join(c), joining]);
  expect(answers.map(({ generationId }) => generationId)).toEqual([2, 2, 2]);
  expect(answers.map(({ members }) => members.length).sort()).toEqual([0, 0, 3]);
  expect(b.status()?.leader).toBe(leader);
  await b.syncAll(a, c, d);
  expect(b.status()).toMatchObject({ state: 'Stable', generation: 2 });
});

test('followers wait in SyncGroup until the leader has assigned; omitted members get an empty assignment', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  const joins = [b.join(a), b.join(c)];
  await b.clock.advance(7000);
  await Promise.all(joins);
  const [leader, follower] = b.status()?.leader === a.memberId ? [a, c] : [c, a];
  let answered = false;
  const waiting = b.sync(follower).then((answer) => {
    answered = true;
    return answer;
  });
  await b.clock.advance(5000);
  expect(answered).toBe(false);
  expect(await b.sync(leader, { [leader.memberId]: 'all' })).toEqual({ errorCode: 0, assignment: 'all' });
  expect(await waiting).toEqual({ errorCode: 0, assignment: '' });
});

test('a member without heartbeats is removed after its session timeout and the others rebalance', async () => {
  const b = await bench();
  const [a, c] = [b.client('consumer-1'), b.client('consumer-2')];
  await b.form(a, c);
  await b.clock.advance(6000);
  expect(b.heartbeat(a)).toBe(0);
  await b.clock.advance(3999);
  expect(b.status()?.state).toBe('Stable');
  await b.clock.advance(1);
  expect(b.heartbeat(a)).toBe(E.REBALANCE_IN_PROGRESS);
  expect(b.events.find(({ type }) => type === 'group/memberExpired')?.reason).toBe('member consumer-2 sent no heartbeat for 10.0 s');
  expect(b.events.filter(({ type }) => type === 'group/rebalanceStarted').at(-1)?.reason).toBe(
    'member consumer-2 sent no heartbeat for 10.0 s',
  );
  expect(await b.join(a)).toMatchObject({ errorCode: 0, generationId: 2 });
  expect(b.heartbeat(c)).toBe(E.UNKNOWN_MEMBER_ID);
});

test('SyncGroup and OffsetCommit extend the session too', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.clock.advance(9000);
  expect((await b.sync(a)).errorCode).toBe(0);
  await b.clock.advance(9000);
  expect(await b.commit(a, 5n)).toBe(0);
  await b.clock.advance(9000);
  expect(b.heartbeat(a)).toBe(0);
});

test('a member that waits in JoinGroup needs no heartbeats; one that does not rejoin is removed', async () => {
  const b = await bench();
  const [a, c, d] = [b.client('a'), b.client('c'), b.client('d')];
  await b.form(a, c);
  const joining = b.join(d, { rebalanceTimeoutMs: 30_000 });
  const rejoining = b.join(a, { rebalanceTimeoutMs: 30_000 });
  await settle();
  // c continues to send heartbeats, so its session is valid, but it never rejoins.
  for (let i = 0; i < 14; i++) {
    expect(b.heartbeat(c)).toBe(E.REBALANCE_IN_PROGRESS);
    await b.clock.advance(4000);
  }
  expect(b.status()?.state).toBe('PreparingRebalance');
  b.heartbeat(c);
  await b.clock.advance(4000);
  expect((await Promise.all([joining, rejoining])).map(({ errorCode, generationId }) => [errorCode, generationId])).toEqual([
    [0, 2],
    [0, 2],
  ]);
  expect(b.heartbeat(c)).toBe(E.UNKNOWN_MEMBER_ID);
  expect(b.events.find(({ type }) => type === 'group/memberExpired')?.reason).toBe('member c did not rejoin within 60.0 s');
});

test('members that never sync are removed after the rebalance timeout', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  const joins = [b.join(a, { rebalanceTimeoutMs: 8000 }), b.join(c, { rebalanceTimeoutMs: 8000 })];
  await b.clock.advance(7000);
  await Promise.all(joins);
  const [leader, follower] = b.status()?.leader === a.memberId ? [a, c] : [c, a];
  expect((await b.sync(leader, {})).errorCode).toBe(0);
  await b.clock.advance(5000);
  b.heartbeat(follower);
  b.heartbeat(leader);
  await b.clock.advance(3000);
  expect(b.heartbeat(follower)).toBe(E.UNKNOWN_MEMBER_ID);
  expect(b.heartbeat(leader)).toBe(E.REBALANCE_IN_PROGRESS);
});

test('a pending member id delays a rebalance by at most a session timeout', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  const ghost = await b.joinOnce(b.client('ghost'), { sessionTimeoutMs: 20_000 });
  expect(ghost.errorCode).toBe(E.MEMBER_ID_REQUIRED);
  const rejoining = b.join(a);
  await b.clock.advance(19_999);
  expect(b.status()?.state).toBe('PreparingRebalance');
  await b.clock.advance(1);
  expect(await rejoining).toMatchObject({ errorCode: 0, generationId: 2 });
});

test('the last member to leave empties the group, and the log records it', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  expect(b.leave(a)).toBe(0);
  expect(b.status()).toMatchObject({ state: 'Empty', generation: 2, members: [] });
  await settle();
  const last = b.storage.records(0).at(-1);
  expect(last).toMatchObject({ type: 'GroupMetadata', value: { generation: 2, protocol: null, leader: null, members: [] } });
  expect(b.events.find(({ type }) => type === 'group/memberLeft')?.reason).toBe('member a left');
  expect(b.leave(a)).toBe(E.UNKNOWN_MEMBER_ID);
});

test('LeaveGroup before v3 names one member and has one error', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  const leave = (memberId: string) => b.coordinator.leaveGroup({ groupId: GROUP, memberId, members: [] }, b.context(a, 2));
  expect(leave('unknown')).toEqual({ errorCode: E.UNKNOWN_MEMBER_ID, members: [] });
  expect(leave(a.memberId)).toEqual({ errorCode: 0, members: [] });
});

test('the protocol is one that all members support and most prefer', async () => {
  const b = await bench();
  const offer = (...names: string[]) => ({
    protocols: names.map((name) => ({ name, metadata: encodeSubscription({ topics: ['orders'] }) })),
  });
  const clients = [b.client('a'), b.client('b'), b.client('c')];
  const offers = [offer('range', 'sticky', 'mine'), offer('sticky', 'range'), offer('roundrobin', 'sticky', 'range')];
  const joins = clients.map((client, i) => b.join(client, offers[i]));
  await b.clock.advance(7000);
  expect((await Promise.all(joins)).map(({ protocolName }) => protocolName)).toEqual(['sticky', 'sticky', 'sticky']);
  expect((await b.joinOnce(b.client('d'), offer('mine'))).errorCode).toBe(E.INCONSISTENT_GROUP_PROTOCOL);
  expect((await b.joinOnce(b.client('d'), { protocolType: 'connect' })).errorCode).toBe(E.INCONSISTENT_GROUP_PROTOCOL);
  expect((await b.joinOnce(b.client('d'), { protocols: [] })).errorCode).toBe(E.INCONSISTENT_GROUP_PROTOCOL);
});

test('a follower that rejoins unchanged is answered at once; the leader starts a rebalance', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  await b.form(a, c);
  const [leader, follower] = b.status()?.leader === a.memberId ? [a, c] : [c, a];
  expect(await b.join(follower)).toMatchObject({ errorCode: 0, generationId: 1, members: [] });
  expect(b.status()?.state).toBe('Stable');
  const joining = b.join(follower, { topics: ['orders', 'refunds'] });
  await settle();
  expect(b.status()?.state).toBe('PreparingRebalance');
  expect(await b.join(leader)).toMatchObject({ errorCode: 0, generationId: 2 });
  await joining;
  await b.syncAll(leader, follower);
  void b.join(leader);
  await settle();
  expect(b.status()?.state).toBe('PreparingRebalance');
  expect(b.events.at(-1)).toMatchObject({ type: 'group/rebalanceStarted', reason: `leader ${leader.clientId} asked for a new assignment` });
});

test('while an assignment is awaited, a repeated JoinGroup gets the same response, a different one starts over', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  const joins = [b.join(a), b.join(c)];
  await b.clock.advance(7000);
  await Promise.all(joins);
  const [leader, follower] = b.status()?.leader === a.memberId ? [a, c] : [c, a];
  expect((await b.join(leader)).members.length).toBe(2);
  const waiting = b.sync(follower);
  const rejoin = b.join(leader, { topics: ['other'] });
  expect((await waiting).errorCode).toBe(E.REBALANCE_IN_PROGRESS);
  await b.join(follower);
  expect(await rejoin).toMatchObject({ errorCode: 0, generationId: 2 });
});

test('a repeated request is answered instead of the earlier one, which does not hang', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  await b.form(a);
  const joining = b.join(c);
  await settle();
  const again = b.joinOnce(c);
  expect((await joining).errorCode).toBe(E.REBALANCE_IN_PROGRESS);
  await b.join(a);
  expect(await again).toMatchObject({ errorCode: 0, generationId: 2 });
});

test('wrong generations, wrong members and wrong groups have different errors', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  expect(b.heartbeat({ ...a, generation: 0 })).toBe(E.ILLEGAL_GENERATION);
  expect(b.heartbeat({ ...a, memberId: 'x' })).toBe(E.UNKNOWN_MEMBER_ID);
  expect((await b.sync({ ...a, generation: 7 })).errorCode).toBe(E.ILLEGAL_GENERATION);
  expect((await b.joinOnce({ ...a, memberId: 'x' })).errorCode).toBe(E.UNKNOWN_MEMBER_ID);
  const sync = (protocolType: string | null, protocolName: string | null) =>
    b.coordinator.syncGroup(
      { groupId: GROUP, generationId: 1, memberId: a.memberId, groupInstanceId: null, protocolType, protocolName, assignments: [] },
      b.context(a, 5),
    );
  expect((await sync('connect', 'range')).errorCode).toBe(E.INCONSISTENT_GROUP_PROTOCOL);
  expect((await sync('consumer', 'sticky')).errorCode).toBe(E.INCONSISTENT_GROUP_PROTOCOL);
  expect(await sync('consumer', 'range')).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' });
});

test('session timeouts outside the limits and empty group ids are refused', async () => {
  const b = await bench();
  expect((await b.joinOnce(b.client('a'), { sessionTimeoutMs: 5999 })).errorCode).toBe(E.INVALID_SESSION_TIMEOUT);
  expect((await b.joinOnce(b.client('a'), { sessionTimeoutMs: 1_800_001 })).errorCode).toBe(E.INVALID_SESSION_TIMEOUT);
  const heartbeat = { groupId: '', generationId: 1, memberId: 'x', groupInstanceId: null };
  expect(b.coordinator.heartbeat(heartbeat).errorCode).toBe(E.INVALID_GROUP_ID);
});

test('a full group accepts no new member, and neither does the list of pending ids', async () => {
  const b = await bench({ maxSize: 2 });
  const [a, c] = [b.client('a'), b.client('c')];
  await b.form(a, c);
  expect((await b.joinOnce(b.client('d'))).errorCode).toBe(E.GROUP_MAX_SIZE_REACHED);
  b.leave(c);
  const codes: number[] = [];
  for (let i = 0; i < 3; i++) codes.push((await b.joinOnce(b.client(`n${i}`))).errorCode);
  expect(codes).toEqual([E.MEMBER_ID_REQUIRED, E.MEMBER_ID_REQUIRED, E.GROUP_MAX_SIZE_REACHED]);
  expect(b.status()?.members).toEqual([a.memberId]);
});

test('a new member whose client has stopped is removed after five minutes', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  await b.form(a);
  const joining = b.join(c, { rebalanceTimeoutMs: 600_000 });
  await settle();
  for (let i = 0; i < 40 && b.status()?.members.length === 2; i++) {
    // The old member keeps its session without ever rejoining.
    b.heartbeat(a);
    await b.clock.advance(8000);
  }
  expect((await joining).errorCode).toBe(E.UNKNOWN_MEMBER_ID);
  expect(b.clock.monotonic()).toBeLessThan(330_000);
});

test('an unreadable subscription is accepted', async () => {
  const b = await bench();
  const a = b.client('a');
  const joining = b.join(a, { protocols: [{ name: 'range', metadata: Uint8Array.of(9) }] });
  await b.clock.advance(3000);
  expect(await joining).toMatchObject({ errorCode: 0 });
  expect((await b.sync(a, { [a.memberId]: 'x' })).assignment).toBe('x');
});

test('a group whose id is too long for a record is refused, and its timers do not fail', async () => {
  const b = new GroupBench();
  await b.elect();
  const groupId = 'g'.repeat(40_000);
  const join = (memberId: string): ReturnType<typeof b.coordinator.joinGroup> =>
    b.coordinator.joinGroup(
      {
        groupId,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 60_000,
        memberId,
        groupInstanceId: null,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
        reason: null,
      },
      b.context({ clientId: 'c' }, 9),
    );
  const { memberId } = await join('');
  const joining = join(memberId);
  await b.clock.advance(7000);
  const { generationId = -1 } = await joining;
  expect(generationId).toBe(1);
  const sync = b.coordinator.syncGroup(
    { groupId, generationId, memberId, groupInstanceId: null, protocolType: null, protocolName: null, assignments: [] },
    b.context({ clientId: 'c' }, 5),
  );
  expect((await sync).errorCode).toBe(E.UNKNOWN_SERVER_ERROR);
  // The member does not rejoin: its removal writes the record of an empty group.
  await b.clock.advance(100_000);
  const { groups } = b.coordinator.listGroups({ statesFilter: [], typesFilter: [] });
  expect(groups.map(({ groupState }) => groupState)).toEqual(['Empty']);
});
