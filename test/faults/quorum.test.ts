/**
 * A metadata quorum of three on the running product, with kafkajs as the client. Without one node metadata can be changed. Without two it
 * cannot, requests fail in bounded time, and partitions with a leader stay available. When one node returns, everything is available.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { describeQuorum } from '../../electron/cluster/protocol/apis/describe-quorum.ts';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { decodeRecords } from '../../electron/cluster/protocol/records-reader.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { RawClient } from '../helpers/raw-client.ts';

interface Node {
  id: number;
  role: string | null;
  port: number;
  leadsSince?: number | null;
}

/** Within which a request of 2 s is refused: 2 s on an idle machine. A request that is not bounded waits for 30 s. */
const BOUND_MS = 20_000;

let directory: string;
let cluster: ClusterProcess;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'brokerdesk-quorum-'));
  cluster = await ClusterProcess.start(['--data', directory]);
}, 120_000);
afterAll(async () => {
  await cluster.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function nodes(): Promise<Node[]> {
  return (await cluster.nodes()) as unknown as Node[];
}

/** The nodes, the active controller first. While an election runs there is none. */
async function controllerFirst(): Promise<[Node, Node, Node]> {
  return eventually('a node leads the quorum', 60_000, async () => {
    const all = await nodes();
    const leader = all.find(({ role }) => role === 'leader');
    if (leader === undefined) throw new Error(`no leader among ${JSON.stringify(all)}`);
    return [leader, ...all.filter(({ id }) => id !== leader.id)] as [Node, Node, Node];
  });
}

/** CreateTopics by one broker; the topic's error, its message, and how long that took. */
async function create(port: number, name: string, timeoutMs: number): Promise<{ code: number; message: string | null; ms: number }> {
  const client = await RawClient.open(port);
  try {
    const from = performance.now();
    const topics = [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }];
    client.send(...encodeRequest(createTopics, 7, { correlationId: 1, clientId: 'test' }, { topics, timeoutMs, validateOnly: false }));
    await client.until(() => client.frames.length > 0, 30_000);
    const [frame] = client.frames;
    if (frame === undefined) throw new Error('no answer within 30 s');
    const [topic] = decodeResponse(createTopics, 7, frame).body.topics;
    return { code: topic?.errorCode ?? -1, message: topic?.errorMessage ?? null, ms: performance.now() - from };
  } finally {
    client.close();
  }
}

async function eventually<T>(what: string, limitMs: number, attempt: () => Promise<T>): Promise<T> {
  const until = performance.now() + limitMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > until) throw new Error(`${what}: not within ${limitMs} ms`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

test('kill one, kill two, start one', { timeout: 300_000 }, async () => {
  const [leader, second, survivor] = await controllerFirst();
  expect(leader.leadsSince).toBeGreaterThan(Date.now() - 120_000);
  const kafka = (port: number): Kafka => new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry: { retries: 2 } });
  const all = kafka(survivor.port);
  const admin: Admin = all.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [
      { topic: 'shared', replicaAssignment: [{ partition: 0, replicas: [survivor.id, second.id, leader.id] }] },
      { topic: 'own', replicaAssignment: [{ partition: 0, replicas: [survivor.id] }] },
    ],
    waitForLeaders: true,
  });
  const producer = all.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const write = async (topic: string, value: string, acks: number): Promise<number> => {
    const [written] = await producer.send({ topic, acks, timeout: 3_000, messages: [{ value }] });
    return written!.errorCode;
  };
  expect(await write('shared', 'with three', -1)).toBe(0);

  // One node, the quorum leader: metadata can still be changed.
  await cluster.kill(leader.id);
  const from = performance.now();
  await eventually('a topic is created after the quorum lost its leader', 60_000, async () => {
    expect((await create(survivor.port, 'after-one', 2_000)).code).toBeOneOf([ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS]);
  });
  const tookMs = Math.round(performance.now() - from);
  // The dead broker leaves the ISR, so that acks=all writes succeed.
  await eventually('acks=all with two of three', 60_000, () => write('shared', 'with two', -1));

  // Two: nothing can be changed, and that is said in time.
  await cluster.kill(second.id);
  const refused = await create(survivor.port, 'after-two', 2_000);
  expect(refused).toMatchObject({ code: ErrorCode.REQUEST_TIMED_OUT });
  expect(refused.message).toMatch(/majority/);
  expect(refused.ms).toBeLessThan(BOUND_MS);
  // Well after every session has expired: partitions with a leader stay available.
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  const again = await create(survivor.port, 'after-two', 2_000);
  expect(again).toMatchObject({ code: ErrorCode.REQUEST_TIMED_OUT });
  expect(again.ms).toBeLessThan(BOUND_MS);
  expect(await write('shared', 'with one, acks=1', 1)).toBe(0);
  expect(await write('own', 'alone, acks=all', -1)).toBe(0);
  expect(await read(survivor.port, 'shared')).toContain('with three');
  expect(await read(survivor.port, 'own')).toEqual(['alone, acks=all']);

  // One node returns: everything is available, and no acknowledged record is missing.
  await cluster.startNode(second.id);
  await eventually('a topic is created with two of three', 60_000, async () => {
    expect((await create(survivor.port, 'resumed', 2_000)).code).toBeOneOf([ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS]);
  });
  await eventually('acks=all with two of three', 60_000, () => write('shared', 'resumed', -1));
  const values = await read(survivor.port, 'shared');
  for (const value of ['with three', 'with two', 'with one, acks=1', 'resumed']) expect(values).toContain(value);
  await cluster.startNode(leader.id);
  await expect
    .poll(() => admin.listTopics(), { timeout: 60_000 })
    .toEqual(expect.arrayContaining(['after-one', 'resumed', 'shared', 'own']));
  await Promise.all([producer.disconnect(), admin.disconnect()]);
  console.log('quorum of three:', JSON.stringify({ topicCreatedAfterKillMs: tookMs, refusedAfterMs: Math.round(refused.ms) }));
});

