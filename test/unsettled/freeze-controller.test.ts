/** Fails in one run of three, and why is not known: a broker that should have been fenced still leads after 8 s, or the client stands still. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectAll, FaultBench, SESSION_MS } from '../helpers/fault-bench.ts';

describe('faults of nodes', () => {
  let bench: FaultBench;

  beforeAll(async () => {
    bench = await FaultBench.start();
  });
  afterEach(() => bench.heal());
  afterAll(() => bench.close());

  test('freeze of the controller: another one is elected, and fences it', async () => {
    const [controller, second, third] = await bench.controllerFirst();
    bench.witnesses = [second, third];
    const topic = await bench.topic('freeze-controller', {}, [controller, second, third]);
    const writer = await bench.writer(topic);
    await writer.more(10);
    await bench.inject({ type: 'freeze', node: controller });
    // The new one has heard of nobody and gives each a session's time.
    await bench.until(topic, ({ leader }) => leader !== controller, SESSION_MS + 5_000);
    expect(await bench.causes('quorum/leaderElected')).toEqual(['lab/nodeFrozen', 'quorum/leaderElected']);
    await writer.more(10);
    await bench.heal();
    await bench.whole(topic);
    expectAll(await writer.stop(), await bench.read(topic));
  });
});
