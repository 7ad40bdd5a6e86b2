/** Real ZooKeeper clients against a running cluster: Debian's zkCli and kazoo, node-zookeeper-client where it is installed, and a bare socket. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ZooKeeperReader } from '../../electron/admin/zookeeper-reader.ts';
import { ClusterProcess, somePort, type ControlNode } from '../helpers/cluster-process.ts';
import { run, runOk } from '../helpers/run.ts';
import { describeWith, onPath, pythonHas } from '../helpers/tools.ts';

const BURROW = '/usr/bin/Burrow';
const ZKCLI = '/usr/share/zookeeper/bin/zkCli.sh';
const NODE_CLIENT = resolve(import.meta.dirname, '../../node_modules/node-zookeeper-client');

let cluster: ClusterProcess;
let kafka: Kafka;

beforeAll(async () => {
  cluster = await ClusterProcess.start();
  kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: ['seen', 'doomed'].map((topic) => ({ topic, numPartitions: 2, replicationFactor: 3 })),
  });
  await admin.disconnect();
});

afterAll(async () => {
  expect(await cluster.stop()).toBe(0);
});

const endpoints = (): { host: string; port: number }[] =>
  cluster.line.zookeeper.split(',').map((address) => {
    const colon = address.lastIndexOf(':');
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  });

type Node = ControlNode & { role: string | null };
const controllerId = async (): Promise<number> => ((await cluster.nodes()) as Node[]).find((node) => node.role === 'leader')?.id ?? 0;

async function eventually(what: string, holds: () => Promise<boolean>, ms = 60_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end;) {
    if (await holds()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`not within ${ms} ms: ${what}`);
}

/** What a word on a bare socket is answered with, like `echo srvr | nc`. */
function word(text: string, endpoint = 0): Promise<string> {
  const at = endpoints()[endpoint];
  if (at === undefined) throw new Error('no such endpoint');
  return new Promise((done, reject) => {
    const socket = connect(at);
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('end', () => done(answer));
    socket.on('error', reject);
    socket.write(text);
  });
}

describe('four-letter words', () => {
  test('are answered on a bare socket, newline or not', async () => {
    expect(await word('ruok')).toBe('imok');
    expect(await word('isro\n')).toBe('rw');
    const modes = async (): Promise<(string | undefined)[]> => {
      const found = [];
      for (const endpoint of [0, 1, 2]) found.push(/^Mode: (\w+)$/m.exec(await word('srvr\n', endpoint))?.[1]);
      return found.sort();
    };
    await expect.poll(modes).toEqual(['follower', 'follower', 'leader']);
    expect(await word('mntr')).toMatch(/^zk_server_state\t(leader|follower)$/m);
    for (const asked of ['stat', 'conf', 'cons', 'dump', 'wchs', 'envi']) expect(await word(asked)).not.toBe('');
  });
});

describe('the lab', () => {
  test('reads any node, from whichever broker answers', async () => {
    const [first, second] = endpoints();
    if (first === undefined || second === undefined) throw new Error('no endpoints');
    const reader = new ZooKeeperReader(() =>
      Promise.resolve([
        { id: 9, host: '127.0.0.1', port: 1 },
        { id: 2, ...second },
      ]),
    );
    const root = await reader.read('/');
    expect(root).toMatchObject({ path: '/', answeredBy: 2, data: { encoding: 'null' } });
    expect(root.children).toContain('controller');
    const broker = await reader.read('/brokers/ids/1');
    expect(JSON.parse(broker.data.text)).toMatchObject({ version: 5, host: '127.0.0.1' });
    expect(broker.stat.ephemeralOwner).toMatch(/^0x1[0-9a-f]{14}/);
    await expect(reader.read('/none')).rejects.toMatchObject({ app: { code: 'NOT_FOUND', subject: '/none' } });
    reader.close();
  });
});

