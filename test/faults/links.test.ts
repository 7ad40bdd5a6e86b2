import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectAll, FaultBench, later, SESSION_MS } from '../helpers/fault-bench.ts';

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
    await bench.until(topic, (state) => state.leader !== leader && !state.isr.includes(leader), SESSION_MS + 2_000);
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
    const from = performance.now();
    await writer.more(3);
    expect((performance.now() - from) / 3).toBeGreaterThan(150);
    await bench.heal();
    const quick = performance.now();
    await writer.more(3);
    expect((performance.now() - quick) / 3).toBeLessThan(150);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('clients cut off from the leader: nothing is acknowledged, nobody is fenced, and all is well afterwards', async () => {
    const topic = await bench.topic('clients');
    const writer = await bench.writer(topic);
    await writer.more(10);
    await bench.inject({ type: 'partition', between: [1, 'clients'] });
    // What had been sent may still be answered.
    await later(300);
    const before = writer.acked.length;
    await later(SESSION_MS + 1_000);
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
    const from = performance.now();
    await writer.more(2);
    const each = (performance.now() - from) / 2;
    expect(each).toBeGreaterThan(200);
    expect(each).toBeLessThan(390);
    expectAll(await writer.stop(), await bench.read(topic));
  });
});
