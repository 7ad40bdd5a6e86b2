import { describe, expect, test } from 'vitest';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { coordinationSession, coordinationWrite, SessionAction } from '../../../electron/cluster/quorum/zookeeper-state/apis.ts';
import { applyCoordination, type CoordinationChange } from '../../../electron/cluster/quorum/zookeeper-state/apply.ts';
import { ChangeKind, EMPTY_COORDINATION, type CoordinationImage } from '../../../electron/cluster/quorum/zookeeper-state/state.ts';
import { expiredNodes } from '../../../electron/cluster/quorum/zookeeper-state/expiry.ts';
import { ttlOwner } from '../../../electron/cluster/quorum/zookeeper-state/node-kind.ts';
import { ZooKeeperCode } from '../../../electron/cluster/quorum/zookeeper-state/zookeeper-codes.ts';
import { diffImages } from '../../../electron/cluster/quorum/image-diff.ts';
import { applyZooKeeperRecords } from '../../../electron/cluster/quorum/zookeeper-state/log-state.ts';
import type { ZooKeeperContext } from '../../../electron/cluster/quorum/zookeeper-state/view.ts';
import { completeMetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { decideSessions, expireSessions, SessionClock } from '../../../electron/cluster/quorum/zookeeper-state/sessions.ts';
import { changeOf, decideWrite, MAX_TREE_BYTES } from '../../../electron/cluster/quorum/zookeeper-state/transaction.ts';
import { EMPTY_IMAGE } from '../../../electron/cluster/quorum/image.ts';
import { OpCode } from '../../../electron/cluster/zookeeper/wire.ts';
import { createBody, Flags, pathAnd } from '../../helpers/zookeeper-client.ts';
import { ZooKeeperCluster } from '../../helpers/zookeeper-cluster.ts';

const ANY = { data: null, flags: 0, ttlMs: -1n, version: -1, permissions: 31 };

describe('a client that pipelines requests', () => {
  test('has 2,000 creates decided in few requests, in order, each with its own outcome', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const zk = await cluster.client(2);
    const { channel } = cluster.quorum.node(2).quorum;
    const { send } = channel;
    let requests = 0;
    channel.send = (api, ...rest) => {
      if (api.key === coordinationWrite.key) requests++;
      return send.call(channel, api, ...rest) as never;
    };
    await cluster.run(zk.create('/many'));
    const answers = Array.from({ length: 2_000 }, (_, index) =>
      // Every tenth is refused, which does not affect the others.
      zk.call(OpCode.create, (writer) => createBody(writer, index % 10 === 9 ? '/none/x' : '/many/n-', 'x', Flags.sequential)),
    );
    const codes = (await cluster.run(Promise.all(answers))).map(({ error }) => error);
    expect(codes).toEqual(Array.from({ length: 2_000 }, (_, index) => (index % 10 === 9 ? -101 : 0)));
    const replies = zk.arrived.filter((line) => line.startsWith('reply:'));
    expect(replies).toEqual([...replies].sort((a, b) => Number(a.slice(6)) - Number(b.slice(6))));
    expect(await cluster.run(zk.children('/many'))).toHaveLength(1_800);
    expect(requests).toBeLessThan(50);
  });

  test('reads its own earlier writes, between its writes', async () => {
    const cluster = await ZooKeeperCluster.start(1);
    const zk = await cluster.client(1);
    const create = (path: string): Promise<unknown> => zk.call(OpCode.create, (writer) => createBody(writer, path, 'x', 0));
    const exists = (path: string): Promise<{ error: number }> =>
      zk.call(
        OpCode.exists,
        pathAnd(path, (writer) => writer.bool(false)),
      );
    const all = [create('/a'), exists('/a'), create('/a/b'), exists('/a/c'), create('/a/c'), exists('/a/c')] as const;
    const answers = (await cluster.run(Promise.all(all))) as { error: number }[];
    expect(answers.map(({ error }) => error)).toEqual([0, 0, 0, -101, 0, 0]);
  });
});

