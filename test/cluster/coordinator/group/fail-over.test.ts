import { expect, test } from 'vitest';
import { ErrorCode as E } from '../../../../electron/cluster/protocol/error-codes.ts';
import { writeChecksum } from '../../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch, type RecordToWrite } from '../../../../electron/cluster/protocol/records-builder.ts';
import { GroupBench, GROUP } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

async function bench(): Promise<GroupBench> {
  const b = new GroupBench();
  await b.elect();
  return b;
}

test('another broker continues with the same generation, assignments and offsets', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c', 'node-2')];
  await b.form(a, c);
  await b.commit(a, 11n);
  await b.commit(c, 12n, { partition: 1 });
  const before = b.status();
  await b.failOver();
  expect(b.status()).toEqual(before);
  expect([b.heartbeat(a), b.heartbeat(c)]).toEqual([0, 0]);
  expect((await b.sync(c)).assignment).toBe('for c');
  expect([b.committed(), b.committed(1)]).toEqual([11n, 12n]);
  expect(await b.commit(a, 13n)).toBe(0);
  expect(b.events.at(-1)).toMatchObject({ type: 'group/coordinatorMoved', group: GROUP, reason: 'its coordinator moved to broker 2' });
});

test('sessions restart with the load, also for members without further requests', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  await b.form(a, c);
  await b.clock.advance(9000);
  await b.failOver();
  await b.clock.advance(5000);
  expect(b.heartbeat(a)).toBe(0);
  await b.clock.advance(4999);
  expect(b.status()?.state).toBe('Stable');
  await b.clock.advance(1);
  expect(b.status()).toMatchObject({ state: 'PreparingRebalance', members: [a.memberId] });
});

test('the first assignment of a generation counts, in memory and in the log', async () => {
  const b = await bench();
  const a = b.client('a');
  const joining = b.join(a);
  await b.clock.advance(3000);
  await joining;
  b.storage.hold = true;
  const first = b.sync(a, { [a.memberId]: 'first' });
  const second = b.sync(a, { [a.memberId]: 'second' });
  expect((await first).errorCode).toBe(E.REBALANCE_IN_PROGRESS);
  b.storage.commit(0);
  expect((await second).assignment).toBe('first');
  await b.failOver();
  expect((await b.sync(a)).assignment).toBe('first');
});

test('while it loads, clients get COORDINATOR_LOAD_IN_PROGRESS; members count as alive', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  let open = (): void => undefined;
  b.storage.readGate = new Promise((resolve) => {
    open = resolve;
  });
  await b.failOver();
  expect(b.heartbeat(a)).toBe(0);
  expect((await b.sync(a)).errorCode).toBe(E.REBALANCE_IN_PROGRESS);
  expect((await b.joinOnce(a)).errorCode).toBe(E.COORDINATOR_LOAD_IN_PROGRESS);
  expect(await b.commit(a, 1n)).toBe(E.COORDINATOR_LOAD_IN_PROGRESS);
  expect(b.leave(a)).toBe(E.COORDINATOR_LOAD_IN_PROGRESS);
  expect(() => b.committed()).toThrow('error 14');
  expect(b.coordinator.listGroups({ statesFilter: [], typesFilter: [] })).toEqual({
    errorCode: E.COORDINATOR_LOAD_IN_PROGRESS,
    groups: [],
  });
  expect(b.coordinator.describeGroups({ groups: [GROUP], includeAuthorizedOperations: false }, b.context(a, 5)).groups[0]?.errorCode).toBe(
    14,
  );
  open();
  await settle();
  expect(b.status()).toMatchObject({ state: 'Stable', generation: 1 });
});

test('a resignation during a load cancels it, and a second election loads again', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  let open = (): void => undefined;
  b.storage.readGate = new Promise((resolve) => {
    open = resolve;
  });
  await b.failOver();
  b.coordinator.onResignation(0, b.storage.elect(0));
  open();
  await settle();
  expect(b.heartbeat(a)).toBe(E.NOT_COORDINATOR);
  expect(b.coordinator.status()).toEqual({ partitions: [], groups: [] });
  b.storage.readGate = null;
  await b.elect();
  expect(b.heartbeat(a)).toBe(0);
});

