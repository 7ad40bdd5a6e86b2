import { describe, expect, it } from 'vitest';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { describeQuorum } from '../../../electron/cluster/protocol/apis/describe-quorum.ts';
import { unregisterBroker } from '../../../electron/cluster/protocol/apis/unregister-broker.ts';
import { METADATA_TOPIC } from '../../../electron/cluster/quorum/raft-messages.ts';
import type { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { damageFile } from '../../helpers/metadata-damage.ts';
import { QuorumCluster, TestBroker, type TestNode } from '../../helpers/quorum-cluster.ts';
import { RaftCluster } from '../../helpers/raft-cluster.ts';

const text = (value: string): Buffer[] => [Buffer.from(value)];

describe('an observer of the quorum', () => {
  it('finds the leader through any voter, has all committed records, and does not count', async () => {
    const cluster = new RaftCluster(5, 3);
    await cluster.clock.advance(500);
    cluster.start(4);
    await cluster.clock.settled(cluster.leader!.raft.append(text('a')).committed, 500);
    await cluster.clock.advance(1500);
    expect(cluster.member(4).raft.status).toMatchObject({ role: 'follower', leaderId: cluster.leader!.id });
    expect(cluster.member(4).committed).toEqual(cluster.truth);
    const { voters, observers } = cluster.leader!.raft.describeReplicas()!;
    expect(voters.map(({ replicaId }) => replicaId)).toEqual([1, 2, 3]);
    expect(observers.map(({ replicaId, logEndOffset }) => [replicaId, logEndOffset])).toEqual([[4, 2n]]);
    expect(observers[0]!.lastCaughtUpTimestamp).toBeGreaterThan(0n);

    // The leader and the observer have the record: that is one of three voters.
    const leader = cluster.leader!;
    for (const { id } of cluster.running) if (id !== leader.id && id !== 4) cluster.crash(id);
    let committed = false;
    leader.raft.append(text('b')).committed.then(
      () => (committed = true),
      () => undefined,
    );
    await cluster.clock.advance(5000);
    expect(committed).toBe(false);
    expect(leader.raft.status.role).not.toBe('leader');
    expect(cluster.member(4).raft.status.role).toBe('unattached');
    expect(cluster.failures).toEqual([]);
  });

  it('follows from one leader to the next', async () => {
    const cluster = new RaftCluster(6, 3);
    cluster.start(4);
    for (let round = 0; round < 4; round++) {
      await cluster.clock.advance(3000);
      const leader = cluster.leader!;
      expect(cluster.member(4).raft.status.leaderId).toBe(leader.id);
      cluster.crash(leader.id);
      await cluster.clock.advance(3000);
      cluster.start(leader.id);
      await cluster.clock.settled(cluster.leader!.raft.append(text(`${round}`)).committed, 1000);
    }
    await cluster.clock.advance(1500);
    expect(cluster.member(4).committed).toEqual(cluster.truth);
    // It has opened no epoch of its own.
    expect([...cluster.leaders.values()]).not.toContain(4);
    expect(cluster.failures).toEqual([]);
  });

  it('returns with the same log after a crash, and never votes', async () => {
    const cluster = new RaftCluster(8, 3);
    cluster.start(4);
    await cluster.clock.advance(1000);
    cluster.crash(4);
    await cluster.clock.settled(cluster.leader!.raft.append(text('meanwhile')).committed, 500);
    cluster.start(4);
    await cluster.clock.advance(1500);
    expect(cluster.member(4).committed).toEqual(cluster.truth);
    expect(cluster.member(4).votes.read()).toMatchObject({ votedId: -1 });
  });
});

describe('a fourth broker beside three voters', () => {
  const describeIt = async (cluster: QuorumCluster, from: TestNode) => {
    const body = { topics: [{ topicName: METADATA_TOPIC, partitions: [{ partitionIndex: 0 }] }] };
    const answer = await cluster.clock.settled(from.quorum.channel.send(describeQuorum, 2, body, { timeoutMs: 2000 }), 2500);
    return answer.topics[0]!.partitions[0]!;
  };
  const unregister = (cluster: QuorumCluster, from: TestNode, brokerId: number) =>
    cluster.clock.settled(from.quorum.channel.send(unregisterBroker, 0, { brokerId }, { timeoutMs: 3000 }), 3500);

  it('registers, is unfenced, gets partitions, is listed among the observers, and is removed when it is unregistered', async () => {
    const cluster = new QuorumCluster(3, { seed: 4 });
    await cluster.withBrokers();
    const fourth = cluster.start(4);
    fourth.broker = new TestBroker(cluster, fourth);
    const registered = () => cluster.controller?.quorum.image().brokers.get(4);
    expect(await cluster.clock.until(() => registered()?.fenced === false, 5000, 20)).toBe(true);

    const body = {
      topics: [{ name: 't', numPartitions: 1, replicationFactor: 4, assignments: [], configs: [] }],
      timeoutMs: 3000,
      validateOnly: false,
    };
    const created = await cluster.clock.settled(fourth.quorum.channel.send(createTopics, 7, body, { timeoutMs: 3000 }), 3500);
    expect(created.topics[0]!.errorCode).toBe(0);
    await cluster.clock.advance(1000);
    expect(fourth.quorum.image().topics.get('t')!.partitions[0]!.replicas).toHaveLength(4);
    expect(fourth.quorum.image().offset).toBe(cluster.controller!.quorum.image().offset);

    const { currentVoters, observers } = await describeIt(cluster, fourth);
    expect(currentVoters.map(({ replicaId }) => replicaId)).toEqual([1, 2, 3]);
    expect(observers.map(({ replicaId }) => replicaId)).toEqual([4]);

    cluster.kill(4);
    const { errorCode } = await unregister(cluster, cluster.node(1), 4);
    expect(errorCode).toBe(0);
    expect(registered()).toBeUndefined();
    expect((await describeIt(cluster, cluster.node(1))).observers).toEqual([]);
    expect((await unregister(cluster, cluster.node(1), 4)).errorCode).toBe(102);
    expect(cluster.failures).toEqual([]);
  });

  it('keeps corrupt metadata that it moved aside until a start without corruption', async () => {
    const cluster = new QuorumCluster(3, { seed: 6 });
    await cluster.withBrokers();
    const start = async (): Promise<MemoryDisk> => {
      const fourth = cluster.start(4);
      fourth.broker = new TestBroker(cluster, fourth);
      expect(await cluster.clock.until(() => cluster.controller?.quorum.image().brokers.get(4)?.fenced === false, 5000, 20)).toBe(true);
      await cluster.clock.advance(1000);
      cluster.kill(4);
      await cluster.clock.advance(10_000);
      return fourth.disk;
    };
    const disk = await start();
    const file = '/data/__cluster_metadata-0/quorum-state';
    damageFile(disk, file, 'empty', cluster.random);
    await start();
    expect(disk.exists('/data/__cluster_metadata-0-damaged')).toBe(true);
    await start();
    expect(disk.exists('/data/__cluster_metadata-0-damaged')).toBe(false);
    expect(cluster.failures).toEqual([]);
  });

  it('registers again when it was unregistered while running, since its epoch is stale', async () => {
    const cluster = new QuorumCluster(3, { seed: 9 });
    await cluster.withBrokers();
    const fourth = cluster.start(4);
    fourth.broker = new TestBroker(cluster, fourth);
    const registered = () => cluster.controller?.quorum.image().brokers.get(4);
    await cluster.clock.until(() => registered()?.fenced === false, 5000, 20);
    const before = registered()!.epoch;
    expect((await unregister(cluster, cluster.node(2), 4)).errorCode).toBe(0);
    expect(await cluster.clock.until(() => registered()?.fenced === false && registered()!.epoch > before, 5000, 20)).toBe(true);
  });
});