test('does not keep other clients from being served by a chunk full of reads', async () => {
  const cluster = await ZooKeeperCluster.start(1);
  const { clock } = cluster.quorum;
  const { client, write } = cluster.dial(1);
  await cluster.run(client.connect());
  const other = await cluster.client(1);
  let answers = 0;
  client.receive = () => {
    answers++;
    clock.stall(1);
  };
  const pings = Buffer.alloc(900 * 12);
  for (let at = 0; at < pings.length; at += 12) {
    pings.writeInt32BE(8, at);
    pings.writeInt32BE(at / 12 + 1, at + 4);
    pings.writeInt32BE(OpCode.ping, at + 8);
  }
  write(pings);
  const before = clock.monotonic();
  await cluster.run(other.call(OpCode.ping));
  expect(clock.monotonic() - before).toBeLessThan(100);
  expect(answers).toBeLessThan(200);
  expect(await clock.until(() => answers === 900, 60_000)).toBe(true);
});

describe('data of clients', () => {
  const session = { id: 5n, timeoutMs: 10_000, holder: 1n, password: new Uint8Array(16) };
  const opened: CoordinationImage = applyCoordination(EMPTY_COORDINATION, {
    zxid: 1n,
    time: 0n,
    sessionId: 0n,
    request: 0n,
    changes: [
      { ...changeOf(ChangeKind.openSession), id: session.id, number: session.timeoutMs, data: session.password, holder: session.holder },
    ],
  }).image;
  const contextOf = (zookeeper: CoordinationImage): ZooKeeperContext => ({
    image: { ...EMPTY_IMAGE, offset: 10n },
    zookeeper,
    properties: {},
    random: seededRandom(1),
    nextOffset: 11n,
    allows: () => true,
  });

  /** Session 5, and sessions 6 and 7, each with so many ephemeral nodes under paths of so many characters. */
  const withEphemerals = (count: number, length: number): CoordinationImage => {
    const open = (id: bigint): CoordinationChange => ({
      ...changeOf(ChangeKind.openSession),
      id,
      number: 10_000,
      data: new Uint8Array(16),
    });
    const create = (id: bigint, index: number): CoordinationChange => {
      const path = `/${id}-${index}-`.padEnd(length, 'x');
      return { ...changeOf(ChangeKind.create, path), id, number: 31 };
    };
    const nodes = [5n, 6n, 7n].flatMap((id) => Array.from({ length: count }, (_, index) => create(id, index)));
    const changes = [open(6n), open(7n), ...nodes];
    return applyCoordination(opened, { zxid: 2n, time: 0n, sessionId: 0n, request: 0n, changes }).image;
  };

  test('counts the whole path of a node, twice where a session owns it, and releases it on deletion', () => {
    const grown = withEphemerals(1, 50_000);
    expect(grown.sizeBytes - opened.sizeBytes).toBe(3 * (300 + 100_000));
    const paths = [...(grown.sessions.get(5n)?.ephemerals.keys() ?? [])];
    const deleted = { zxid: 3n, time: 0n, sessionId: 0n, request: 0n, changes: paths.map((path) => changeOf(ChangeKind.delete, path)) };
    const after = applyCoordination(grown, deleted).image;
    expect(after.sizeBytes - opened.sizeBytes).toBe(2 * (300 + 100_000));
    expect(after.sessions.get(5n)?.ephemeralBytes).toBe(0);
  });

  test.each([
    ['a path of 65,536 characters is created', 65_536, 0],
    ['a longer path is refused by BADARGUMENTS', 65_537, -8],
  ])('%s', (_title, length, failure) => {
    const operation = { ...ANY, type: 1, path: '/'.padEnd(length, 'x') };
    const request = { sessionId: 5n, holder: 1n, request: 1n, transactions: [{ operations: [operation] }] };
    const { response } = decideWrite(contextOf(opened), request, 0n);
    expect(response.transactions?.[0]?.failure ?? 0).toBe(failure);
  });

  test('refuses an ephemeral node whose session could not end in one record, and accepts a persistent one', () => {
    const image = withEphemerals(139, 60_000);
    const operations = [1, 0].map((flags) => ({ ...ANY, type: 1, flags, path: `/${flags}`.padEnd(60_000, 'y') }));
    const request = { sessionId: 5n, holder: 1n, request: 1n, transactions: operations.map((one) => ({ operations: [one] })) };
    const { response } = decideWrite(contextOf(image), request, 0n);
    expect(response.transactions?.map(({ failure = 0 }) => failure)).toEqual([ZooKeeperCode.QUOTAEXCEEDED, 0]);
  });

  test('ends sessions with many nodes in several decisions, each session as a whole', () => {
    let image = withEphemerals(10, 60_000);
    const ended: number[] = [];
    while (image.sessions.size > 0 && ended.length < 5) {
      const { records } = expireSessions(contextOf(image), [...image.sessions.values()], 0n);
      ended.push(records.length);
      const unchanged = diffImages(EMPTY_IMAGE, EMPTY_IMAGE);
      image = applyZooKeeperRecords(image, records.map(completeMetadataRecord), unchanged, { offset: 11n, epoch: 1, timestamp: 0 }).state;
    }
    expect(ended).toEqual([1, 1, 1]);
    expect(image.sizeBytes).toBe(EMPTY_COORDINATION.sizeBytes);
  });

  test('closes only as many sessions with many nodes as fit into a decision', () => {
    const close = (sessionId: bigint): object => ({ action: SessionAction.close, sessionId, holder: 0n, timeoutMs: 0, password: null });
    const open = { action: SessionAction.open, timeoutMs: 10_000, holder: 9n };
    const request = { nodeId: 1, sessions: [...[6n, 7n].map(close), open] };
    const { records, response } = decideSessions(contextOf(withEphemerals(10, 60_000)), request as never, 0n);
    expect(records).toHaveLength(2);
    expect(response.sessions?.map(({ errorCode = 0 }) => errorCode)).toEqual([0, ErrorCode.THROTTLING_QUOTA_EXCEEDED, 0]);
  });

  test('deletes expired nodes with long paths in several decisions', () => {
    const paths = Array.from({ length: 100 }, (_, index) => `/${index}-`.padEnd(60_000, 'x'));
    const changes = paths.map((path) => ({ ...changeOf(ChangeKind.create, path), id: ttlOwner(1n), number: 31 }));
    const image = applyCoordination(opened, { zxid: 2n, time: 0n, sessionId: 0n, request: 0n, changes }).image;
    expect(expiredNodes(image, 1_000n)).toHaveLength(69);
  });

  test('is bounded: growth is refused with QUOTAEXCEEDED, other changes are not', () => {
    const full = applyCoordination(opened, {
      zxid: 2n,
      time: 0n,
      sessionId: 0n,
      request: 0n,
      changes: [{ ...changeOf(ChangeKind.create, '/a'), number: 31, data: new Uint8Array(2_000) }],
    }).image;
    const image = { ...full, sizeBytes: MAX_TREE_BYTES - 1_000 };
    const operations = [
      [{ ...ANY, type: 1, path: '/b', data: new Uint8Array(2_000) }],
      [{ ...ANY, type: 5, path: '/a', data: new Uint8Array(9_000) }],
      [{ ...ANY, type: 5, path: '/a', data: new Uint8Array(10) }],
      [{ ...ANY, type: 1, path: '/b', data: new Uint8Array(2_000) }],
      [{ ...ANY, type: 2, path: '/b' }],
    ];
    const request = { sessionId: 5n, holder: 1n, request: 1n, transactions: operations.map((one) => ({ operations: one })) };
    const { response } = decideWrite(contextOf(image), request, 0n);
    expect(response.transactions?.map(({ failure = 0 }) => failure)).toEqual([-125, -125, 0, 0, 0]);
  });

  test('counts the same in a series of changes as after a snapshot', () => {
    let image = opened;
    const sizes: number[] = [image.sizeBytes];
    const change = (kind: number, data: Uint8Array | null): void => {
      const changes = [{ ...changeOf(kind, '/a'), number: 31, data }];
      image = applyCoordination(image, { zxid: 2n, time: 0n, sessionId: 0n, request: 0n, changes }).image;
      sizes.push(image.sizeBytes);
    };
    change(ChangeKind.create, new Uint8Array(100));
    change(ChangeKind.setData, new Uint8Array(1_000));
    change(ChangeKind.setData, null);
    change(ChangeKind.delete, null);
    const [empty = 0, created = 0, grown = 0, shrunk = 0, deleted = 0] = sizes;
    expect([grown - created, grown - shrunk, deleted]).toEqual([900, 1_000, empty]);
  });

  test('decides on sessions of one request in order, each on the state after those before it', () => {
    const request = (action: number, sessionId = session.id) => ({
      action,
      holder: 1n,
      sessionId,
      password: session.password,
      timeoutMs: 5_000,
    });
    const sessions = [
      request(SessionAction.open, 0n),
      request(SessionAction.open, 0n),
      request(SessionAction.close),
      request(SessionAction.close),
      request(SessionAction.resume),
    ];
    const { records, response } = decideSessions(contextOf(opened), { nodeId: 3, sessions }, 0n);
    expect(records).toHaveLength(3);
    expect(response.errorCode).toBe(ErrorCode.NONE);
    const [first, second, ...rest] = response.sessions ?? [];
    expect(second?.sessionId).toBe((first?.sessionId ?? 0n) + 1n);
    // Ended by the first of two, so it cannot be resumed.
    expect(rest.map(({ sessionId = 0n }) => sessionId)).toEqual([5n, 5n, 0n]);
    expect(coordinationSession.key).toBe(20_001);
  });
});