describeWith('zkCli (Debian: zookeeper)', existsSync(ZKCLI) && onPath('java'), 'zkCli', () => {
  async function zkCli(endpoint: number, ...lines: string[]): Promise<string> {
    const at = endpoints()[endpoint];
    const { stdout, stderr } = await run(ZKCLI, ['-server', `${at?.host}:${at?.port}`], {
      input: `${lines.join('\n')}\nquit\n`,
      timeoutMs: 60_000,
    });
    return `${stdout}\n${stderr}`;
  }

  test('ls -R / shows the cluster', async () => {
    const out = await zkCli(0, 'sync /', 'ls -R /');
    const paths = [
      '/brokers/ids/1',
      '/brokers/ids/2',
      '/brokers/ids/3',
      '/controller',
      '/controller_epoch',
      '/cluster/id',
      '/admin/delete_topics',
    ];
    paths.push(
      '/brokers/topics/seen/partitions/0/state',
      '/brokers/topics/seen/partitions/1/state',
      '/config/topics/seen',
      '/zookeeper/quota',
    );
    for (const path of paths) expect(out.split('\n')).toContain(path);
  });

  test('get -s of a broker and of a partition, as Kafka wrote them', async () => {
    const out = await zkCli(
      1,
      'sync /',
      'get -s /brokers/ids/1',
      'get /brokers/topics/seen/partitions/0/state',
      'get /brokers/topics/seen',
    );
    expect(out).toMatch(/"endpoints":\["PLAINTEXT:\/\/127\.0\.0\.1:\d+"\]/);
    const epoch = /^cZxid = (0x[0-9a-f]+)$/m.exec(out)?.[1];
    const owner = /^ephemeralOwner = (0x[0-9a-f]+)$/m.exec(out)?.[1];
    expect(BigInt(owner ?? 0) & 0x7f_ffff_ffff_ffffn).toBe(BigInt(epoch ?? -1));
    expect(out).toMatch(/^numChildren = 0$/m);
    const lines = out
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[1]).toMatchObject({ version: 1, leader_epoch: 0 });
    expect([...(lines[1]?.['isr'] as number[])].sort()).toEqual([1, 2, 3]);
    expect(Object.keys(lines[2]?.['partitions'] as object)).toEqual(['0', '1']);
  });

  test('create, set, versions, sequences; create -e is gone after quit', async () => {
    const out = await zkCli(
      2,
      'create /cli one',
      'create -e /cli/eph two',
      'create -s /cli/n- x',
      'set /cli three -v 0',
      'set /cli four -v 0',
      'get /cli',
      'ls /cli',
    );
    expect(out).toContain('Created /cli/eph');
    expect(out).toContain('Created /cli/n-0000000001');
    expect(out).toContain('version No is not valid : /cli');
    expect(out).toMatch(/^three$/m);
    expect(out).toMatch(/^\[eph, n-0000000001\]$/m);
    expect(await zkCli(0, 'sync /cli', 'ls /cli', 'deleteall /cli', 'create /brokers/mine x')).toMatch(
      /\[n-0000000001\][\s\S]*Insufficient permission : \/brokers\/mine/,
    );
  });

  test('a watch on /controller fires when the controller dies', async () => {
    const controller = await controllerId();
    const at = endpoints()[controller === 1 ? 1 : 0];
    const child = spawn(ZKCLI, ['-server', `${at?.host}:${at?.port}`], { stdio: ['pipe', 'pipe', 'ignore'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const ended = new Promise((done) => child.once('close', done));
    child.stdin.write('get -w /controller\n');
    await eventually('the node is shown', () => Promise.resolve(out.includes(`"brokerid":${controller}`)), 30_000);
    expect(out).not.toContain('path:/controller');
    await cluster.kill(controller);
    await eventually('the watch fires', () => Promise.resolve(out.includes('type:NodeDeleted path:/controller')));
    child.stdin.write('get /controller\nls /brokers/ids\n');
    await eventually('another controller is shown', () => Promise.resolve((out.match(/"brokerid":\d/g) ?? []).length === 2));
    expect(out.match(/"brokerid":\d/g)?.[1]).not.toBe(`"brokerid":${controller}`);
    child.stdin.write('quit\n');
    await ended;
    await eventually(
      'the dead broker is gone',
      async () => !/^\[1, 2, 3\]$/m.test(await zkCli(controller === 1 ? 1 : 0, 'ls /brokers/ids')),
      30_000,
    );
    await cluster.startNode(controller);
  });
});

describe('triggers under /admin', () => {
  const leader = async (): Promise<number> => {
    const admin = kafka.admin();
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: ['seen'] });
    await admin.disconnect();
    return topics[0]?.partitions.find((one) => one.partitionId === 0)?.leader ?? -1;
  };

  describeWith('python3-kazoo', pythonHas('kazoo'), 'with kazoo', () => {
    test('a reassignment, a preferred election and a deletion come about, and their nodes go', async () => {
      const out = await python(TRIGGERS, cluster.line.zookeeper);
      expect(out).toMatchObject({ moved: [3, 1], gone: true, elected: 3, deleted: true, malformed: 'BadArgumentsError' });
      // Any broker may be asked, also one that applies the election later.
      await expect.poll(leader).toBe(3);
    });

    test('ephemerals, sequences, transactions, locks and watches are as kazoo expects them', async () => {
      expect(await python(KAZOO, cluster.line.zookeeper)).toEqual({
        version: [3, 8, 0],
        got: '1',
        events: [
          ['CREATED', '/app/x'],
          ['CHILD', '/app'],
        ],
        sequence: ['/app/s-0000000002', '/app/s-0000000003', '/app/s-0000000004'],
        badVersion: true,
        committed: 3,
        rolledBack: ['RolledBackError', 'BadVersionError', 'RuntimeInconsistency'],
        nothing: true,
        locked: true,
        won: [1],
        many: 300,
        gone: true,
      });
    });
  });
});

