/** What a former leader or coordinator answers counts as unknown where another broker knows of its successor. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { readConfirmedBounds, readConfirmedCommitted } from '../../electron/admin/confirmed-reads.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { SmallBroker } from './small-broker.ts';
import { LargeCluster } from '../helpers/large-cluster.ts';

const KNOWN = { start: 0n, end: 10_000n, stable: null };
const GROUP = 'group-000000';

let cluster: LargeCluster;
let client: ClusterClient;

beforeEach(() => start(3));
afterEach(stop);

async function start(brokers: number, groups = 1): Promise<void> {
  cluster = new LargeCluster({ brokers, topics: 1, partitionsPerTopic: 1, groups, topicsPerGroup: 1, activeTopics: 0, activeGroups: 0 });
  const [first = ''] = (await cluster.start()).split(',');
  client = new ClusterClient({ bootstrap: first, clientId: 'confirmed' });
  await client.metadata(null);
}

async function stop(): Promise<void> {
  client.close();
  await cluster.stop();
}

async function bounds(): Promise<unknown> {
  const answer = await readConfirmedBounds(client, 1, [{ topic: 'topic-000000', partition: 0, leaderEpoch: 1 }], false);
  return answer.get('topic-000000')?.get(0);
}

test('the bounds of a leader count until another broker knows of a later leader epoch', async () => {
  expect(await bounds()).toEqual(KNOWN);
  // The leader itself still answers in its own epoch.
  cluster.newestEpoch = 2;
  expect(await bounds()).toEqual({ error: 'FENCED_LEADER_EPOCH' });
  cluster.newestEpoch = 0;
  expect(await bounds()).toEqual(KNOWN);
});

test('the offsets of a coordinator count until another broker knows of another coordinator', async () => {
  expect([...(await readConfirmedCommitted(client, 1, [GROUP])).keys()]).toEqual([GROUP]);
  cluster.movedGroups.set(GROUP, 2);
  expect([...(await readConfirmedCommitted(client, 1, [GROUP])).keys()]).toEqual([]);
});

test('a former coordinator of 1,200 groups is found after three samples at most, and then none of its moved groups counts', async () => {
  await stop();
  await start(2, 2_400);
  const groups = Array.from({ length: 1_200 }, (_, i) => `group-${String(i * 2).padStart(6, '0')}`);
  const read = async (): Promise<Set<string>> => new Set((await readConfirmedCommitted(client, 1, groups)).keys());
  expect((await read()).size).toBe(1_200);
  // In the first part, in the last one, and in none but the second.
  for (const moved of [
    groups.slice(0, 300),
    groups.slice(1_100),
    groups.slice(600, 601),
    [...groups.slice(0, 2), ...groups.slice(1_198)],
  ]) {
    cluster.movedGroups.clear();
    for (const group of moved) cluster.movedGroups.set(group, 2);
    const left = [await read(), await read(), await read()];
    expect(left.some((ids) => moved.every((group) => !ids.has(group)))).toBe(true);
    expect(left.every((ids) => groups.every((group) => moved.includes(group) || ids.has(group)))).toBe(true);
  }
});

test('a moved group that was found does not count again while it is listed at its former coordinator', async () => {
  await stop();
  await start(2, 2_400);
  const groups = Array.from({ length: 1_200 }, (_, i) => `group-${String(i * 2).padStart(6, '0')}`);
  const [first = ''] = groups;
  const read = async (): Promise<boolean> => (await readConfirmedCommitted(client, 1, groups)).has(first);
  cluster.movedGroups.set(first, 2);
  // As many samples as there are parts.
  expect([await read(), await read(), await read()]).toEqual([false, false, false]);
  cluster.movedGroups.clear();
  expect(await read()).toBe(true);
  // One part again.
  cluster.resetRequests();
  expect(await read()).toBe(true);
  expect(cluster.requests.get('FindCoordinator')).toBe(1);
});

test('one part of many groups is confirmed by each sample', async () => {
  await stop();
  await start(2, 2_400);
  const groups = Array.from({ length: 1_200 }, (_, i) => `group-${String(i * 2).padStart(6, '0')}`);
  cluster.resetRequests();
  await readConfirmedCommitted(client, 1, groups);
  expect(cluster.requests.get('FindCoordinator')).toBe(1);
});

test('the only broker of a cluster needs no confirmation, and is not asked for it', async () => {
  await stop();
  await start(1);
  cluster.newestEpoch = 2;
  cluster.resetRequests();
  expect(await bounds()).toEqual(KNOWN);
  expect([...cluster.requests.keys()]).toEqual(['ListOffsets']);
});

test('a broker that was silent is not waited for', async () => {
  await stop();
  await start(2);
  const frozen = new SmallBroker();
  const port = await frozen.listen();
  cluster.newestEpoch = 2;
  frozen.frozen = true;
  cluster.redirect(2, port);
  try {
    await client.metadata(null);
    // The first confirmation finds it silent, the second does without it.
    await bounds();
    await expect(client.anyBroker(metadata, { topics: [], allowAutoTopicCreation: false }, { except: 1 })).rejects.toMatchObject({
      app: { code: 'NOT_CONNECTED' },
    });
    expect(await bounds()).toEqual(KNOWN);
  } finally {
    await frozen.close();
  }
});

test('a broker that becomes silent does not delay the offsets until its own limit', async () => {
  await stop();
  await start(2);
  const frozen = new SmallBroker();
  cluster.redirect(2, await frozen.listen());
  frozen.frozen = true;
  try {
    await client.metadata(null);
    const order: string[] = [];
    const silence = client.metadataFrom(2, []).catch(() => order.push('the limit of the silent broker'));
    order.push(JSON.stringify(Object.keys((await bounds()) as object)));
    await silence;
    expect(order).toEqual(['["start","end","stable"]', 'the limit of the silent broker']);
  } finally {
    await frozen.close();
  }
});

test('a leader epoch counts as later only where metadata named one', async () => {
  const answer = await readConfirmedBounds(client, 1, [{ topic: 'topic-000000', partition: 0, leaderEpoch: -1 }], false);
  expect(answer.get('topic-000000')?.get(0)).toEqual(KNOWN);
});

test('where no other broker answers, the answer of the leader counts', async () => {
  await stop();
  await start(2);
  cluster.newestEpoch = 2;
  await cluster.stopBroker(2);
  expect(await bounds()).toEqual(KNOWN);
});
