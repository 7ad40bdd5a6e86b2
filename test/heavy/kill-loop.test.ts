import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { runOk } from '../helpers/run.ts';
import { describeWith, pythonHas } from '../helpers/tools.ts';

const SECONDS = 60;

interface Outcome {
  acked: number;
  failed: number;
  kills: number;
  lost: number;
  duplicated: number;
  invented: number;
  errors: string[];
  notConsumed?: number;
}

async function killLoop(...more: string[]): Promise<Outcome> {
  const cluster = await ClusterProcess.start();
  try {
    const { stdout } = await runOk(
      '/usr/bin/python3',
      [
        join(import.meta.dirname, 'kill_loop.py'),
        ...['--bootstrap', cluster.bootstrap, '--control', cluster.line.control, '--token', cluster.line.token],
        ...['--seconds', String(SECONDS), '--seed', String(Math.floor(Math.random() * 1e9)), ...more],
      ],
      { timeoutMs: 400_000 },
    );
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Outcome;
  } finally {
    await cluster.stop();
  }
}

describeWith('python3-confluent-kafka', pythonHas('confluent_kafka'), 'a random broker killed and restarted every 5 s', () => {
  test('acks=all, min.insync.replicas=2, idempotent: nothing acknowledged is lost or there twice', { timeout: 500_000 }, async () => {
    const outcome = await killLoop();
    console.log('kill-loop:', JSON.stringify(outcome));
    expect(outcome).toMatchObject({ lost: 0, duplicated: 0, invented: 0, errors: [] });
    expect(outcome.acked).toBeGreaterThan(SECONDS * 200);
    expect(outcome.kills).toBeGreaterThan(SECONDS / 10);
  });

  test('from outside, with a consumer group beside it: everything is consumed too', { timeout: 500_000 }, async () => {
    const outcome = await killLoop('--group');
    console.log('kill-loop with a group:', JSON.stringify(outcome));
    expect(outcome).toMatchObject({ lost: 0, duplicated: 0, invented: 0, errors: [], notConsumed: 0 });
    expect(outcome.kills).toBeGreaterThan(SECONDS / 10);
  });
});
