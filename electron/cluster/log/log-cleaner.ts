import type { Clock, Timer } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import { DiskError } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import type { CompactionResult } from './compaction.ts';
import type { Log } from './log.ts';
import { OffsetCheckpoint, partitionKey } from './offset-checkpoint.ts';
import { min } from './offsets.ts';

/** Pause between two slices, in which the event loop serves requests. */
const PAUSE_MS = 2;
const SLICE_BYTES = 512 * 1024;

export interface LogCleanerOptions {
  disk: Disk;
  directory: string;
  clock: Clock;
  logger: Logger;
  logs(): Iterable<{ topic: string; partition: number; log: Log }>;
  /** log.cleaner.enable=false: compacts nothing, and keeps the checkpoint correct. */
  isIdle?: boolean | undefined;
  /** log.cleaner.backoff.ms: pause when no log needs compaction; 15 s if absent. */
  backoffMs?: number | undefined;
  /** log.cleaner.dedupe.buffer.size: memory for keys; 64 MiB if absent. */
  maxKeyBytes?: number | undefined;
  /** log.cleaner.io.max.bytes.per.second; without a limit if absent. */
  maxBytesPerSecond?: number | undefined;
}

/**
 * Compacts the logs of a data directory with cleanup.policy=compact, the one with the largest share of new bytes first, one at a time, in
 * small slices on the node's event loop. The end of the compacted part of each log is in `cleaner-offset-checkpoint`, as in Apache Kafka.
 */
export class LogCleaner {
  private readonly options: LogCleanerOptions;
  private readonly file: OffsetCheckpoint;
  private readonly cleanedTo: Map<string, bigint>;
  /** Corrupt logs, which are not compacted until the node restarts. */
  private readonly uncleanable = new Set<Log>();
  /** The log that is being compacted, or was compacted last. */
  private chosen: Chosen | undefined;
  private timer: Timer | undefined;
  private stopped = false;

