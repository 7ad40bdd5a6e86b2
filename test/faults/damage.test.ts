/**
 * Files of a node that are missing, empty, cut or flipped when it starts: a real consumer reads every acknowledged record all the same, from the
 * leader as from a follower, and a file that cannot be recovered is named.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { decodeRecords } from '../../electron/cluster/protocol/records-reader.ts';
import { FaultBench, later } from '../helpers/fault-bench.ts';

const WAYS = ['missing', 'empty', 'cut', 'flipped'] as const;
type Way = (typeof WAYS)[number];
/** Which file of a partition's directory, by its end; the second of those that are closed. */
const FILES = ['.log', '.index', '.timeindex', '.snapshot', 'leader-epoch-checkpoint', 'partition.metadata', 'closed-segments'] as const;
/** Beside the partitions' directories. */
const CHECKPOINTS = [
  'recovery-point-offset-checkpoint',
  'replication-offset-checkpoint',
  'log-start-offset-checkpoint',
  'log-summary-checkpoint',
] as const;
/** The node that leads every topic, and one that follows. */
const NODES = { leader: 1, follower: 2 } as const;
const ROUNDS = 10;

interface Case {
  topic: string;
  file: string;
  way: Way;
  node: number;
}

const cases: Case[] = Object.entries(NODES).flatMap(([role, node]) =>
  FILES.flatMap((file) => WAYS.map((way) => ({ topic: `${role}${file.replace(/[^a-z]/g, '-')}-${way}`, file, way, node }))),
);
const data = mkdtempSync(join(tmpdir(), 'brokerdesk-damage-'));
const acked = new Map<string, string[]>(cases.map(({ topic }) => [topic, []]));
let bench: FaultBench;

function damage(path: string, way: Way): void {
  const bytes = readFileSync(path);
  if (way === 'missing') {
    rmSync(path);
    return;
  }
  if (way === 'flipped') {
    const at = path.endsWith('.log') ? bytes.length - 3 : bytes.length >> 1;
    bytes[at] = (bytes[at] as number) ^ 0xff;
    writeFileSync(path, bytes);
    return;
  }
  // A log is cut where a batch ends: nothing in the file shows it.
  const [, second] = path.endsWith('.log') ? [...iterateBatches(bytes)] : [];
  const file = openSync(path, 'r+');
  ftruncateSync(file, way === 'empty' ? 0 : (second?.position ?? bytes.length >> 1));
  closeSync(file);
}

function pathOf({ topic, file, node }: Case): string {
  const directory = join(data, `node-${node}`, `${topic}-0`);
  const names = readdirSync(directory).filter((name) => name.endsWith(file));
  const name = names[Math.min(1, names.length - 1)];
  if (name === undefined) throw new Error(`${directory} has no ${file}`);
  return join(directory, name);
}

async function restart(args: readonly string[] = ['--data', data]): Promise<void> {
  bench = await FaultBench.start(args);
}

/** The values that the broker itself serves, as a consumer that may read from followers gets them; and the error that it ends with. */
async function readAt(node: number, topic: string): Promise<{ values: string[]; errorCode: number }> {
  const port = Number(bench.cluster.bootstrap.split(',')[node - 1]?.split(':')[1]);
  const address = { host: '127.0.0.1', port };
  const client = new PeerClient({ network: tcpNetwork(), clock: systemClock, random: systemRandom(), address, clientId: 'reader' });
  const values: string[] = [];
  try {
    for (let fetchOffset = 0n; ;) {
      const topics = [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }];
      const answer = await client.send(fetch, 12, { maxWaitMs: 10, minBytes: 1, maxBytes: 1 << 20, topics }, { timeoutMs: 5_000 });
      const [partition] = answer.responses[0]?.partitions ?? [];
      const batches = [...iterateBatches(partition?.records ?? Buffer.alloc(0))];
      for (const batch of batches) for (const { value } of decodeRecords(batch, 1 << 20)) values.push(value?.toString() ?? '');
      const last = batches.at(-1);
      if (partition === undefined || partition.errorCode !== ErrorCode.NONE || last === undefined)
        return { values, errorCode: partition?.errorCode ?? answer.errorCode };
      fetchOffset = last.lastOffset + 1n;
    }
  } finally {
    client.close();
  }
}

/** What a consumer group reads of all topics from the beginning. */
async function consumeAll(): Promise<Map<string, string[]>> {
  const read = new Map<string, string[]>(cases.map(({ topic }) => [topic, []]));
  const consumer = bench.client().consumer({ groupId: `auditor-${Math.random()}`, maxWaitTimeInMs: 50 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: cases.map(({ topic }) => topic), fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ topic, message }) => void read.get(topic)?.push(message.value?.toString() ?? ''),
    });
    const until = performance.now() + 60_000;
    const lacking = (): boolean => cases.some(({ topic }) => (read.get(topic)?.length ?? 0) < (acked.get(topic)?.length ?? 0));
    while (lacking() && performance.now() < until) await later(50);
  } finally {
    await consumer.disconnect();
  }
  return read;
}

async function write(): Promise<void> {
  const producer = bench.client().producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let round = 0; round < ROUNDS; round++) {
    // Two batches to a segment, by their timestamps.
    const timestamp = String(1_700_000_000_000 + (round >> 1) * 60_000 + round);
    await producer.sendBatch({
      acks: -1,
      topicMessages: cases.map(({ topic }) => ({ topic, messages: [{ key: 'k', value: `${topic} ${round}`, partition: 0, timestamp }] })),
    });
    for (const { topic } of cases) acked.get(topic)?.push(`${topic} ${round}`);
  }
  await producer.disconnect();
}