describe('SessionClock', () => {
  const sessionsOf = (count: number): CoordinationImage => {
    let { sessions } = EMPTY_COORDINATION;
    for (let id = 1n; id <= BigInt(count); id++) {
      const timeoutMs = id % 2n === 0n ? 10_000 : 4_000;
      sessions = sessions.set(id, {
        id,
        timeoutMs,
        password: new Uint8Array(16),
        holder: 0n,
        lastRequest: 0n,
        ephemerals: EMPTY_COORDINATION.expirable,
        ephemeralBytes: 0,
      });
    }
    return { ...EMPTY_COORDINATION, sessions };
  };

  test('ends sessions after their timeout, and later those that were renewed', () => {
    const image = sessionsOf(100);
    const clock = new SessionClock();
    clock.reset(image, 1_000);
    expect(clock.expired(image, 4_999)).toEqual([]);
    clock.renew(1n, 4_000, 4_000);
    const first = clock.expired(image, 5_250).sort((a, b) => Number(a - b));
    expect(first).toEqual(Array.from({ length: 49 }, (_, index) => BigInt(2 * index + 3)));
    // Reported again until a decision has ended it; not when it is renewed.
    clock.renew(3n, 4_000, 5_300);
    expect(clock.expired(image, 5_300)).toHaveLength(48);
    expect(clock.expired({ ...image, sessions: EMPTY_COORDINATION.sessions }, 500_000)).toEqual([]);
    expect(clock.isExpired(5n, 500_000)).toBe(false);
  });

  test('renews a session at the same cost with ten thousand sessions', () => {
    const image = sessionsOf(10_000);
    const clock = new SessionClock();
    clock.reset(image, 0);
    for (let now = 0; now < 3_000; now += 100) for (let id = 1n; id <= 10_000n; id += 7n) clock.renew(id, 10_000, now);
    expect(clock.expired(image, 3_000)).toEqual([]);
    expect(clock.expired(image, 20_000)).toHaveLength(10_000);
  });
});

