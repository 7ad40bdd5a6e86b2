import { describe, expect, it } from 'vitest';
import type { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { allocateProducerIds } from '../../../electron/cluster/protocol/apis/allocate-producer-ids.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { describeQuorum } from '../../../electron/cluster/protocol/apis/describe-quorum.ts';
import { electLeaders } from '../../../electron/cluster/protocol/apis/elect-leaders.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { ChangeKind } from '../../../electron/cluster/quorum/zookeeper-state/state.ts';
import { changeOf } from '../../../electron/cluster/quorum/zookeeper-state/transaction.ts';
import type { PartitionImage } from '../../../electron/cluster/quorum/image.ts';
import { QuorumCluster, TestBroker } from '../../helpers/quorum-cluster.ts';

const orders = (numPartitions = 6, replicationFactor = 3) => ({
  topics: [{ name: 'orders', numPartitions, replicationFactor, assignments: [], configs: [] }],
  timeoutMs: 5000,
  validateOnly: false,
});

function partitions(cluster: QuorumCluster, node = cluster.controller?.id ?? 1): readonly PartitionImage[] {
  return cluster.node(node).quorum.image().topics.get('orders')?.partitions ?? [];
}

async function threeBrokers(seed = 1): Promise<QuorumCluster> {
  const cluster = new QuorumCluster(3, { seed });
  await cluster.withBrokers();
  return cluster;
}

describe('a cluster of three nodes', () => {
  it('elects a controller and unfences every broker well within a second', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const cluster = await threeBrokers(seed);
      expect(cluster.clock.monotonic(), `seed ${seed}`).toBeLessThan(600);
      expect(cluster.failures).toEqual([]);
    }
  });

  it('creates a topic through any node, and every image has it', async () => {
    const cluster = await threeBrokers();
    for (const from of [1, 2, 3]) {
      const body = { ...orders(), topics: [{ ...orders().topics[0]!, name: `t${from}` }] };
      const answer = await cluster.send(from, createTopics, body);
      expect(answer.topics[0]).toMatchObject({ errorCode: 0, numPartitions: 6, replicationFactor: 3 });
    }
    await cluster.clock.advance(50);
    for (const node of cluster.nodes.values()) {
      expect([...node.quorum.image().topics.keys()]).toEqual(['t1', 't2', 't3']);
      expect(
        node.quorum
          .image()
          .topics.get('t1')!
          .partitions.map((one) => one.isr.length),
      ).toEqual([3, 3, 3, 3, 3, 3]);
    }
    expect(new Set([...cluster.nodes.values()].map((node) => JSON.stringify(plain(node.quorum.image())))).size).toBe(1);
  });

  it('answers DescribeQuorum from any node', async () => {
    const cluster = await threeBrokers();
    await cluster.clock.advance(2000);
    const follower = [1, 2, 3].find((id) => id !== cluster.controller!.id)!;
    const answer = await cluster.send(follower, describeQuorum, {
      topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
    });
    const partition = answer.topics[0]!.partitions[0]!;
    expect(partition).toMatchObject({ errorCode: 0, leaderId: cluster.controller!.id });
    expect(partition.currentVoters.map((voter) => voter.replicaId)).toEqual([1, 2, 3]);
    for (const voter of partition.currentVoters) expect(voter.logEndOffset).toBe(partition.highWatermark);
  });

  it('answers DescribeQuorum with an unknown high watermark until its leader has committed in its own epoch', async () => {
    const cluster = await threeBrokers();
    const old = cluster.controller!;
    cluster.kill(old.id);
    cluster.nodes.delete(old.id);
    const elected = () => [...cluster.nodes.values()].find(({ quorum }) => quorum.raft.status.role === 'leader');
    expect(await cluster.clock.until(() => elected() !== undefined, 10_000)).toBe(true);
    const leader = elected()!;
    const other = [...cluster.nodes.keys()].find((id) => id !== leader.id)!;
    // Without the other voter the new leader commits nothing.
    cluster.kill(other);
    const body = { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] };
    const ask = async () => (await cluster.send(leader.id, describeQuorum, body)).topics[0]!.partitions[0]!;
    expect(leader.quorum.raft.highWatermark).toBeGreaterThan(0n);
    expect(await ask()).toMatchObject({ errorCode: 0, leaderId: leader.id, highWatermark: -1n });
    expect(leader.quorum.describeQuorum().highWatermark).toBe(-1n);
    cluster.start(other);
    expect(await cluster.clock.until(() => leader.quorum.controller.isActive, 10_000)).toBe(true);
    expect((await ask()).highWatermark).toBe(leader.quorum.raft.highWatermark);
  });

  it('allocates blocks of producer ids that never overlap, across a change of controller', async () => {
    const cluster = await threeBrokers();
    const ask = async (id: number): Promise<bigint> => {
      const answer = await cluster.send(id, allocateProducerIds, { brokerId: id, brokerEpoch: cluster.node(id).broker!.epoch });
      expect(answer.errorCode).toBe(0);
      return answer.producerIdStart;
    };
    const first = [await ask(1), await ask(2), await ask(1)];
    expect(first).toEqual([0n, 1000n, 2000n]);
    const old = cluster.controller!;
    void old.quorum.raft.resign('the test says so');
    await cluster.clock.until(() => cluster.controller !== undefined && cluster.controller !== old, 2000);
    expect(await ask(3)).toBe(3000n);
  });
});