  /** Throws DiskError. */
  constructor(options: LogCleanerOptions) {
    const { disk, directory, logger } = options;
    this.options = options;
    this.file = new OffsetCheckpoint(disk, `${directory}/cleaner-offset-checkpoint`);
    try {
      this.cleanedTo = this.file.read();
    } catch (error) {
      if (error instanceof DiskError) throw error;
      logger.warn('checkpoint is corrupt and is ignored', { error });
      this.cleanedTo = new Map();
    }
    // A recovery may have truncated a log below its checkpoint. Records appended there since were never compacted.
    const lowered = [...options.logs()].filter(({ topic, partition, log }) => this.lower(topic, partition, log.logEndOffset));
    if (lowered.length > 0) this.writeCheckpoint();
    if (!options.isIdle) this.rest();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  /** The reason why the log was not compacted may be resolved. */
  reconsider(log: Log): void {
    this.uncleanable.delete(log);
  }

  /**
   * Records from `offset` on are removed or replaced. They may hold several records of a key again, so the checkpoint is lowered, durably, before
   * they change: below it a tombstone is removed without a search for older values of its key. Source: Apache Kafka's cleaner does the same
   * where a log is truncated. A running compaction has passed them or gives up: its result counts up to there only. Throws DiskError.
   */
  rewriting(topic: string, partition: number, offset: bigint): void {
    const { chosen } = this;
    if (chosen?.topic === topic && chosen.partition === partition) chosen.limit = min(offset, chosen.limit ?? offset);
    if (this.lower(topic, partition, offset)) this.writeCheckpoint();
  }

  private lower(topic: string, partition: number, offset: bigint): boolean {
    const key = partitionKey(topic, partition);
    const known = this.cleanedTo.get(key);
    if (known === undefined || known <= offset) return false;
    this.cleanedTo.set(key, offset);
    return true;
  }

  /** The partition was deleted; a partition of the same name has no checkpoint. */
  forget(topic: string, partition: number): void {
    if (this.cleanedTo.delete(partitionKey(topic, partition))) this.writeCheckpoint();
  }

  private rest(): void {
    this.later(this.options.backoffMs ?? 15_000, () => this.begin());
  }

  private later(delayMs: number, action: () => void): void {
    if (this.stopped) return;
    this.timer = this.options.clock.setTimer(delayMs, action);
  }

  private begin(): void {
    let next: Chosen | undefined;
    try {
      next = this.choose();
    } catch (error) {
      this.options.logger.error('log compaction failed', { error });
    }
    if (next === undefined) this.rest();
    else this.step(next);
  }

  private step(chosen: Chosen): void {
    if (this.stopped) return;
    let done: CompactionResult | undefined;
    try {
      const step = chosen.steps.next();
      if (step.done !== true) {
        const { maxBytesPerSecond } = this.options;
        const pauseMs = maxBytesPerSecond === undefined ? 0 : (step.value / maxBytesPerSecond) * 1000;
        this.later(Math.max(PAUSE_MS, pauseMs), () => this.step(chosen));
        return;
      }
      done = step.value;
      this.finished(chosen, done);
    } catch (error) {
      this.uncleanable.add(chosen.log);
      this.options.logger.error('log cannot be compacted and stays unchanged', { directory: chosen.log.directory, error });
    }
    // Another log may be due; a compaction that was given up is retried after a pause.
    if (done === undefined) this.rest();
    else this.later(PAUSE_MS, () => this.begin());
  }

  private finished({ topic, partition, log, limit }: Chosen, result: CompactionResult | undefined): void {
    if (result === undefined) return;
    const { bytesBefore, bytesAfter, keys } = result;
    const cleanedTo = min(result.cleanedTo, limit ?? result.cleanedTo);
    this.cleanedTo.set(partitionKey(topic, partition), cleanedTo);
    this.writeCheckpoint();
    this.options.logger.info('log compacted', { directory: log.directory, cleanedTo, bytesBefore, bytesAfter, keys });
  }

  private writeCheckpoint(): void {
    const entries: { topic: string; partition: number; offset: bigint }[] = [];
    for (const { topic, partition } of this.options.logs()) {
      const offset = this.cleanedTo.get(partitionKey(topic, partition));
      if (offset !== undefined) entries.push({ topic, partition, offset });
    }
    this.file.write(entries);
  }

  /** The log with the largest dirty share among those that are due. */
  private choose(): Chosen | undefined {
    const { clock, maxKeyBytes = 64 * 1024 ** 2 } = this.options;
    const nowMs = clock.now();
    let best: (Omit<Chosen, 'steps' | 'limit'> & { ratio: number; cleanedTo: bigint }) | undefined;
    for (const { topic, partition, log } of this.options.logs()) {
      if (!log.config.cleanupPolicy.has('compact') || log.storageError !== undefined || this.uncleanable.has(log)) continue;
      // A repair replaces the segment first: a compaction would end at its corrupt batch.
      if (log.corruptSegments.length > 0) continue;
      const cleanedTo = this.cleanedTo.get(partitionKey(topic, partition)) ?? 0n;
      const found = log.cleanable(cleanedTo, nowMs);
      if (found === undefined || found.dirtyBytes === 0) continue;
      const ratio = found.dirtyBytes / found.totalBytes;
      if (!found.overdue && ratio < log.config.minCleanableDirtyRatio) continue;
      if (best === undefined || ratio > best.ratio) best = { topic, partition, log, ratio, cleanedTo };
    }
    if (best === undefined) return undefined;
    const { topic, partition, log } = best;
    const steps = log.compact(best.cleanedTo, { nowMs, maxKeyBytes, sliceBytes: SLICE_BYTES });
    return (this.chosen = { topic, partition, log, steps, limit: undefined });
  }
}

interface Chosen {
  readonly topic: string;
  readonly partition: number;
  readonly log: Log;
  readonly steps: Generator<number, CompactionResult | undefined>;
  /** The least offset from which on records were removed or replaced since the compaction began. */
  limit: bigint | undefined;
}
