import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectAll, FAILOVER_MS, FaultBench, later, SESSION_MS } from '../helpers/fault-bench.ts';

describe('faults of links', () => {
  let bench: FaultBench;

  beforeAll(async () => {
    bench = await FaultBench.start();
  });
  afterEach(() => bench.heal());
  afterAll(() => bench.close());

  test('partition of the leader from the others: it is fenced and leadership moves to where a majority is; its own writes count for nothing', async () => {
    const [controller, leader, other] = await bench.controllerFirst();
    bench.witnesses = [controller, other];
    const topic = await bench.topic('partition', {}, [leader, controller, other]);
    const writer = await bench.writer(topic);
    await writer.more(20);
    const faults = [];
    for (const end of [controller, other]) faults.push(await bench.inject({ type: 'partition', between: [leader, end] }));
    await bench.until(topic, (state) => state.leader !== leader && !state.isr.includes(leader), FAILOVER_MS);
    await writer.more(20);
    expect(await bench.causes('cluster/brokerFenced')).toEqual(['lab/faultInjected', 'cluster/brokerFenced']);
    for (const { id } of faults) await bench.cluster.control('DELETE', `/faults/${id}`);
    await bench.whole(topic);
    await writer.more(10);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('partition of two followers, one way: replication does not pass there, and nothing moves', async () => {
    const [controller, second, third] = await bench.controllerFirst();
    const topic = await bench.topic('one-way', {}, [controller, second, third]);
    const writer = await bench.writer(topic);
    await writer.more(10);
    await bench.inject({ type: 'partition', between: [second, third], direction: 'out' });
    await writer.more(50);
    expect((await bench.partition(topic)).leader).toBe(controller);
    await bench.heal();
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('slow link between leader and followers: acknowledgements are late by what the link adds', async () => {
    const topic = await bench.topic('slow');
    for (const other of [2, 3]) await bench.inject({ type: 'slowLink', between: [1, other], latencyMs: 150, jitterMs: 20 });
    const writer = await bench.writer(topic);
    await writer.more(3);
    // The jitter only adds to the latency; a timer may fire up to a millisecond early.
    expect(Math.min(...(await writer.timeWrites(3)))).toBeGreaterThan(149);
    await bench.heal();
    // Repeated: a machine that does something else meanwhile is slow too.
    await expect.poll(async () => Math.min(...(await writer.timeWrites(3))), { timeout: FAILOVER_MS }).toBeLessThan(149);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('clients cut off from the leader: no write is acknowledged, no broker is fenced, and the cluster recovers', async () => {
    const topic = await bench.topic('clients');
    const writer = await bench.writer(topic);
    await writer.more(10);
    await bench.inject({ type: 'partition', between: [1, 'clients'] });
    // What had been sent may still be answered: until no acknowledgement arrives for a second, twice. After a suspension of this process
    // the first timer fires before its sockets are read.
    let before = -1;
    for (let look = 0, quiet = 0; look < 30 && quiet < 2; look++) {
      quiet = before === writer.acked.length ? quiet + 1 : 0;
      before = writer.acked.length;
      await later(1_000);
    }
    await later(SESSION_MS);
    expect(writer.acked.length).toBe(before);
    expect(await bench.partition(topic)).toEqual({ leader: 1, isr: [1, 2, 3] });
    await bench.heal();
    await writer.more(10);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('clients with a slow link to a node: requests are late, replication is not', async () => {
    const topic = await bench.topic('slow-clients');
    await bench.inject({ type: 'slowLink', between: ['clients', 1], direction: 'out', latencyMs: 200 });
    const writer = await bench.writer(topic);
    await writer.more(2);
    const times: number[] = [];
    const fastest = async (): Promise<number> => {
      times.push(...(await writer.timeWrites(2)));
      return Math.min(...times);
    };
    // Late once, and not twice; repeated, since a machine that does something else meanwhile is slow too.
    await expect.poll(fastest, { timeout: FAILOVER_MS }).toBeLessThan(390);
    // A timer may fire up to a millisecond early.
    expect(Math.min(...times)).toBeGreaterThan(199);
    expectAll(await writer.stop(), await bench.read(topic));
  });
});
