/** Decisions within one commit window: each sees the records of those before it, and clients read committed records only. */
import { expect, test } from 'vitest';
import { ErrorCode as E } from '../../../../electron/cluster/protocol/error-codes.ts';
import { GroupBench, GROUP } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

async function bench(...args: ConstructorParameters<typeof GroupBench>): Promise<GroupBench> {
  const b = new GroupBench(...args);
  await b.elect();
  return b;
}

function deleteGroup(b: GroupBench): Promise<number | undefined> {
  return b.coordinator.deleteGroups({ groupsNames: [GROUP] }).then(({ results }) => results[0]?.errorCode);
}

async function deleteOffset(b: GroupBench, partitionIndex = 0): Promise<(number | undefined)[]> {
  const request = { groupId: GROUP, topics: [{ name: 'orders', partitions: [{ partitionIndex }] }] };
  const { errorCode, topics } = await b.coordinator.offsetDelete(request);
  return [errorCode, topics[0]?.partitions[0]?.errorCode];
}

function listed(b: GroupBench): string[] {
  return b.coordinator.listGroups({ statesFilter: [], typesFilter: [] }).groups.map(({ groupState }) => groupState);
}

function described(b: GroupBench): string | undefined {
  return b.coordinator.describeGroups({ groups: [GROUP], includeAuthorizedOperations: false }, b.context({ clientId: 'c' }, 5)).groups[0]
    ?.groupState;
}

/** Whether a request is answered. */
function watch(request: Promise<unknown>): { answered: boolean } {
  const state = { answered: false };
  void request.then(() => {
    state.answered = true;
  });
  return state;
}

/** A commit whose client got an error, but whose record is in the log. */
async function commitUnconfirmed(b: GroupBench, offset: bigint): Promise<void> {
  b.storage.hold = true;
  const committing = b.commit(null, offset);
  b.storage.rejectWaiting(0, E.REQUEST_TIMED_OUT);
  expect(await committing).toBe(E.COORDINATOR_NOT_AVAILABLE);
}

test('a deleted group returns no offset whose commit was rejected before the deletion', async () => {
  const b = await bench();
  await b.commit(null, 1n, { partition: 1 });
  await commitUnconfirmed(b, 2n);
  b.storage.hold = false;
  expect(await deleteGroup(b)).toBe(0);
  expect([b.committed(), b.committed(1), b.status()]).toEqual([-1n, -1n, undefined]);
  await b.failOver();
  expect([b.committed(), b.committed(1), b.status()]).toEqual([-1n, -1n, undefined]);
});

test('a deleted offset does not return by a commit that was rejected before the deletion', async () => {
  const b = await bench();
  await b.commit(null, 1n, { partition: 1 });
  await commitUnconfirmed(b, 2n);
  b.storage.hold = false;
  expect(await deleteOffset(b)).toEqual([0, 0]);
  expect([b.committed(), b.committed(1)]).toEqual([-1n, 1n]);
  await b.failOver();
  expect([b.committed(), b.committed(1)]).toEqual([-1n, 1n]);
});

test('a deleted topic keeps no offset whose commit was rejected before the deletion', async () => {
  const b = await bench();
  await commitUnconfirmed(b, 2n);
  b.storage.hold = false;
  b.deleteTopics(['orders']);
  await settle();
  expect(b.committed()).toBe(-1n);
  await b.failOver();
  expect(b.committed()).toBe(-1n);
});

test('the second of two deletions of a group finds none, and is answered when the first one is committed', async () => {
  const b = await bench();
  await b.commit(null, 1n);
  b.storage.hold = true;
  const deletions = [deleteGroup(b), deleteGroup(b)];
  const states = deletions.map(watch);
  await settle();
  expect(states.map(({ answered }) => answered)).toEqual([false, false]);
  b.storage.commit(0);
  expect(await Promise.all(deletions)).toEqual([0, E.GROUP_ID_NOT_FOUND]);
  // One tombstone each for the offset and the group.
  expect(b.storage.records(0).filter(({ value }) => value === null)).toHaveLength(2);
});