describeWith('python3-kazoo', pythonHas('kazoo'), 'a node dies under its ZooKeeper client', () => {
  test('a session continues at another node and keeps its ephemeral nodes', async () => {
    const client = spawnPython(MOVING, cluster.line.zookeeper);
    const { port } = await client.line<{ port: number }>();
    const victim = endpoints().findIndex((endpoint) => endpoint.port === port) + 1;
    expect(victim).toBeGreaterThan(0);
    await cluster.kill(victim);
    expect(await client.line()).toEqual({ same: true, there: 'mine', written: 1, lost: false });
    await client.ended;
    await cluster.startNode(victim);
  });
});

describeWith('Burrow (Debian: burrow)', existsSync(BURROW), 'Burrow', () => {
  test('takes its lock here, and connects for consumers that keep their offsets here', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'brokerdesk-burrow-'));
    const list = (addresses: string): string => JSON.stringify(addresses.split(','));
    const { bootstrap, zookeeper } = cluster.line;
    const port = somePort();
    const config = `
      [general]
      pidfile="${directory}/burrow.pid"
      [logging]
      level="info"
      [zookeeper]
      servers=${list(zookeeper)}
      timeout=6
      root-path="/burrow"
      [client-profile.test]
      client-id="burrow"
      kafka-version="2.0.0"
      [cluster.local]
      class-name="kafka"
      servers=${list(bootstrap)}
      client-profile="test"
      [consumer.local_zk]
      class-name="kafka_zk"
      cluster="local"
      servers=${list(zookeeper)}
      zookeeper-timeout=30
      [httpserver.default]
      address="127.0.0.1:${port}"`;
    writeFileSync(join(directory, 'burrow.toml'), config);
    const burrow = spawn(BURROW, ['--config-dir', directory], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    const log: string[] = [];
    for (const said of [burrow.stdout, burrow.stderr]) said.on('data', (chunk: Buffer) => log.push(chunk.toString()));
    const ended = new Promise((done) => burrow.once('close', done));
    const reader = new ZooKeeperReader(() => Promise.resolve(endpoints().map((endpoint, index) => ({ id: index + 1, ...endpoint }))));
    try {
      // What it asks Kafka itself for, ListOffsets version 0, Apache Kafka 4 has given up too (KIP-896).
      await eventually('it has its connection for consumers', () => Promise.resolve(/Authenticated.*local_zk/.test(log.join(''))), 40_000);
      let children: string[] = [];
      const locked = async (): Promise<boolean> => {
        const { children: roots } = await reader.read('/');
        if (!roots.includes('burrow') || !(await reader.read('/burrow')).children.includes('notifier')) return false;
        ({ children } = await reader.read('/burrow/notifier'));
        return children.length === 1;
      };
      await eventually('it has its lock', locked, 20_000);
      const lock = await reader.read(`/burrow/notifier/${children[0]}`);
      expect(lock.path).toMatch(/-lock-\d{10}$/);
      expect(lock.stat.ephemeralOwner).not.toBeNull();
    } catch (cause) {
      throw new Error(`Burrow said:\n${log.join('').slice(-4_000)}`, { cause });
    } finally {
      reader.close();
      burrow.kill('SIGTERM');
      await ended;
    }
  });
});

