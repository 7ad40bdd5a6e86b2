/**
 * 1,000 topics of 10 partitions, replicated to three nodes of one process: created, restarted after a clean shutdown, and restarted
 * after kill -9. Every figure is printed; "writable" means that each of the 10,000 partitions has taken a record with acks=all. Aims: a
 * stop in well under 10 s, a restart in 7 s on an idle machine of two cores; asserted wider, since this one is shared. That the clean stop
 * was one is asserted by what it left and by what the nodes of the next start say.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';

const TOPICS = 1_000;
const PARTITIONS = 10;
/** Topics of one CreateTopics request. */
const AT_ONCE = 100;
const LIMIT_MS = 60_000;

let directory: string;
let cluster: ClusterProcess | undefined;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'brokerdesk-many-'));
});
afterAll(async () => {
  await cluster?.stop({ timeoutMs: 120_000 });
  rmSync(directory, { recursive: true, force: true });
}, 180_000);

test(`${TOPICS} topics of ${PARTITIONS} partitions, three replicas each`, async () => {
  cluster = await start();
  const created = performance.now();
  await create(cluster);
  const writableAt = performance.now();
  const createMs = writableAt - created;
  report('created', createMs, cluster);
  await untilWritable(cluster);
  report('first record in each after', performance.now() - writableAt, cluster);

  const stopping = performance.now();
  expect(await cluster.stop({ timeoutMs: 120_000 })).toBe(0);
  console.log(`clean stop: ${seconds(performance.now() - stopping)}`);
  for (const node of [1, 2, 3]) expect(readdirSync(join(directory, `node-${node}`))).toContain('.kafka_cleanshutdown');

  const clean = await restart('clean restart');
  expect(await recoveries(cluster)).toBe(0);
  await cluster.crash();
  const crashed = await restart('restart after kill -9');
  expect(await recoveries(cluster)).toBe(3);
  expect(clean).toBeLessThan(LIMIT_MS);
  expect(crashed).toBeLessThan(LIMIT_MS);
}, 600_000);

function start(): Promise<ClusterProcess> {
  return ClusterProcess.start(['--brokers', '3', '--data', directory], { timeoutMs: 180_000 });
}

/** From the start of the process until every partition has taken a record. */
async function restart(what: string): Promise<number> {
  const begin = performance.now();
  cluster = await start();
  const readyMs = performance.now() - begin;
  await untilWritable(cluster);
  const writableMs = performance.now() - begin;
  report(`${what}: nodes ready ${seconds(readyMs)}, every partition writable`, writableMs, cluster);
  return writableMs;
}

/** Nodes that had to check the ends of their logs when they started. */
async function recoveries(running: ClusterProcess): Promise<number> {
  const entries = await running.control<{ type: string }[]>('GET', '/timeline');
  return entries.filter(({ type }) => type === 'node/logRecovered').length;
}

function report(what: string, ms: number, { line }: ClusterProcess): void {
  const rss = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${line.pid}/status`, 'utf8'))?.[1]) / 1000;
  console.log(`${what} ${seconds(ms)}; ${rss.toFixed(0)} MB resident, ${readdirSync(`/proc/${line.pid}/fd`).length} open files`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function connect(address: string): PeerClient {
  const [host = '', port = ''] = address.split(':');
  return new PeerClient({
    network: tcpNetwork(),
    clock: systemClock,
    random: systemRandom(),
    address: { host, port: Number(port) },
    clientId: 'many-partitions',
  });
}

async function create({ bootstrap }: ClusterProcess): Promise<void> {
  const client = connect(bootstrap.split(',')[0] as string);
  try {
    for (let first = 0; first < TOPICS; first += AT_ONCE) {
      const topics = Array.from({ length: AT_ONCE }, (_, index) => ({
        name: `topic-${first + index}`,
        numPartitions: PARTITIONS,
        replicationFactor: 3,
        assignments: [],
        configs: [],
      }));
      const answer = await client.send(createTopics, 7, { topics, timeoutMs: 60_000, validateOnly: false }, { timeoutMs: 60_000 });
      // A slow request is retried at the controller.
      const failed = answer.topics.filter(({ errorCode }) => errorCode !== ErrorCode.NONE && errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS);
      expect(failed).toEqual([]);
    }
  } finally {
    client.close();
  }
}

/** Writes one record to every partition with acks=all, again where it was refused, until all have one. */
async function untilWritable({ bootstrap }: ClusterProcess): Promise<void> {
  const clients = bootstrap.split(',').map(connect);
  const records = buildBatch({ records: [{ key: null, value: Buffer.from('here') }], timestamp: BigInt(Date.now()) });
  const missing = new Set<string>();
  for (let topic = 0; topic < TOPICS; topic++)
    for (let partition = 0; partition < PARTITIONS; partition++) missing.add(`topic-${topic}/${partition}`);
  try {
    while (missing.size > 0) {
      const sent = await leaders(clients, missing);
      await Promise.all(
        [...sent].map(async ([address, topics]) => {
          const client = clients[bootstrap.split(',').indexOf(address)];
          if (client === undefined) return;
          const answer = await client
            .send(
              produce,
              12,
              {
                acks: -1,
                timeoutMs: 5_000,
                topicData: [...topics].map(([name, indexes]) => ({ name, partitionData: indexes.map((index) => ({ index, records })) })),
              },
              { timeoutMs: 15_000 },
            )
            .catch(() => undefined);
          for (const { name, partitionResponses } of answer?.responses ?? [])
            for (const { index, errorCode } of partitionResponses) if (errorCode === ErrorCode.NONE) missing.delete(`${name}/${index}`);
        }),
      );
      if (missing.size > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    for (const client of clients) client.close();
  }
}

/** Partitions of `missing` that have a leader: by its address, by topic. */
async function leaders(clients: readonly PeerClient[], missing: ReadonlySet<string>): Promise<Map<string, Map<string, number[]>>> {
  const found = new Map<string, Map<string, number[]>>();
  const image = await clients[0]
    ?.send(metadata, 12, { topics: null, allowAutoTopicCreation: false }, { timeoutMs: 15_000 })
    .catch(() => undefined);
  const addresses = new Map(image?.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]));
  for (const { name, partitions } of image?.topics ?? []) {
    for (const { partitionIndex, leaderId } of partitions) {
      const address = addresses.get(leaderId);
      if (name === null || address === undefined || !missing.has(`${name}/${partitionIndex}`)) continue;
      let topics = found.get(address);
      if (topics === undefined) found.set(address, (topics = new Map()));
      const indexes = topics.get(name);
      if (indexes === undefined) topics.set(name, [partitionIndex]);
      else indexes.push(partitionIndex);
    }
  }
  return found;
}
