/**
 * Moving replicas with Apache Kafka's kafka-reassign-partitions, and reading from the closest replica with its consumer and with kcat.
 * Needs Kafka's jars, see `tools.test.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { until } from '../helpers/processes.ts';
import { run } from '../helpers/run.ts';
import { describeWith } from '../helpers/tools.ts';

const jars = process.env['KAFKA_JARS'];
const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`];
const RECORDS = 20_000;

describeWith('KAFKA_JARS', jars !== undefined, "Apache Kafka's kafka-reassign-partitions", () => {
  let directory: string;
  let cluster: ClusterProcess;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'brokerdesk-reassign-'));
    const config = join(directory, 'server.properties');
    writeFileSync(
      config,
      'broker.rack=north,east,south,west\nreplica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector\n',
    );
    cluster = await ClusterProcess.start(['--data', join(directory, 'data'), '--brokers', '4', '--config', config]);
    await tool('TopicCommand', '--create', '--topic', 'orders', '--replica-assignment', '1:2,2:3,3:1');
    await tool(
      ...['ProducerPerformance', '--topic', 'orders', '--num-records', String(RECORDS), '--record-size', '200', '--throughput', '-1'],
    );
  });
  afterAll(async () => {
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function tool(...[name = '', ...args]: string[]): Promise<string> {
    const main = `org.apache.kafka.tools.${name}`;
    const { code, stdout, stderr } = await run('java', [...JAVA, main, '--bootstrap-server', cluster.bootstrap, ...args]);
    expect(code, `${stdout}\n${stderr}`).toBe(0);
    return stdout;
  }

  function plan(...replicas: number[][]): string {
    const path = join(directory, 'plan.json');
    const partitions = replicas.map((brokers, partition) => ({ topic: 'orders', partition, replicas: brokers }));
    writeFileSync(path, JSON.stringify({ version: 1, partitions }));
    return path;
  }
  const reassign = (...args: string[]) => tool('reassign.ReassignPartitionsCommand', ...args);
  const replicas = async () =>
    [...(await tool('TopicCommand', '--describe', '--topic', 'orders')).matchAll(/Leader: (\d)\s+Replicas: ([\d,]+)\s+Isr: ([\d,]+)/g)].map(
      ([, leader, all, isr]) => [Number(leader), all, isr?.split(',').sort().join()],
    );

  test('--cancel takes a throttled move back, --execute and --verify see one through, and the throttle goes with it', async () => {
    const file = plan([4, 1], [4, 2], [3, 1]);
    // At this rate it would take minutes.
    expect(await reassign('--reassignment-json-file', file, '--execute', '--throttle', '10000')).toContain('Successfully started');
    expect(await reassign('--list')).toMatch(/orders-0: replicas: 4,1,2\. adding: 4\. removing: 2\./);
    expect(await reassign('--reassignment-json-file', file, '--verify', '--preserve-throttles')).toContain('is still in progress');
    expect(await reassign('--reassignment-json-file', file, '--cancel')).toContain('Successfully cancelled');
    expect(await reassign('--list')).toContain('No partition reassignments found');
    expect((await replicas()).map(([, all]) => all)).toEqual(['1,2', '2,3', '3,1']);

    const start = performance.now();
    expect(await reassign('--reassignment-json-file', file, '--execute', '--throttle', '1000000')).toContain('Successfully started');
    await until('the move is complete', 120_000, async () => {
      const said = await reassign('--reassignment-json-file', file, '--verify');
      return said.match(/is completed/g)?.length === 3 && said.includes('Clearing topic-level throttles');
    });
    // A third of 4 MB for each of two moves from different leaders, with a second's worth ahead.
    expect(performance.now() - start).toBeGreaterThan(500);
    expect(await replicas()).toEqual([
      [expect.toBeOneOf([1, 4]), '4,1', '1,4'],
      [expect.toBeOneOf([2, 4]), '4,2', '2,4'],
      [3, '3,1', '1,3'],
    ]);
    const configs = await run('java', [
      ...[...JAVA, 'kafka.admin.ConfigCommand', '--bootstrap-server', cluster.bootstrap],
      ...['--describe', '--entity-type', 'topics', '--entity-name', 'orders'],
    ]);
    expect(configs.stdout).not.toContain('throttled');
    const offsets = await tool('GetOffsetShell', '--topic', 'orders');
    expect([...offsets.matchAll(/^orders:\d:(\d+)$/gm)].reduce((sum, match) => sum + Number(match[1]), 0)).toBe(RECORDS);
  }, 360_000);

  test('more and fewer replicas; the old brokers keep nothing', async () => {
    await reassign('--reassignment-json-file', plan([4, 1, 2], [4], [2, 4]), '--execute');
    await until('the move is complete', 120_000, async () => (await reassign('--list')).includes('No partition reassignments found'));
    expect((await replicas()).map(([, all, isr]) => [all, isr])).toEqual([
      ['4,1,2', '1,2,4'],
      ['4', '4'],
      ['2,4', '2,4'],
    ]);
    // A broker deletes the files of a replica after it has applied the change.
    const directories = (): Promise<string> => tool('LogDirsCommand', '--describe', '--topic-list', 'orders', '--broker-list', '3');
    await until('broker 3 has no replica', 120_000, async () => (await directories()).includes('"partitions":[]'));
  }, 360_000);

  test('kafka-leader-election: an unclean election while all in-sync replicas are down', async () => {
    await tool('TopicCommand', '--create', '--topic', 'lossy', '--replica-assignment', '1:2');
    const produce = (count: number) =>
      tool('ProducerPerformance', '--topic', 'lossy', '--num-records', String(count), '--record-size', '100', '--throughput', '-1');
    await produce(100);
    const state = async () =>
      /Leader: (\S+)\s+Replicas: \S+\s+Isr: (\S+)/.exec(await tool('TopicCommand', '--describe', '--topic', 'lossy'))?.slice(1);
    await cluster.kill(2);
    await until('broker 2 is out of the ISR', 120_000, async () => (await state())?.[1] === '1');
    await produce(50);
    await cluster.kill(1);
    await cluster.startNode(2);
    await until('the partition has no leader', 120_000, async () => (await state())?.[0] === 'none');
    await tool('LeaderElectionCommand', '--election-type', 'unclean', '--topic', 'lossy', '--partition', '0');
    // Any live broker may be asked, also one that applies the election later.
    await until('broker 2 leads alone', 120_000, async () => (await state())?.join() === '2,2');
    await cluster.startNode(1);
    await until('broker 1 is in sync', 120_000, async () => (await state())?.[1]?.length === 3);
    // What only broker 1 had is gone, and it has given that up.
    expect(await tool('GetOffsetShell', '--topic', 'lossy')).toContain('lossy:0:100');
    const events = await cluster.control<{ type: string }[]>('GET', '/timeline?since=0');
    expect(events.map(({ type }) => type)).toContain('partition/uncleanlyElected');
  }, 360_000);

  test('consumers read from the replica in their rack', async () => {
    // Broker 2 stands in the east and leads nothing of partition 0.
    const reads = await run('java', [
      ...[...JAVA, 'org.apache.kafka.tools.consumer.ConsoleConsumer', '--bootstrap-server', cluster.bootstrap, '--topic', 'orders'],
      ...['--partition', '0', '--offset', 'earliest', '--max-messages', '1000', '--timeout-ms', '60000'],
      ...['--command-property', 'client.rack=east'],
    ]);
    expect(reads.stdout.trim().split('\n')).toHaveLength(1000);
    const kcat = await run('kcat', [
      ...['-b', cluster.bootstrap, '-C', '-t', 'orders', '-p', '0', '-o', 'beginning', '-e', '-f', '.'],
      ...['-X', 'client.rack=east', '-X', 'debug=fetch'],
    ]);
    expect(kcat.stdout.length).toBeGreaterThan(1000);
    expect(kcat.stderr).toMatch(/\/2: Fetch topic orders \[0\]/);
  }, 360_000);
});
