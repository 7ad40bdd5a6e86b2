/**
 * The files of a node that `damage.test.ts` leaves out, each missing, empty, cut and flipped, on one node at a time of a cluster that serves: the
 * metadata, the checkpoints and markers beside the partitions, and the active segment. A node recovers from the others, or stays down with a message
 * that names the file; the others serve meanwhile, and a consumer reads every acknowledged record in the end.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigResourceTypes } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { NO_VOTE, parseQuorumState } from '../../electron/cluster/quorum/vote-store.ts';
import { expectAll, FaultBench, later, type Writer } from '../helpers/fault-bench.ts';

const WAYS = ['missing', 'empty', 'cut', 'flipped'] as const;
type Way = (typeof WAYS)[number];
type Role = 'leader' | 'follower';

const LOG = /\.log$/;
const SNAPSHOT = /\.checkpoint$/;
type Which = 'first' | 'last';
interface File {
  match: RegExp;
  which: Which;
}
/** In the metadata directory; those of one row are damaged together. `voter`: the node must notice, and fetch the metadata again. */
const METADATA: readonly { what: string; files: readonly File[]; voter: boolean }[] = [
  { what: 'active segment', files: [{ match: LOG, which: 'last' }], voter: true },
  { what: 'quorum-state', files: [{ match: /^quorum-state$/, which: 'first' }], voter: true },
  { what: 'newest snapshot', files: [{ match: SNAPSHOT, which: 'last' }], voter: false },
  {
    what: 'older snapshot and witness',
    files: [
      { match: SNAPSHOT, which: 'first' },
      { match: /^acknowledged-end$/, which: 'first' },
    ],
    voter: false,
  },
];
/** Rebuilt from the records, whatever they hold: damaged with each of the above, every time in another way. */
const REBUILT = [/\.index$/, /\.timeindex$/, /^leader-epoch-checkpoint$/, /^closed-segments$/];
/** Beside the partitions' directories: the same. */
const BESIDE = [
  'recovery-point-offset-checkpoint',
  'replication-offset-checkpoint',
  'log-start-offset-checkpoint',
  'log-summary-checkpoint',
  'single-segment-checkpoint',
  'cleaner-offset-checkpoint',
  'clean-stop-records',
  '.kafka_cleanshutdown',
  'broker-life',
];
const ROLES: readonly Role[] = ['leader', 'follower'];
const TOPIC = 'orders';
const METADATA_DIRECTORY = '__cluster_metadata-0';

const root = mkdtempSync(join(tmpdir(), 'brokerdesk-matrix-'));
const data = join(root, 'data');
/** Names of files that a node had and no list here has. */
const unlisted = new Set<string>();
let bench: FaultBench;
let writer: Writer;
let count = 0;
/** `retention.bytes` of the topic. */
let acknowledged = 0;

function damage(path: string, way: Way): void {
  if (way === 'missing') {
    rmSync(path);
    return;
  }
  const bytes = readFileSync(path);
  if (way === 'flipped') {
    const at = path.endsWith('.log') ? bytes.length - 3 : bytes.length >> 1;
    if (bytes.length > 0) bytes[at] = (bytes[at] as number) ^ 0xff;
    writeFileSync(path, bytes);
    return;
  }
  // A log is cut where a batch ends: nothing in the file shows it.
  const last = path.endsWith('.log') ? [...iterateBatches(bytes)].at(-1)?.position : undefined;
  writeFileSync(path, bytes.subarray(0, way === 'empty' ? 0 : (last ?? bytes.length >> 1)));
}

function matching(directory: string, match: RegExp): string[] {
  return readdirSync(directory)
    .filter((name) => match.test(name))
    .map((name) => join(directory, name));
}

/** Changes of the metadata, so that snapshots are written and the log has a tail. */
async function changeMetadata(times: number): Promise<void> {
  for (const until = performance.now() + 30_000; times > 0;) {
    const value = 1_000_000_000 + count++;
    const configEntries = [{ name: 'retention.bytes', value: String(value) }];
    try {
      await bench.admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: TOPIC, configEntries }] });
      acknowledged = value;
      times--;
    } catch (error) {
      // The client may be connected to the broker that was killed last.
      if (performance.now() > until) throw error;
      await later(100);
    }
  }
}

