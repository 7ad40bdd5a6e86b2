/** Runs attacks one after another against one process each, and measures what another client notices. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import type { Attack, AttackContext } from './attack.ts';
import type { ProbeReport, ProbeStart } from './probe.ts';
import { somePort } from '../helpers/ports.ts';
import { residentBytes, Target } from './target.ts';
import { Client, Sockets } from './wire.ts';
import { messageOf } from '../../shared/errors.ts';
import { pause } from '../../shared/waiting.ts';

/** What another client may at most notice, and what the process may at most take. */
export const BARS = { peakBytes: 512 * 1024 * 1024, silenceMs: 1_000, endMs: 5_000 };
const TERMINATE_MS = 30_000;
const SETTLE_MS = 500;
const BULK_BYTES = 60 * 1024 * 1024;
const PROBE_TOPIC = 'attack-probe';

export interface Outcome {
  attack: string;
  what: string;
  /** Above the idle process; undefined where the system does not say. */
  peakBytes: number | undefined;
  silenceMs: number;
  silenceJudged: boolean;
  /** What fails the run; empty where all bars held. */
  failures: string[];
}

export interface Result {
  idleBytes: number | undefined;
  /** Silence without an attack, by the same client. */
  idleSilenceMs: number;
  endMs: number | undefined;
  outcomes: Outcome[];
  failures: string[];
}

/** `forMs`: how long each attack may take. */
export async function runAttacks(
  attacks: readonly Attack[],
  options: { web: boolean; seed: number; forMs: number; report: (line: string) => void },
): Promise<Result> {
  const args = options.web
    ? ['web', '--no-open', '--port', '0', '--brokers', '3']
    : ['cluster', '--control', '0', '--port', String(somePort())];
  const target = await Target.start(args);
  const outcomes: Outcome[] = [];
  const failures: string[] = [];
  let idleBytes: number | undefined;
  let idleSilenceMs = 0;
  let worker: Worker | undefined;
  try {
    const prepared = await prepare(target);
    const start: ProbeStart = { pid: target.pid, ports: target.brokerPorts, topic: PROBE_TOPIC };
    worker = new Worker(join(import.meta.dirname, 'probe.ts'), { workerData: start });
    await pause(2_000);
    await ask(worker, 'reset');
    await pause(1_500);
    idleSilenceMs = (await ask(worker, 'report')).silenceMs;
    idleBytes = residentBytes(target.pid);
    for (const attack of attacks) {
      options.report(`${attack.name}: ${attack.summary}`);
      outcomes.push(await runOne(attack, { target, worker, idleBytes, ...options, ...prepared }));
      if (!target.alive) {
        failures.push(`the process ended during ${attack.name}: ${target.stderr.slice(-2_000)}`);
        break;
      }
    }
  } catch (error) {
    failures.push(messageOf(error));
  } finally {
    await worker?.terminate();
  }
  const endMs = await target.terminate(TERMINATE_MS);
  if (endMs === undefined) failures.push(`the process did not end within ${TERMINATE_MS} ms of SIGTERM`);
  else if (endMs > BARS.endMs) failures.push(`the process took ${endMs} ms to end after SIGTERM`);
  return { idleBytes, idleSilenceMs, endMs, outcomes, failures };
}

type Prepared = Pick<AttackContext, 'quorumPorts' | 'bulk' | 'compacted'>;

async function runOne(
  attack: Attack,
  run: Prepared & { target: Target; worker: Worker; idleBytes: number | undefined; seed: number; forMs: number },
): Promise<Outcome> {
  const { target, worker, idleBytes, seed, forMs, quorumPorts, bulk, compacted } = run;
  const sockets = new Sockets();
  const failures: string[] = [];
  attack.prepare?.();
  await ask(worker, 'reset');
  const until = performance.now() + forMs;
  const over = (): boolean => performance.now() >= until || !target.alive;
  let what = '';
  try {
    what = await attack.run({ target, sockets, random: seededRandom(seed), forMs, over, quorumPorts, bulk, compacted });
  } catch (error) {
    failures.push(messageOf(error));
  } finally {
    sockets.closeAll();
  }
  await pause(SETTLE_MS);
  const { silenceMs, peakBytes, lastError } = await ask(worker, 'report');
  const above = peakBytes === undefined || idleBytes === undefined ? undefined : peakBytes - idleBytes;
  if (above !== undefined && above > BARS.peakBytes) failures.push(`peak memory ${mib(above)} MiB above idle`);
  const silenceJudged = attack.disruptive !== true;
  if (silenceJudged && silenceMs > BARS.silenceMs)
    failures.push(`another client was not served for ${silenceMs} ms (${lastError ?? 'late'})`);
  return { attack: attack.name, what, peakBytes: above, silenceMs, silenceJudged, failures };
}

