/** Responses at unusual paths and for unusual kinds of nodes, as Apache ZooKeeper 3.8.0 answered the same requests on 2026-11-30. */
import { beforeAll, describe, expect, test } from 'vitest';
import { MAX_TTL_MS } from '../../../electron/cluster/quorum/zookeeper-state/node-kind.ts';
import {
  OpCode,
  readMultiHeader,
  readStat,
  readText,
  writeAcl,
  writeMultiHeader,
  writeText,
} from '../../../electron/cluster/zookeeper/wire.ts';
import type { Writer } from '../../../electron/cluster/protocol/writer.ts';
import { createBody, Flags, pathAnd, type ZkTestClient } from '../../helpers/zookeeper-client.ts';
import { ZooKeeperCluster } from '../../helpers/zookeeper-cluster.ts';

const [BAD, NONE, EXISTS, VERSION, NOAUTH] = [-8, -101, -110, -103, -102];
const OTHER_VERSION = 77;

/** Codes of create, sequential create, delete, exists, getData, setData, setACL; those with a version name one that no node has. */
const PATHS: [path: string, ...codes: number[]][] = [
  ['/dir/', BAD, 0, NONE, NONE, NONE, BAD, BAD],
  ['/dir//', NONE, NONE, NONE, NONE, NONE, BAD, BAD],
  ['//dir', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/./x', NONE, NONE, NONE, NONE, NONE, BAD, BAD],
  ['/dir/../x', NONE, NONE, NONE, NONE, NONE, BAD, BAD],
  ['/dir/.', BAD, 0, NONE, NONE, NONE, BAD, BAD],
  ['dir', BAD, BAD, BAD, NONE, NONE, BAD, BAD],
  ['', BAD, BAD, BAD, 0, 0, BAD, BAD],
  ['/', EXISTS, 0, BAD, 0, 0, VERSION, VERSION],
  ['//', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\u0000', BAD, BAD, BAD, BAD, NONE, BAD, BAD],
  ['/dir/\u0001', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\u001f', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\u007f', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\u009f', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\ud7ff', 0, 0, NONE, NONE, NONE, NONE, NONE],
  ['/dir/\ue000', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\uf8ff', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\ufff0', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\uffff', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/dir/\u00e4', 0, 0, NONE, NONE, NONE, NONE, NONE],
  ['/dir/\u2026', 0, 0, NONE, NONE, NONE, NONE, NONE],
  ['/dir/a b', 0, 0, NONE, NONE, NONE, NONE, NONE],
  ['/dir/nope/x', NONE, NONE, NONE, NONE, NONE, NONE, NONE],
  ['/dir/\u{1f600}', BAD, BAD, NONE, NONE, NONE, BAD, BAD],
  ['/zookeeper', EXISTS, 0, BAD, 0, 0, VERSION, VERSION],
  ['/zookeeper/quota', EXISTS, 0, BAD, 0, 0, VERSION, VERSION],
  ['/zookeeper/config', EXISTS, 0, BAD, 0, 0, NOAUTH, NOAUTH],
  ['/none', 0, 0, NONE, NONE, NONE, NONE, NONE],
  ['/none/', NONE, NONE, NONE, NONE, NONE, BAD, BAD],
  ['/none/x', NONE, NONE, NONE, NONE, NONE, NONE, NONE],
  ['/dir/.x', 0, 0, NONE, NONE, NONE, NONE, NONE],
  ['/dir/x.', 0, 0, NONE, NONE, NONE, NONE, NONE],
  ['/dir/..x', 0, 0, NONE, NONE, NONE, NONE, NONE],
];

/** Codes of create (1), create2 (15) and createContainer (19) with these flags. */
const FLAGS: [flags: number, code: number][] = [
  [-1, BAD],
  [0, 0],
  [1, 0],
  [2, 0],
  [3, 0],
  [4, 0],
  [5, BAD],
  [6, BAD],
  [7, BAD],
  [99, BAD],
];

describe('ZooKeeper 3.8 and the endpoint answer alike', () => {
  let cluster: ZooKeeperCluster;
  let zk: ZkTestClient;
  const run = <T>(promise: Promise<T>): Promise<T> => cluster.run(promise);
  const code = async (type: number, body: (writer: Writer) => void): Promise<number> => (await run(zk.call(type, body))).error;

  beforeAll(async () => {
    cluster = await ZooKeeperCluster.start(1);
    zk = await cluster.client(1);
    for (const path of ['/dir', '/dir/a', '/dir/b', '/kinds']) await run(zk.create(path));
  });

  test.each(PATHS.map(([path, ...codes]) => ({ path, codes })))('at the path $path', async ({ path, codes }) => {
    const made = async (flags: number): Promise<number> => {
      const answer = await run(zk.call(OpCode.create, (writer) => createBody(writer, path, '', flags)));
      if (answer.error === 0) await run(zk.delete(readText(answer.body)));
      return answer.error;
    };
    const version = (writer: Writer): void => writer.int32(OTHER_VERSION);
    const bytesAndVersion = (writer: Writer): void => {
      writer.bytes(Buffer.from(''));
      version(writer);
    };
    const aclAndVersion = (writer: Writer): void => {
      writeAcl(writer, [{ permissions: 31, scheme: 'world', id: 'anyone' }]); // language: ZooKeeper's id for all users
      version(writer);
    };
    expect([
      await made(Flags.persistent),
      await made(Flags.sequential),
      await code(OpCode.delete, pathAnd(path, version)),
      await code(
        OpCode.exists,
        pathAnd(path, (writer) => writer.bool(false)),
      ),
      await code(
        OpCode.getData,
        pathAnd(path, (writer) => writer.bool(false)),
      ),
      await code(OpCode.setData, pathAnd(path, bytesAndVersion)),
      await code(OpCode.setAcl, pathAnd(path, aclAndVersion)),
    ]).toEqual(codes);
  });

  test('a sequential create below a path with a trailing slash is named by its number alone', async () => {
    await run(zk.create('/slash'));
    expect(await run(zk.create('/slash/', '', Flags.sequential))).toBe('/slash/0000000000');
    expect(await run(zk.create('/slash/.', '', Flags.sequential))).toBe('/slash/.0000000001');
  });

  test.each(FLAGS)('create, create2 and createContainer with flags %i', async (flags, expected) => {
    for (const type of [OpCode.create, OpCode.create2, OpCode.createContainer]) {
      expect(await code(type, (writer) => createBody(writer, `/kinds/o${type}f${flags}`, '', flags))).toBe(expected);
    }
  });

  test('createTTL takes the two kinds with a time to live, from 1 ms to 40 bits of them', async () => {
    const ttl = (flags: number, ttlMs: bigint): Promise<number> =>
      code(OpCode.createTtl, (writer) => {
        createBody(writer, `/kinds/t${flags}x${ttlMs}`, '', flags);
        writer.int64(ttlMs);
      });
    for (const flags of [5, 6]) {
      for (const ttlMs of [1n, 5_000n, MAX_TTL_MS]) expect(await ttl(flags, ttlMs)).toBe(0);
      for (const ttlMs of [-1n, 0n, MAX_TTL_MS + 1n]) expect(await ttl(flags, ttlMs)).toBe(BAD);
    }
    for (const flags of [-1, 0, 1, 2, 3, 4, 7]) expect(await ttl(flags, 5_000n)).toBe(BAD);
  });

  test('containers and nodes with a time to live have children and no owner', async () => {
    const made = await run(zk.call(OpCode.createContainer, (writer) => createBody(writer, '/kinds/box', '', 4)));
    expect(readText(made.body)).toBe('/kinds/box');
    expect(readStat(made.body).ephemeralOwner).toBe(0n);
    expect(made.body.remaining).toBe(0);
    expect(await run(zk.create('/kinds/box/child'))).toBe('/kinds/box/child');
    expect(await run(zk.create('/kinds/t5x5000/child'))).toBe('/kinds/t5x5000/child');
  });

  test('other requests that ZooKeeper refuses', async () => {
    expect(await code(OpCode.reconfig, (writer) => writer.int32(-1))).toBe(-123);
    expect(await code(OpCode.deleteContainer, pathAnd('/kinds/box'))).toBe(BAD);
    expect(
      await code(
        OpCode.addWatch,
        pathAnd('/dir', (writer) => writer.int32(7)),
      ),
    ).toBe(-5);
    expect(
      await code(
        OpCode.removeWatches,
        pathAnd('/dir', (writer) => writer.int32(9)),
      ),
    ).toBe(-5);
    // No path at all: the request cannot be decoded, and the session stays.
    expect(await code(OpCode.getData, (writer) => writer.int32(-1))).toBe(-5);
    expect(await run(zk.exists('/dir'))).not.toBeNull();
    const auth = (scheme: string) => (writer: Writer) => {
      writer.int32(0);
      writeText(writer, scheme);
      writer.bytes(Buffer.from('user:password'));
    };
    expect(await code(OpCode.auth, auth('digest'))).toBe(0);
    const other = await cluster.client(1);
    expect((await run(other.call(OpCode.auth, auth('bogus')))).error).toBe(-115);
    expect(other.closed).toBe(true);
  });

  test('the configuration of the ensemble is empty, and only reconfig changes it', async () => {
    expect((await run(zk.get('/zookeeper/config'))).data).toBe('');
    await expect(run(zk.set('/zookeeper/config', 'server.1=x'))).rejects.toMatchObject({ code: NOAUTH });
  });

  test('a multi of every kind of create', async () => {
    const parts: [number, (writer: Writer) => void][] = [
      [OpCode.create, (writer) => createBody(writer, '/kinds/m1', '', 0)],
      [OpCode.create2, (writer) => createBody(writer, '/kinds/m2', '', 0)],
      [OpCode.createContainer, (writer) => createBody(writer, '/kinds/m3', '', 4)],
      [
        OpCode.createTtl,
        (writer) => {
          createBody(writer, '/kinds/m4', '', 5);
          writer.int64(9_000n);
        },
      ],
    ];
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
    const answered: string[] = [];
    for (let header = readMultiHeader(body); !header.done; header = readMultiHeader(body)) {
      answered.push(`${header.type} ${readText(body)}`);
      if (header.type === OpCode.create2) readStat(body);
    }
    expect(answered).toEqual(['1 /kinds/m1', '1 /kinds/m2', '15 /kinds/m3', '15 /kinds/m4']);
  });
});
