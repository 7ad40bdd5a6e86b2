import { describe, expect, it } from 'vitest';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { QuorumCluster, TestBroker } from '../../helpers/quorum-cluster.ts';

/**
 * Complete nodes with log files under power cuts, kills, partitions and lost messages, while topics are created. All acknowledged topics must
 * exist at the end, on every node, and every node must have the same metadata.
 */
async function faults(seed: number): Promise<string[]> {
  const properties: Record<string, string> = seed % 2 === 0 ? {} : { 'metadata.log.max.record.bytes.between.snapshots': '1200' };
  const cluster = new QuorumCluster(3, { seed, properties });
  const { clock, random, network } = cluster;
  await cluster.withBrokers();
  const down = new Set<number>();
  const acknowledged: string[] = [];
  const start = (id: number): void => {
    const node = cluster.start(id);
    node.broker = new TestBroker(cluster, node);
    down.delete(id);
  };
  for (let step = 0; step < 25; step++) {
    const id = 1 + random.int(3);
    const dice = random.int(10);
    if (dice < 4) {
      if (down.has(id)) start(id);
      else if (down.size < 2 || dice === 0) {
        down.add(id);
        if (dice < 3) cluster.powerCut(id);
        else cluster.kill(id);
      }
    } else if (dice === 4) network.isolate(id, [1, 2, 3]);
    else if (dice === 5) network.loss = random.next() * 0.2;
    else if (dice < 8) network.heal();
    for (const from of [1, 2, 3].filter((one) => !down.has(one))) {
      const name = `t-${seed}-${step}-${from}`;
      const body = {
        topics: [{ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }],
        timeoutMs: 3000,
        validateOnly: false,
      };
      cluster
        .node(from)
        .quorum.channel.send(createTopics, 7, body, { timeoutMs: 3000 })
        .then(
          (answer) => {
            if (answer.topics[0]?.errorCode === 0) acknowledged.push(name);
          },
          () => undefined,
        );
    }
    await clock.advance(random.int(700));
  }
  network.heal();
  for (const id of down) start(id);
  const problems: string[] = cluster.failures.map(String);
  if (!(await clock.until(() => cluster.controller !== undefined, 8000, 20)))
    return [...problems, 'no controller after the faults were healed'];
  const inService = (): boolean =>
    [...(cluster.controller?.quorum.image().brokers.values() ?? [])].filter((broker) => !broker.fenced).length === 3;
  if (!(await clock.until(inService, 15_000, 50))) problems.push('brokers do not come back into service');
  await clock.advance(3500);
  const images = [...cluster.nodes.values()].map((node) => node.quorum.image());
  for (const image of images) {
    for (const name of acknowledged) if (!image.topics.has(name)) problems.push(`${name} was acknowledged and is lost`);
    if (image.offset !== images[0]?.offset) problems.push(`offsets ${image.offset} and ${images[0]?.offset}`);
    if ([...image.topics.keys()].join() !== [...(images[0]?.topics.keys() ?? [])].join()) problems.push('nodes have different topics');
  }
  if (acknowledged.length < 3) problems.push(`only ${acknowledged.length} topics were created: the test tests nothing`);
  for (const node of cluster.nodes.values()) cluster.kill(node.id);
  return problems;
}

describe('complete nodes under faults', () => {
  it('lose no acknowledged topic and agree in the end: 15 seeds', async () => {
    for (let seed = 1; seed <= 15; seed++) expect(await faults(seed), `seed ${seed}`).toEqual([]);
  }, 60_000);
});
