/**
 * How much slower the rounds of a large cluster have to be so that all of them together take a bounded share of the thread. Each poller is slowed by
 * the same factor, so that none is starved by another.
 */

/** Of one core, by all rounds together. As much again is used by the garbage collector on threads of its own, which is not measured here. */
const MAX_SHARE = 0.06;
/** Shorter rounds are not counted: they are those of small clusters, whose figures have to be fresh. */
const MIN_BUSY_MS = 25;
/** Figures must not be older than half a minute by the budget, whatever the rounds take. */
const MAX_FACTOR = 15;

interface Cost {
  /** Of the last two rounds, of which the shorter one counts: a single long one among short ones shared the thread with other work. */
  readonly busyMs: readonly [beforeLast: number, last: number];
  readonly pauseMs: number;
}

interface Round {
  busyMs: number;
}

/** Processor time of the rounds in progress. One meter for a thread: rounds of several clusters run at the same time. */
export class ProcessorMeter {
  private readonly running = new Set<Round>();
  private readonly processorMs: () => number;
  private measuredMs: number;

  /** `processorMs`: that this thread has used, since any time. */
  constructor(processorMs = threadProcessorMs) {
    this.processorMs = processorMs;
    this.measuredMs = processorMs();
  }

  begin(): Round {
    this.distribute();
    const round = { busyMs: 0 };
    this.running.add(round);
    return round;
  }

  /** Returns what the round took. */
  end(round: Round): number {
    this.distribute();
    this.running.delete(round);
    return round.busyMs;
  }

  /** Rounds that run at the same time share what was used since the last begin or end. */
  private distribute(): void {
    const now = this.processorMs();
    const each = (now - this.measuredMs) / Math.max(1, this.running.size);
    this.measuredMs = now;
    for (const round of this.running) round.busyMs += each;
  }
}

const threadMeter = new ProcessorMeter();

export class ProcessorBudget {
  /** By poller. */
  private readonly costs = new Map<string, Cost>();
  /** By poller. */
  private readonly running = new Map<string, Round>();
  private readonly meter: ProcessorMeter;

  constructor(meter = threadMeter) {
    this.meter = meter;
  }

  begin(poller: string): void {
    this.running.set(poller, this.meter.begin());
  }

  /** `pauseMs`: what follows the round where nothing is slowed. */
  end(poller: string, pauseMs: number): void {
    const round = this.running.get(poller);
    if (round === undefined) return;
    this.running.delete(poller);
    const busyMs = this.meter.end(round);
    this.costs.set(poller, { busyMs: [this.costs.get(poller)?.busyMs[1] ?? busyMs, busyMs], pauseMs });
  }

  /** By which every pause is to be multiplied; 1 at least. */
  get factor(): number {
    let share = 0;
    for (const { busyMs, pauseMs } of this.costs.values()) {
      const usualMs = Math.min(busyMs[0], busyMs[1]);
      if (usualMs >= MIN_BUSY_MS) share += usualMs / pauseMs;
    }
    return Math.min(MAX_FACTOR, Math.max(1, share / MAX_SHARE));
  }
}

/** Where the runtime does not report the time of a thread, the time in which its event loop was active, which is longer on a busy machine. */
function threadProcessorMs(): number {
  if (!('threadCpuUsage' in process)) return performance.eventLoopUtilization().active;
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