test('a load that fails is retried', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  b.storage.readGate = Promise.reject(new Error('the disk did not answer'));
  b.storage.readGate.catch(() => undefined);
  await b.failOver();
  expect((await b.joinOnce(a)).errorCode).toBe(E.COORDINATOR_LOAD_IN_PROGRESS);
  b.storage.readGate = null;
  await b.clock.advance(1000);
  expect(b.heartbeat(a)).toBe(0);
});

test('outdated events change nothing: a resignation of an earlier epoch, an election that is known', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  b.coordinator.onResignation(0, 0);
  b.coordinator.onElection(0, 1);
  expect(b.heartbeat(a)).toBe(0);
  // Re-elected: its state remains, and it writes in the new epoch.
  b.coordinator.onElection(0, b.storage.elect(0));
  expect(b.heartbeat(a)).toBe(0);
  expect(await b.commit(a, 1n)).toBe(0);
  b.coordinator.onResignation(0, null);
  expect(b.heartbeat(a)).toBe(E.NOT_COORDINATOR);
});

test('pending requests get NOT_COORDINATOR when leadership is lost, and all members are kept', async () => {
  const b = await bench();
  const [a, c] = [b.client('a'), b.client('c')];
  const joins = [b.join(a), b.join(c)];
  await b.clock.advance(7000);
  await Promise.all(joins);
  const follower = b.status()?.leader === a.memberId ? c : a;
  const syncing = b.sync(follower);
  const joining = b.joinOnce({ ...b.client('s', 'static-1') });
  await settle();
  expect((await syncing).errorCode).toBe(E.REBALANCE_IN_PROGRESS);
  await b.failOver();
  expect((await joining).errorCode).toBe(E.NOT_COORDINATOR);
});

test('close answers all pending requests, and nothing runs afterwards', async () => {
  const b = await bench();
  const joining = b.join(b.client('a'), {});
  await settle();
  b.coordinator.close();
  expect((await joining).errorCode).toBe(E.COORDINATOR_NOT_AVAILABLE);
  expect((await b.joinOnce(b.client('c'))).errorCode).toBe(E.COORDINATOR_NOT_AVAILABLE);
  const events = b.events.length;
  await b.clock.advance(3_600_000);
  expect(b.events.length).toBe(events);
});

test('an assignment that is pending at a failover is the one that counts, or never was', async () => {
  for (const keepUncommitted of [true, false]) {
    const b = await bench();
    const a = b.client('a');
    const joining = b.join(a);
    await b.clock.advance(3000);
    await joining;
    b.storage.hold = true;
    const syncing = b.sync(a, { [a.memberId]: 'p0' });
    await settle();
    await b.failOver({ keepUncommitted });
    b.storage.hold = false;
    expect((await syncing).errorCode).toBe(E.NOT_COORDINATOR);
    if (keepUncommitted) expect(await b.sync(a)).toEqual({ errorCode: 0, assignment: 'p0' });
    else expect((await b.sync(a)).errorCode).toBe(E.UNKNOWN_MEMBER_ID);
  }
});

test('an acknowledged offset exists after any failover; a pending one may or may not', async () => {
  for (const keepUncommitted of [true, false]) {
    const b = await bench();
    await b.commit(null, 1n);
    b.storage.hold = true;
    const late = b.commit(null, 2n);
    await settle();
    await b.failOver({ keepUncommitted });
    expect(await late).toBe(E.NOT_COORDINATOR);
    expect(b.committed()).toBe(keepUncommitted ? 2n : 1n);
  }
});

test('a deposed coordinator cannot write before it has noticed', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 1n);
  const zombie = await b.failOver({ notifyOld: false });
  const successor = b.coordinator;
  b.coordinator = zombie;
  expect(await b.commit(a, 2n)).toBe(E.NOT_COORDINATOR);
  const c = b.client('c');
  void b.join(c);
  const rejoined = await b.join(a);
  expect(rejoined.errorCode).toBe(0);
  expect((await b.sync(a, { [a.memberId]: 'zombie' })).errorCode).toBe(E.NOT_COORDINATOR);
  b.coordinator = successor;
  expect(b.committed()).toBe(1n);
  expect(b.heartbeat({ ...a, generation: 1 })).toBe(0);
});

