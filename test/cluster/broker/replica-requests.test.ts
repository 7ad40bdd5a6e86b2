/** Contracts between the parts of a replica manager: what wakes waiting fetches, and when fetchers end. */
import { describe, expect, test } from 'vitest';
import type { FetchEntry, FetchResult } from '../../../electron/cluster/broker/fetch-session.ts';
import type { FetchParameters } from '../../../electron/cluster/broker/partition-reads.ts';
import { ReplicaFetcherManager } from '../../../electron/cluster/broker/replica-fetcher-manager.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { TestCluster, TOPIC, TOPIC_ID } from './harness.ts';

const CLIENT = { requiredAcks: 1, timeoutMs: 1000, origin: 'client' as const };
const FOLLOWER: FetchParameters = {
  replicaId: 2,
  replicaEpoch: -1n,
  maxWaitMs: 1000,
  minBytes: 1,
  maxBytes: 1_000_000,
  readCommitted: false,
  readsFollowers: false,
  clientRack: '',
};

function entry(partition: number): FetchEntry {
  return {
    topic: TOPIC,
    topicId: TOPIC_ID,
    partition,
    currentLeaderEpoch: -1,
    fetchOffset: 0n,
    lastFetchedEpoch: -1,
    logStartOffset: 0n,
    maxBytes: 1_000_000,
  };
}

function append(partition: number) {
  const records = buildBatch({ records: [{ value: Buffer.from('a') }] });
  return { topic: TOPIC, topicId: TOPIC_ID, partition, records };
}

/** Broker 1 leads three partitions; the fetch of its only follower, broker 2, waits. */
function waitingFetch() {
  const cluster = new TestCluster({ brokers: 1 });
  cluster.createTopic([1, 2], [1, 2], [1, 2]);
  const { replicas } = cluster.broker(1);
  let results: FetchResult[] | undefined;
  const answer = replicas.fetches.fetch(FOLLOWER, [entry(0), entry(1), entry(2)]);
  const answered = Promise.resolve(answer).then((done) => (results = done));
  return { replicas, answered, filled: () => results?.map(({ response }) => Number(response.records?.length) > 0) };
}

describe('the waiting fetch of a follower', () => {
  test('is answered once for all partitions of a produce request', async () => {
    const { replicas, answered, filled } = waitingFetch();
    expect(replicas.waiting.replicaFetches).toBe(1);
    void replicas.appends.append(CLIENT, [append(0), append(2)]);
    expect(replicas.waiting.replicaFetches).toBe(0);
    await answered;
    expect(filled()).toEqual([true, false, true]);
  });

  test.each(['appendEntry', 'appendAs'] as const)('is answered at once by %s, without another call', async (how) => {
    const { replicas, answered, filled } = waitingFetch();
    const partition = replicas.partition(TOPIC, 1);
    if (partition === undefined) throw new Error('no partition 1');
    const { records } = append(1);
    if (how === 'appendEntry') replicas.appends.appendEntry(CLIENT, append(1));
    else replicas.appends.appendAs(partition, 0, records, { ...CLIENT, origin: 'coordinator' });
    expect(replicas.waiting.replicaFetches).toBe(0);
    await answered;
    expect(filled()).toEqual([false, true, false]);
  });

  test('is answered although an append of the request fails', async () => {
    const { replicas, answered, filled } = waitingFetch();
    const results = await replicas.appends.append(CLIENT, [append(0), { ...append(1), records: null }, append(9)]);
    expect(results.map(({ errorCode }) => errorCode === 0)).toEqual([true, false, false]);
    expect(replicas.waiting.replicaFetches).toBe(0);
    await answered;
    expect(filled()).toEqual([true, false, false]);
  });
});

describe('the fetchers of a broker', () => {
  function followers() {
    const cluster = new TestCluster({ brokers: 2 });
    cluster.createTopic([1, 2], [1, 2]);
    const partitions = [cluster.partition(2, 0), cluster.partition(2, 1)] as const;
    const links = { opened: 0, closed: 0 };
    const fetchers = new ReplicaFetcherManager({
      brokerId: 2,
      brokerEpoch: () => 20n,
      connect: () => {
        links.opened++;
        return { send: () => new Promise<never>(() => undefined), close: () => links.closed++ };
      },
      clock: cluster.clock,
      disk: { admit: () => undefined },
      logger: silentLogger,
      settings: {
        replicaFetchWaitMaxMs: 500,
        replicaFetchMinBytes: 1,
        replicaFetchMaxBytes: 1000,
        replicaFetchResponseMaxBytes: 1000,
        replicaFetchBackoffMs: 100,
        replicaSocketTimeoutMs: 1000,
      },
      throttle: { limitsFetching: false, waitMs: () => 0, fetched: () => undefined },
    });
    return { cluster, partitions, links, fetchers };
  }

  test('keep the connection where a change takes one partition and adds another', async () => {
    const { cluster, partitions, links, fetchers } = followers();
    fetchers.follow(partitions[0]);
    await cluster.clock.advance(10);
    fetchers.change(() => {
      fetchers.unfollow(partitions[0]);
      fetchers.follow(partitions[1]);
    });
    await cluster.clock.advance(10);
    expect(links).toEqual({ opened: 1, closed: 0 });
    fetchers.close();
  });

  test('close the connection with the last partition, in a change that fails and without a change', async () => {
    for (const fails of [true, false]) {
      const { cluster, partitions, links, fetchers } = followers();
      fetchers.follow(partitions[0]);
      await cluster.clock.advance(10);
      const change = (): void =>
        fetchers.change(() => {
          fetchers.unfollow(partitions[0]);
          throw new Error('the change failed');
        });
      if (fails) expect(change).toThrow('the change failed');
      else fetchers.unfollow(partitions[0]);
      expect(links).toEqual({ opened: 1, closed: 1 });
      fetchers.close();
    }
  });
});
