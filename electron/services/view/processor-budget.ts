/**
 * How much slower the rounds of a large cluster have to be so that all of them together take a bounded share of the thread. Each poller is slowed by
 * the same factor, so that none is starved by another.
 */

/** Of one core, by all rounds together. */
const MAX_SHARE = 0.12;
/** Shorter rounds are not counted: they are those of small clusters, whose figures have to be fresh. */
const MIN_BUSY_MS = 25;

interface Cost {
  readonly busyMs: number;
  readonly pauseMs: number;
}

export class ProcessorBudget {
  /** Of the last round, by poller. */
  private readonly costs = new Map<string, Cost>();
  /** Processor time of the rounds in progress, by poller. */
  private readonly running = new Map<string, number>();
  private readonly processorMs: () => number;
  private measuredMs: number;

  /** `processorMs`: that this thread has used, since any time. */
  constructor(processorMs = threadProcessorMs) {
    this.processorMs = processorMs;
    this.measuredMs = processorMs();
  }

  begin(poller: string): void {
    this.distribute();
    this.running.set(poller, 0);
  }

  /** `pauseMs`: what follows the round where nothing is slowed. */
  end(poller: string, pauseMs: number): void {
    this.distribute();
    this.costs.set(poller, { busyMs: this.running.get(poller) ?? 0, pauseMs });
    this.running.delete(poller);
  }

  /** By which every pause is to be multiplied; 1 at least. */
  get factor(): number {
    let share = 0;
    for (const { busyMs, pauseMs } of this.costs.values()) if (busyMs >= MIN_BUSY_MS) share += busyMs / pauseMs;
    return Math.max(1, share / MAX_SHARE);
  }

  /** Rounds that run at the same time share what was used since the last begin or end. */
  private distribute(): void {
    const now = this.processorMs();
    const each = (now - this.measuredMs) / Math.max(1, this.running.size);
    this.measuredMs = now;
    for (const [poller, busyMs] of this.running) this.running.set(poller, busyMs + each);
  }
}

/** Where the runtime does not report the time of a thread, the time in which its event loop was active, which is longer on a busy machine. */
function threadProcessorMs(): number {
  if (!('threadCpuUsage' in process)) return performance.eventLoopUtilization().active;
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
