import { expect, test } from 'vitest';
import { ErrorCode as E } from '../../../../electron/cluster/protocol/error-codes.ts';
import { GroupBench, GROUP } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

async function bench(): Promise<GroupBench> {
  const b = new GroupBench();
  await b.elect();
  return b;
}

test('a static member gets its id without a second JoinGroup', async () => {
  const b = await bench();
  const a = b.client('a', 'node-1');
  const joining = b.joinOnce(a);
  await b.clock.advance(3000);
  const joined = await joining;
  expect(joined).toMatchObject({ errorCode: 0, generationId: 1 });
  expect(joined.memberId).toMatch(/^node-1-/);
  expect(joined.members[0]?.groupInstanceId).toBe('node-1');
});

test('a static follower that restarts keeps its assignment, without a rebalance', async () => {
  const b = await bench();
  const [a, c] = [b.client('a', 'node-1'), b.client('c', 'node-2')];
  await b.form(a, c);
  const [leader, follower] = b.status()?.leader === a.memberId ? [a, c] : [c, a];
  const reborn = { ...follower, memberId: '', generation: -1 };
  const joined = await b.join(reborn);
  expect(joined).toMatchObject({ errorCode: 0, generationId: 1, leader: leader.memberId, skipAssignment: false, members: [] });
  expect(reborn.memberId).not.toBe(follower.memberId);
  expect(b.status()).toMatchObject({ state: 'Stable', generation: 1 });
  expect((await b.sync(reborn)).assignment).toBe(`for ${follower.clientId}`);
  expect(b.heartbeat(leader)).toBe(0);
  // The process that had the id before is fenced.
  expect(b.heartbeat(follower)).toBe(E.FENCED_INSTANCE_ID);
  expect((await b.sync(follower)).errorCode).toBe(E.FENCED_INSTANCE_ID);
  expect(await b.commit(follower, 1n)).toBe(E.FENCED_INSTANCE_ID);
  expect(b.leave(follower)).toBe(E.FENCED_INSTANCE_ID);
  expect((await b.joinOnce(follower)).errorCode).toBe(E.FENCED_INSTANCE_ID);
  await b.failOver();
  expect(b.heartbeat(reborn)).toBe(0);
});

test('a static leader that restarts skips the assignment (v9), or gets another leader id (before)', async () => {
  const b = await bench();
  const a = b.client('a', 'node-1');
  await b.form(a);
  const first = { ...a, memberId: '' };
  expect(await b.join(first, { version: 9 })).toMatchObject({
    errorCode: 0,
    leader: first.memberId,
    skipAssignment: true,
    members: [{ memberId: first.memberId }],
  });
  const second = { ...a, memberId: '' };
  expect(await b.join(second, { version: 8 })).toMatchObject({ errorCode: 0, leader: first.memberId, members: [] });
  expect((await b.sync(second)).assignment).toBe('for a');
  expect(b.status()).toMatchObject({ generation: 1, leader: second.memberId });
});

test('a static member that is absent remains in the group until its session expires', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c', 'node-2')];
  const short = { rebalanceTimeoutMs: 5000 };
  const joins = [b.join(a, short), b.join(c, short)];
  await b.clock.advance(5000);
  await Promise.all(joins);
  await b.syncAll(a, c);
  const d = b.client('d');
  const joining = b.join(d, short);
  await settle();
  const rejoin = b.join(a, short);
  // The rebalance completes without it, and it is still one of the three.
  await b.clock.advance(5000);
  expect((await rejoin).generationId).toBe(2);
  await joining;
  expect(b.status()?.members.length).toBe(3);
  await b.syncAll(...(b.status()?.leader === a.memberId ? [a, d] : [d, a]));
  b.heartbeat(a);
  b.heartbeat(d);
  await b.clock.advance(10_000);
  expect(b.status()?.members).not.toContain(c.memberId);
});

test('a static member that rejoins during CompletingRebalance restarts the rebalance, as its old id may be assigned', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c', 'node-2')];
  const joins = [b.join(a), b.join(c)];
  await b.clock.advance(7000);
  await Promise.all(joins);
  const waiting = b.sync(c);
  const reborn = { ...c, memberId: '' };
  const joining = b.join(reborn);
  expect((await waiting).errorCode).toBe(E.FENCED_INSTANCE_ID);
  expect(b.status()?.state).toBe('PreparingRebalance');
  await b.join(a);
  expect(await joining).toMatchObject({ errorCode: 0, generationId: 2 });
});

test('a second process with the same instance id fences the first during its join', async () => {
  const b = await bench();
  const first = b.joinOnce(b.client('a', 'node-1'));
  const second = b.joinOnce(b.client('b', 'node-1'));
  expect((await first).errorCode).toBe(E.FENCED_INSTANCE_ID);
  await b.clock.advance(6000);
  expect(await second).toMatchObject({ errorCode: 0, generationId: 1 });
  expect(b.status()?.members.length).toBe(1);
});

test('a new id that cannot be written is reverted', async () => {
  const b = await bench();
  const a = b.client('a', 'node-1');
  await b.form(a);
  b.storage.refuse = E.NOT_ENOUGH_REPLICAS;
  const reborn = { ...a, memberId: '' };
  expect((await b.joinOnce(reborn)).errorCode).toBe(E.COORDINATOR_NOT_AVAILABLE);
  expect(b.heartbeat(a)).toBe(0);
  b.storage.refuse = null;
  expect((await b.join(reborn)).errorCode).toBe(0);
  expect(b.heartbeat(a)).toBe(E.FENCED_INSTANCE_ID);
});

test('a rebalance that starts while the new id is being written includes the member', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c', 'node-2')];
  await b.form(a, c);
  b.storage.hold = true;
  const reborn = { ...c, memberId: '' };
  const joining = b.join(reborn);
  await settle();
  b.leave(a);
  await settle();
  b.storage.hold = false;
  b.storage.commit(0);
  expect(await joining).toMatchObject({ errorCode: 0, generationId: 2, leader: reborn.memberId });
});

test('LeaveGroup removes several members, static ones by their instance id alone, each with its own error', async () => {
  const b = await bench();
  const [a, c, d] = [b.client('a', 'node-1'), b.client('c', 'node-2'), b.client('d')];
  await b.form(a, c, d);
  const response = b.coordinator.leaveGroup(
    {
      groupId: GROUP,
      memberId: '',
      members: [
        { memberId: '', groupInstanceId: 'node-1', reason: 'removed by an administrator' },
        { memberId: 'wrong', groupInstanceId: 'node-2', reason: null },
        { memberId: '', groupInstanceId: 'node-9', reason: null },
        { memberId: d.memberId, groupInstanceId: null, reason: null },
      ],
    },
    b.context(d, 5),
  );
  expect(response.errorCode).toBe(0);
  expect(response.members.map(({ errorCode }) => errorCode)).toEqual([0, E.FENCED_INSTANCE_ID, E.UNKNOWN_MEMBER_ID, 0]);
  expect(b.status()).toMatchObject({ state: 'PreparingRebalance', members: [c.memberId] });
  expect(b.events.filter(({ type }) => type === 'group/rebalanceStarted').at(-1)?.reason).toBe('members node-1 and d left');
  expect(b.events.find(({ type }) => type === 'group/memberLeft')?.reason).toBe('member node-1 left; reason: removed by an administrator');
});
