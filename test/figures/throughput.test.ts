/**
 * Figures of start, memory and throughput: printed, and asserted only an order of magnitude wide, since the machine is
 * shared. Throughput is a ratio to librdkafka's own in-process mock, driven by the same kcat in the same run.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterProcess, somePort, type ClusterLine } from '../helpers/cluster-process.ts';
import { runOk } from '../helpers/run.ts';
import { describeWith, onPath } from '../helpers/tools.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const RECORDS = 1_000_000;
const ROUNDS = 3;

test('three brokers: ready, first acknowledged write, resident memory', async () => {
  const port = somePort();
  const start = performance.now();
  const child = spawn('npm', ['run', '--silent', 'cluster', '--', '--memory', '--json', '--port', String(port)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const line = await new Promise<ClusterLine>((done, failed) => {
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('\n')) done(JSON.parse(out) as ClusterLine);
    });
    child.once('exit', (code) => failed(new Error(`exit ${code}`)));
  });
  const readyMs = performance.now() - start;
  try {
    const kafka = new Kafka({ brokers: line.bootstrap.split(','), logLevel: logLevel.NOTHING });
    const [admin, producer] = [kafka.admin(), kafka.producer()];
    await admin.connect();
    await producer.connect();
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic: 'first', numPartitions: 1, replicationFactor: 3 }] });
    await producer.send({ topic: 'first', acks: -1, messages: [{ value: 'x' }] });
    const firstWriteMs = performance.now() - start;
    await Promise.all([admin.disconnect(), producer.disconnect()]);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const residentMb = residentBytes(line.pid) / 1_000_000;
    console.log(
      `three brokers: ready in ${(readyMs / 1000).toFixed(2)} s, first acks=all write after ${(firstWriteMs / 1000).toFixed(2)} s, ` +
        `${residentMb.toFixed(0)} MB resident when idle`,
    );
    expect(firstWriteMs).toBeLessThan(10_000);
    expect(residentMb).toBeLessThan(2_300);
  } finally {
    process.kill(line.pid, 'SIGINT');
    await new Promise((resolve) => child.once('exit', resolve));
  }
});

function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) * 1024;
}

describeWith('kcat', onPath('kcat'), '1,000,000 records of 100 bytes by kcat', () => {
  let cluster: ClusterProcess;
  let directory: string;
  let file: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'brokerdesk-figures-'));
    file = join(directory, 'records');
    writeFileSync(file, `${'x'.repeat(99)}\n`.repeat(RECORDS));
    cluster = await ClusterProcess.start();
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await cluster.stop();
  });

  const produce = async (bootstrap: string, topic: string, more: readonly string[]): Promise<number> => {
    const { ms } = await runOk('kcat', ['-b', bootstrap, '-P', '-t', topic, '-l', file, ...more], { timeoutMs: 120_000 });
    return ms;
  };

  test('as a ratio to librdkafka’s mock', async () => {
    const kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const times = { mock: [] as number[], one: [] as number[], all: [] as number[] };
    // Rounds alternate, so that what else the machine does falls on all three alike.
    for (let round = 0; round < ROUNDS; round++) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          { topic: `one-${round}`, numPartitions: 1, replicationFactor: 1 },
          { topic: `all-${round}`, numPartitions: 1, replicationFactor: 3 },
        ],
      });
      times.mock.push(await produce('unused', 'mock', ['-X', 'test.mock.num.brokers=3', '-X', 'acks=1']));
      times.one.push(await produce(cluster.bootstrap, `one-${round}`, ['-X', 'acks=1']));
      times.all.push(await produce(cluster.bootstrap, `all-${round}`, ['-X', 'acks=all']));
    }
    const offsets = await admin.fetchTopicOffsets(`all-${ROUNDS - 1}`);
    await admin.disconnect();
    const best = (list: readonly number[]): number => Math.min(...list);
    const ratio = { one: best(times.one) / best(times.mock), all: best(times.all) / best(times.mock) };
    console.log(
      `kcat 1M x 100 B, best of ${ROUNDS}: mock ${best(times.mock).toFixed(0)} ms, acks=1 RF 1 ${best(times.one).toFixed(0)} ms (x${ratio.one.toFixed(2)}), ` +
        `acks=all RF 3 ${best(times.all).toFixed(0)} ms (x${ratio.all.toFixed(2)})`,
    );
    expect(offsets.map(({ high }) => high)).toEqual([String(RECORDS)]);
    expect(ratio.one).toBeLessThan(15);
    expect(ratio.all).toBeLessThan(30);
  });
});