test('a node whose whole directory was deleted comes back, and its vote is worth something again', { timeout: 300_000 }, async () => {
  const [leader, wiped, third] = await controllerFirst();
  const kafka = new Kafka({ brokers: [`127.0.0.1:${third.port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 3, replicationFactor: 3 }], waitForLeaders: true });
  const producer = kafka.producer();
  await producer.connect();
  for (let partition = 0; partition < 3; partition++) {
    await producer.send({ topic: 'kept', acks: -1, messages: [{ partition, value: `in ${partition}` }] });
  }
  await cluster.kill(wiped.id);
  rmSync(join(directory, `node-${wiped.id}`), { recursive: true });
  await cluster.startNode(wiped.id);
  await eventually('all three replicas are in sync again', 60_000, async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: ['kept'] });
    for (const { isr } of topics[0]!.partitions) expect(isr).toHaveLength(3);
  });
  // A new leader was elected meanwhile; without that leader the other two need its vote.
  await eventually('the wiped node may vote', 60_000, async () => {
    const state = JSON.parse(readFileSync(join(directory, `node-${wiped.id}`, '__cluster_metadata-0', 'quorum-state'), 'utf8')) as {
      votesFrom?: number;
    };
    expect(state.votesFrom).toBeLessThan(1_000);
    return Promise.resolve();
  });
  const [now] = await controllerFirst();
  expect(now.id).not.toBe(wiped.id);
  await cluster.kill(now.id);
  const alive = now.id === third.id ? leader : third;
  await eventually('a topic is created with the vote of the wiped node', 60_000, async () => {
    expect((await create(alive.port, 'with-its-vote', 2_000)).code).toBeOneOf([ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS]);
  });
  await cluster.startNode(now.id);
  await Promise.all([producer.disconnect(), admin.disconnect()]);
});

test('a fourth broker joins without a vote, and leaves', { timeout: 120_000 }, async () => {
  const voters = (await nodes()).map(({ id }) => id);
  await cluster.control('POST', '/nodes');
  const fourth = (await nodes()).find(({ id }) => !voters.includes(id))!;
  const kafka = new Kafka({ brokers: [`127.0.0.1:${fourth.port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'on-the-fourth', replicaAssignment: [{ partition: 0, replicas: [fourth.id] }] }] });
  const { brokers } = await admin.describeCluster();
  expect(brokers.map(({ nodeId }) => nodeId)).toContain(fourth.id);
  const partition = (await quorumState(fourth.port)).topics[0]!.partitions[0]!;
  expect(partition.currentVoters.map(({ replicaId }) => replicaId).sort()).toEqual(voters.sort());
  expect(partition.observers.map(({ replicaId }) => replicaId)).toEqual([fourth.id]);
  for (const replica of [...partition.currentVoters, ...partition.observers]) {
    expect(Number(replica.lastCaughtUpTimestamp)).toBeGreaterThan(Date.now() - 60_000);
  }
  await admin.deleteTopics({ topics: ['on-the-fourth'] });
  await admin.disconnect();
  await cluster.control('DELETE', `/nodes/${fourth.id}`);
  expect((await nodes()).map(({ id }) => id)).toEqual(voters);
  const observers = async (): Promise<unknown[]> => (await quorumState((await nodes())[0]!.port)).topics[0]!.partitions[0]!.observers;
  await expect.poll(observers, { timeout: 60_000 }).toEqual([]);
});

async function quorumState(port: number) {
  const client = await RawClient.open(port);
  try {
    const body = { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] };
    client.send(...encodeRequest(describeQuorum, 2, { correlationId: 1, clientId: 'test' }, body));
    await client.until(() => client.frames.length > 0);
    return decodeResponse(describeQuorum, 2, client.frames[0]!).body;
  } finally {
    client.close();
  }
}

/** All of partition 0, by a Fetch to one broker: a group's consumer would need metadata that is written. */
async function read(port: number, topic: string): Promise<string[]> {
  const client = await RawClient.open(port);
  try {
    const partition = { partition: 0, currentLeaderEpoch: -1, fetchOffset: 0n, partitionMaxBytes: 1 << 20 };
    const body = { maxWaitMs: 100, minBytes: 0, maxBytes: 1 << 20, topics: [{ topic, partitions: [partition] }] };
    client.send(...encodeRequest(fetch, 11, { correlationId: 1, clientId: 'test' }, body));
    await client.until(() => client.frames.length > 0);
    const answered = decodeResponse(fetch, 11, client.frames[0]!).body.responses[0]?.partitions[0];
    expect(answered?.errorCode).toBe(0);
    const values: string[] = [];
    for (const batch of iterateBatches(answered?.records ?? Buffer.alloc(0))) {
      for (const record of decodeRecords(batch, 1 << 20)) values.push(String(record.value));
    }
    return values;
  } finally {
    client.close();
  }
}