test('a decision on top of a batch that is not committed fails with it', async () => {
  const b = await bench();
  await b.commit(null, 1n);
  b.storage.hold = true;
  const deletions = [deleteGroup(b), deleteGroup(b)];
  await settle();
  b.storage.rejectWaiting(0, E.REQUEST_TIMED_OUT);
  expect(await Promise.all(deletions)).toEqual([E.COORDINATOR_NOT_AVAILABLE, E.COORDINATOR_NOT_AVAILABLE]);
  // The outcome is still unknown to a retry, until the high watermark passes the batch.
  expect(await deleteGroup(b)).toBe(E.COORDINATOR_NOT_AVAILABLE);
  b.storage.commit(0);
  expect(await deleteGroup(b)).toBe(E.GROUP_ID_NOT_FOUND);
});

test('the second of two deletions of an offset writes nothing, and both are answered at the commit', async () => {
  const b = await bench();
  await b.commit(null, 1n);
  b.storage.hold = true;
  const deletions = [deleteOffset(b), deleteOffset(b)];
  const states = deletions.map(watch);
  await settle();
  expect(states.map(({ answered }) => answered)).toEqual([false, false]);
  expect(b.storage.records(0)).toHaveLength(2);
  b.storage.commit(0);
  expect(await Promise.all(deletions)).toEqual([
    [0, 0],
    [0, 0],
  ]);
});

test('a commit beside the deletion of its group: the order of the log counts', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 1n);
  b.leave(a);
  b.storage.hold = true;
  const before = b.commit(null, 2n, { partition: 1 });
  const deletion = deleteGroup(b);
  // A commit of a former generation is refused, since its group is deleted by then.
  expect(await b.commit(a, 3n)).toBe(E.GROUP_ID_NOT_FOUND);
  const after = b.commit(null, 4n, { partition: 2 });
  await settle();
  expect([b.committed(), b.committed(1), b.committed(2)]).toEqual([1n, -1n, -1n]);
  b.storage.commit(0);
  expect(await Promise.all([before, deletion, after])).toEqual([0, 0, 0]);
  const partitions = (): bigint[] => [b.committed(), b.committed(1), b.committed(2)];
  expect([partitions(), b.status()?.generation]).toEqual([[-1n, -1n, 4n], 0]);
  await b.failOver();
  expect([partitions(), b.status()?.generation]).toEqual([[-1n, -1n, 4n], 0]);
});

test("a member that joins within the window of its group's deletion joins a new group", async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 1n);
  b.leave(a);
  b.storage.hold = true;
  const deletion = deleteGroup(b);
  const c = b.client('c');
  const joining = b.join(c);
  await settle();
  expect(b.status()).toMatchObject({ state: 'PreparingRebalance', generation: 0 });
  b.storage.hold = false;
  b.storage.commit(0);
  expect(await deletion).toBe(0);
  await b.clock.advance(3000);
  await joining;
  await b.syncAll(c);
  expect(c.generation).toBe(1);
  const status = b.status();
  expect(status?.members).toEqual([c.memberId]);
  await b.failOver();
  expect(b.status()).toEqual(status);
  expect(b.committed()).toBe(-1n);
});

test('two joins within one commit window are members of one generation', async () => {
  const b = await bench();
  await b.commit(null, 7n);
  b.storage.hold = true;
  void b.commit(null, 8n);
  const [a, c] = [b.client('a'), b.client('c')];
  const joins = [b.join(a), b.join(c)];
  await b.clock.advance(7000);
  await Promise.all(joins);
  expect([a.generation, c.generation, b.status()?.members.length]).toEqual([1, 1, 2]);
  b.storage.hold = false;
  b.storage.commit(0);
  await b.syncAll(a, c);
  expect(b.committed()).toBe(8n);
});

