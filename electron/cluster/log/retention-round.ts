import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Log } from './log.ts';
import type { TimedWork } from './timed-work.ts';

/** Ms of retention in one turn of the event loop. */
const SLICE_MS = 20;

interface RetainedLog {
  readonly topic: string;
  readonly partition: number;
  readonly log: Log;
}

/** Applies retention to all logs of a data directory, in slices: each log with an expired segment costs durable writes. */
export class RetentionRound {
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly timed: TimedWork;
  private running = false;

  constructor({ clock, logger }: { clock: Clock; logger: Logger }, timed: TimedWork) {
    this.clock = clock;
    this.logger = logger;
    this.timed = timed;
  }

  /** Does nothing while a round is running. */
  start(logs: readonly RetainedLog[]): void {
    if (this.running) return;
    this.running = true;
    this.runSlice(logs, 0);
  }

  private runSlice(logs: readonly RetainedLog[], from: number): void {
    const { clock, logger } = this;
    const until = clock.monotonic() + SLICE_MS;
    let next = from;
    try {
      do {
        const managed = logs[next++];
        if (managed === undefined) break;
        const { topic, partition, log } = managed;
        const { segments, bytes } = log.applyRetention(clock.now());
        if (segments > 0) logger.info('segments deleted', { topic, partition, segments, bytes, logStartOffset: log.logStartOffset });
      } while (clock.monotonic() < until);
    } catch (error) {
      this.running = false;
      throw error;
    }
    if (next < logs.length) this.timed.after(0, () => this.runSlice(logs, next));
    else this.running = false;
  }
}
