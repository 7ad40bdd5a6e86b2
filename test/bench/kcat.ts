/** 1,000,000 records of 100 bytes by kcat: into librdkafka's in-process mock, into our cluster with acks=1 and with acks=all. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { runOk } from '../helpers/run.ts';
import type { Figure } from './table.ts';

const RECORDS = 1_000_000;
const ROUNDS = 3;
/** Of a processor's time in /proc, in hundredths of a second on every Linux. */
const TICK_MS = 10;

interface Run {
  ms: number;
  /** Of all threads of the cluster's process. */
  cpuMs: number;
}

export async function benchKcat(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'brokerdesk-bench-'));
  const file = join(directory, 'records');
  writeFileSync(file, `${'x'.repeat(99)}\n`.repeat(RECORDS));
  const cluster = await ClusterProcess.start();
  try {
    const kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    const produce = async (bootstrap: string, topic: string, more: readonly string[]): Promise<Run> => {
      const before = cpuMs(cluster.line.pid);
      const { ms } = await runOk('kcat', ['-b', bootstrap, '-P', '-t', topic, '-l', file, ...more], { timeoutMs: 300_000 });
      return { ms, cpuMs: cpuMs(cluster.line.pid) - before };
    };
    const runs = { mock: [] as Run[], one: [] as Run[], all: [] as Run[] };
    // Rounds alternate, so that what else the machine does falls on all three alike.
    for (let round = 0; round < ROUNDS; round++) {
      const [one, all] = [`one-${round}`, `all-${round}`];
      await admin.createTopics({
        waitForLeaders: true,
        topics: [
          { topic: one, numPartitions: 1, replicationFactor: 1 },
          { topic: all, numPartitions: 1, replicationFactor: 3 },
        ],
      });
      runs.mock.push(await produce('unused', 'mock', ['-X', 'test.mock.num.brokers=3', '-X', 'acks=1']));
      runs.one.push(await produce(cluster.bootstrap, one, ['-X', 'acks=1']));
      runs.all.push(await produce(cluster.bootstrap, all, ['-X', 'acks=all']));
    }
    await admin.disconnect();
    const ms = (list: readonly Run[]): number => Math.min(...list.map((run) => run.ms));
    const cpu = (list: readonly Run[]): number => Math.min(...list.map((run) => run.cpuMs));
    return [
      { name: 'mock, acks=1', value: ms(runs.mock), unit: 'ms' },
      { name: 'acks=1, one replica', value: ms(runs.one), unit: 'ms' },
      { name: 'acks=1, one replica, to the mock', value: ms(runs.one) / ms(runs.mock), unit: 'times' },
      { name: 'acks=1, one replica, processor of the cluster', value: cpu(runs.one), unit: 'ms' },
      { name: 'acks=all, three replicas', value: ms(runs.all), unit: 'ms' },
      { name: 'acks=all, three replicas, to the mock', value: ms(runs.all) / ms(runs.mock), unit: 'times' },
      { name: 'acks=all, three replicas, processor of the cluster', value: cpu(runs.all), unit: 'ms' },
    ];
  } finally {
    await cluster.stop();
    rmSync(directory, { recursive: true });
  }
}

/** User and system time of a process with all its threads; NaN where there is no /proc. */
function cpuMs(pid: number): number {
  if (!readdirSync('/').includes('proc')) return Number.NaN;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Behind the name, which may hold anything, fields 14 and 15 are the twelfth and thirteenth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