test.each([
  [E.NOT_ENOUGH_REPLICAS, E.COORDINATOR_NOT_AVAILABLE],
  [E.UNKNOWN_TOPIC_OR_PARTITION, E.COORDINATOR_NOT_AVAILABLE],
  [E.NOT_LEADER_OR_FOLLOWER, E.NOT_COORDINATOR],
  [E.KAFKA_STORAGE_ERROR, E.NOT_COORDINATOR],
  [E.MESSAGE_TOO_LARGE, E.UNKNOWN_SERVER_ERROR],
])('an append refused with %i is answered with %i, and the group starts over', async (refused, answered) => {
  const b = await bench();
  const a = b.client('a');
  const joining = b.join(a);
  await b.clock.advance(3000);
  await joining;
  b.storage.refuse = refused;
  expect((await b.sync(a, { [a.memberId]: 'p0' })).errorCode).toBe(answered);
  expect(b.status()?.state).toBe('PreparingRebalance');
  expect(await b.commit(a, 1n)).toBe(answered);
  b.storage.refuse = null;
  await b.join(a);
  expect(a.generation).toBe(2);
  await b.syncAll(a);
});

test('a commit whose wait failed is an error, yet keeps its place in the order if the log has it', async () => {
  const b = await bench();
  await b.commit(null, 1n);
  b.storage.hold = true;
  const [first, second] = [b.commit(null, 2n), b.commit(null, 3n, { partition: 1 })];
  b.storage.rejectWaiting(0, E.NOT_ENOUGH_REPLICAS_AFTER_APPEND);
  expect(await Promise.all([first, second])).toEqual([E.COORDINATOR_NOT_AVAILABLE, E.COORDINATOR_NOT_AVAILABLE]);
  expect([b.committed(), b.committed(1)]).toEqual([1n, -1n]);
  b.storage.hold = false;
  expect(await b.commit(null, 4n, { partition: 1 })).toBe(0);
  expect([b.committed(), b.committed(1)]).toEqual([2n, 4n]);
  await b.failOver();
  expect([b.committed(), b.committed(1)]).toEqual([2n, 4n]);
});

test('too many writes of unknown outcome reload the shard', async () => {
  const b = await bench();
  b.storage.hold = true;
  for (let i = 0; i <= 1000; i++) void b.commit(null, BigInt(i));
  b.storage.rejectWaiting(0, E.REQUEST_TIMED_OUT);
  await settle();
  b.storage.hold = false;
  expect(b.committed()).toBe(1000n);
});

test('records that cannot be decoded are skipped and reported; the rest of the partition is loaded', async () => {
  const b = await bench();
  const a = b.client('a');
  await b.form(a);
  await b.commit(a, 11n);
  const odd: RecordToWrite[] = [
    { key: Buffer.from('k'), value: Buffer.from('v') },
    { key: Buffer.from([0, 1]), value: Buffer.from('v') },
    { key: null, value: Buffer.from('no key') },
    { key: Buffer.from([0, 2, 0, 3, 1]), value: null },
    { key: Buffer.from([0, 99]), value: Buffer.from('a type of a newer release') },
  ];
  b.storage.inject(0, buildBatch({ records: odd }));
  const broken = buildBatch({ records: odd });
  broken.writeInt32BE(9, 57);
  writeChecksum(broken, 0);
  b.storage.inject(0, broken);
  await b.commit(a, 12n);
  await b.failOver();
  expect(b.status()).toMatchObject({ state: 'Stable', members: [a.memberId] });
  expect(b.committed()).toBe(12n);
  expect(b.heartbeat(a)).toBe(0);
  // Three of each batch, and those that the header of the second one claims beyond its records.
  expect(b.storage.unreadableRecords).toMatchObject([{ partition: 0, count: 7, reason: expect.stringContaining('1 bytes') }]);
});
