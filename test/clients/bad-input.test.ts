/** What bad input gets from a real node: a closed connection or one of Kafka's codes with a message for people, and nothing else suffers. */
import { readFileSync } from 'node:fs';
import { Kafka, logLevel, type Admin, type KafkaJSProtocolError } from 'kafkajs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { alterConfigs } from '../../electron/cluster/protocol/apis/alter-configs.ts';
import { apiVersions } from '../../electron/cluster/protocol/apis/api-versions.ts';
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { allApis } from '../../electron/cluster/protocol/apis/index.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { ClusterProcess, type ControlNode } from '../helpers/cluster-process.ts';
import { makeMessage } from '../helpers/messages.ts';
import { RawClient } from '../helpers/raw-client.ts';

let cluster: ClusterProcess;
let kafka: Kafka;
let admin: Admin;
let ports: { broker: number; controller: number };
const clients: RawClient[] = [];

beforeAll(async () => {
  cluster = await ClusterProcess.start();
  kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING });
  admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'bystander', numPartitions: 3, replicationFactor: 3 }] });
  const [first] = (await cluster.nodes()) as (ControlNode & { port: number; controllerPort: number })[];
  ports = { broker: first?.port ?? 0, controller: first?.controllerPort ?? 0 };
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  await admin.disconnect();
  await cluster.stop();
});

async function open(port = ports.broker): Promise<RawClient> {
  const client = await RawClient.open(port);
  clients.push(client);
  return client;
}

