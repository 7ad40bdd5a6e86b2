/** Decoding of record batches outside the main process's thread: one pool for the app, started by its first use. */
import { join } from 'node:path';
import { WorkerPool } from '../worker-pool.ts';
import type { DecodedWindow, RecordWindow } from './record-window.ts';

export interface Decoder {
  /** Rejects with an `AdminError` when the decoder is busy, took too long or ran out of memory. */
  decode(window: RecordWindow): Promise<DecodedWindow>;
}

/** Two, so that one hostile batch does not keep every page waiting. */
const THREADS = 2;
const JOB_TIMEOUT_MS = 15_000;
const HEAP_MB = 256;
const MAX_JOBS = 256;
/** A Fetch answer is 8 MiB, or one batch where that is larger. */
const MAX_BYTES = 128 * 1024 * 1024;

/** Beside this very file's bundle when built (out/main); the TypeScript source otherwise. */
function workerPath(): string {
  return join(import.meta.dirname, import.meta.filename.endsWith('.ts') ? 'decode-worker.ts' : 'decode-worker.cjs');
}

export class DecodePool implements Decoder {
  private readonly pool: WorkerPool<RecordWindow, DecodedWindow>;

  constructor(path = workerPath()) {
    this.pool = new WorkerPool({
      name: 'decoder',
      subject: 'Decoding records',
      path,
      threads: THREADS,
      jobTimeoutMs: JOB_TIMEOUT_MS,
      heapMb: HEAP_MB,
      maxJobs: MAX_JOBS,
      maxBytes: MAX_BYTES,
    });
  }

  decode(window: RecordWindow): Promise<DecodedWindow> {
    // A view of the whole answer would take all of it along.
    const bytes = Uint8Array.from(window.bytes);
    return this.pool.run({ request: { ...window, bytes }, bytes: bytes.length, transfer: [bytes.buffer] });
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

let shared: DecodePool | undefined;

/** The app's own. Its idle threads keep no process alive. */
export function appDecoder(): Decoder {
  return (shared ??= new DecodePool());
}
