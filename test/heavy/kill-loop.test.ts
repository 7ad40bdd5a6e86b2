import { expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { killLoop, type KillLoopOutcome } from '../helpers/kill-loop.ts';
import { describeWith, pythonHas } from '../helpers/tools.ts';

async function loop(options: Parameters<typeof killLoop>[1]): Promise<KillLoopOutcome> {
  const cluster = await ClusterProcess.start();
  try {
    const outcome = await killLoop(cluster.line, options);
    console.log(`kill-loop ${options.mode}${options.group === true ? ' with a group' : ''}:`, JSON.stringify(outcome));
    return outcome;
  } finally {
    await cluster.stop();
  }
}

// acks=all, min.insync.replicas=2, idempotent; three brokers, six partitions.
describeWith('python3-confluent-kafka', pythonHas('confluent_kafka'), 'nothing acknowledged is lost or there twice', () => {
  test('a random broker killed and restarted every 5 s', { timeout: 500_000 }, async () => {
    const outcome = await loop({ seconds: 60, mode: 'one' });
    expect(outcome).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, invented: 0, errors: [] });
    expect(outcome.acked).toBeGreaterThan(60 * 200);
    expect(outcome.kills).toBeGreaterThan(6);
  });

  test('the same with a consumer group beside it: everything is consumed too', { timeout: 500_000 }, async () => {
    const outcome = await loop({ seconds: 45, mode: 'one', group: true });
    expect(outcome).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, invented: 0, errors: [], notConsumed: 0 });
    expect(outcome.kills).toBeGreaterThan(4);
  });

  test.each([
    { mode: 'two', what: 'two brokers killed at once' },
    { mode: 'controller', what: 'the controller killed, again and again' },
    { mode: 'stop', what: 'brokers stopped in order' },
  ] as const)('$what', { timeout: 300_000 }, async ({ mode }) => {
    const outcome = await loop({ seconds: 30, mode });
    expect(outcome).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, invented: 0, errors: [] });
    expect(outcome.acked).toBeGreaterThan(30 * 100);
    expect(outcome.kills).toBeGreaterThan(2);
  });
});
