import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectAll, FAILOVER_MS, FaultBench } from '../helpers/fault-bench.ts';

describe('faults of nodes', () => {
  let bench: FaultBench;

  beforeAll(async () => {
    bench = await FaultBench.start();
  });
  afterEach(() => bench.heal());
  afterAll(() => bench.close());

  test('freeze: the leader is fenced, leadership moves, and it returns as a follower without its unacknowledged records', async () => {
    const [controller, leader, other] = await bench.controllerFirst();
    bench.witnesses = [controller, other];
    const topic = await bench.topic('freeze', {}, [leader, controller, other]);
    const writer = await bench.writer(topic);
    await writer.more(20);
    // Before the request: its response may be late, and then the leadership has moved already.
    const from = performance.now();
    const fault = await bench.inject({ type: 'freeze', node: leader });
    await bench.until(topic, (state) => state.leader !== leader, FAILOVER_MS);
    expect(performance.now() - from).toBeGreaterThan(500);
    await writer.more(20);
    expect(await bench.cluster.control('GET', `/nodes/${leader}`)).toMatchObject({ state: 'frozen', role: null });
    expect(await bench.causes('partition/leadersElected')).toEqual(['lab/nodeFrozen', 'cluster/brokerFenced', 'partition/leadersElected']);
    await bench.cluster.control('DELETE', `/faults/${fault.id}`);
    await bench.whole(topic);
    await writer.more(20);
    expectAll(await writer.stop(), await bench.read(topic));
    expect(writer.errors).toEqual([]);
    const truncated = (await bench.timeline()).filter(({ type, node }) => type === 'partition/truncated' && node === leader);
    for (const { causeId } of truncated) expect(causeId).toBeDefined();
  });

  test('freeze of the controller: another one is elected, and fences it', async () => {
    const [controller, second, third] = await bench.controllerFirst();
    bench.witnesses = [second, third];
    const topic = await bench.topic('freeze-controller', {}, [controller, second, third]);
    const writer = await bench.writer(topic);
    await writer.more(10);
    await bench.inject({ type: 'freeze', node: controller });
    // The new controller has received no heartbeat and gives every broker one session timeout.
    await bench.until(topic, ({ leader }) => leader !== controller, FAILOVER_MS);
    expect(await bench.causes('quorum/leaderElected')).toEqual(['lab/nodeFrozen', 'quorum/leaderElected']);
    await writer.more(10);
    await bench.heal();
    await bench.whole(topic);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('power cut of one node: what it had not flushed is gone, and nothing that was acknowledged', async () => {
    // Not the controller: its successor would first have to be elected, and gives every session its whole time again.
    const [controller, leader, other] = await bench.controllerFirst();
    bench.witnesses = [controller, other];
    const topic = await bench.topic('power-cut-one', {}, [leader, controller, other]);
    const writer = await bench.writer(topic);
    await writer.more(100);
    const fault = await bench.inject({ type: 'powerCut', node: leader });
    expect(fault.detail).toMatch(/bytes of \d+ files? .*had not reached its disk/);
    await bench.until(topic, (state) => state.leader > 0 && state.leader !== leader, FAILOVER_MS);
    await writer.more(50);
    await bench.cluster.control('DELETE', `/faults/${fault.id}`);
    await bench.whole(topic);
    const acked = await writer.stop();
    expectAll(acked, await bench.read(topic));
  });

  test('power cut of all nodes at once: the metadata is all there, and what was flushed', async () => {
    const flushed = await bench.topic('flushed', { 'flush.messages': '1' });
    const unflushed = await bench.topic('unflushed');
    const writers = [await bench.writer(flushed), await bench.writer(unflushed)];
    await Promise.all(writers.map((writer) => writer.more(30)));
    const before = (await bench.admin.listTopics()).sort();
    const acked = [...(writers[0]?.acked ?? [])];
    await Promise.all([1, 2, 3].map((node) => bench.inject({ type: 'powerCut', node })));
    await bench.heal();
    await bench.whole(flushed);
    await bench.whole(unflushed);
    await Promise.all(writers.map((writer) => writer.more(5)));
    await Promise.all(writers.map((writer) => writer.stop()));
    await expect.poll(async () => (await bench.admin.listTopics()).sort(), { timeout: FAILOVER_MS }).toEqual(before);
    const read = await bench.read(flushed);
    expect(acked.filter((value) => !read.includes(value))).toEqual([]);
  });

  test.each([1, -1])(
    'with flush.messages=1 a write that was acknowledged with acks=%s is there after a power cut of all nodes at once',
    async (acks) => {
      // One replica: only its disk can return the record, and the power cut follows the acknowledgement at once.
      const topic = await bench.topic(`single-replica-${acks}`, { 'flush.messages': '1', 'min.insync.replicas': '1' }, [2]);
      const producer = bench.client().producer({ idempotent: false });
      await producer.connect();
      const acked: string[] = [];
      for (let i = 0; i < 5; i++) {
        const [answer] = await producer.send({ topic, acks, messages: [{ value: `v${i}`, partition: 0 }] });
        expect(answer?.errorCode).toBe(0);
        acked.push(`v${i}`);
      }
      const faults = await Promise.all([1, 2, 3].map((node) => bench.inject({ type: 'powerCut', node })));
      expect(faults).toHaveLength(3);
      await producer.disconnect();
      await bench.heal();
      await bench.until(topic, ({ leader }) => leader === 2, FAILOVER_MS);
      expect(await bench.read(topic)).toEqual(acked);
    },
  );
});
