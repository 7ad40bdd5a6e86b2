import { afterAll, beforeAll, describe, test } from 'vitest';
import { expectAll, FAILOVER_MS, FaultBench } from '../helpers/fault-bench.ts';

/** What is left of a cluster after all of its nodes have gone at once. */
describe('every node goes at once', () => {
  let bench: FaultBench;

  beforeAll(async () => {
    bench = await FaultBench.start();
  });
  afterAll(() => bench.close());

  test('killed: whichever two come back serve all that was acknowledged, the third may stay away', async () => {
    const topic = await bench.topic('killed', { 'min.insync.replicas': '1' }, [3, 1, 2]);
    const writer = await bench.writer(topic);
    await writer.more(30);
    const acked = await writer.stop();
    // The first group of a cluster needs three brokers, for the topic of its offsets.
    expectAll(acked, await bench.read(topic));
    for (const node of [1, 2, 3]) await bench.cluster.kill(node);
    // The leader was broker 3.
    await Promise.all([bench.cluster.startNode(2), bench.cluster.startNode(1)]);
    await bench.until(topic, ({ leader }) => leader === 1 || leader === 2, FAILOVER_MS);
    expectAll(acked, await bench.read(topic));
    await bench.cluster.startNode(3);
    await bench.whole(topic);
    expectAll(acked, await bench.read(topic));
  }, 180_000);
});
