import { describe, expect, test } from 'vitest';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { deleteTopics } from '../../../electron/cluster/protocol/apis/delete-topics.ts';
import { ZERO_UUID } from '../../../electron/cluster/protocol/uuid.ts';
import { OpCode } from '../../../electron/cluster/zookeeper/wire.ts';
import { Flags, pathAnd, type ZkTestClient } from '../../helpers/zookeeper-client.ts';
import { ZooKeeperCluster } from '../../helpers/zookeeper-cluster.ts';

const [CREATED, DELETED, CHANGED, CHILDREN] = [1, 2, 3, 4];

async function start(): Promise<{
  cluster: ZooKeeperCluster;
  zk: ZkTestClient;
  other: ZkTestClient;
  run: <T>(promise: Promise<T>) => Promise<T>;
}> {
  const cluster = await ZooKeeperCluster.start(3);
  return { cluster, zk: await cluster.client(1), other: await cluster.client(2), run: (promise) => cluster.run(promise) };
}

const takeEvents = (client: ZkTestClient): [number, string][] => client.events.splice(0).map(({ type, path }) => [type, path]);

describe('watches', () => {
  test('fire once, for their own node, and end with their client', async () => {
    const { zk, other, run } = await start();
    await run(zk.create('/w'));
    await run(other.sync());
    await run(other.get('/w', true));
    await run(other.children('/w', true));
    await run(other.exists('/later', true));
    await run(zk.set('/w', '1'));
    await run(zk.set('/w', '2'));
    await run(zk.create('/w/child'));
    await run(zk.create('/w/child2'));
    await run(zk.create('/later'));
    await run(zk.delete('/later'));
    await run(other.sync());
    expect(takeEvents(other)).toEqual([
      [CHANGED, '/w'],
      [CHILDREN, '/w'],
      [CREATED, '/later'],
    ]);
    expect(takeEvents(zk)).toEqual([]);
  });

  test('fire once for a deletion, with a watch on the data and one on the children', async () => {
    const { zk, other, run } = await start();
    await run(zk.create('/w'));
    await run(other.sync());
    await run(other.get('/w', true));
    await run(other.children('/w', true));
    await run(other.children('/', true));
    await run(zk.delete('/w'));
    await run(other.sync());
    expect(takeEvents(other)).toEqual([
      [DELETED, '/w'],
      [CHILDREN, '/'],
    ]);
  });

  test('send an event before the response that shows the change, also to the writer itself', async () => {
    const { zk, run } = await start();
    await run(zk.create('/w'));
    await run(zk.get('/w', true));
    const from = zk.arrived.length;
    const [set, get] = [zk.set('/w', 'new'), zk.get('/w')];
    await run(Promise.all([set, get]));
    expect(zk.arrived[from]).toBe('event:3:/w');
    expect(zk.arrived.slice(from + 1).every((line) => line.startsWith('reply:'))).toBe(true);
  });

  test('remain when persistent; recursive ones fire for all descendants, and not for children', async () => {
    const { zk, other, run } = await start();
    await run(zk.create('/p'));
    await run(other.sync());
    await run(other.addWatch('/p', false));
    await run(zk.create('/p/a'));
    await run(zk.set('/p', '1'));
    await run(zk.set('/p', '2'));
    await run(zk.set('/p/a', 'ignored'));
    await run(other.sync());
    expect(takeEvents(other)).toEqual([
      [CHILDREN, '/p'],
      [CHANGED, '/p'],
      [CHANGED, '/p'],
    ]);
    expect(
      (
        await run(
          other.call(
            OpCode.removeWatches,
            pathAnd('/p', (writer) => writer.int32(3)),
          ),
        )
      ).error,
    ).toBe(0);
    expect(
      (
        await run(
          other.call(
            OpCode.removeWatches,
            pathAnd('/p', (writer) => writer.int32(3)),
          ),
        )
      ).error,
    ).toBe(-121);
    await run(other.addWatch('/p', true));
    await run(zk.create('/p/a/b'));
    await run(zk.set('/p/a/b', 'x'));
    await run(zk.delete('/p/a/b'));
    await run(other.sync());
    expect(takeEvents(other)).toEqual([
      [CREATED, '/p/a/b'],
      [CHANGED, '/p/a/b'],
      [DELETED, '/p/a/b'],
    ]);
  });

  test('are set again after a reconnect, and fire at once for missed changes', async () => {
    const { cluster, zk, other, run } = await start();
    for (const path of ['/same', '/changed', '/gone', '/parent']) await run(zk.create(path));
    const { zxid } = await run(zk.ping());
    await run(zk.set('/changed', 'x'));
    await run(zk.delete('/gone'));
    await run(zk.create('/parent/child'));
    await run(zk.create('/new'));
    const session = other.session;
    if (session === undefined) throw new Error('no session');
    await run(other.sync());
    const again = await cluster.client(3, { session, lastZxid: zxid });
    await run(again.sync());
    await run(again.setWatches(zxid, ['/same', '/changed', '/gone'], ['/new', '/missing'], ['/parent', '/same']));
    expect(takeEvents(again)).toEqual([
      [CHANGED, '/changed'],
      [DELETED, '/gone'],
      [CREATED, '/new'],
      [CHILDREN, '/parent'],
    ]);
    await run(zk.set('/same', 'x'));
    await run(zk.create('/missing'));
    await run(again.sync());
    expect(takeEvents(again)).toEqual([
      [CHANGED, '/same'],
      [CREATED, '/missing'],
    ]);
  });

  test('fire for ephemeral nodes that are deleted with their session', async () => {
    const { cluster, zk, other, run } = await start();
    const leaving = await cluster.client(3);
    await run(zk.create('/members'));
    await run(leaving.create('/members/a', '', Flags.ephemeral));
    await run(leaving.create('/members/b', '', Flags.ephemeral));
    await run(other.sync());
    await run(other.addWatch('/members', true));
    await run(leaving.close());
    await run(other.sync());
    expect(takeEvents(other)).toEqual([
      [DELETED, '/members/a'],
      [DELETED, '/members/b'],
    ]);
  });

  test('fire for the cluster’s own nodes: topics are created and deleted, a broker’s session ends', async () => {
    const { cluster, zk, run } = await start();
    await run(zk.addWatch('/brokers', true));
    await run(zk.addWatch('/config', true));
    const topic = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    await cluster.quorum.send(1, createTopics, { topics: [topic], timeoutMs: 5_000, validateOnly: false });
    await run(zk.sync());
    expect(takeEvents(zk)).toEqual([
      [CREATED, '/brokers/topics/t'],
      [CREATED, '/brokers/topics/t/partitions'],
      [CREATED, '/config/topics/t'],
      [CREATED, '/brokers/topics/t/partitions/0'],
      [CREATED, '/brokers/topics/t/partitions/0/state'],
    ]);
    const { stat } = await run(zk.get('/brokers/topics/t/partitions/0/state'));
    expect(stat.version).toBe(0);
    expect(stat.czxid).toBe(cluster.quorum.node(1).quorum.image().offset);
    await cluster.quorum.send(1, deleteTopics, { topics: [{ name: 't', topicId: ZERO_UUID }], timeoutMs: 5_000 });
    await run(zk.sync());
    expect(takeEvents(zk).at(-2)).toEqual([DELETED, '/brokers/topics/t']);
    expect(await run(zk.exists('/brokers/topics/t'))).toBeNull();

    const victim = [2, 3].find((id) => id !== cluster.quorum.controller?.id) ?? 0;
    await run(zk.children('/brokers/ids', true));
    cluster.quorum.node(victim).broker?.stop();
    await cluster.quorum.clock.advance(5_000);
    await run(zk.ping());
    expect(takeEvents(zk)).toEqual([
      [DELETED, `/brokers/ids/${victim}`],
      [CHILDREN, '/brokers/ids'],
    ]);
    expect(await run(zk.children('/brokers/ids'))).toHaveLength(2);
  });
});