test('clients read a group until its deletion is committed, and from the commit of its first offset on', async () => {
  const b = await bench();
  b.storage.hold = true;
  void b.commit(null, 1n);
  await settle();
  expect([listed(b), described(b), b.status()]).toEqual([[], 'Dead', undefined]);
  b.storage.commit(0);
  await settle();
  expect([listed(b), described(b), b.committed()]).toEqual([['Empty'], 'Empty', 1n]);
  const deletion = deleteGroup(b);
  await settle();
  expect([listed(b), described(b), b.committed()]).toEqual([['Empty'], 'Empty', 1n]);
  b.storage.commit(0);
  expect(await deletion).toBe(0);
  expect([listed(b), described(b), b.committed()]).toEqual([[], 'Dead', -1n]);
});

test('several uncommitted offsets of one partition are read one after the other', async () => {
  const b = await bench();
  b.storage.hold = true;
  const commits = [b.commit(null, 1n), b.commit(null, 2n)];
  const deletion = deleteOffset(b);
  commits.push(b.commit(null, 3n));
  await settle();
  expect(b.committed()).toBe(-1n);
  const read: bigint[] = [];
  for (let end = 1n; end <= 4n; end++) {
    b.storage.commit(0, end);
    await settle();
    read.push(b.committed());
  }
  expect(read).toEqual([1n, 2n, -1n, 3n]);
  expect(await Promise.all([deletion, ...commits])).toEqual([[0, 0], 0, 0, 0]);
});

test('an offset commit that cannot be appended leaves no group and no offset', async () => {
  const b = await bench();
  b.storage.refuse = E.NOT_ENOUGH_REPLICAS;
  expect(await b.commit(null, 1n)).toBe(E.COORDINATOR_NOT_AVAILABLE);
  b.storage.refuse = null;
  expect([listed(b), b.committed()]).toEqual([[], -1n]);
  expect(await deleteGroup(b)).toBe(E.GROUP_ID_NOT_FOUND);
});

test('a rejected commit is read as soon as the high watermark proves it, without another write', async () => {
  const b = await bench();
  await b.commit(null, 1n);
  await commitUnconfirmed(b, 2n);
  expect(b.committed()).toBe(1n);
  b.storage.commit(0);
  expect(b.committed()).toBe(2n);
});

test('a leader change with batches in flight: the successor has the state of its log, also on the former leader', async () => {
  for (const keepUncommitted of [true, false]) {
    const b = await bench();
    await b.commit(null, 1n);
    b.storage.hold = true;
    const requests = [b.commit(null, 2n), deleteOffset(b, 0).then(([code]) => code), b.commit(null, 3n, { partition: 1 })];
    await settle();
    const epoch = b.storage.elect(0, keepUncommitted);
    b.coordinator.onResignation(0, epoch);
    b.storage.hold = false;
    expect(await Promise.all(requests)).toEqual([E.NOT_COORDINATOR, E.NOT_COORDINATOR, E.NOT_COORDINATOR]);
    await b.elect();
    expect([b.committed(), b.committed(1)]).toEqual(keepUncommitted ? [-1n, 3n] : [1n, -1n]);
    // Decisions of the reloaded shard see the same.
    expect(await deleteGroup(b)).toBe(0);
    expect(b.storage.records(0).at(-1)).toMatchObject({ type: 'GroupMetadata', value: null });
    expect([b.committed(), b.committed(1)]).toEqual([-1n, -1n]);
  }
});

test('pending joins and their timers end with a reload, and the members can rejoin', async () => {
  const b = await bench();
  b.storage.hold = true;
  for (let i = 0; i <= 1000; i++) void b.commit(null, BigInt(i));
  const joining = b.joinOnce({ ...b.client('s', 'static-1') });
  await settle();
  b.storage.rejectWaiting(0, E.REQUEST_TIMED_OUT);
  expect((await joining).errorCode).toBe(E.NOT_COORDINATOR);
  b.storage.hold = false;
  await settle();
  const events = b.events.length;
  await b.clock.advance(120_000);
  expect(b.events.length).toBe(events);
  const s = b.client('s', 'static-1');
  const rejoining = b.join(s);
  await b.clock.advance(3000);
  expect((await rejoining).errorCode).toBe(0);
});