describe('a decision whose records no follower could fetch', () => {
  it('is refused with RECORD_LIST_TOO_LARGE before the log, and the next decision commits', async () => {
    const cluster = await threeBrokers();
    const { quorum } = cluster.controller!;
    const before = quorum.raft.logEndOffset;
    const changes = [{ ...changeOf(ChangeKind.create, '/large'), number: 31, data: new Uint8Array(33 * 1024 ** 2) }];
    const records = [{ type: 'NoOpRecord', value: { coordination: { zxid: before, time: 0n, changes } } }];
    const enqueue = Reflect.get(quorum.controller, 'enqueue') as (decide: () => unknown, admission: object) => Promise<unknown>;
    const decided = enqueue.call(quorum.controller, () => ({ records, response: undefined, events: [] }), {
      deadline: Infinity,
      limit: 10,
    });
    await expect(decided).rejects.toMatchObject({ code: ErrorCode.RECORD_LIST_TOO_LARGE });
    expect(quorum.raft.logEndOffset).toBe(before);
    expect((await cluster.send(1, createTopics, orders())).topics[0]?.errorCode).toBe(0);
  });
});

describe('a broker that stops', () => {
  it('is fenced when its session expires; its leaderships move, and the last ISR member stays in the ISR', async () => {
    const cluster = await threeBrokers();
    await cluster.send(1, createTopics, orders());
    await cluster.clock.advance(600);
    const away = [1, 2, 3].find((id) => id !== cluster.controller!.id)!;
    const before = partitions(cluster);
    cluster.kill(away);
    const killedAt = cluster.clock.monotonic();
    await cluster.clock.until(() => cluster.controller!.quorum.image().brokers.get(away)!.fenced, 5000, 10);
    const took = cluster.clock.monotonic() - killedAt;
    expect(took).toBeGreaterThan(2400);
    expect(took).toBeLessThan(3500);
    for (const [index, partition] of partitions(cluster).entries()) {
      expect(partition.isr).not.toContain(away);
      expect(partition.leader).not.toBe(away);
      expect(partition.leaderEpoch).toBe(before[index]!.leader === away ? 1 : 0);
    }
    const fenced = cluster.events.find((event) => event.type === 'cluster/brokerFenced');
    expect(fenced).toMatchObject({ broker: away, reason: 'its session expired: no heartbeat for 3.0 s' });
    const moved = cluster.events.find((event) => event.type === 'partition/leadersElected');
    expect(moved?.details?.moves).toHaveLength(before.filter((one) => one.leader === away).length);
  });

  it('registers again when it returns, is unfenced, and preferred leaders can return to it once it is in sync', async () => {
    const cluster = await threeBrokers();
    await cluster.send(1, createTopics, orders(3, 1));
    await cluster.clock.advance(600);
    const away = [1, 2, 3].find((id) => id !== cluster.controller!.id)!;
    cluster.kill(away);
    await cluster.clock.until(() => cluster.controller!.quorum.image().brokers.get(away)!.fenced, 5000, 10);
    const lonely = partitions(cluster).find((one) => one.replicas[0] === away)!;
    expect(lonely).toMatchObject({ leader: -1, isr: [away] });
    const node = cluster.start(away);
    node.broker = new TestBroker(cluster, node);
    await cluster.clock.until(() => !node.broker!.fenced, 5000, 10);
    await cluster.clock.advance(50);
    expect(partitions(cluster)[lonely.partition]).toMatchObject({ leader: away, isr: [away], leaderEpoch: lonely.leaderEpoch + 1 });
    expect(plain(node.quorum.image())).toEqual(plain(cluster.controller!.quorum.image()));
  });

  it('may not register again while the session of its last incarnation is valid', async () => {
    const cluster = await threeBrokers();
    const away = [1, 2, 3].find((id) => id !== cluster.controller!.id)!;
    const epoch = cluster.node(away).broker!.epoch;
    cluster.kill(away);
    const killedAt = cluster.clock.monotonic();
    const node = cluster.start(away);
    node.broker = new TestBroker(cluster, node);
    await cluster.clock.until(() => !node.broker!.fenced, 6000, 10);
    expect(cluster.clock.monotonic() - killedAt).toBeGreaterThan(2400);
    expect(node.broker.epoch).toBeGreaterThan(epoch);
  });

  it('registers at once with a controller that received no heartbeat of its last incarnation', async () => {
    const cluster = await threeBrokers();
    const [away, killedToo] = [cluster.controller!.id, [1, 2, 3].find((id) => id !== cluster.controller!.id)!];
    const epoch = cluster.node(away).broker!.epoch;
    cluster.kill(away);
    cluster.kill(killedToo);
    const node = cluster.start(away);
    cluster.start(killedToo);
    node.broker = new TestBroker(cluster, node);
    const from = cluster.clock.monotonic();
    await cluster.clock.until(() => !node.broker!.fenced, 6000, 10);
    expect(cluster.clock.monotonic() - from).toBeLessThan(2400);
    expect(node.broker.epoch).toBeGreaterThan(epoch);
  });

  it('of two brokers with one id keeps the later one, and the other waits for its end', async () => {
    const cluster = await threeBrokers();
    const away = [1, 2, 3].find((id) => id !== cluster.controller!.id)!;
    const node = cluster.node(away);
    const first = node.broker!;
    // In a new epoch, before a heartbeat of either, the controller would accept either; afterwards only the accepted one.
    const other = new TestBroker(cluster, node);
    await cluster.clock.advance(2500);
    expect([first.fenced, other.epoch]).toEqual([false, -1n]);
    first.stop();
    await cluster.clock.until(() => !other.fenced, 6000, 10);
    expect(other.epoch).toBeGreaterThan(first.epoch);
  });

  it('completes a controlled shutdown without a leaderless partition', async () => {
    const cluster = await threeBrokers();
    await cluster.send(1, createTopics, orders());
    const away = [1, 2, 3].find((id) => id !== cluster.controller!.id)!;
    const leaderless: unknown[] = [];
    cluster.controller!.quorum.onImage((change) => leaderless.push(...change.partitions.filter((one) => one.leader < 0)));
    const { broker } = cluster.node(away);
    broker!.wantShutDown = true;
    expect(await cluster.clock.until(() => broker!.shouldShutDown, 3000, 10)).toBe(true);
    expect(leaderless).toEqual([]);
    expect(partitions(cluster).every((one) => one.leader !== away && !one.isr.includes(away))).toBe(true);
    expect(cluster.events.map((event) => event.type)).toContain('cluster/controlledShutdown');
  });

  it('completes a controlled shutdown while other requests keep changing the metadata', async () => {
    const cluster = await threeBrokers();
    await cluster.send(1, createTopics, orders());
    const controller = cluster.controller!;
    const away = 1 + (controller.id % 3);
    const { broker } = cluster.node(away);
    const change = (): void => {
      if (broker!.shouldShutDown) return;
      const body = { brokerId: controller.id, brokerEpoch: controller.broker!.epoch };
      controller.quorum.channel.send(allocateProducerIds, 0, body, { timeoutMs: 5000 }).catch(() => undefined);
      cluster.clock.setTimer(10, change);
    };
    change();
    broker!.wantShutDown = true;
    const completed = await cluster.clock.until(() => broker!.shouldShutDown, 5000, 10);
    broker!.shouldShutDown = true;
    expect(completed).toBe(true);
  });
});