export function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function ask(worker: Worker, message: 'reset' | 'report'): Promise<ProbeReport> {
  return new Promise((done, reject) => {
    const failed = (error: unknown): void => reject(error instanceof Error ? error : new Error(String(error)));
    worker.once('error', failed);
    worker.once('message', (report: ProbeReport) => {
      worker.off('error', failed);
      done(report);
    });
    worker.postMessage(message);
  });
}

/** Makes the topics: one partition of the probe's at each broker, one to read 60 MB from, one that is compacted. */
async function prepare(target: Target): Promise<Prepared> {
  const sockets = new Sockets();
  const [port = 0] = target.brokerPorts;
  const client = await Client.open(sockets, port);
  const ids = (await client.call(metadata, 9, { topics: [], allowAutoTopicCreation: false })).brokers.map(({ nodeId }) => nodeId);
  const assignments = ids.map((nodeId, partitionIndex) => ({ partitionIndex, brokerIds: [nodeId] }));
  const plain = { numPartitions: -1, replicationFactor: -1, configs: [] };
  const one = { ...plain, assignments: [], numPartitions: 1, replicationFactor: 1 };
  const created = await client.call(createTopics, 5, {
    topics: [
      { name: PROBE_TOPIC, ...plain, assignments },
      { name: 'attack-bulk', ...one },
      { name: 'attack-compacted', ...one, configs: [{ name: 'cleanup.policy', value: 'compact' }] },
    ],
    timeoutMs: 10_000,
  });
  const refused = created.topics.find(({ errorCode }) => errorCode !== 0);
  if (refused !== undefined) throw new Error(`Topic ${refused.name} was not created: ${refused.errorMessage ?? refused.errorCode}`);
  const bulk = await leaderOf(client, 'attack-bulk');
  const compacted = await leaderOf(client, 'attack-compacted');
  await fill(sockets, bulk);
  client.close();
  const quorumPorts = await quorumPortsOf(target);
  return { quorumPorts, bulk, compacted };
}

async function leaderOf(client: Client, topic: string): Promise<{ topic: string; leaderPort: number }> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const { brokers, topics } = await client.call(metadata, 9, { topics: [{ name: topic }], allowAutoTopicCreation: false });
    const leader = topics[0]?.partitions[0]?.leaderId ?? -1;
    const found = brokers.find(({ nodeId }) => nodeId === leader);
    if (found !== undefined) return { topic, leaderPort: found.port };
    await pause(100);
  }
  throw new Error(`topic ${topic} has no leader`);
}

async function fill(sockets: Sockets, { topic, leaderPort }: { topic: string; leaderPort: number }): Promise<void> {
  const client = await Client.open(sockets, leaderPort);
  const value = Buffer.alloc(900_000, 'x');
  const records = buildBatch({ records: [{ value }], timestamp: BigInt(Date.now()) });
  for (let bytes = 0; bytes < BULK_BYTES; bytes += records.length) {
    const partitionData = [{ index: 0, records }];
    const answer = await client.call(produce, 7, { acks: 1, timeoutMs: 5_000, topicData: [{ name: topic, partitionData }] });
    const code = answer.responses[0]?.partitionResponses[0]?.errorCode;
    if (code !== 0) throw new Error(`Produce to ${topic}: error ${code ?? '?'}`);
  }
  client.close();
}

/** Only the control API says where they are. */
async function quorumPortsOf(target: Target): Promise<number[]> {
  if (target.line.control === undefined) return [];
  const nodes = JSON.parse((await target.control('GET', '/nodes')).text) as { controllerPort: number }[];
  return nodes.map(({ controllerPort }) => controllerPort);
}