describe('triggers under /admin', () => {
  test('delete a topic, and fire watches for the created and deleted node', async () => {
    const { cluster, zk, other, run } = await start();
    const topic = { name: 'doomed', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    await cluster.quorum.send(1, createTopics, { topics: [topic], timeoutMs: 5_000, validateOnly: false });
    await run(other.addWatch('/admin', true));
    await run(zk.create('/admin/delete_topics/doomed'));
    await run(other.sync());
    expect(takeEvents(other)).toEqual([
      [CREATED, '/admin/delete_topics/doomed'],
      [DELETED, '/admin/delete_topics/doomed'],
    ]);
    expect(cluster.quorum.node(1).quorum.image().topics.size).toBe(0);
    await expect(run(zk.create('/admin/delete_topics/doomed'))).rejects.toMatchObject({ code: -8 });
  });

  test('show a node during a reassignment, one at a time', async () => {
    const { cluster, zk, other, run } = await start();
    const topic = {
      name: 't',
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [{ partitionIndex: 0, brokerIds: [1, 2] }],
      configs: [],
    };
    await cluster.quorum.send(1, createTopics, { topics: [topic], timeoutMs: 5_000, validateOnly: false });
    await run(other.exists('/admin/reassign_partitions', true));
    const ask = (replicas: number[]): string => JSON.stringify({ version: 1, partitions: [{ topic: 't', partition: 0, replicas }] });
    await run(zk.create('/admin/reassign_partitions', ask([2, 3])));
    expect(JSON.parse((await run(zk.get('/admin/reassign_partitions'))).data ?? '')).toEqual(JSON.parse(ask([2, 3])));
    expect(JSON.parse((await run(zk.get('/brokers/topics/t'))).data ?? '')).toMatchObject({
      adding_replicas: { 0: [3] },
      removing_replicas: { 0: [1] },
    });
    await run(other.sync());
    expect(takeEvents(other)).toEqual([[CREATED, '/admin/reassign_partitions']]);
    await expect(run(zk.create('/admin/reassign_partitions', ask([1, 3])))).rejects.toMatchObject({ code: -110 });
    await expect(run(zk.delete('/admin/reassign_partitions'))).rejects.toMatchObject({ code: -102 });
  });

  test.each(['', 'nonsense', '{}', '{"partitions":[{"topic":"t"}]}', '{"partitions":[{"topic":"none","partition":0,"replicas":[1]}]}'])(
    'what cannot be done is refused: %s',
    async (text) => {
      const { zk, run } = await start();
      await expect(run(zk.create('/admin/reassign_partitions', text))).rejects.toMatchObject({ code: -8 });
      expect(await run(zk.exists('/admin/reassign_partitions'))).toBeNull();
    },
  );
});
