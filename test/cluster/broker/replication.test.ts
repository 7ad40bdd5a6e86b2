import { describe, expect, test } from 'vitest';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { TestCluster, type TestClusterOptions } from './harness.ts';

function setup(options: TestClusterOptions = {}): TestCluster {
  const cluster = new TestCluster(options);
  cluster.createTopic([1, 2, 3]);
  return cluster;
}

describe('replication', () => {
  test('answers a write with acks=all when every replica has it, in one fetch round', async () => {
    const cluster = setup({ latencyMs: 5 });
    await cluster.clock.advance(1000);
    const start = cluster.clock.monotonic();
    const answer = await cluster.clock.settled(cluster.produce(1, ['a', 'b']));
    expect(answer).toMatchObject({ errorCode: 0, baseOffset: 0n });
    for (const id of [1, 2, 3]) expect(cluster.values(id)).toEqual(['a', 'b']);
    // One latency for the response of the waiting fetch, one for the next fetch.
    expect(cluster.clock.monotonic() - start).toBeLessThanOrEqual(15);
    expect(cluster.partition(1).log.highWatermark).toBe(2n);
  });

  test('a partition that is new to an idle follower is fetched at once', async () => {
    const cluster = new TestCluster({ latencyMs: 1 });
    cluster.createTopic([1, 2, 3], [1, 2]);
    cluster.cut.add('2>1');
    await cluster.clock.advance(1200);
    // Broker 3 waits at the leader, for half a second, when it gets another partition to follow.
    cluster.change({ replicas: [1, 3], isr: [1, 3] }, 1);
    const start = cluster.clock.monotonic();
    expect((await cluster.clock.settled(cluster.produce(1, ['a'], { index: 1 }))).errorCode).toBe(0);
    expect(cluster.clock.monotonic() - start).toBeLessThanOrEqual(15);
  });

  test('a follower on a slow link fetches while partitions are added all the time', async () => {
    const cluster = new TestCluster({ latencyMs: 200 });
    const partitions: number[][] = [];
    for (let count = 0; count < 50; count++) {
      partitions.push([1, 2, 3]);
      cluster.createTopic(...partitions);
      await cluster.clock.advance(250);
    }
    // 12 s, three times replica.lag.time.max.ms, have passed, and no replica has left an ISR.
    for (let index = 0; index < 50; index++) expect(cluster.state(index).isr).toEqual([1, 2, 3]);
    const written = [0, 25, 49].map((index) => cluster.produce(1, ['a'], { index }));
    const start = cluster.clock.monotonic();
    for (const answer of await cluster.clock.settled(Promise.all(written))) expect(answer.errorCode).toBe(0);
    expect(cluster.clock.monotonic() - start).toBeLessThan(3000);
    // One for each follower.
    expect(cluster.broker(1).context.fetchSessions.size).toBe(2);
  });

  test('a follower that reconnects ends its fetch session at the leader', async () => {
    const cluster = setup({ latencyMs: 1 });
    await cluster.clock.advance(1000);
    for (let turn = 0; turn < 5; turn++) {
      cluster.cut.add('1>2');
      await cluster.clock.advance(5000);
      cluster.cut.delete('1>2');
      await cluster.clock.advance(2000);
    }
    expect(cluster.broker(1).context.fetchSessions.size).toBe(2);
  });

  test('a leader that learns of its partition after the follower ends the fetch that it holds', async () => {
    const cluster = new TestCluster({ latencyMs: 1 });
    cluster.createTopic([1, 2], [3, 2]);
    await cluster.clock.advance(1200);
    cluster.broker(1).deaf = true;
    cluster.elect(1, [1, 2], 1);
    cluster.change({ replicas: [1, 2], isr: [1, 2] }, 1);
    await cluster.clock.advance(130);
    cluster.broker(1).deaf = false;
    cluster.change({}, 1);
    const start = cluster.clock.monotonic();
    expect((await cluster.clock.settled(cluster.produce(1, ['a'], { index: 1 }))).errorCode).toBe(0);
    expect(cluster.clock.monotonic() - start).toBeLessThanOrEqual(120);
  });

  test('a leader gets a follower’s log start that has moved by retention', async () => {
    const cluster = setup();
    expect((await cluster.clock.settled(cluster.produce(1, ['a', 'b']))).errorCode).toBe(0);
    await cluster.clock.advance(1000);
    cluster.partition(2).log.maybeIncrementLogStartOffset(1n);
    await cluster.clock.advance(2000);
    expect(cluster.partition(1).follower(2)?.logStartOffset).toBe(1n);
  });

  test('acks=1 does not wait, acks=0 has no response', async () => {
    const cluster = setup();
    await cluster.clock.advance(10);
    cluster.cut.add('1>2').add('1>3');
    expect(await cluster.produce(1, ['a'], { acks: 1 })).toMatchObject({ errorCode: 0, baseOffset: 0n });
    expect(cluster.partition(1).log.highWatermark).toBe(0n);
    await expect(cluster.produce(1, ['b'], { acks: 0 })).rejects.toThrow('no answer');
    expect(cluster.values(1)).toEqual(['a', 'b']);
  });

  test('a leader fails, another is elected: no acknowledged write is lost, and the former leader truncates its tail', async () => {
    const cluster = setup({ minIsr: 2 });
    await cluster.clock.advance(10);
    const acknowledged: string[] = [];
    for (const value of ['a', 'b', 'c']) {
      expect((await cluster.clock.settled(cluster.produce(1, [value]))).errorCode).toBe(0);
      acknowledged.push(value);
    }
    // The leader continues alone for a while: what it appends now is acknowledged to no client.
    cluster.cut.add('1>2').add('1>3').add('2>1').add('3>1').add('1>0');
    cluster.broker(1).deaf = true;
    const lost = cluster.produce(1, ['lost'], { timeoutMs: 2000 });
    expect((await cluster.produce(1, ['lost too'], { acks: 1 })).errorCode).toBe(0);
    cluster.fence(1);
    cluster.elect(2, [2, 3]);
    expect((await cluster.clock.settled(lost)).errorCode).toBe(ErrorCode.REQUEST_TIMED_OUT);
    expect((await cluster.clock.settled(cluster.produce(2, ['d']))).errorCode).toBe(0);
    acknowledged.push('d');

    cluster.cut.clear();
    cluster.fence(1, false);
    cluster.catchUp(1);
    expect(await cluster.clock.until(() => cluster.state().isr.includes(1), 10_000, 50)).toBe(true);
    for (const id of [1, 2, 3]) expect(cluster.values(id)).toEqual(acknowledged);
    const truncated = cluster.broker(1).events.filter(({ type }) => type === 'partition/truncated');
    expect(truncated).toHaveLength(1);
    expect(truncated[0]?.details).toEqual({ from: '5', to: '3' });
  });

  test('a leader of an epoch without a write follows again without endless truncation', async () => {
    const cluster = setup();
    await cluster.clock.settled(cluster.produce(1, ['a']));
    cluster.elect(2, [1, 2, 3]);
    // Broker 2 records epoch 1 at offset 1, writes nothing, and loses the leadership again before any follower has fetched.
    cluster.elect(3, [1, 2, 3]);
    expect((await cluster.clock.settled(cluster.produce(3, ['b']))).errorCode).toBe(0);
    expect(cluster.values(2)).toEqual(['a', 'b']);
    expect(cluster.partition(2).log.epochStarts.map(({ epoch }) => epoch)).toEqual([0, 2]);
  });

  test('a follower without any record fetches all of them, and joins the ISR', async () => {
    const cluster = setup();
    cluster.kill(3);
    cluster.change({ isr: [1, 2] });
    for (let i = 0; i < 50; i++) await cluster.clock.settled(cluster.produce(1, [`v${i}`]));
    cluster.restart(3);
    expect(await cluster.clock.until(() => cluster.state().isr.includes(3), 10_000, 50)).toBe(true);
    expect(cluster.values(3)).toEqual(cluster.values(1));
    const [joined] = cluster.broker(1).events.filter(({ type }) => type === 'partition/isrExpanded');
    expect(joined).toMatchObject({ topic: 'orders', partitions: [0], reason: 'broker 3 has caught up', details: { isr: [1, 2, 3] } });
  });

  test('a replica whose records retention has deleted at the leader restarts at its log start', async () => {
    const cluster = setup();
    await cluster.clock.settled(cluster.produce(1, ['a']));
    cluster.kill(3);
    cluster.change({ isr: [1, 2] });
    for (const value of ['b', 'c', 'd']) await cluster.clock.settled(cluster.produce(1, [value]));
    cluster.partition(1).log.deleteRecordsBefore(3n);
    cluster.restart(3);
    expect(await cluster.clock.until(() => cluster.state().isr.includes(3), 10_000, 50)).toBe(true);
    expect(cluster.partition(3).log.logStartOffset).toBe(3n);
    expect(cluster.values(3)).toEqual(['d']);
  });

  test('high watermarks survive a restart', async () => {
    const cluster = setup({ brokers: 3 });
    for (const value of ['a', 'b']) await cluster.clock.settled(cluster.produce(1, [value]));
    await cluster.clock.advance(6000);
    for (const id of [1, 2, 3]) cluster.kill(id);
    cluster.cut.add('2>1').add('3>1');
    cluster.restart(1);
    expect(cluster.partition(1).log.highWatermark).toBe(2n);
  });

  test.each([1, 2])('a slow disk of broker %i delays only the requests that need it', async (slow) => {
    const cluster = setup();
    await cluster.clock.advance(10);
    cluster.broker(slow).disk.options = {
      admit: () =>
        new Promise((resolve) => {
          cluster.clock.setTimer(300, resolve);
        }),
    };
    const start = cluster.clock.monotonic();
    const answer = cluster.produce(1, ['a']);
    await cluster.clock.advance(50);
    // Broker 3's disk is fast.
    expect(cluster.partition(3).log.logEndOffset).toBe(slow === 1 ? 0n : 1n);
    expect((await cluster.clock.settled(answer)).errorCode).toBe(0);
    const took = cluster.clock.monotonic() - start;
    expect(took).toBeGreaterThanOrEqual(300);
    expect(took).toBeLessThan(700);
    expect(cluster.values(slow)).toEqual(['a']);
  });

  test('random kills and elections never lose an acknowledged record', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const cluster = setup({ minIsr: 2, latencyMs: 1 });
      let state = seed * 7919;
      const random = (bound: number): number => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) % bound;
      const acknowledged: string[] = [];
      const writes: Promise<void>[] = [];
      for (let round = 0; round < 40; round++) {
        const value = `${seed}-${round}`;
        const { leader } = cluster.state();
        if (leader > 0 && cluster.broker(leader).alive) {
          writes.push(
            cluster.produce(leader, [value], { timeoutMs: 3000 }).then(({ errorCode }) => {
              if (errorCode === 0) acknowledged.push(value);
            }),
          );
        }
        await cluster.clock.advance(random(20));
        const dead = [...cluster.brokers.values()].filter(({ alive }) => !alive);
        if (random(4) === 0 && dead.length === 0) {
          const { isr } = cluster.state();
          const victim = isr[random(isr.length)] as number;
          if (isr.length > 1) {
            cluster.kill(victim);
            const rest = isr.filter((id) => id !== victim);
            if (cluster.state().leader === victim) cluster.elect(rest[random(rest.length)] as number, rest);
            else cluster.change({ isr: rest });
          }
        } else if (random(3) === 0 && dead[0] !== undefined) {
          cluster.restart(dead[0].id);
        }
      }
      for (const { id, alive } of cluster.brokers.values()) if (!alive) cluster.restart(id);
      await cluster.clock.advance(10_000);
      await Promise.all(writes);
      const { leader, isr } = cluster.state();
      expect([...isr].sort(), `seed ${seed}`).toEqual([1, 2, 3]);
      const held = cluster.values(leader);
      expect(held.filter((value) => acknowledged.includes(value)).sort(), `seed ${seed}`).toEqual([...acknowledged].sort());
      for (const id of [1, 2, 3]) expect(cluster.values(id), `seed ${seed}, broker ${id}`).toEqual(held);
      expect(acknowledged.length).toBeGreaterThan(5);
    }
  });
});