beforeAll(async () => {
  await restart();
  await bench.admin.createTopics({
    waitForLeaders: true,
    topics: cases.map(({ topic }) => ({
      topic,
      replicaAssignment: [{ partition: 0, replicas: [1, 2, 3] }],
      configEntries: [
        { name: 'min.insync.replicas', value: '2' },
        { name: 'segment.ms', value: '10000' },
        { name: 'retention.ms', value: '-1' },
        { name: 'index.interval.bytes', value: '0' },
      ],
    })),
  });
  await write();
});
afterAll(async () => {
  await bench.close();
  rmSync(data, { recursive: true, force: true });
});

describe('a whole cluster starts with files that are not what they were', () => {
  beforeAll(async () => {
    for (const { topic } of cases.slice(0, 3)) await bench.whole(topic);
    await bench.admin.disconnect();
    expect(await bench.cluster.stop()).toBe(0);
    for (const one of cases) damage(pathOf(one), one.way);
    for (const [index, name] of CHECKPOINTS.entries()) damage(join(data, 'node-3', name), WAYS[index] as Way);
    await restart();
  });

  test('a consumer reads every acknowledged record, in order', async () => {
    const read = await consumeAll();
    expect(Object.fromEntries(read)).toEqual(Object.fromEntries(acked));
  });

  test('each node serves all of them from its own files, and none passes over a record meanwhile', async () => {
    for (const node of [1, 2, 3]) {
      for (const { topic } of cases) {
        const expected = acked.get(topic) ?? [];
        for (const until = performance.now() + 30_000; ;) {
          const { values, errorCode } = await readAt(node, topic);
          expect(values).toEqual(expected.slice(0, values.length));
          if (values.length === expected.length) break;
          expect([
            ErrorCode.KAFKA_STORAGE_ERROR,
            ErrorCode.NOT_LEADER_OR_FOLLOWER,
            ErrorCode.NONE,
            ErrorCode.OFFSET_OUT_OF_RANGE,
          ]).toContain(errorCode);
          if (performance.now() > until) throw new Error(`node ${node} has ${values.length} of ${expected.length} records of ${topic}`);
          await later(100);
        }
      }
    }
  });

  test('the timeline names each closed segment that was damaged, and its repair', async () => {
    const damaged = cases.filter(({ file }) => file === '.log');
    // A broker serves the repaired records before the event of the repair has reached the timeline.
    const found = async (): Promise<unknown[]> => {
      const events = await bench.timeline();
      const of = ({ topic, node }: Case) => events.filter((event) => event.topic === topic && event.node === node);
      return damaged.map((one) => [one.topic, of(one).map(({ type }) => type)]);
    };
    const expected = damaged.map(({ topic }) => [topic, ['node/corruptionFound', 'node/segmentRepaired']]);
    await expect.poll(found, { timeout: 30_000 }).toEqual(expected);
  });
});

describe('a whole cluster starts with a file that must not be guessed', () => {
  const QUORUM_STATE = '__cluster_metadata-0/quorum-state';
  const stop = async (): Promise<void> => {
    await bench.admin.disconnect();
    expect(await bench.cluster.stop()).toBe(0);
  };

  test('meta.properties of node 3: the other two start and serve, and the message names the file', async () => {
    const file = join(data, 'node-3', 'meta.properties');
    const before = readFileSync(file);
    await stop();
    writeFileSync(file, '');
    await restart();
    expect(await bench.stateOf(3)).toBe('failed');
    const [failed] = (await bench.timeline()).filter(({ type }) => type === 'node/failed');
    expect(failed).toMatchObject({ broker: 3, reason: expect.stringContaining(file) });
    expect(failed?.reason).toContain('Restore the file');
    const topic = cases[0]?.topic ?? '';
    const producer = bench.client().producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    await producer.send({ topic, acks: -1, messages: [{ value: 'without node 3', partition: 0 }] });
    await producer.disconnect();
    acked.get(topic)?.push('without node 3');
    expect((await bench.read(topic)).at(-1)).toBe('without node 3');
    writeFileSync(file, before);
    await bench.cluster.startNode(3);
    await bench.whole(topic);
  });

  test('quorum-state of two voters: nothing starts, the message names both files; of one: all three start', async () => {
    const files = [1, 2].map((node) => join(data, `node-${node}`, QUORUM_STATE)) as [string, string];
    await stop();
    const before = files.map((file) => readFileSync(file));
    for (const file of files) writeFileSync(file, '{"leaderEpoch":');
    const refused: unknown = await FaultBench.start(['--data', data]).catch((error: unknown) => error);
    for (const [index, file] of files.entries()) expect(String(refused)).toContain(`node ${index + 1}: ${file} cannot be read`);
    expect(String(refused)).toContain('2 of 3 voters');
    for (const file of files) expect(readFileSync(file, 'utf8')).toBe('{"leaderEpoch":');
    writeFileSync(files[0], before[0] ?? '');
    await restart();
    for (const node of [1, 2, 3]) expect(await bench.stateOf(node)).toBe('running');
    const found = (await bench.timeline()).filter(({ type, topic }) => type === 'node/corruptionFound' && topic === '__cluster_metadata');
    expect(found.map(({ reason }) => reason)).toEqual([expect.stringContaining(files[1])]);
    const topic = cases[0]?.topic ?? '';
    await bench.whole(topic);
    expect(await bench.read(topic)).toEqual(acked.get(topic));
  });
});
