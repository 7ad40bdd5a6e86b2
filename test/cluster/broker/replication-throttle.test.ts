import { describe, expect, test } from 'vitest';
import { ReplicationThrottle } from '../../../electron/cluster/broker/replication-throttle.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';
import { TestCluster } from './harness.ts';

const KILOBYTE = 'x'.repeat(1000);

/** Broker 3 is out of the ISR and has about 100 kB to fetch, a batch of 1 kB at a time. */
async function behind(): Promise<TestCluster> {
  const cluster = new TestCluster({ config: { segmentBytes: 1_000_000 }, fetchMaxBytes: 1000 });
  cluster.createTopic([1, 2, 3]);
  cluster.kill(3);
  cluster.change({ isr: [1, 2] });
  for (let i = 0; i < 100; i++) await cluster.clock.settled(cluster.produce(1, [KILOBYTE]));
  return cluster;
}

async function secondsToCatchUp(cluster: TestCluster): Promise<number> {
  const start = cluster.clock.monotonic();
  cluster.restart(3);
  expect(await cluster.clock.until(() => cluster.state().isr.includes(3), 60_000, 50)).toBe(true);
  return (cluster.clock.monotonic() - start) / 1000;
}

describe('throttled replication', () => {
  test.each([
    ['no throttle', {}, {}, 0, 1],
    ['the leader', { leader: 20_000 }, { leader: ['0:1'] }, 3, 7],
    ['the follower', { follower: 20_000 }, { follower: ['*'] }, 4, 7],
    ['a leader that is not named', { leader: 20_000 }, { leader: ['0:2', '1:1'] }, 0, 1],
  ])('%s: a replica that catches up takes no more than that', async (_name, rates, throttled, least, most) => {
    const cluster = await behind();
    cluster.throttle(rates, throttled);
    const seconds = await secondsToCatchUp(cluster);
    expect(seconds).toBeGreaterThanOrEqual(least);
    expect(seconds).toBeLessThanOrEqual(most);
    expect(cluster.values(3)).toEqual(cluster.values(1));
  });

  test('the bytes of one partition delay all others', async () => {
    const cluster = new TestCluster({ config: { segmentBytes: 1_000_000 }, fetchMaxBytes: 1000 });
    const indexes = Array.from({ length: 20 }, (_, index) => index);
    cluster.createTopic(...indexes.map(() => [1, 2, 3]));
    cluster.kill(3);
    for (const index of indexes) cluster.change({ isr: [1, 2] }, index);
    for (const index of indexes) await cluster.clock.settled(cluster.produce(1, [KILOBYTE], { index }));
    cluster.throttle({ follower: 1_000 }, { follower: ['*'] });
    cluster.restart(3);
    await cluster.clock.advance(1_900);
    const begun = indexes.filter((index) => cluster.partition(3, index).log.logEndOffset > 0n);
    expect(begun.length).toBeGreaterThan(0);
    expect(begun.length).toBeLessThan(5);
  });

  test('never throttles an in-sync replica', async () => {
    const cluster = new TestCluster();
    cluster.createTopic([1, 2, 3]);
    cluster.throttle({ leader: 1, follower: 1 }, { leader: ['*'], follower: ['*'] });
    const start = cluster.clock.monotonic();
    for (let i = 0; i < 5; i++) expect((await cluster.clock.settled(cluster.produce(1, [KILOBYTE]))).errorCode).toBe(0);
    expect(cluster.clock.monotonic() - start).toBeLessThan(1000);
  });

  test('removing a throttle ends all delays; raising its rate shortens them', async () => {
    const clock = new VirtualClock();
    let rate = 1000;
    const throttle = new ReplicationThrottle({
      clock,
      brokerId: 1,
      rates: () => ({ leader: rate, follower: Infinity }),
      replicas: () => ({ leader: ['*'], follower: [] }),
    });
    const partition = { topic: 't', index: 0, isr: [1] };
    throttle.sent(partition, 2, 10_000);
    await clock.advance(8_900);
    expect(throttle.holdsBack(partition, 2)).toBe(true);
    expect(throttle.waitMs(partition)).toBe(0);
    rate = 10_000;
    throttle.settingsChanged();
    await clock.advance(1);
    expect(throttle.holdsBack(partition, 2)).toBe(false);
    throttle.sent(partition, 2, 1_000_000);
    rate = Infinity;
    throttle.settingsChanged();
    expect(throttle.holdsBack(partition, 2)).toBe(false);
    rate = 0;
    throttle.settingsChanged();
    expect(throttle.holdsBack(partition, 2)).toBe(true);
    rate = 1000;
    throttle.settingsChanged();
    expect(throttle.holdsBack(partition, 2)).toBe(false);
  });
});