/** These brokers return the value that was acknowledged last. One that applies it later than the controller arrives; a lost one does not. */
async function expectMetadata(nodes: readonly number[] = [1, 2, 3]): Promise<void> {
  for (const node of nodes) {
    // A broker that has just started may not answer yet.
    const read = (): Promise<unknown> => bench.configAt(node, TOPIC, 'retention.bytes').catch(String);
    await expect.poll(read, { timeout: 20_000, interval: 50 }).toBe(String(acknowledged));
  }
}

const stop = (node: number): Promise<unknown> => bench.cluster.control('POST', `/nodes/${node}/stop`);

/** The node votes, and its replica is in sync again. */
async function recovered(node: number): Promise<void> {
  const file = join(data, `node-${node}`, METADATA_DIRECTORY, 'quorum-state');
  const votes = (): boolean => {
    const state = existsSync(file) ? parseQuorumState(readFileSync(file)) : 'missing';
    return typeof state === 'object' && state.votesFrom !== NO_VOTE;
  };
  await expect.poll(votes, { timeout: 30_000, interval: 50 }).toBe(true);
  await bench.whole(TOPIC, 30_000);
}

beforeAll(async () => {
  const config = join(root, 'server.properties');
  writeFileSync(config, 'metadata.log.max.record.bytes.between.snapshots=2000\n');
  bench = await FaultBench.start(['--data', data, '--config', config]);
  await bench.topic(TOPIC, { 'segment.bytes': '1048576', 'retention.ms': '-1' });
  writer = await bench.writer(TOPIC);
  await writer.more(5);
  await changeMetadata(60);
});
afterAll(async () => {
  await bench.close();
  rmSync(root, { recursive: true, force: true });
});

/** Ends the node in one of two ways, damages what it left, starts it and waits until it is whole again. */
async function damageAndStart(node: number, how: 'stop' | 'kill', whileDown: () => Promise<void>): Promise<void> {
  if (how === 'stop') await stop(node);
  else await bench.cluster.kill(node);
  try {
    await whileDown();
  } finally {
    await bench.cluster.startNode(node);
  }
  await recovered(node);
}

test.each(METADATA.flatMap((row, number) => WAYS.map((way, index) => ({ ...row, way, index, number }))))(
  'metadata: $what $way, with others beside it: the node fetches what it lacks, and votes again',
  async ({ what, files, voter, way, index, number }) => {
    const role = ROLES[(number + index) % 2] as Role;
    const [controller, other] = await bench.controllerFirst();
    const node = role === 'leader' ? controller : other;
    const directory = join(data, `node-${node}`, METADATA_DIRECTORY);
    await changeMetadata(3);
    let snapshots = 0;
    let activeBytes = 0;
    const from = (await bench.timeline()).at(-1)?.id ?? 0;
    await damageAndStart(node, index % 2 === 0 ? 'stop' : 'kill', async () => {
      snapshots = matching(directory, SNAPSHOT).length;
      activeBytes = Math.min(
        ...matching(directory, LOG)
          .slice(-1)
          .map((file) => statSync(file).size),
      );
      for (const { match, which } of files) {
        // A segment that was rolled for a snapshot may be empty yet.
        const path = matching(directory, match)
          .filter((file) => statSync(file).size > 0)
          .at(which === 'first' ? 0 : -1);
        if (path === undefined) throw new Error(`no ${what} in ${readdirSync(directory).join()}`);
        damage(path, way);
      }
      for (const [one, rebuilt] of REBUILT.entries())
        for (const file of matching(directory, rebuilt)) damage(file, WAYS[(index + one + number) % 4] as Way);
      for (const [one, name] of BESIDE.entries()) {
        const file = join(data, `node-${node}`, name);
        if (existsSync(file)) damage(file, WAYS[(index + one + number) % 4] as Way);
      }
      if (index % 2 === 0) await writer.more(2);
    });
    await expectMetadata();
    const events = await bench.timeline(from);
    const reported = events.filter(({ type, topic }) => type === 'node/corruptionFound' && topic === '__cluster_metadata');
    // A node that has just fetched its metadata has one snapshot, and needs it. Where no record follows a snapshot, it replaces the whole log.
    const isReplaced = activeBytes === 0 && files.some(({ match }) => match === LOG);
    const noticed = (voter && !isReplaced) || (snapshots === 1 && files.some(({ match }) => match === SNAPSHOT));
    expect(reported.map(({ reason }) => reason)).toEqual(noticed ? [expect.stringContaining(directory)] : []);
  },
);

