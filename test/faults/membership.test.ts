import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAll, FAILOVER_MS, FaultBench } from '../helpers/fault-bench.ts';

describe('brokers that come and go', () => {
  let bench: FaultBench;

  beforeAll(async () => {
    bench = await FaultBench.start();
  });
  afterAll(() => bench.close());

  test('a fourth broker joins, gets partitions, leaves, and what it held is all there', async () => {
    const added = await bench.cluster.control<{ id: number; state: string; port: number }>('POST', '/nodes');
    expect(added).toMatchObject({ id: 4, state: 'running' });
    expect(await bench.cluster.nodes()).toHaveLength(4);
    const topic = await bench.topic('moving', {}, [4, 1, 2]);
    await bench.until(topic, ({ leader, isr }) => leader === 4 && isr.length === 3, FAILOVER_MS);
    const writer = await bench.writer(topic);
    await writer.more(50);
    // A fault like any other's: it has no vote, so nothing but its partitions is concerned.
    await bench.cluster.kill(4);
    await bench.until(topic, ({ leader }) => leader !== 4 && leader > 0, FAILOVER_MS);
    await bench.heal();
    await bench.whole(topic);
    await bench.cluster.control('DELETE', '/nodes/4');
    expect((await bench.cluster.nodes()).map(({ id }) => id)).toEqual([1, 2, 3]);
    await bench.until(topic, ({ leader, isr }) => leader > 0 && isr.join() === '1,2,3', FAILOVER_MS);
    await writer.more(20);
    expectAll(await writer.stop(), await bench.read(topic));
    expect(existsSync(join(bench.cluster.line.data, 'node-4'))).toBe(false);
    const types = (await bench.timeline()).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['lab/nodeAdded', 'partition/reassigned', 'lab/nodeRemoved']));
    await expect(bench.cluster.control('DELETE', '/nodes/1')).rejects.toThrow(/409.*one of the 3 voters of the metadata quorum/);
    await expect(bench.cluster.control('DELETE', '/nodes/7')).rejects.toThrow(/404/);
  });

  test('none of the three first can be removed, whatever it does, and nothing is moved off it in vain', async () => {
    const topic = await bench.topic('staying');
    for (const how of [undefined, 'stop', 'freeze'] as const) {
      for (const node of how === undefined ? [1, 2, 3] : [1]) {
        if (how !== undefined) await bench.inject({ type: how, node });
        await expect(bench.cluster.control('DELETE', `/nodes/${node}`)).rejects.toThrow(
          /409.*cannot be removed: it is one of the 3 voters of the metadata quorum, .*; brokers that were added later can/,
        );
      }
      await bench.heal();
    }
    await bench.whole(topic);
    expect((await bench.cluster.nodes()).map(({ id, state }) => `${id} ${state}`)).toEqual(['1 running', '2 running', '3 running']);
    expect((await bench.timeline()).filter(({ type, broker }) => type === 'lab/nodeRemoved' && broker !== 4)).toEqual([]);
  });
});