describe('a controller that stops', () => {
  it('is replaced, and the new controller gives every broker a full session', async () => {
    const cluster = await threeBrokers();
    await cluster.send(1, createTopics, orders());
    await cluster.clock.advance(1000);
    const old = cluster.controller!.id;
    cluster.kill(old);
    const killedAt = cluster.clock.monotonic();
    await cluster.clock.until(() => cluster.controller !== undefined && cluster.controller.id !== old, 3000, 5);
    expect(cluster.clock.monotonic() - killedAt).toBeLessThan(2000);
    await cluster.clock.advance(2000);
    const image = cluster.controller!.quorum.image();
    expect([...image.brokers.values()].filter((broker) => broker.fenced)).toEqual([]);
    await cluster.clock.advance(2000);
    expect(cluster.controller!.quorum.image().brokers.get(old)!.fenced).toBe(true);
    expect(cluster.events.filter((event) => event.type === 'cluster/brokerFenced').map((event) => event.broker)).toEqual([old]);
  });

  it('receives requests at the new leader; without a majority they fail in time with REQUEST_TIMED_OUT', async () => {
    const cluster = await threeBrokers();
    const [stays, ...others] = [cluster.controller!.id, ...[1, 2, 3].filter((id) => id !== cluster.controller!.id)];
    for (const id of others) cluster.kill(id);
    const started = cluster.clock.monotonic();
    const outcome = await cluster.send(stays, createTopics, orders(), 2000).then(
      (answer) => answer.topics[0]!.errorCode,
      (error: unknown) => (error as KafkaError).codeName,
    );
    expect(['REQUEST_TIMED_OUT', 7]).toContain(outcome);
    expect(cluster.clock.monotonic() - started).toBeLessThan(2200);
    for (const id of others) {
      const node = cluster.start(id);
      node.broker = new TestBroker(cluster, node);
    }
    await cluster.clock.until(
      () => [...(cluster.controller?.quorum.image().brokers.values() ?? [])].filter((one) => !one.fenced).length === 3,
      9000,
      10,
    );
    const again = await cluster.send(stays, electLeaders, { electionType: 0, topicPartitions: null, timeoutMs: 1000 });
    expect(again.errorCode).toBe(0);
  });

  it('keeps the metadata over a restart of all nodes', async () => {
    const cluster = await threeBrokers();
    await cluster.send(1, createTopics, orders());
    await cluster.clock.advance(100);
    const { topics } = cluster.controller!.quorum.image();
    for (const id of [1, 2, 3]) cluster.kill(id);
    await cluster.clock.advance(1000);
    for (const id of [1, 2, 3]) cluster.start(id);
    const node = await cluster.ready();
    expect(node.quorum.image().topics).toEqual(topics);
    expect(cluster.failures).toEqual([]);
  });
});

describe('a single node', () => {
  it('is controller and broker by itself', async () => {
    const cluster = new QuorumCluster(1);
    await cluster.withBrokers();
    expect(cluster.clock.monotonic()).toBeLessThan(300);
    const answer = await cluster.send(1, createTopics, orders(2, -1));
    expect(answer.topics[0]).toMatchObject({ errorCode: 0, replicationFactor: 1 });
    const refused = await cluster.send(1, createTopics, { ...orders(), topics: [{ ...orders().topics[0]!, name: 'more' }] });
    expect(refused.topics[0]).toMatchObject({
      errorCode: 38,
      errorMessage: '3 replicas need 3 brokers and there is 1 live broker; start more or ask for fewer replicas.',
    });
  });
});

function plain(image: { topics: ReadonlyMap<string, unknown>; brokers: ReadonlyMap<number, unknown>; offset: bigint }): unknown {
  return JSON.parse(
    JSON.stringify({ topics: [...image.topics], brokers: [...image.brokers], offset: image.offset }, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  );
}
