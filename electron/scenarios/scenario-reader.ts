/** Parses scenarios of users in a worker thread, with limits on time and memory. */
import { join } from 'node:path';
import { AdminError } from '../admin/errors.ts';
import { WorkerPool } from '../admin/worker-pool.ts';
import type { ParseSource, Parsed } from './parse.ts';

const JOB_TIMEOUT_MS = 15_000;
const HEAP_MB = 256;
const MAX_JOBS = 32;
const MAX_BYTES = 16 * 1024 * 1024;

let pool: WorkerPool<ParseSource, Parsed> | undefined;

/** Resolves to the problems where the text exceeds the limits of a scenario. Rejects with an `AdminError` when the reader is busy. */
export async function readScenario(source: ParseSource): Promise<Parsed> {
  pool ??= new WorkerPool({
    name: 'scenario-reader',
    subject: 'Reading the scenario',
    // Beside this very file's bundle when built (out/main); the TypeScript source otherwise.
    path: join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'parse-worker.ts' : 'parse-worker.cjs'),
    threads: 1,
    jobTimeoutMs: JOB_TIMEOUT_MS,
    heapMb: HEAP_MB,
    maxJobs: MAX_JOBS,
    maxBytes: MAX_BYTES,
  });
  const bytes = 'text' in source ? source.text.length : JSON.stringify(source.value ?? null).length;
  try {
    return await pool.run({ request: source, bytes });
  } catch (error) {
    if (!(error instanceof AdminError) || error.app.code === 'WORKER_BUSY') throw error;
    return { ok: false, problems: [{ line: null, column: null, path: '', message: error.app.message }] };
  }
}