describe('nodes that expire', () => {
  test('are deleted within a minute or two: containers without children and nodes past their time to live, no others', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const { clock } = cluster.quorum;
    const zk = await cluster.client(1, { timeoutMs: 40_000 });
    const create = (type: number, path: string, flags: number, ttlMs?: bigint): Promise<unknown> =>
      cluster.run(
        zk.call(type, (writer) => {
          createBody(writer, path, '', flags);
          if (ttlMs !== undefined) writer.int64(ttlMs);
        }),
      );
    for (const path of ['/empty', '/used', '/full']) await create(OpCode.createContainer, path, 4);
    for (const path of ['/used/x', '/full/x']) await cluster.run(zk.create(path));
    await cluster.run(zk.delete('/used/x'));
    for (const [path, ttlMs] of [
      ['/short', 5_000n],
      ['/long', 10_000_000n],
      ['/parent', 5_000n],
    ] as const)
      await create(OpCode.createTtl, path, 5, ttlMs);
    await cluster.run(zk.create('/parent/x'));
    await cluster.run(zk.exists('/used', true));
    for (let seconds = 0; seconds < 130; seconds += 10) {
      await clock.advance(10_000);
      await cluster.run(zk.ping());
    }
    const paths = ['/empty', '/used', '/full', '/short', '/long', '/parent'];
    const kept = [];
    for (const path of paths) if ((await cluster.run(zk.exists(path))) !== null) kept.push(path);
    expect(kept).toEqual(['/empty', '/full', '/long', '/parent']);
    expect(zk.events).toEqual([{ type: 2, path: '/used' }]);
  });
});
