/** One run: web mode on a data directory, clients, tabs and faults, and a sample of its memory at each interval. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { WebProcess } from '../helpers/web-process.ts';
import { Faults } from './faults.ts';
import { Loads, type LoadCounts } from './loads.ts';
import { judgeMemory, latestThreads, mib, sampleProcess, type Bars, type ProcessSample, type Verdict } from './memory.ts';
import type { ThreadSample } from './sampler.ts';
import { Tabs } from './tabs.ts';

export interface SoakOptions {
  forMs: number;
  sampleMs: number;
  faultEveryMs: number;
  navigateEveryMs: number;
  seed: number;
  bars: Bars;
  /** Undefined: samples are not kept. */
  outDirectory: string | undefined;
  report: (line: string) => void;
}

export interface SoakSample extends ProcessSample {
  threads: ThreadSample[];
}

export interface SoakResult {
  samples: SoakSample[];
  verdict: Verdict;
  loads: LoadCounts;
  tabs: Tabs['counts'];
  faults: Faults['counts'];
  failures: string[];
}

export async function soak(options: SoakOptions): Promise<SoakResult> {
  setUpKafkajs();
  const scratch = mkdtempSync(join(tmpdir(), 'brokerdesk-soak-'));
  const kept = options.outDirectory ?? scratch;
  mkdirSync(kept, { recursive: true });
  const threadFile = join(kept, 'threads.jsonl');
  rmSync(threadFile, { force: true });
  try {
    const web = await WebProcess.start({
      brokers: 3,
      dataDirectory: join(scratch, 'data'),
      env: {
        NODE_OPTIONS: `--import ${pathToFileURL(join(import.meta.dirname, 'sampler.ts')).href}`,
        BROKERDESK_SOAK_SAMPLES: threadFile,
        BROKERDESK_SOAK_SAMPLE_MS: String(options.sampleMs),
      },
    });
    try {
      return await runAgainst(web, threadFile, kept, options);
    } finally {
      await web.stop();
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function runAgainst(web: WebProcess, threadFile: string, kept: string, options: SoakOptions): Promise<SoakResult> {
  const random = seededRandom(options.seed);
  const kafka = new Kafka({
    clientId: 'soak',
    brokers: web.brokers,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 60 },
  });
  const admin = kafka.admin();
  await admin.connect();
  const loads = new Loads(kafka, web.line.bootstrap);
  await loads.start(admin);
  await admin.disconnect();
  const tabs = await Tabs.open(web.line.url, options.navigateEveryMs, random);
  const faults = await Faults.start(web.line, options.faultEveryMs, random);
  const failures: string[] = [];
  const samples: SoakSample[] = [];
  try {
    await collectSamples(web, threadFile, join(kept, 'samples.jsonl'), options, samples, () => ({
      ...loads.counts,
      tabs: tabs.counts,
      faults: faults.counts,
    }));
  } finally {
    for (const part of [faults, tabs, loads]) {
      try {
        await (part instanceof Tabs ? part.close() : part.stop());
      } catch (error) {
        failures.push(String(error));
      }
    }
  }
  if (!web.running) failures.push(`web mode ended during the run: ${web.stderr.slice(-2_000)}`);
  failures.push(...faults.errors, ...missingWork(loads.counts, tabs.counts, faults.counts));
  const verdict = judgeMemory(samples, options.bars);
  failures.push(...verdict.failures);
  return { samples, verdict, loads: loads.counts, tabs: tabs.counts, faults: faults.counts, failures };
}

async function collectSamples(
  web: WebProcess,
  threadFile: string,
  file: string,
  options: SoakOptions,
  samples: SoakSample[],
  counts: () => object,
): Promise<void> {
  rmSync(file, { force: true });
  const from = performance.now();
  while (web.running && performance.now() - from < options.forMs) {
    await sleep(options.sampleMs);
    const atMs = Math.round(performance.now() - from);
    const resident = sampleProcess(web.pid, atMs);
    if (resident === undefined) continue;
    const sample = { ...resident, threads: latestThreads(threadFile) };
    samples.push(sample);
    appendFileSync(file, `${JSON.stringify({ ...sample, ...counts() })}\n`);
    options.report(describeSample(sample));
  }
}

export function describeSample({ atMs, residentBytes, anonymousBytes, threads }: SoakSample): string {
  const heaps = threads.map(({ name, heapUsed, arrayBuffers }) => `${name} ${mib(heapUsed)}+${mib(arrayBuffers)}`);
  const seconds = String(Math.round(atMs / 1_000)).padStart(5);
  return `${seconds} s: resident ${mib(residentBytes)} MiB, anonymous ${mib(anonymousBytes)}; heap+buffers ${heaps.join(', ')}`;
}

/** A run whose clients did nothing proves nothing. */
function missingWork(loads: LoadCounts, tabs: Tabs['counts'], faults: Faults['counts']): string[] {
  const done = {
    'records acknowledged': loads.acknowledged,
    'records consumed': loads.consumed,
    'joins of a group': loads.rebalances,
    navigations: tabs.navigations,
    'brokers killed': faults.kills,
  };
  return Object.entries(done).flatMap(([what, count]) => (count > 0 ? [] : [`no ${what}`]));
}