/** Another client notices nothing: a write with acks=all works, every node runs. */
async function othersAreWell(): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: 'bystander', acks: -1, messages: [0, 1, 2].map((partition) => ({ partition, value: 'x' })) });
  await producer.disconnect();
  expect((await cluster.nodes()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
}

function residentMb(): number {
  return (Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${cluster.line.pid}/status`, 'utf8'))?.[1]) * 1024) / 1e6;
}

function frame(length: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(length);
  return Buffer.concat([head, body]);
}

/** A request header of version 1 and a body, framed. */
function request(apiKey: number, version: number, body: Uint8Array): Buffer {
  const header = Buffer.alloc(10);
  header.writeInt16BE(apiKey, 0);
  header.writeInt16BE(version, 2);
  header.writeInt32BE(7, 4);
  header.writeInt16BE(-1, 8);
  return frame(header.length + body.length, Buffer.concat([header, body]));
}

async function ask<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q): Promise<S> {
  const client = await open();
  client.send(...encodeRequest(api, version, { correlationId: 9, clientId: 'bad-input' }, body));
  expect(await client.until(() => client.frames.length > 0)).toBe(true);
  return decodeResponse(api, version, client.frames[0] as Buffer).body;
}

describe('bytes that are no request', () => {
  test.each([
    ['a negative length', frame(-1), 'frame length -1'],
    ['a length above socket.request.max.bytes', frame(104_857_601), 'socket.request.max.bytes'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'frame of'],
    ['TLS', Buffer.from('16030100a5010000a10303', 'hex'), 'frame of'],
    ['a frame too short for a header', frame(3, Buffer.alloc(3)), ''],
    ['an empty frame', frame(0), ''],
    ['an API that does not exist', request(9_999, 0, Buffer.alloc(0)), 'no API with key 9999'],
    ['a negative API key', request(-1, 0, Buffer.alloc(0)), 'no API with key -1'],
    ['a version that is yet to come', request(3, 99, Buffer.alloc(0)), 'Metadata version 99'],
    ['a request that ends too early', request(3, 1, Buffer.from([0, 0])), ''],
    ['an array of 2^31-1 topics', request(3, 1, Buffer.from('7fffffff', 'hex')), ''],
  ])('%s closes its connection, and the reason is logged', async (_what, bytes, reason) => {
    for (const port of [ports.broker, ports.controller]) {
      const before = cluster.stderr.length;
      const client = await open(port);
      client.send(bytes);
      expect(await client.isClosed()).toBe(true);
      // The line comes by way of the node's worker, its supervisor and a pipe.
      const logged = (): string => /connection closed.*/.exec(cluster.stderr.slice(before))?.[0] ?? '';
      await expect.poll(logged, { timeout: 20_000 }).toContain('connection closed');
      if (port === ports.broker) expect(logged()).toContain(reason);
    }
    await othersAreWell();
  });

  test('ApiVersions of a version that is yet to come is answered all the same (KIP-511)', async () => {
    const client = await open();
    client.send(request(18, 99, Buffer.alloc(0)));
    expect(await client.until(() => client.frames.length > 0)).toBe(true);
    const { body } = decodeResponse(apiVersions, 0, client.frames[0] as Buffer);
    expect(body.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION);
    expect(body.apiKeys).toMatchObject([{ apiKey: 18 }]);
  });

  test('half a frame, byte by byte, on many connections delays no other client and takes little memory', async () => {
    const before = residentMb();
    const slow = await Promise.all(Array.from({ length: 100 }, () => open()));
    const half = request(3, 1, Buffer.alloc(50));
    for (let at = 0; at < 30; at++) {
      for (const client of slow) client.send(half.subarray(at, at + 1));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await othersAreWell();
    expect(slow.some(({ closed }) => closed)).toBe(false);
    expect(residentMb() - before).toBeLessThan(100);
  });

  test('a long frame that never ends holds what was sent of it, and gives it back', async () => {
    const client = await open();
    await client.sendAll(frame(90_000_000));
    const chunk = Buffer.alloc(1_000_000);
    const before = residentMb();
    for (let i = 0; i < 60; i++) await client.sendAll(chunk);
    await othersAreWell();
    expect(residentMb() - before).toBeLessThan(200);
    client.close();
  });

  test('a client that asks and never reads is not answered without end', async () => {
    const before = residentMb();
    const client = await open();
    const [chunk] = encodeRequest(apiVersions, 0, { correlationId: 1, clientId: null }, {});
    const many = Buffer.concat(Array.from({ length: 2_000 }, () => chunk as Uint8Array));
    client.pause();
    for (let i = 0; i < 200; i++) client.send(many);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await othersAreWell();
    expect(residentMb() - before).toBeLessThan(150);
  });
});

describe('noise', () => {
  const random = seededRandom(20_26);
  const FATAL = /request failed|invariant|assert|the worker ended|metadata change was not applied/;

  test('random bytes', async () => {
    for (let round = 0; round < 60; round++) {
      const client = await open(round % 3 === 0 ? ports.controller : ports.broker);
      const bytes = Buffer.from(random.bytes(1 + random.int(2_000)));
      client.send(round % 2 === 0 ? bytes : frame(bytes.length, bytes));
      await client.until(() => client.closed || client.frames.length > 0, 30);
      client.close();
    }
    await othersAreWell();
    expect(cluster.stderr).not.toMatch(FATAL);
  });

  test('every API that is offered, in every version, with random content', { timeout: 180_000 }, async () => {
    const { apiKeys } = await ask(apiVersions, 0, {});
    let answered = 0;
    let asked = 0;
    for (const { apiKey, minVersion, maxVersion } of apiKeys) {
      const api: Api | undefined = allApis.find((one: Api) => one.key === apiKey);
      if (api === undefined) continue;
      for (let version = Math.max(minVersion, api.minVersion); version <= Math.min(maxVersion, api.maxVersion); version++) {
        for (let round = 0; round < 3; round++) {
          const message = makeMessage(api.request, version, random);
          // A fetch may wait as long as it says.
          for (const wait of ['maxWaitMs', 'timeoutMs', 'rebalanceTimeoutMs', 'sessionTimeoutMs']) if (wait in message) message[wait] = 10;
          const bytes = Buffer.concat(
            encodeRequest(api as Api<unknown, unknown, unknown, never>, version, { correlationId: 5, clientId: 'noise' }, message),
          );
          if (round === 2) for (let flips = 0; flips < 3; flips++) bytes[4 + random.int(bytes.length - 4)] = random.int(256);
          const client = await open();
          client.send(bytes);
          asked++;
          if ((await client.until(() => client.closed || client.frames.length > 0, 300)) && client.frames.length > 0) answered++;
          client.close();
        }
      }
    }
    console.log(`noise: ${asked} requests, ${answered} answered`);
    expect(answered).toBeGreaterThan(asked / 4);
    await othersAreWell();
    expect(cluster.stderr).not.toMatch(FATAL);
  });
});

describe('requests that are understood and refused', () => {
  const topic = (name: string, more: Record<string, unknown> = {}) => ({
    topics: [{ name, numPartitions: 1, replicationFactor: 3, assignments: [], configs: [], ...more }],
    timeoutMs: 5_000,
    validateOnly: false,
  });

  test.each([
    ['a name with a space', topic('my topic'), ErrorCode.INVALID_TOPIC_EXCEPTION, /space/],
    ['more replicas than brokers', topic('four', { replicationFactor: 4 }), ErrorCode.INVALID_REPLICATION_FACTOR, /3 live brokers/],
    ['no partitions', topic('none', { numPartitions: 0 }), ErrorCode.INVALID_PARTITIONS, /partition/],
    ['a setting that does not exist', topic('odd', { configs: [{ name: 'no.such', value: '1' }] }), ErrorCode.INVALID_CONFIG, /no\.such/],
    [
      'a value that cannot be',
      topic('odd', { configs: [{ name: 'retention.ms', value: 'long' }] }),
      ErrorCode.INVALID_CONFIG,
      /retention\.ms/,
    ],
    ['an existing topic', topic('bystander'), ErrorCode.TOPIC_ALREADY_EXISTS, /bystander/],
  ])('%s', async (_what, body, code, message) => {
    const answer = await ask(createTopics, 7, body);
    expect(answer.topics[0]).toMatchObject({ errorCode: code, errorMessage: expect.stringMatching(message) });
  });

  test('more replicas than live brokers, while one is down', { timeout: 120_000 }, async () => {
    await cluster.kill(3);
    try {
      // Until its session has ended it counts as alive.
      const tried = async () => (await ask(createTopics, 7, { ...topic('three'), validateOnly: true })).topics[0];
      await expect.poll(async () => (await tried())?.errorCode, { timeout: 60_000 }).toBe(ErrorCode.INVALID_REPLICATION_FACTOR);
      expect((await tried())?.errorMessage).toMatch(/2 live brokers/);
    } finally {
      await cluster.startNode(3);
    }
    await othersAreWell();
  });

  test('an unknown setting of a topic that exists', async () => {
    const resources = [{ resourceType: 2, resourceName: 'bystander', configs: [{ name: 'nonsense', value: '1' }] }];
    const answer = await ask(alterConfigs, 2, { resources, validateOnly: false });
    expect(answer.responses[0]).toMatchObject({ errorCode: ErrorCode.INVALID_CONFIG, errorMessage: expect.stringContaining('nonsense') });
  });

  test('kafkajs shows the code as its own', async () => {
    const refused = await admin.createTopics({ topics: [{ topic: 'bad name' }] }).catch((error: unknown) => error);
    const cause = (refused as { errors?: KafkaJSProtocolError[] }).errors?.[0] ?? (refused as KafkaJSProtocolError);
    expect(cause.type).toBe('INVALID_TOPIC_EXCEPTION');
  });
});
