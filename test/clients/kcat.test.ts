import { spawn } from 'node:child_process';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { run, runOk } from '../helpers/run.ts';
import { describeWith, onPath } from '../helpers/tools.ts';

const LINES = 100_000;

describeWith('kcat', onPath('kcat'), 'kcat with no special options', () => {
  let cluster: ClusterProcess;

  beforeAll(async () => {
    cluster = await ClusterProcess.start();
    const kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'group'].map((topic) => ({ topic, numPartitions: 6, replicationFactor: 3 })),
    });
    await admin.disconnect();
  });

  afterAll(async () => {
    expect(await cluster.stop()).toBe(0);
  });

  test('-L lists brokers, topics, leaders and ISR', async () => {
    const { stdout } = await runOk('kcat', ['-b', cluster.bootstrap, '-L', '-J']);
    const listing = JSON.parse(stdout) as {
      brokers: { id: number }[];
      topics: { topic: string; partitions: { leader: number; replicas: unknown[]; isrs: unknown[] }[] }[];
    };
    expect(listing.brokers.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
    const topic = listing.topics.find((one) => one.topic === 'zstd');
    expect(topic?.partitions).toHaveLength(6);
    for (const partition of topic?.partitions ?? []) {
      expect(partition.leader).toBeGreaterThan(0);
      expect(partition.replicas).toHaveLength(3);
      expect(partition.isrs).toHaveLength(3);
    }
  });

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('100,000 lines with %s come back as the same set', async (codec) => {
    const lines = Array.from({ length: LINES }, (_, i) => `${codec}-${i}-${'x'.repeat(i % 50)}`);
    await runOk('kcat', ['-b', cluster.bootstrap, '-P', '-t', codec, '-z', codec], { input: lines.join('\n') + '\n' });
    const { stdout } = await runOk('kcat', ['-b', cluster.bootstrap, '-C', '-t', codec, '-o', 'beginning', '-e', '-q']);
    const back = stdout.trimEnd().split('\n');
    expect(back).toHaveLength(LINES);
    expect(new Set(back)).toEqual(new Set(lines));
  });

  test('a group rebalances between two members', async () => {
    await runOk('kcat', ['-b', cluster.bootstrap, '-P', '-t', 'group', '-K', ':'], {
      input: Array.from({ length: 600 }, (_, i) => `k${i}:v${i}`).join('\n') + '\n',
    });
    const member = () => {
      const child = spawn(
        'kcat',
        ['-b', cluster.bootstrap, '-G', 'pair', 'group', '-X', 'auto.offset.reset=earliest', '-f', '%p %s\n', '-u'],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      const said = { out: '', err: '' };
      child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
      return { child, said };
    };
    const first = member();
    const second = member();
    try {
      // Each must end up with three of the six partitions.
      await expect
        .poll(() => [first, second].map(({ said }) => lastAssignment(said.err)), { timeout: 120_000, interval: 200 })
        .toEqual([3, 3]);
      await expect
        .poll(
          () =>
            `${first.said.out}${second.said.out}`
              .trim()
              .split('\n')
              .filter(Boolean)
              .map((line) => line.split(' ')[1]).length,
          { timeout: 60_000 },
        )
        .toBeGreaterThanOrEqual(600);
      first.child.kill('SIGINT');
      await expect.poll(() => lastAssignment(second.said.err), { timeout: 120_000, interval: 200 }).toBe(6);
    } finally {
      first.child.kill('SIGKILL');
      second.child.kill('SIGKILL');
    }
  });

  test('a broker that is not there is said so, and the others answer', async () => {
    await cluster.kill(2);
    const { code, stdout } = await run('kcat', ['-b', cluster.bootstrap, '-L', '-J', '-m', '30'], { timeoutMs: 60_000 });
    expect(code).toBe(0);
    expect(stdout).toContain('"topic":"zstd"');
    await cluster.startNode(2);
  });
});

/** Number of partitions in the last `assigned:` line that kcat printed. */
function lastAssignment(stderr: string): number {
  const lines = [...stderr.matchAll(/assigned: (.*)/g)];
  const last = lines.at(-1)?.[1] ?? '';
  return last === '' ? 0 : last.split(',').length;
}
