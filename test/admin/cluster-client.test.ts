import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ClusterClient, type ClusterMetadata } from '../../electron/admin/cluster-client.ts';
import { ZERO_UUID } from '../../electron/cluster/protocol/uuid.ts';
import { SmallBroker } from './small-broker.ts';

/** Above what many readings take of which one was late, below the time at which a silent broker is given up. */
const SOON_MS = 2_000;
const T = 'AAAAAAAAAAAAAAAAAAAAAQ';
const U = 'AAAAAAAAAAAAAAAAAAAAAg';

let brokers: [SmallBroker, SmallBroker, SmallBroker];
let ports: number[];
let client: ClusterClient;

beforeEach(async () => {
  brokers = [new SmallBroker(), new SmallBroker(), new SmallBroker()];
  ports = await Promise.all(brokers.map((broker) => broker.listen()));
  for (const broker of brokers) say(broker, 0);
  client = new ClusterClient({ bootstrap: ports.map((port) => `127.0.0.1:${port}`).join(), clientId: 'test' });
});
afterEach(async () => {
  client.close();
  await Promise.all(brokers.map((broker) => broker.close()));
});

/** Which brokers there are, and one topic of one partition. */
function say(broker: SmallBroker, leaderEpoch: number, topicId = T, listed = [1, 2, 3]): void {
  broker.metadata = {
    brokers: listed.map((nodeId) => ({ nodeId, host: '127.0.0.1', port: ports[nodeId - 1] as number })),
    topics: [{ errorCode: 0, name: 'orders', topicId, partitions: [partition(leaderEpoch)] }],
  };
}

function partition(leaderEpoch: number) {
  return { errorCode: 0, partitionIndex: 0, leaderId: 1, leaderEpoch, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] };
}

const epochIn = (answer: ClusterMetadata): number | undefined => answer.topics[0]?.partitions[0]?.leaderEpoch;

/** The epochs of so many readings, and how long all of them took. */
async function readings(count: number): Promise<{ epochs: (number | undefined)[]; ms: number }> {
  const epochs: (number | undefined)[] = [];
  const from = performance.now();
  for (let i = 0; i < count; i++) epochs.push(epochIn(await client.metadata(null)));
  return { epochs, ms: performance.now() - from };
}

/** Without the one request on each connection that finds out the broker's cluster. */
const readingsServed = (): number => brokers.reduce((sum, { requests, connections }) => sum + requests - connections, 0);

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe('a broker that is silent', () => {
  test.each(['before it was ever reached', 'after it had answered'])('costs the delay once, and never its timeout, %s', async (when) => {
    if (when !== 'before it was ever reached') await readings(10);
    brokers[0].frozen = true;
    expect((await readings(60)).ms).toBeLessThan(SOON_MS);
  });

  test('receives one request at a time, whichever client sends it', async () => {
    await readings(20);
    brokers[0].frozen = true;
    const before = brokers[0].requests;
    await readings(100);
    await Promise.all(times(100, null).map(() => client.describeCluster()));
    expect(brokers[0].requests - before).toBeLessThanOrEqual(1);
  });

  test('receives requests again after it has answered', async () => {
    brokers[0].frozen = true;
    await readings(20);
    brokers[0].frozen = false;
    const before = brokers[0].requests;
    // A request to it by its id fails at its timeout, and does not wait for the earlier responses.
    await expect.poll(() => client.metadataFrom(1, []).catch(() => null), { timeout: 10_000 }).not.toBeNull();
    await readings(50);
    expect(brokers[0].requests - before).toBeGreaterThan(5);
  });

  test('while all brokers are silent, each has one request and all callers receive an error in time', async () => {
    await readings(20);
    for (const broker of brokers) broker.frozen = true;
    const requests = (): number => brokers.reduce((sum, broker) => sum + broker.requests, 0);
    const before = requests();
    const first = client.metadata(null).catch((error: unknown) => error);
    await expect.poll(requests).toBe(before + 3);
    // The third is found to be late.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const others = times(20, null).map(() => client.metadata(null).catch((error: unknown) => error));
    for (const failure of await Promise.all([first, ...others])) expect(failure).toMatchObject({ app: { code: 'BROKER_UNREACHABLE' } });
    expect(requests()).toBe(before + 3);
  });
});

describe('a broker with stale metadata', () => {
  test('is skipped without a delay', async () => {
    for (const broker of [brokers[1], brokers[2]]) say(broker, 1);
    let first: number | undefined;
    while (first !== 1) first = epochIn(await client.metadata(null));
    const { epochs, ms } = await readings(50);
    expect(epochs).toEqual(times(50, 1));
    expect(ms).toBeLessThan(SOON_MS);
    expect(brokers[0].requests).toBeGreaterThan(1);
  });

  test('is skipped for its list of brokers too, also in requests for some topics', async () => {
    for (const broker of brokers) say(broker, 4);
    await client.metadata(null);
    say(brokers[0], 3, T, [1]);
    brokers[1].frozen = true;
    for (let i = 0; i < 10; i++) expect(epochIn(await client.metadata(['orders']))).toBe(4);
    expect(client.knownBrokers).toHaveLength(3);
  });

  test('is accepted while no other broker answers, and the newest of several stale responses is used', async () => {
    for (let epoch = 10; epoch < 100; epoch += 10) {
      for (const broker of brokers) say(broker, epoch);
      await client.metadata(null);
      say(brokers[0], epoch - 8);
      say(brokers[1], epoch - 7);
      say(brokers[2], epoch - 9);
      expect(epochIn(await client.metadata(null))).toBe(epoch - 7);
    }
    // Later responses are compared with it.
    expect((await readings(20)).epochs).toEqual(times(20, 83));
  });

  test('is accepted while the others are down', async () => {
    for (const broker of brokers) say(broker, 9);
    await client.metadata(null);
    say(brokers[0], 2);
    await Promise.all([brokers[1].close(), brokers[2].close()]);
    expect(epochIn(await client.metadata(null))).toBe(2);
  });
});

describe('a re-created topic', () => {
  test('with another id does not count as stale', async () => {
    for (const broker of brokers) say(broker, 9);
    await client.metadata(null);
    for (const broker of brokers) {
      say(broker, 0, U);
      broker.requests = broker.connections = 0;
    }
    expect(epochIn(await client.metadata(null))).toBe(0);
    expect(readingsServed()).toBe(1);
  });

  test('without an id, as with brokers before topic ids, is accepted', async () => {
    for (const broker of brokers) {
      broker.metadataVersion = 9;
      say(broker, 9, ZERO_UUID);
    }
    await client.metadata(null);
    for (const broker of brokers) say(broker, 0, ZERO_UUID);
    expect((await readings(20)).epochs).toEqual(times(20, 0));
  });

  test('with unknown epochs, as old brokers report them, is accepted', async () => {
    for (const broker of brokers) say(broker, 9);
    await client.metadata(null);
    say(brokers[0], -1);
    for (const broker of brokers) broker.requests = broker.connections = 0;
    await readings(40);
    expect(readingsServed()).toBe(40);
  });
});