describeWith('node-zookeeper-client', existsSync(NODE_CLIENT), 'node-zookeeper-client', () => {
  test('reads, writes, watches', async () => {
    const { stdout } = await runOk(process.execPath, ['-e', NODE_SCRIPT, NODE_CLIENT, cluster.line.zookeeper], { timeoutMs: 120_000 });
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      brokers: ['1', '2', '3'],
      data: 'hello',
      event: 'NODE_DATA_CHANGED',
      error: 'NO_NODE',
    });
  });
});

/** A script that says one line of JSON now and then. */
function spawnPython(source: string, ...args: string[]): { line<T>(): Promise<T>; ended: Promise<unknown> } {
  const child = spawn('/usr/bin/python3', ['-u', '-c', source, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let [out, errors, taken] = ['', '', 0];
  let isClosed = false;
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    lines.splice(0, lines.length, ...out.split('\n').slice(0, -1));
  });
  return {
    // Not at its exit, at which some of its output may not have been read.
    ended: new Promise<void>((done) =>
      child.once('close', () => {
        isClosed = true;
        done();
      }),
    ),
    async line<T>() {
      await eventually(
        'the script says something',
        () => {
          if (isClosed && lines.length <= taken) throw new Error(errors);
          return Promise.resolve(lines.length > taken);
        },
        40_000,
      );
      return JSON.parse(lines[taken++] ?? '') as T;
    },
  };
}

