import { describe, expect, test } from 'vitest';
import { EventType } from '../../../electron/cluster/zookeeper/wire.ts';
import { runWhole } from '../../../electron/cluster/lib/work-slices.ts';
import { diffImages } from '../../../electron/cluster/quorum/image-diff.ts';
import { ZooKeeperLogState } from '../../../electron/cluster/quorum/zookeeper-state/log-state.ts';
import { EMPTY_IMAGE } from '../../../electron/cluster/quorum/image.ts';
import { coordinationRecords } from '../../../electron/cluster/quorum/zookeeper-state/snapshot.ts';
import { completeMetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { plain } from '../../helpers/plain.ts';
import { Flags } from '../../helpers/zookeeper-client.ts';
import { ZooKeeperCluster } from '../../helpers/zookeeper-cluster.ts';

/** A node that is not the active controller, and the one that is. */
function sides(cluster: ZooKeeperCluster): { controller: number; others: number[] } {
  const controller = cluster.quorum.controller?.id ?? 0;
  return { controller, others: [...cluster.quorum.nodes.keys()].filter((id) => id !== controller) };
}

describe('sessions', () => {
  test('have the requested timeout, within bounds; an old client is answered in its own form', async () => {
    const cluster = await ZooKeeperCluster.start(1);
    const timeouts = [];
    for (const timeoutMs of [1, 9_000, 1_000_000]) timeouts.push((await cluster.client(1, { timeoutMs })).session?.timeoutMs);
    expect(timeouts).toEqual([2_000, 9_000, 40_000]);
    expect((await cluster.client(1, { readOnly: 'absent' })).session?.readOnly).toBeUndefined();
    expect((await cluster.client(1)).session?.readOnly).toBe(false);
  });

  test('delete their ephemeral nodes when they are closed, on every node', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const [a, b] = [await cluster.client(1), await cluster.client(2)];
    await cluster.run(a.create('/kept'));
    await cluster.run(a.create('/kept/eph', '', Flags.ephemeral));
    await cluster.run(b.sync());
    const stat = await cluster.run(b.exists('/kept/eph', true));
    expect(stat?.ephemeralOwner).toBe(a.session?.id);
    await cluster.run(a.close());
    expect(a.closed).toBe(true);
    await cluster.run(b.sync());
    expect(await cluster.run(b.exists('/kept/eph'))).toBeNull();
    expect(b.events).toEqual([{ type: EventType.deleted, path: '/kept/eph' }]);
    expect(await cluster.run(b.exists('/kept'))).not.toBeNull();
  });

  test('expire after their timeout without a request, not before; pings extend them', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const { clock } = cluster.quorum;
    const [silent, pinging] = [await cluster.client(1, { timeoutMs: 4_000 }), await cluster.client(2, { timeoutMs: 4_000 })];
    await cluster.run(silent.create('/silent', '', Flags.ephemeral));
    await cluster.run(pinging.create('/pinging', '', Flags.ephemeral));
    const watcher = await cluster.client(3, { timeoutMs: 40_000 });
    await cluster.run(watcher.sync());
    let seconds = 0;
    while ((await cluster.run(watcher.exists('/silent'))) !== null) {
      await clock.advance(1_000);
      await cluster.run(pinging.ping());
      if (++seconds > 10) throw new Error('it never ends');
    }
    expect(seconds).toBeGreaterThanOrEqual(4);
    expect(seconds).toBeLessThanOrEqual(6);
    expect(await cluster.run(watcher.exists('/pinging'))).not.toBeNull();
    expect(silent.closed).toBe(true);
    const session = silent.session;
    if (session === undefined) throw new Error('no session');
    const { client } = cluster.dial(2);
    expect(await cluster.run(client.connect({ session }))).toMatchObject({ id: 0n, timeoutMs: 0 });
    expect(client.closed).toBe(true);
  });

  test('are extended by a request to a node that died right afterwards', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const { clock } = cluster.quorum;
    const [follower = 0, other = 0] = sides(cluster).others;
    const client = await cluster.client(follower, { timeoutMs: 4_000 });
    await clock.advance(2_000);
    await cluster.run(client.ping());
    await clock.advance(150);
    cluster.kill(follower);
    await clock.advance(3_700);
    const { session } = client;
    if (session === undefined) throw new Error('no session');
    expect(await cluster.run(cluster.dial(other).client.connect({ session }))).toMatchObject({ id: session.id, timeoutMs: 4_000 });
  });

  test('move to another node with their password, and the old connection is closed', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const before = await cluster.client(1);
    await cluster.run(before.create('/mine', '', Flags.ephemeral));
    const session = before.session;
    if (session === undefined) throw new Error('no session');
    const wrong = cluster.dial(2).client;
    expect(await cluster.run(wrong.connect({ session, password: new Uint8Array(16) }))).toMatchObject({ id: 0n });
    const after = await cluster.client(2, { session });
    expect(after.session?.id).toBe(session.id);
    await cluster.quorum.clock.advance(1_000);
    expect(before.closed).toBe(true);
    await cluster.run(after.set('/mine', 'still'));
    await cluster.run(after.close());
    const other = await cluster.client(3);
    await cluster.run(other.sync());
    expect(await cluster.run(other.exists('/mine'))).toBeNull();
  });

  test('survive the controller with their nodes, and a write after it is one write', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const { controller, others } = sides(cluster);
    const zk = await cluster.client(others[0] ?? 0, { timeoutMs: 6_000 });
    await cluster.run(zk.create('/counted'));
    await cluster.run(zk.create('/counted/eph', '', Flags.ephemeral));
    await cluster.run(zk.exists('/controller', true));
    cluster.kill(controller);
    const answers = await cluster.run(Promise.all(Array.from({ length: 5 }, () => zk.create('/counted/s-', '', Flags.sequential))));
    expect(answers).toEqual([1, 2, 3, 4, 5].map((number) => `/counted/s-000000000${number}`));
    expect(zk.events).toEqual([{ type: EventType.deleted, path: '/controller' }]);
    expect(JSON.parse((await cluster.run(zk.get('/controller'))).data ?? '')).not.toMatchObject({ brokerid: controller });
    await cluster.quorum.clock.advance(3_000);
    await cluster.run(zk.ping());
    expect(await cluster.run(zk.exists('/counted/eph'))).not.toBeNull();
  });

  test('survive a restart of every node with all nodes', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const zk = await cluster.client(1);
    await cluster.run(zk.create('/lasting', 'yes'));
    const { stat } = await cluster.run(zk.get('/lasting'));
    for (const id of cluster.quorum.nodes.keys()) cluster.kill(id);
    for (const id of cluster.quorum.nodes.keys()) cluster.quorum.start(id);
    await cluster.quorum.ready();
    for (const id of cluster.quorum.nodes.keys()) await cluster.serve(id);
    const again = await cluster.client(2);
    expect(await cluster.run(again.get('/lasting'))).toEqual({ data: 'yes', stat });
  });

  test('are read-only without a quorum for clients that accept it; other clients are disconnected', async () => {
    const cluster = await ZooKeeperCluster.start(3);
    const { controller, others } = sides(cluster);
    const [left = 0, down = 0] = others;
    const zk = await cluster.client(left, { timeoutMs: 20_000 });
    await cluster.run(zk.create('/seen', 'x'));
    cluster.kill(controller);
    cluster.kill(down);
    await cluster.quorum.clock.advance(8_000);
    expect(zk.closed).toBe(true);
    const refused = cluster.dial(left).client;
    await expect(cluster.run(refused.connect())).rejects.toThrow('connection lost');
    const reader = await cluster.client(left, { readOnly: true });
    expect(reader.session?.readOnly).toBe(true);
    expect((await cluster.run(reader.get('/seen'))).data).toBe('x');
    await expect(cluster.run(reader.create('/no'))).rejects.toMatchObject({ code: -119 });
  });

  test('wait at a node that lacks changes that the client has seen', async () => {
    const cluster = await ZooKeeperCluster.start(1);
    const { client } = cluster.dial(1);
    const connecting = client.connect({ lastZxid: 1_000n });
    connecting.catch(() => undefined);
    await cluster.quorum.clock.advance(8_000);
    expect(client.session).toBeUndefined();
    await cluster.quorum.clock.advance(4_000);
    expect(client.closed).toBe(true);
  });
});

test('are restored from a snapshot with nodes and times', async () => {
  const cluster = await ZooKeeperCluster.start(3);
  const zk = await cluster.client(1);
  await cluster.run(zk.create('/s', 'data'));
  for (let index = 0; index < 5; index++) await cluster.run(zk.create('/s/n-', null, Flags.ephemeralSequential));
  await cluster.run(zk.delete('/s/n-0000000001'));
  await cluster.run(zk.set('/s', 'changed'));
  const { image, zookeeper } = cluster.quorum.node(1).quorum.zookeeperView();
  const restored = new ZooKeeperLogState();
  const records = [...coordinationRecords(zookeeper)].map(completeMetadataRecord);
  runWhole(restored.prepare(records, diffImages(EMPTY_IMAGE, image), image))();
  expect(plain(restored.current)).toEqual(plain(zookeeper));
});
