/** Leadership of the quorum is confirmed by a majority before a controller that may have been replaced relies on it. */
import { expect, test } from 'vitest';
import { MetadataConfirmation } from '../../../electron/cluster/broker/metadata-confirmation.ts';
import { brokerHeartbeat } from '../../../electron/cluster/protocol/apis/broker-heartbeat.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { describeQuorum } from '../../../electron/cluster/protocol/apis/describe-quorum.ts';
import { listPartitionReassignments } from '../../../electron/cluster/protocol/apis/list-partition-reassignments.ts';
import { ErrorCode, errorName } from '../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { QuorumCluster, type TestNode } from '../../helpers/quorum-cluster.ts';

const STALL_MS = 60_000;
const METADATA = { topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] };

async function ready(size: number): Promise<{ cluster: QuorumCluster; controller: TestNode }> {
  const cluster = new QuorumCluster(size, { stallAware: true });
  await cluster.withBrokers();
  await cluster.clock.advance(500);
  const { controller } = cluster;
  if (controller === undefined) throw new Error('no controller');
  return { cluster, controller };
}

test('a stalled broker takes no confirmation from its own controller once the others have elected another', async () => {
  const { cluster, controller: zombie } = await ready(5);
  const ids = [...cluster.nodes.keys()];
  const broker = cluster.node(ids.find((id) => id !== zombie.id) as number);
  const others = ids.filter((id) => id !== zombie.id && id !== broker.id);
  const confirmation = new MetadataConfirmation({ controller: broker.quorum.channel, timeoutMs: 300, image: () => broker.quorum.image() });
  expect(await cluster.clock.settled(confirmation.confirm())).toBe(true);
  // The two receive nothing from the others, as if they did not run.
  for (const one of [zombie.id, broker.id]) cluster.network.isolate(one, others);
  const elected = (): TestNode | undefined =>
    others.map((id) => cluster.node(id)).find(({ quorum }) => quorum.controller.isActive && quorum.image().topics.size === 0);
  expect(await cluster.clock.until(() => elected() !== undefined, 20_000)).toBe(true);
  expect(zombie.quorum.raft.status.role).toBe('leader');
  expect(broker.quorum.raft.status.leaderId).toBe(zombie.id);
  const described = await cluster.clock.settled(
    zombie.quorum.channel.send(describeQuorum, 2, METADATA, { timeoutMs: 5_000 }).catch(() => undefined),
    10_000,
  );
  expect(described?.topics[0]?.partitions[0]?.highWatermark ?? -1n).toBe(-1n);
  const confirmed = confirmation.confirm().catch(() => false);
  expect(await cluster.clock.settled(confirmed, 10_000)).toBe(false);
  cluster.network.heal();
  expect(await cluster.clock.until(() => zombie.quorum.raft.status.role !== 'leader', 10_000)).toBe(true);
  await cluster.clock.advance(1_000);
  expect(await cluster.clock.settled(confirmation.confirm(), 5_000)).toBe(true);
});

test.each([true, false])('after a stall, responses without a change wait for a majority (a majority answers: %s)', async (answers) => {
  const { cluster, controller } = await ready(3);
  const { quorum, broker } = controller;
  const image = quorum.image();
  const requests: [string, number, unknown][] = [
    [
      'BrokerHeartbeat',
      brokerHeartbeat.key,
      {
        brokerId: controller.id,
        brokerEpoch: broker?.epoch ?? -1n,
        currentMetadataOffset: image.offset,
        wantFence: false,
        wantShutDown: false,
        offlineLogDirs: [],
      },
    ],
    ['ListPartitionReassignments', listPartitionReassignments.key, { timeoutMs: 5_000, topics: null }],
    [
      'CreateTopics',
      createTopics.key,
      {
        topics: [{ name: 't', numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] }],
        timeoutMs: 5_000,
        validateOnly: true,
      },
    ],
  ];
  const codes = async (): Promise<[string, string][]> => {
    const all = requests.map(async ([name, key, request]): Promise<[string, string]> => {
      try {
        const answer = (await quorum.answer(key, 0, request)) as { errorCode?: number; topics?: { errorCode?: number }[] };
        return [name, errorName(answer.errorCode ?? answer.topics?.[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR)];
      } catch (error) {
        if (error instanceof KafkaError) return [name, error.codeName];
        throw error;
      }
    });
    return cluster.clock.settled(Promise.all(all), 10_000);
  };
  const of = (code: string) => requests.map(([name]) => [name, code]);
  expect(await codes()).toEqual(of('NONE'));
  cluster.clock.stall(STALL_MS);
  if (!answers) cluster.network.isolate(controller.id, [...cluster.nodes.keys()]);
  expect(await codes()).toEqual(of(answers ? 'NONE' : 'NOT_CONTROLLER'));
});