async function python(source: string, ...args: string[]): Promise<unknown> {
  const file = join(mkdtempSync(join(tmpdir(), 'brokerdesk-zk-')), 'client.py');
  writeFileSync(file, source);
  const { stdout } = await runOk('/usr/bin/python3', [file, ...args], { timeoutMs: 120_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const KAZOO = `
import json, sys, time
from kazoo.client import KazooClient
from kazoo.exceptions import BadVersionError
a = KazooClient(hosts=sys.argv[1], timeout=20); a.start()
b = KazooClient(hosts=sys.argv[1], timeout=20); b.start()
out = {'version': a.server_version()}
events = []
a.ensure_path('/app/locks')
b.sync('/app')
b.exists('/app/x', watch=lambda e: events.append((e.type, e.path)))
b.get_children('/app', watch=lambda e: events.append((e.type, e.path)))
a.create('/app/x', b'1', ephemeral=True)
b.sync('/app')
out['got'] = b.get('/app/x')[0].decode()
# Its watchers run in a thread of their own.
end = time.time() + 30
while len(events) < 2 and time.time() < end: time.sleep(0.01)
out['events'] = list(events)
out['sequence'] = [a.create('/app/s-', b'', sequence=True) for _ in range(3)]
try: a.set('/app/x', b'2', version=7)
except BadVersionError: out['badVersion'] = True
t = a.transaction(); t.create('/app/t1', b'a'); t.set_data('/app/x', b'9', version=0); t.check('/app', version=0)
out['committed'] = len(t.commit())
t = a.transaction(); t.create('/app/t2', b'a'); t.check('/app', version=5); t.create('/app/t3')
out['rolledBack'] = [type(r).__name__ for r in t.commit()]
out['nothing'] = a.exists('/app/t2') is None
with a.Lock('/app/locks/l', 'me'): out['locked'] = True
won = []
b.Election('/app/el', 'b').run(lambda: won.append(1))
out['won'] = won
results = [a.create_async('/app/n%04d' % i, b'x' * 100) for i in range(300)]
out['many'] = len(set(r.get(30) for r in results))
a.stop()
b.sync('/app')
out['gone'] = b.exists('/app/x') is None
b.delete('/app', recursive=True)
b.stop()
print(json.dumps(out))
`;

const MOVING = `
import json, sys, time
from kazoo.client import KazooClient, KazooState
zk = KazooClient(hosts=sys.argv[1], timeout=20); zk.start()
states = []
zk.add_listener(states.append)
zk.create('/moving', b'mine', ephemeral=True)
session = zk.client_id[0]
print(json.dumps({'port': zk._connection._socket.getpeername()[1]}))
end = time.time() + 30
while not (KazooState.SUSPENDED in states and zk.state == KazooState.CONNECTED) and time.time() < end: time.sleep(0.05)
zk.sync('/moving')
same = zk.client_id[0] == session
there = zk.get('/moving')[0].decode()
written = zk.retry(zk.set, '/moving', b'again').version
print(json.dumps({'same': same, 'there': there, 'written': written, 'lost': KazooState.LOST in states}))
zk.stop()
`;

const TRIGGERS = `
import json, sys, time
from kazoo.client import KazooClient
from kazoo.exceptions import ZookeeperError
zk = KazooClient(hosts=sys.argv[1], timeout=20); zk.start()
out = {}
def state(): return json.loads(zk.get('/brokers/topics/seen/partitions/0/state')[0])
def until(what):
    end = time.time() + 20
    while not what() and time.time() < end: time.sleep(0.1)
    return what()
ask = {'version': 1, 'partitions': [{'topic': 'seen', 'partition': 0, 'replicas': [3, 1]}]}
zk.create('/admin/reassign_partitions', json.dumps(ask).encode())
out['gone'] = until(lambda: zk.exists('/admin/reassign_partitions') is None)
out['moved'] = json.loads(zk.get('/brokers/topics/seen')[0])['partitions']['0']
def elect():
    zk.create('/admin/preferred_replica_election', json.dumps({'version': 1, 'partitions': [{'topic': 'seen', 'partition': 0}]}).encode())
    zk.sync('/')
    return state()['leader'] == 3
def tried():
    try: return elect()
    except ZookeeperError: return False
until(tried)
out['elected'] = state()['leader']
try: zk.create('/admin/reassign_partitions', b'nonsense')
except ZookeeperError as e: out['malformed'] = type(e).__name__
zk.create('/admin/delete_topics/doomed')
zk.sync('/')
out['deleted'] = zk.exists('/brokers/topics/doomed') is None
zk.stop()
print(json.dumps(out))
`;

const NODE_SCRIPT = `
const zookeeper = require(process.argv[1]);
const client = zookeeper.createClient(process.argv[2], { sessionTimeout: 20000 });
const out = {};
const call = (name, ...args) => new Promise((done, fail) => client[name](...args, (error, ...rest) => error ? fail(error) : done(rest)));
client.once('connected', async () => {
  // A broker that was restarted by the test before may be absent at this server for a while.
  for (const end = Date.now() + 30000; out.brokers?.length !== 3 && Date.now() < end;) {
    out.brokers = (await call('getChildren', '/brokers/ids'))[0].sort();
    await new Promise((done) => setTimeout(done, 100));
  }
  await call('create', '/node', Buffer.from('hello'));
  const event = new Promise((done) => client.getData('/node', (e) => done(e.name), (_, data) => { out.data = data.toString(); }));
  await call('setData', '/node', Buffer.from('x'), 0);
  out.event = await event;
  out.error = await call('getData', '/none').catch((error) => error.name);
  await call('remove', '/node', -1);
  client.close();
  console.log(JSON.stringify(out));
});
client.connect();
`;
