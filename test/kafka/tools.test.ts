/**
 * Apache Kafka's own tools against a running cluster, and its DumpLogSegments over all that the cluster left on disk. Needs Kafka's jars:
 * set KAFKA_JARS to their directory (`build/get-jars.sh kafka`).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { until } from '../helpers/processes.ts';
import { run } from '../helpers/run.ts';
import { describeWith } from '../helpers/tools.ts';

const jars = process.env['KAFKA_JARS'];
const PERF_RECORDS = 50_000;
const VERIFIABLE = 1_000;

/** Tools live for seconds: little compiling, one collector thread. */
const JAVA = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`];
/** What no run of a tool may say. */
const COMPLAINT = /Exception|^Error|\bERROR\b|WARN \[/m;

describeWith('KAFKA_JARS', jars !== undefined, "Apache Kafka's tools", () => {
  let directory: string;
  let cluster: ClusterProcess;
  let consumer: ChildProcess | undefined;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'brokerdesk-tools-'));
    cluster = await ClusterProcess.start(['--data', join(directory, 'data')]);
  });
  afterAll(async () => {
    consumer?.kill();
    await cluster.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs a tool against the cluster; its output, which must hold no complaint. */
  async function tool(name: string, args: readonly string[], input?: string): Promise<string> {
    const main = name.startsWith('kafka.') ? name : `org.apache.kafka.tools.${name}`;
    // kafka-cluster wants its subcommand first.
    const server = ['--bootstrap-server', cluster.bootstrap];
    const { code, stdout, stderr } = await run(
      'java',
      [...JAVA, main, ...(name === 'ClusterTool' ? [...args, ...server] : [...server, ...args])],
      {
        timeoutMs: 120_000,
        ...(input === undefined ? {} : { input }),
      },
    );
    const said = `${stdout}\n${loud(stderr)}`;
    expect(code, said).toBe(0);
    expect(said).not.toMatch(COMPLAINT);
    return stdout;
  }

  const topics = (...args: string[]) => tool('TopicCommand', args);
  const groups = (...args: string[]) => tool('consumer.group.ConsumerGroupCommand', args);
  /** The cells of the rows that begin with a word. */
  const rows = (out: string, first: string) =>
    out
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((cells) => cells[0] === first);

  test('kafka-topics: create, describe, list, alter, delete', async () => {
    await topics('--create', '--topic', 'orders', '--partitions', '3', '--replication-factor', '3', '--config', 'min.insync.replicas=2');
    await topics('--create', '--topic', 'short-lived');
    const described = await topics('--describe', '--topic', 'orders');
    expect(described).toMatch(/PartitionCount: 3\s+ReplicationFactor: 3\s+Configs: min\.insync\.replicas=2/);
    expect(described.match(/Leader: [123]\s+Replicas: \d,\d,\d\s+Isr: \d,\d,\d/g)).toHaveLength(3);
    await topics('--alter', '--topic', 'orders', '--partitions', '6');
    await topics('--delete', '--topic', 'short-lived');
    // Any broker may be asked, also one that applies the change later than the controller.
    await until('the deleted topic is not listed', 120_000, async () => (await topics('--list')).trim() === 'orders');
    await until(
      'every replica is in sync',
      120_000,
      async () => (await topics('--describe', '--under-replicated-partitions')).trim() === '',
    );
  }, 360_000);

  test('kafka-configs: topic and broker settings', async () => {
    await tool('kafka.admin.ConfigCommand', [
      '--alter',
      '--entity-type',
      'topics',
      '--entity-name',
      'orders',
      '--add-config',
      'retention.ms=3600000',
    ]);
    const topic = await tool('kafka.admin.ConfigCommand', ['--describe', '--entity-type', 'topics', '--entity-name', 'orders']);
    expect(topic).toContain('retention.ms=3600000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=3600000');
    await tool('kafka.admin.ConfigCommand', [
      '--alter',
      '--entity-type',
      'topics',
      '--entity-name',
      'orders',
      '--delete-config',
      'retention.ms',
    ]);
    const all = await tool('kafka.admin.ConfigCommand', ['--describe', '--entity-type', 'brokers', '--entity-name', '1', '--all']);
    expect(all).toContain('broker.session.timeout.ms=3000');
  }, 360_000);

  test('producers: verifiable, performance, console', async () => {
    const verified = await tool('VerifiableProducer', ['--topic', 'orders', '--max-messages', String(VERIFIABLE), '--acks', '-1']);
    expect(verified).toContain(`"sent":${VERIFIABLE},"acked":${VERIFIABLE}`);
    const figures = await tool('ProducerPerformance', [
      ...['--topic', 'orders', '--num-records', String(PERF_RECORDS), '--record-size', '200', '--throughput', '-1'],
      ...['--command-property', 'acks=all', 'compression.type=lz4'],
    ]);
    expect(figures).toContain(`${PERF_RECORDS} records sent`);
    console.log('ProducerPerformance:', figures.trim().split('\n').at(-1));
    await tool('ConsoleProducer', ['--topic', 'orders', '--command-property', 'acks=all'], 'one\ntwo\n');
    const offsets = await tool('GetOffsetShell', ['--topic', 'orders']);
    const total = [...offsets.matchAll(/^orders:\d+:(\d+)$/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
    expect(total).toBe(VERIFIABLE + PERF_RECORDS + 2);
  }, 360_000);

  test('kafka-delete-records', async () => {
    await topics('--create', '--topic', 'trimmed', '--partitions', '1', '--replication-factor', '3');
    await tool('ProducerPerformance', [
      ...['--topic', 'trimmed', '--num-records', '1000', '--record-size', '100', '--throughput', '-1'],
      ...['--command-property', 'acks=all'],
    ]);
    const file = join(directory, 'delete-records.json');
    for (const [offset, low] of [
      [3, 3],
      [-1, 1000],
    ]) {
      writeFileSync(file, JSON.stringify({ partitions: [{ topic: 'trimmed', partition: 0, offset }], version: 1 }));
      const out = await tool('DeleteRecordsCommand', ['--offset-json-file', file]);
      expect(out).toContain(`partition: trimmed-0\tlow_watermark: ${low}\n`);
      expect(await tool('GetOffsetShell', ['--topic', 'trimmed', '--time', 'earliest'])).toContain(`trimmed:0:${low}\n`);
    }
  }, 360_000);

  test('consumers: performance, console', async () => {
    const figures = await tool('ConsumerPerformance', [
      '--topic',
      'orders',
      '--group',
      'perf',
      '--num-records',
      String(PERF_RECORDS),
      '--timeout',
      '20000',
    ]);
    const cells = figures.trim().split('\n').at(-1)?.split(', ') ?? [];
    expect(Number(cells[4])).toBeGreaterThanOrEqual(PERF_RECORDS);
    const wanted = 500;
    const read = await tool('consumer.ConsoleConsumer', [
      '--topic',
      'orders',
      '--from-beginning',
      '--max-messages',
      String(wanted),
      '--timeout-ms',
      '20000',
    ]);
    expect(read.trim().split('\n')).toHaveLength(wanted);
  }, 360_000);

  test('kafka-consumer-groups: a live member, its lag, reset-offsets, delete', async () => {
    let seen = 0;
    consumer = spawn('java', [
      ...JAVA,
      'org.apache.kafka.tools.consumer.ConsoleConsumer',
      ...['--bootstrap-server', cluster.bootstrap, '--topic', 'orders', '--group', 'live', '--from-beginning'],
      ...['--command-property', 'auto.commit.interval.ms=200'],
    ]);
    consumer.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString().split('\n').length - 1));
    await until('the console consumer reads everything', 120_000, () => seen >= VERIFIABLE + PERF_RECORDS + 2);
    let described: string[][] = [];
    await until('all of it is committed', 120_000, async () => {
      described = rows(await groups('--describe', '--group', 'live'), 'live');
      return described.length === 6 && described.every((cells) => cells[5] === '0');
    });
    for (const [, topic, , current, end, lag, member] of described) {
      expect([topic, current, lag]).toEqual(['orders', end, '0']);
      expect(member).toMatch(/^console-consumer-/);
    }
    expect(rows(await groups('--describe', '--group', 'live', '--state'), 'live')[0]?.slice(-2)).toEqual(['Stable', '1']);
    expect(rows(await groups('--describe', '--group', 'live', '--members', '--verbose'), 'live')[0]).toContain('orders:0,1,2,3,4,5');
    consumer.kill();
    await until('the group is empty', 120_000, async () => (await groups('--list', '--state')).match(/^live\s+Empty/m) !== null);
    await groups('--reset-offsets', '--group', 'live', '--topic', 'orders', '--to-earliest', '--execute');
    const reset = rows(await groups('--describe', '--group', 'live'), 'live');
    expect(reset.map((cells) => cells[3])).toEqual(['0', '0', '0', '0', '0', '0']);
    await groups('--delete', '--group', 'perf');
    expect(await groups('--list')).not.toContain('perf');
  }, 360_000);

  test('kafka-metadata-quorum, kafka-features, kafka-cluster', async () => {
    let status = '';
    await until('the followers of the metadata have all of it', 120_000, async () => {
      status = await tool('MetadataQuorumCommand', ['describe', '--status']);
      return /MaxFollowerLag:\s+0\n/.test(status);
    });
    expect(status).toMatch(/LeaderId:\s+[123]\n/);
    expect(status.match(/"id": \d/g)).toHaveLength(3);
    const replication = await tool('MetadataQuorumCommand', ['describe', '--replication', '--human-readable']);
    expect(replication.match(/\b(Leader|Follower)\s*$/gm)).toHaveLength(3);
    const features = await tool('FeatureCommand', ['describe']);
    expect(features).toMatch(/Feature: metadata\.version\s.*FinalizedVersionLevel: 4\.3-IV0/);
    expect(features).toMatch(/Feature: eligible\.leader\.replicas\.version\s.*FinalizedVersionLevel: 1/);
    expect((await tool('ClusterTool', ['list-endpoints'])).match(/127\.0\.0\.1 +\d+ .* unfenced/g)).toHaveLength(3);
  }, 360_000);

  test('kafka-log-dirs, kafka-broker-api-versions, kafka-leader-election', async () => {
    const dirs = await tool('LogDirsCommand', ['--describe', '--topic-list', 'orders']);
    const described = JSON.parse(dirs.trim().split('\n').at(-1) ?? '') as {
      brokers: { logDirs: { error: null; partitions: { size: number; offsetLag: number }[] }[] }[];
    };
    expect(described.brokers.flatMap(({ logDirs }) => logDirs.flatMap(({ partitions }) => partitions))).toHaveLength(18);
    for (const one of described.brokers.flatMap(({ logDirs }) => logDirs)) {
      expect(one.error).toBeNull();
      for (const partition of one.partitions) expect([partition.size > 0, partition.offsetLag]).toEqual([true, 0]);
    }
    const versions = await tool('BrokerApiVersionsCommand', []);
    expect(versions.match(/^127\.0\.0\.1:\d+ \(id: \d .*\) -> \($/gm)).toHaveLength(3);
    expect(versions).toMatch(/Produce\(0\): \d+ to \d+ \[usable: \d+\]/);

    await cluster.control('POST', '/nodes/1/stop');
    await cluster.startNode(1);
    await until(
      'broker 1 is in sync again',
      120_000,
      async () => (await topics('--describe', '--under-replicated-partitions')).trim() === '',
    );
    await tool('LeaderElectionCommand', ['--election-type', 'preferred', '--all-topic-partitions']);
    // Any broker may be asked, also one that applies the election later.
    await until('each partition is led by its preferred replica', 120_000, async () => {
      const found = [...(await topics('--describe', '--topic', 'orders')).matchAll(/Leader: (\d)\s+Replicas: (\d)/g)];
      return found.length === 6 && found.every(([, leader, replica]) => leader === replica);
    });
  }, 360_000);

  test('DumpLogSegments finds nothing wrong in anything that was left on disk', async () => {
    await cluster.kill(2);
    await cluster.startNode(2);
    expect(await cluster.stop()).toBe(0);
    const files = readdirSync(join(directory, 'data'), { recursive: true, encoding: 'utf8' })
      .map((name) => join(directory, 'data', name))
      .filter((path) => statSync(path).isFile());
    const dump = async (paths: readonly string[], ...options: string[]): Promise<string> => {
      expect(paths.length).toBeGreaterThan(2);
      // The list of files is longer than a command line may be.
      const list = join(directory, 'arguments');
      writeFileSync(list, [...JAVA, 'org.apache.kafka.tools.DumpLogSegments', '--files', paths.join(','), ...options].join('\n'));
      const { code, stdout, stderr } = await run('java', [`@${list}`], { timeoutMs: 120_000 });
      expect(code, loud(stderr)).toBe(0);
      // Complaints are printed, not signalled by the exit code.
      const complaint =
        /isvalid: false|invalid bytes|non-consecutive|could not|corrupt|mismatch|not found|out of order|sanity check|exception|^Error/im;
      expect(complaint.exec(`${stdout}\n${loud(stderr)}`)?.[0]).toBeUndefined();
      return stdout;
    };
    const metadata = (path: string): boolean => path.includes('__cluster_metadata');
    const logs = files.filter((path) => path.endsWith('.log'));
    const records = await dump(
      logs.filter((path) => !metadata(path)),
      '--deep-iteration',
    );
    const counted = [0, 0, 0];
    let node: number | undefined;
    for (const [, name, ofNode] of records.matchAll(/^(?:Dumping .*\/node-(?=\d\/([^/]+)-\d+\/)|\| offset: )(\d)/gm)) {
      if (name !== undefined) node = name === 'orders' ? Number(ofNode) - 1 : undefined;
      else if (node !== undefined) counted[node] = (counted[node] ?? 0) + 1;
    }
    const all = VERIFIABLE + PERF_RECORDS + 2;
    expect(counted).toEqual([all, all, all]);
    await dump(files.filter((path) => /\.(index|timeindex|snapshot)$/.test(path) && !metadata(path)));
    const decoded = await dump(logs.filter(metadata), '--cluster-metadata-decoder');
    for (const type of [
      'REGISTER_BROKER_RECORD',
      'TOPIC_RECORD',
      'PARTITION_CHANGE_RECORD',
      'CONFIG_RECORD',
      'BROKER_REGISTRATION_CHANGE_RECORD',
    ]) {
      expect(decoded).toContain(`"type":"${type}"`);
    }
    const offsets = await dump(
      logs.filter((path) => path.includes('__consumer_offsets') && statSync(path).size > 0),
      '--offsets-decoder',
    );
    expect(offsets).toMatch(/key: \{"type":"1","data":\{"group":"live","topic":"orders","partition":\d\}\}/);
    expect(offsets).toMatch(/key: \{"type":"2","data":\{"group":"live"\}\}/);
  }, 360_000);
});

/** What a tool said on stderr, but for its logging framework's remarks on being set up. */
function loud(stderr: string): string {
  return stderr
    .split('\n')
    .filter((line) => !/SLF4J|StatusLogger|log4j/i.test(line))
    .join('\n');
}
