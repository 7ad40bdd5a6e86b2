import { beforeAll, describe, expect, test } from 'vitest';
import {
  OpCode,
  readAcl,
  readMultiHeader,
  readStat,
  readText,
  readTexts,
  writeAcl,
  writeMultiHeader,
  writeText,
} from '../../../electron/cluster/zookeeper/wire.ts';
import type { Writer } from '../../../electron/cluster/protocol/writer.ts';
import { createBody, Flags, pathAnd, type ZkTestClient } from '../../helpers/zookeeper-client.ts';
import { ZooKeeperCluster } from '../../helpers/zookeeper-cluster.ts';

describe('requests on the tree', () => {
  let cluster: ZooKeeperCluster;
  let zk: ZkTestClient;
  let other: ZkTestClient;
  const run = <T>(promise: Promise<T>): Promise<T> => cluster.run(promise);

  beforeAll(async () => {
    cluster = await ZooKeeperCluster.start(3);
    zk = await cluster.client(1);
    other = await cluster.client(2);
  });

  test('a client reads its own write at once, another node after a sync', async () => {
    expect(await run(zk.create('/a', 'one'))).toBe('/a');
    expect((await run(zk.get('/a'))).data).toBe('one');
    await run(other.sync('/a'));
    expect((await run(other.get('/a'))).data).toBe('one');
  });

  test('versions and stats follow the changes', async () => {
    await run(zk.create('/v', 'x'));
    const first = (await run(zk.get('/v'))).stat;
    expect(first).toMatchObject({ version: 0, cversion: 0, aversion: 0, dataLength: 1, numChildren: 0, ephemeralOwner: 0n });
    expect(first.czxid).toBe(first.mzxid);
    expect(first.czxid).toBe(first.pzxid);
    const second = await run(zk.set('/v', 'longer', 0));
    expect(second).toMatchObject({ version: 1, dataLength: 6, czxid: first.czxid });
    expect(second.mzxid).toBeGreaterThan(first.mzxid);
    await expect(run(zk.set('/v', 'y', 0))).rejects.toMatchObject({ code: -103 });
    await expect(run(zk.delete('/v', 0))).rejects.toMatchObject({ code: -103 });
    await run(zk.create('/v/child'));
    expect((await run(zk.get('/v'))).stat).toMatchObject({ cversion: 1, numChildren: 1, version: 1, mzxid: second.mzxid });
    await expect(run(zk.delete('/v'))).rejects.toMatchObject({ code: -111 });
    await run(zk.delete('/v/child'));
    expect((await run(zk.get('/v'))).stat).toMatchObject({ cversion: 2, numChildren: 0 });
    await run(zk.delete('/v', 1));
    expect(await run(zk.exists('/v'))).toBeNull();
  });

  test('sequential names count every child ever created', async () => {
    await run(zk.create('/seq'));
    expect(await run(zk.create('/seq/n-', '', Flags.sequential))).toBe('/seq/n-0000000000');
    expect(await run(zk.create('/seq/n-', '', Flags.sequential))).toBe('/seq/n-0000000001');
    await run(zk.delete('/seq/n-0000000001'));
    expect(await run(other.create('/seq/m-', '', Flags.ephemeralSequential))).toBe('/seq/m-0000000002');
    await run(zk.sync());
    expect(await run(zk.children('/seq'))).toEqual(['m-0000000002', 'n-0000000000']);
  });

  test.each([
    ['no parent', '/no/parent', -101],
    ['there already', '/zookeeper', -110],
    ['the name of a system node', '/brokers', -110],
    ['below a system node', '/brokers/mine', -102],
    ['below nothing in the system', '/brokers/none/mine', -101],
    ['an empty part below a node', '/a//b', -101],
    ['an empty part below the root', '//b', -8],
    ['a relative path', 'a', -8],
    ['a path that ends in a slash', '/a/', -8],
    ['a control character', '/a\u0001', -8],
  ])('create is refused: %s', async (_, path, code) => {
    await expect(run(zk.create(path))).rejects.toMatchObject({ code });
  });

  test('an ephemeral node has no children', async () => {
    await run(zk.create('/eph', '', Flags.ephemeral));
    await expect(run(zk.create('/eph/x'))).rejects.toMatchObject({ code: -108 });
  });

  test('the cluster’s own nodes can be read, not written', async () => {
    await expect(run(zk.set('/brokers/ids/1', 'x'))).rejects.toMatchObject({ code: -102 });
    await expect(run(zk.delete('/controller'))).rejects.toMatchObject({ code: -102 });
    await expect(run(zk.delete('/brokers/ids/9'))).rejects.toMatchObject({ code: -101 });
    await expect(run(zk.delete('/'))).rejects.toMatchObject({ code: -8 });
  });

  test('null data stays null, empty stays empty', async () => {
    await run(zk.create('/null', null));
    await run(zk.create('/empty', ''));
    expect((await run(zk.get('/null'))).data).toBeNull();
    expect((await run(zk.get('/empty'))).data).toBe('');
  });

  test('create2 returns the stat; an unknown operation is unimplemented', async () => {
    const answer = await run(zk.call(OpCode.create2, (writer) => createBody(writer, '/two', 'xy', Flags.persistent)));
    expect(readText(answer.body)).toBe('/two');
    const stat = readStat(answer.body);
    expect(stat).toMatchObject({ dataLength: 2, czxid: answer.zxid });
    expect(answer.body.remaining).toBe(0);
    expect((await run(zk.call(77))).error).toBe(-6);
  });

  test('an ACL for world applies; one with other ids is refused', async () => {
    await run(zk.create('/acl'));
    const setAcl = (permissions: number, scheme: string, version: number) =>
      run(
        zk.call(
          OpCode.setAcl,
          pathAnd('/acl', (writer) => {
            writeAcl(writer, [{ permissions, scheme, id: 'anyone' }]); // language: ZooKeeper's id for all users
            writer.int32(version);
          }),
        ),
      );
    expect((await setAcl(31, 'digest', -1)).error).toBe(-114);
    expect((await setAcl(1 | 16, 'world', 1)).error).toBe(-103);
    const answer = await setAcl(1 | 16, 'world', 0);
    expect(readStat(answer.body)).toMatchObject({ aversion: 1, version: 0 });
    await expect(run(zk.set('/acl', 'x'))).rejects.toMatchObject({ code: -102 });
    await expect(run(zk.create('/acl/child'))).rejects.toMatchObject({ code: -102 });
    expect((await run(zk.get('/acl'))).data).toBe('');
    const read = await run(zk.call(OpCode.getAcl, pathAnd('/acl')));
    expect(readAcl(read.body)).toEqual([{ permissions: 17, scheme: 'world', id: 'anyone' }]); // language: ZooKeeper's id for all users
    expect((await setAcl(31, 'world', 1)).error).toBe(0);
  });

  test('ping, auth, whoAmI, getEphemerals, getAllChildrenNumber', async () => {
    expect(await run(zk.ping())).toMatchObject({ xid: -2, error: 0 });
    const auth = (writer: Writer): void => {
      writer.int32(0);
      writeText(writer, 'digest');
      writer.bytes(Buffer.from('u:p'));
    };
    expect(await run(zk.call(OpCode.auth, auth, -4))).toMatchObject({ xid: -4, error: 0 });
    const who = await run(zk.call(OpCode.whoAmI));
    expect([who.body.int32(), readText(who.body), readText(who.body)]).toEqual([1, 'ip', '10.0.0.1']);
    const ephemerals = await run(other.call(OpCode.getEphemerals, pathAnd('/')));
    expect(readTexts(ephemerals.body)).toEqual(['/seq/m-0000000002']);
    const below = await run(zk.call(OpCode.getAllChildrenNumber, pathAnd('/brokers/ids')));
    expect(below.body.int32()).toBe(3);
  });

  const multi = async (...parts: [type: number, body: (writer: Writer) => void][]): Promise<{ type: number; error: number }[]> => {
    const { error, body } = await run(
      zk.call(OpCode.multi, (writer) => {
        for (const [type, write] of parts) {
          writeMultiHeader(writer, { type, done: false, error: -1 });
          write(writer);
        }
        writeMultiHeader(writer, { type: -1, done: true, error: -1 });
      }),
    );
    expect(error).toBe(0);
    const results = [];
    for (let header = readMultiHeader(body); !header.done; header = readMultiHeader(body)) {
      results.push({ type: header.type, error: header.error });
      if (header.type === OpCode.create) readText(body);
      if (header.type === OpCode.setData) readStat(body);
      if (header.type === OpCode.error) expect(body.int32()).toBe(header.error);
    }
    expect(body.remaining).toBe(0);
    return results;
  };
  const create = (path: string): [number, (writer: Writer) => void] => [OpCode.create, (writer) => createBody(writer, path, 'm', 0)];
  const check = (path: string, version: number): [number, (writer: Writer) => void] => [
    OpCode.check,
    pathAnd(path, (writer) => writer.int32(version)),
  ];

  test('a multi is atomic, at one zxid', async () => {
    const set: [number, (writer: Writer) => void] = [
      OpCode.setData,
      pathAnd('/m/1', (writer) => {
        writer.bytes(Buffer.from('changed'));
        writer.int32(0);
      }),
    ];
    const results = await multi(create('/m'), create('/m/1'), check('/m/1', 0), set, create('/m/2'), [
      OpCode.delete,
      pathAnd('/m/2', (writer) => writer.int32(-1)),
    ]);
    expect(results).toEqual([1, 1, 13, 5, 1, 2].map((type) => ({ type, error: 0 })));
    expect((await run(zk.get('/m/1'))).data).toBe('changed');
    const [parent, child] = [(await run(zk.get('/m'))).stat, (await run(zk.get('/m/1'))).stat];
    expect(parent.czxid).toBe(child.czxid);
    expect(parent).toMatchObject({ numChildren: 1, cversion: 3, pzxid: parent.czxid });
  });

  test('a failed multi changes nothing and returns the failed operation', async () => {
    const before = (await run(zk.get('/'))).stat;
    expect(await multi(create('/w'), check('/m', 7), create('/w2'))).toEqual([
      { type: -1, error: 0 },
      { type: -1, error: -103 },
      { type: -1, error: -2 },
    ]);
    expect(await run(zk.exists('/w'))).toBeNull();
    expect((await run(zk.get('/'))).stat).toEqual(before);
  });

  test('multiRead answers each part separately', async () => {
    const { body } = await run(
      zk.call(OpCode.multiRead, (writer) => {
        for (const [type, path] of [
          [OpCode.getData, '/m/1'],
          [OpCode.getChildren, '/m'],
          [OpCode.getData, '/none'],
        ] as const) {
          writeMultiHeader(writer, { type, done: false, error: -1 });
          writeText(writer, path);
          writer.bool(false);
        }
        writeMultiHeader(writer, { type: -1, done: true, error: -1 });
      }),
    );
    expect(readMultiHeader(body)).toMatchObject({ type: OpCode.getData, error: 0 });
    expect(body.bytes().toString()).toBe('changed');
    readStat(body);
    expect(readMultiHeader(body)).toMatchObject({ type: OpCode.getChildren, error: 0 });
    expect(readTexts(body)).toEqual(['1']);
    expect(readMultiHeader(body)).toMatchObject({ type: -1, error: -101 });
    expect(body.int32()).toBe(-101);
    expect(readMultiHeader(body).done).toBe(true);
  });

  test('responses come in the order of the requests, regardless of their duration', async () => {
    const from = zk.arrived.length;
    const answers = [zk.create('/o1'), zk.get('/o1'), zk.set('/o1', 'x'), zk.ping(), zk.get('/o1'), zk.sync()];
    const [, , , , last] = await run(Promise.all(answers));
    expect(last).toMatchObject({ data: 'x' });
    const order = zk.arrived.slice(from).map((line) => Number(line.replace('reply:', '')));
    expect(order).toHaveLength(6);
    const own = order.filter((xid) => xid > 0);
    expect(own).toEqual([...own].sort((a, b) => a - b));
    expect(order.indexOf(-2)).toBe(3);
  });

  test('invalid bytes close the connection and nothing else', async () => {
    const { client, write } = cluster.dial(1);
    await run(client.connect());
    write(Buffer.from([0, 0, 0, 6, 0, 0, 0, 1, 0, 0]));
    await run(cluster.quorum.clock.advance(5));
    expect(client.closed).toBe(true);
    const huge = cluster.dial(1);
    huge.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    expect(huge.client.closed).toBe(true);
    expect((await run(zk.get('/a'))).data).toBe('one');
  });
});
