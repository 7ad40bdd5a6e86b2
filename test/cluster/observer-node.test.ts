/** Complete nodes over TCP: three voters, and a fourth node without a vote that is a broker like the others. */
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, expect, it } from 'vitest';
import type { NodeConfig } from '../../electron/cluster/lib/node-config.ts';
import { silentLogger } from '../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { createNode, type Node } from '../../electron/cluster/node.ts';
import { somePort } from '../helpers/cluster-process.ts';

const CLUSTER_ID = 'Sj2m1SxYQ6-test-clusterA';
const nodes: Node[] = [];
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop({ controlled: false })));
});

it('a node outside the voters serves clients and leads a partition', { timeout: 30_000 }, async () => {
  const port = somePort();
  const host = '127.0.0.1';
  const voters = [1, 2, 3].map((id) => ({ id, host, port: port + 100 + id }));
  const start = async (nodeId: number): Promise<Node> => {
    const config: NodeConfig = {
      nodeId,
      clusterId: CLUSTER_ID,
      dataDirectory: '/data',
      host,
      brokerPort: port + nodeId,
      controllerPort: port + 100 + nodeId,
      rack: null,
      voters,
      properties: {},
    };
    const node = createNode({
      config,
      clock: systemClock,
      disk: new MemoryDisk(),
      network: tcpNetwork(),
      random: seededRandom(nodeId),
      logger: silentLogger,
      events: () => undefined,
    });
    nodes.push(node);
    await node.start();
    return node;
  };
  await Promise.all([1, 2, 3].map(start));
  const fourth = await start(4);
  expect(fourth.status()).toMatchObject({ role: 'follower' });

  const kafka = new Kafka({ brokers: [`${host}:${port + 4}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  const { brokers } = await admin.describeCluster();
  expect(brokers.map(({ nodeId }) => nodeId).sort()).toEqual([1, 2, 3, 4]);
  await admin.createTopics({ topics: [{ topic: 'on-four', replicaAssignment: [{ partition: 0, replicas: [4, 1] }] }] });
  const [written] = await producer.send({ topic: 'on-four', acks: -1, messages: [{ value: 'x' }] });
  expect(written).toMatchObject({ errorCode: 0, baseOffset: '0' });
  expect((await admin.fetchTopicMetadata({ topics: ['on-four'] })).topics[0]!.partitions[0]).toMatchObject({ leader: 4 });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
});
