import type { Clock } from '../../../electron/cluster/lib/clock.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { DEFAULT_LOG_CONFIG, type LogConfig } from '../../../electron/cluster/log/log-config.ts';
import { openLog, type Log, type LogOptions } from '../../../electron/cluster/log/log.ts';
import type { BatchView } from '../../../electron/cluster/protocol/record-batch.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch, type BatchToWrite } from '../../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { buildEndTransactionMarker } from '../../../electron/cluster/protocol/records/transaction-marker.ts';

export const DIRECTORY = '/data/t-0';
export const START_MS = 1_700_000_000_000;

/** A clock that advances only when the test advances it. Timers run, in order, meanwhile. */
export class ManualClock implements Clock {
  time = START_MS;
  private timers: { at: number; callback: () => void }[] = [];
  now(): number {
    return this.time;
  }
  monotonic(): number {
    return this.time - START_MS;
  }
  setTimer(delayMs: number, callback: () => void): { cancel: () => void } {
    const timer = { at: this.time + delayMs, callback };
    this.timers.push(timer);
    return { cancel: () => void (this.timers = this.timers.filter((other) => other !== timer)) };
  }
  advance(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const due = this.timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.time = Math.max(this.time, due.at);
      due.callback();
    }
    this.time = until;
  }
}

export interface LogHarness {
  disk: MemoryDisk;
  clock: ManualClock;
  log: Log;
  /** Opens the directory again in its present state. */
  reopen(options?: Partial<LogOptions>): Log;
}

export function createHarness(config: Partial<LogConfig> = {}, options: Partial<LogOptions> = {}): LogHarness {
  const disk = new MemoryDisk();
  disk.makeDirectory('/data');
  disk.syncDirectory('/');
  const clock = new ManualClock();
  const fullConfig = { ...DEFAULT_LOG_CONFIG, ...config };
  const open = (more: Partial<LogOptions>): Log =>
    openLog({ disk, directory: DIRECTORY, clock, logger: silentLogger, config: fullConfig, cleanShutdown: true, ...options, ...more });
  const result: LogHarness = {
    disk,
    clock,
    log: open({}),
    reopen: (more = {}) => (result.log = open(more)),
  };
  return result;
}

export function batchOf(values: readonly string[], more: Partial<BatchToWrite> = {}): Buffer {
  return buildBatch({ records: values.map((value) => ({ value: Buffer.from(value) })), timestamp: BigInt(START_MS), ...more });
}

/** One producer's batch of `count` records from `baseSequence` on. */
export function sequenced(
  producerId: bigint,
  producerEpoch: number,
  baseSequence: number,
  count = 1,
  more: Partial<BatchToWrite> = {},
): Buffer {
  return batchOf(
    Array.from({ length: count }, (_, i) => `p${producerId}s${baseSequence + i}`),
    { producerId, producerEpoch, baseSequence, ...more },
  );
}

export function marker(type: 'commit' | 'abort', producerId: bigint, producerEpoch: number, coordinatorEpoch = 0): Buffer {
  return buildEndTransactionMarker({ type, producerId, producerEpoch, coordinatorEpoch, timestamp: BigInt(START_MS) });
}

export function append(log: Log, ...values: string[]): bigint {
  return log.appendAsLeader(batchOf(values), Math.max(0, log.latestEpoch), { origin: 'client' }).lastOffset;
}

/** Every record of the log from its start, as `offset:value`. */
export function contents(log: Log, maxBytes = 1 << 20): string[] {
  const found: string[] = [];
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const result = log.read(offset, maxBytes, { maxOffset: log.logEndOffset, minOneMessage: true });
    for (const bytes of result.records) {
      for (const batch of iterateBatches(bytes))
        for (const record of decodeRecords(batch, 1 << 24)) found.push(`${record.offset}:${record.value?.toString() ?? ''}`);
    }
    if (result.nextOffset === offset) break;
    offset = result.nextOffset;
  }
  return found;
}

export function batchesOf(records: readonly Buffer[]): BatchView[] {
  return records.flatMap((bytes) => [...iterateBatches(bytes)]);
}

/** The bytes that a follower at the same offsets would fetch. */
export function copyAll(log: Log): Buffer {
  const chunks: Buffer[] = [];
  for (let offset = log.logStartOffset; offset < log.logEndOffset;) {
    const result = log.read(offset, 1 << 20, { maxOffset: log.logEndOffset, minOneMessage: true });
    chunks.push(...result.records);
    offset = result.nextOffset;
  }
  return Buffer.concat(chunks);
}
