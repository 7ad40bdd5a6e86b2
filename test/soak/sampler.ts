/**
 * Loaded into every thread of the app under test (`--import`): appends the thread's heap to a file, one JSON line per sample. The
 * resident memory of the process is read from outside.
 */
import { appendFileSync } from 'node:fs';
import { threadId, threadName } from 'node:worker_threads';

const file = process.env['BROKERDESK_SOAK_SAMPLES'];
const everyMs = Number(process.env['BROKERDESK_SOAK_SAMPLE_MS'] ?? 10_000);

/** One thread at one time. Sizes in bytes. */
export interface ThreadSample {
  /** Wall-clock milliseconds. */
  at: number;
  threadId: number;
  name: string;
  heapUsed: number;
  heapTotal: number;
  external: number;
  arrayBuffers: number;
}

function sample(path: string): void {
  const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
  const line: ThreadSample = {
    at: Date.now(),
    threadId,
    name: threadId === 0 ? 'main' : (threadName ?? `thread ${threadId}`),
    heapUsed,
    heapTotal,
    external,
    arrayBuffers,
  };
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}

if (file !== undefined) setInterval(() => sample(file), everyMs).unref();
