/** Bounds of logs, read from brokers that speak the protocol. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { readLogBounds, type LogBounds } from '../../electron/admin/topics.ts';
import { LargeCluster } from '../helpers/large-cluster.ts';

const TOPIC = 'topic-000000';
const KNOWN = { start: 0n, end: 10_000n, stable: 10_000n };

let cluster: LargeCluster;
let client: ClusterClient;

beforeEach(async () => {
  cluster = new LargeCluster({
    brokers: 1,
    topics: 1,
    partitionsPerTopic: 2,
    groups: 0,
    topicsPerGroup: 0,
    activeTopics: 0,
    activeGroups: 0,
  });
  client = new ClusterClient({ bootstrap: await cluster.start(), clientId: 'bounds' });
  await client.metadata(null);
});
afterEach(async () => {
  client.close();
  await cluster.stop();
});

async function read(...leaderEpochs: number[]): Promise<LogBounds[]> {
  const keys = leaderEpochs.map((leaderEpoch, partition) => ({ topic: TOPIC, partition, leaderEpoch }));
  const bounds = await readLogBounds(client, 1, keys, true);
  return [...(bounds.get(TOPIC)?.values() ?? [])];
}

test('bounds are unknown where the leader has another leader epoch than metadata (KIP-320)', async () => {
  cluster.leaderEpoch = 5;
  expect(await read(5, 5)).toEqual([KNOWN, KNOWN]);
  expect(await read(4, 5)).toEqual([{ error: 'FENCED_LEADER_EPOCH' }, KNOWN]);
  expect(await read(5, 6)).toEqual([KNOWN, { error: 'UNKNOWN_LEADER_EPOCH' }]);
});

test('bounds are read without a leader epoch where metadata names none', async () => {
  cluster.leaderEpoch = 5;
  expect(await read(-1, -1)).toEqual([KNOWN, KNOWN]);
});
