/** Brokers of two clusters behind one connection: the other cluster's are refused, and nothing that they answer is mixed in. */
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { ClusterIdentity } from '../../electron/admin/cluster-identity.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import { describeCluster } from '../../electron/cluster/protocol/apis/describe-cluster.ts';
import { Reach } from '../../electron/services/view/reach.ts';
import { emptyState } from '../../electron/services/view/state.ts';
import { assessBrokers, describeOtherClusters } from '../../shared/health.ts';
import { SmallBroker } from './small-broker.ts';
import { buildView } from '../helpers/built-view.ts';

const READINGS = 30;
const opened: SmallBroker[] = [];
const clients: ClusterClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(opened.splice(0).map((broker) => broker.close()));
});

async function openBroker(): Promise<{ broker: SmallBroker; port: number }> {
  const broker = new SmallBroker();
  opened.push(broker);
  return { broker, port: await broker.listen() };
}

/** What the broker answers: its cluster's id, and the brokers at these ports, from id 1 on. */
function join(broker: SmallBroker, clusterId: string | null, ports: readonly number[]): void {
  broker.metadata = { clusterId, brokers: ports.map((port, index) => ({ nodeId: index + 1, host: '127.0.0.1', port })), topics: [] };
}

function connect(ports: readonly number[], identity?: ClusterIdentity): ClusterClient {
  const shared = identity === undefined ? {} : { identity };
  const client = new ClusterClient({ bootstrap: ports.map((port) => `127.0.0.1:${port}`).join(), clientId: 'test', ...shared });
  clients.push(client);
  return client;
}

async function clusterIds(client: ClusterClient, count = READINGS): Promise<Set<string | null>> {
  const ids = new Set<string | null>();
  for (let i = 0; i < count; i++) ids.add((await client.metadata(null)).clusterId);
  return ids;
}

const codeOf = (error: unknown): string => (error instanceof AdminError ? error.app.code : String(error));

const DESCRIBE = { includeClusterAuthorizedOperations: false, endpointType: 1, includeFencedBrokers: false };

/** Cluster A, whose broker 2 advertises the port of a broker of cluster B. */
async function mixedClusters() {
  const [a, b] = [await openBroker(), await openBroker()];
  join(a.broker, 'A', [a.port, b.port]);
  join(b.broker, 'B', [b.port]);
  return { a, b };
}

describe('a broker that advertises a port of another cluster', () => {
  test('is not asked for anything, and its cluster is named', async () => {
    const { a, b } = await mixedClusters();
    const client = connect([a.port]);
    expect(await clusterIds(client)).toEqual(new Set(['A']));
    await expect(client.onBroker(2, describeCluster, DESCRIBE)).rejects.toMatchObject({
      app: {
        code: 'OTHER_CLUSTER',
        message: `127.0.0.1:${b.port} belongs to cluster B, not to cluster A of this connection.`,
      },
    });
    await expect(client.onBroker(1, describeCluster, DESCRIBE)).resolves.toMatchObject({ errorCode: 0 });
    // One question for its id; nothing of the cluster's own.
    expect(b.broker.requests).toBe(b.broker.connections);
  });

  test('is unreachable for every page, which say why in one sentence', async () => {
    const { a, b } = await mixedClusters();
    const client = connect([a.port]);
    const state = emptyState();
    state.metadata = await client.metadata(null);
    state.clusterId = state.metadata.clusterId;
    const reach = new Reach(state.unreachable, state.otherClusters);
    const read = async (): Promise<void> => {
      for (const answer of await client.everyBroker(describeCluster, DESCRIBE)) {
        reach.note(answer.broker, 'error' in answer ? answer.error : null);
      }
    };
    await read();
    const view = buildView({ id: 'c', name: 'c', kind: 'remote', bootstrap: '', colour: 'flow' }, state);
    expect(view.brokers.map(({ id, state: shown }) => [id, shown])).toEqual([
      [1, 'online'],
      [2, 'unreachable'],
    ]);
    expect([...assessBrokers(view.brokers).unreachable]).toEqual([2]);
    expect(describeOtherClusters(view)).toBe(
      `Broker 2 advertises 127.0.0.1:${b.port}, where cluster B answers, not A. Nothing is read from there. Correct the advertised listeners of the broker.`,
    );
    // Once it advertises its own port the sentence ends.
    const own = await openBroker();
    join(own.broker, 'A', [a.port, own.port]);
    join(a.broker, 'A', [a.port, own.port]);
    state.metadata = await client.metadata(null);
    await read();
    expect(describeOtherClusters(buildView(view.connection, state))).toBeNull();
  });

  test('is not taken for the cluster while all brokers of the cluster are down', async () => {
    const { a } = await mixedClusters();
    const client = connect([a.port]);
    await clusterIds(client);
    await a.broker.close();
    await expect(client.metadata(null)).rejects.toMatchObject({ app: { code: 'BROKER_UNREACHABLE' } });
  });
});