test('each node becomes active controller without having lost a setting that was acknowledged', async () => {
  const seen = new Set<number>();
  for (let round = 0; seen.size < 3 && round < 20; round++) {
    const [controller, ...others] = await bench.controllerFirst();
    seen.add(controller);
    await expectMetadata();
    await changeMetadata(1);
    await stop(controller);
    await expectMetadata(others);
    await bench.cluster.startNode(controller);
    await recovered(controller);
  }
  expect(seen.size).toBe(3);
  await expectMetadata();
});

test('meta.properties in any way: the node stays down, the message names the file, the others serve', async () => {
  const [, node] = await bench.controllerFirst();
  const file = join(data, `node-${node}`, 'meta.properties');
  await damageAndStart(node, 'stop', async () => {
    const before = readFileSync(file);
    for (const way of WAYS) {
      damage(file, way);
      await expect(bench.cluster.startNode(node), way).rejects.toThrow(file);
      expect(await bench.stateOf(node)).toBe('failed');
      await writer.more(2);
      writeFileSync(file, before);
    }
  });
});

test('the active segment in any way, on a leader and on a follower: what was acknowledged is read from the others', async () => {
  const values = ['one', 'two', 'three'];
  const topics = WAYS.flatMap((way) =>
    ROLES.map((role) => ({ way, topic: `active-${way}-${role}`, replicas: role === 'leader' ? [1, 2, 3] : [2, 3, 1] })),
  );
  for (const { topic, replicas } of topics) await bench.topic(topic, {}, replicas);
  const producer = bench.client().producer();
  await producer.connect();
  for (const value of values) {
    const topicMessages = topics.map(({ topic }) => ({ topic, messages: [{ value, partition: 0 }] }));
    await producer.sendBatch({ acks: -1, topicMessages });
  }
  await producer.disconnect();
  for (const { topic } of topics) await bench.whole(topic);
  await damageAndStart(1, 'stop', () => {
    for (const { topic, way } of topics) damage(join(data, 'node-1', `${topic}-0`, '00000000000000000000.log'), way);
    return Promise.resolve();
  });
  for (const { topic } of topics) expect([topic, await bench.read(topic)]).toEqual([topic, values]);
  for (const { topic } of topics) await bench.whole(topic);
});

test('every file in the data directory of a node is in a list of this test or of damage.test.ts', () => {
  const partition = /\.(log|index|timeindex|txnindex|snapshot)$|^leader-epoch-checkpoint$|^partition\.metadata$|^closed-segments$/;
  for (const node of [1, 2, 3]) {
    for (const entry of readdirSync(join(data, `node-${node}`), { withFileTypes: true })) {
      if (!entry.isDirectory()) {
        if (!BESIDE.includes(entry.name) && entry.name !== 'meta.properties') unlisted.add(entry.name);
        continue;
      }
      if (entry.name.endsWith('-damaged')) continue;
      const isMetadata = entry.name === METADATA_DIRECTORY;
      for (const name of readdirSync(join(data, `node-${node}`, entry.name))) {
        if (partition.test(name) || (isMetadata && METADATA.some(({ files }) => files.some(({ match }) => match.test(name))))) continue;
        unlisted.add(`${entry.name}/${name}`);
      }
    }
  }
  expect([...unlisted]).toEqual([]);
});

test('a consumer reads every acknowledged record once', async () => {
  const acked = await writer.stop();
  expectAll(acked, await bench.read(TOPIC));
});
