import { describe, expect, it } from 'vitest';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { QuorumCluster, TestBroker } from '../../helpers/quorum-cluster.ts';

/**
 * Cuts the power of all nodes repeatedly, at random times, while topics are created, leaders elected and snapshots written. All acknowledged
 * metadata must be in the image of every restarted node, and so must all that any node had shown as committed.
 */
async function cuts(seed: number): Promise<string[]> {
  const ids = [1, 2, 3];
  const cluster = new QuorumCluster(3, { seed, properties: { 'metadata.log.max.record.bytes.between.snapshots': '900' } });
  const { clock, random } = cluster;
  const acknowledged = new Set<string>();
  let highest = -1n;
  await cluster.withBrokers();
  for (let round = 0; round < 6; round++) {
    const until = clock.monotonic() + random.int(round % 2 === 0 ? 60 : 500);
    for (let number = 0; clock.monotonic() < until; number++) {
      const name = `t-${seed}-${round}-${number}`;
      const topic = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
      const from = cluster.node(1 + random.int(3)).quorum;
      from.channel.send(createTopics, 7, { topics: [topic], timeoutMs: 2000, validateOnly: false }, { timeoutMs: 2000 }).then(
        (answer) => {
          if (answer.topics[0]?.errorCode === 0) acknowledged.add(name);
        },
        () => undefined,
      );
      await clock.advance(5 + random.next() * 20);
    }
    for (const id of ids) {
      const { offset } = cluster.node(id).quorum.image();
      if (offset > highest) highest = offset;
    }
    for (const id of ids) cluster.powerCut(id);
    for (const id of ids) {
      const node = cluster.start(id);
      node.broker = new TestBroker(cluster, node);
    }
    const problem = await settled(cluster, ids, acknowledged, highest);
    if (problem !== undefined) return [`round ${round}: ${problem}`];
  }
  const problems = cluster.failures.map(String);
  if (acknowledged.size < 10) problems.push(`only ${acknowledged.size} topics were created: the test tests nothing`);
  if (!cluster.events.some(({ type }) => type === 'quorum/snapshotLoaded')) problems.push('no snapshot was ever loaded');
  for (const id of ids) cluster.kill(id);
  return problems;
}

async function settled(
  cluster: QuorumCluster,
  ids: readonly number[],
  acknowledged: ReadonlySet<string>,
  highest: bigint,
): Promise<string | undefined> {
  const images = () => ids.map((id) => cluster.node(id).quorum.image());
  const agreed = () =>
    cluster.controller !== undefined && images().every(({ offset }) => offset === images()[0]?.offset && offset > highest);
  if (!(await cluster.clock.until(agreed, 8000, 10)))
    return `the nodes are at ${images()
      .map(({ offset }) => offset)
      .join()}, ${highest} was committed`;
  for (const image of images()) {
    for (const name of acknowledged) if (!image.topics.has(name)) return `${name} was acknowledged and is lost`;
  }
  return undefined;
}

describe('a power cut of every node at once', () => {
  it('loses no committed metadata: 6 seeds of 6 cuts', async () => {
    for (let seed = 1; seed <= 6; seed++) expect(await cuts(seed), `seed ${seed}`).toEqual([]);
  }, 60_000);
});