/** Cluster A of two brokers, at the address of whose broker 2 a broker of cluster B answers later. */
async function replaceSecond(): Promise<{ ports: [number, number]; replace: () => Promise<void> }> {
  const [first, second] = [await openBroker(), await openBroker()];
  const ports: [number, number] = [first.port, second.port];
  for (const { broker } of [first, second]) join(broker, 'A', ports);
  return {
    ports,
    replace: async () => {
      await second.broker.close();
      opened.splice(opened.indexOf(second.broker), 1);
      const other = new SmallBroker();
      opened.push(other);
      await other.listen(second.port);
      join(other, 'B', [second.port]);
    },
  };
}

describe('a former address of the cluster at which another cluster answers', () => {
  test('is refused after a connection that was closed while nothing was asked', async () => {
    const { ports, replace } = await replaceSecond();
    const client = connect(ports);
    await client.metadata(null);
    await client.onBroker(2, describeCluster, DESCRIBE);
    await replace();
    const outcomes = new Set<string>();
    const ask = (): Promise<string> => client.onBroker(2, describeCluster, DESCRIBE).then(() => 'answered', codeOf); // prettier-ignore
    // A request that is sent before the end of the connection was noticed fails otherwise.
    await setTimeout(50);
    await expect.poll(async () => [...outcomes.add(await ask())].at(-1)).toBe('OTHER_CLUSTER');
    expect(outcomes).not.toContain('answered');
  });

  test('is not taken for the cluster by a read that leaves out the broker that answers', async () => {
    const { ports, replace } = await replaceSecond();
    const client = connect(ports);
    await client.metadata(null);
    await client.onBroker(2, describeCluster, DESCRIBE);
    await replace();
    await expect
      .poll(() => client.anyBroker(describeCluster, DESCRIBE, { except: 1 }).then(() => '', String)) // prettier-ignore
      .toContain('belongs to cluster B');
    expect(await clusterIds(client)).toEqual(new Set(['A']));
  });

  test('is not taken for the cluster by a client that knows this address only', async () => {
    const { ports, replace } = await replaceSecond();
    const identity = new ClusterIdentity();
    const client = connect([ports[0]], identity);
    await client.metadata(null);
    await client.onBroker(2, describeCluster, DESCRIBE);
    const other = connect([ports[1]], identity);
    await other.anyBroker(describeCluster, DESCRIBE);
    await replace();
    await expect
      .poll(() => other.anyBroker(describeCluster, DESCRIBE).then(() => '', String)) // prettier-ignore
      .toContain('belongs to cluster B');
    expect(await clusterIds(client)).toEqual(new Set(['A']));
  });
});

describe('a saved bootstrap list of two clusters', () => {
  test('is a connection to one of them for every client, also while the first address is slow or down', async () => {
    const [a, b] = [await openBroker(), await openBroker()];
    join(a.broker, 'A', [a.port]);
    join(b.broker, 'B', [b.port]);
    const identity = new ClusterIdentity();
    const first = await clusterIds(connect([a.port, b.port], identity));
    const second = await clusterIds(connect([b.port, a.port], identity));
    expect(first.size).toBe(1);
    expect(second).toEqual(first);
    const [id] = first;
    const [own, other] = id === 'A' ? [a, b] : [b, a];
    await own.broker.close();
    await expect(connect([own.port, other.port], identity).metadata(null)).rejects.toMatchObject({ app: { code: 'BROKER_UNREACHABLE' } });
  });
});

describe('a cluster that was re-created at the same addresses', () => {
  test('is read under its new id', async () => {
    const [a, other] = [await openBroker(), await openBroker()];
    for (const { broker } of [a, other]) join(broker, 'old', [a.port, other.port]);
    const client = connect([a.port, other.port]);
    expect(await clusterIds(client)).toEqual(new Set(['old']));
    for (const { broker, port } of [a, other]) {
      await broker.close();
      opened.splice(opened.indexOf(broker), 1);
      const next = new SmallBroker();
      opened.push(next);
      await next.listen(port);
      join(next, 'new', [a.port, other.port]);
    }
    await expect
      .poll(
        () =>
          client.metadata(null).then(
            ({ clusterId }) => clusterId,
            () => null,
          ),
        { timeout: 10_000 },
      )
      .toBe('new');
    expect(await clusterIds(client)).toEqual(new Set(['new']));
  });
});

test.each([
  ['names no cluster', (broker: SmallBroker) => join(broker, null, [])],
  ['speaks no version of Metadata that names one', (broker: SmallBroker) => (broker.metadataVersion = 1)],
])('a broker that %s is used', async (_what, prepare) => {
  const { broker, port } = await openBroker();
  join(broker, 'A', [port]);
  prepare(broker);
  await expect(connect([port]).metadata([])).resolves.toMatchObject({ brokers: expect.any(Array) as unknown });
});
