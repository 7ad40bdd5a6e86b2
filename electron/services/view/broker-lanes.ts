/**
 * One kind of read at many brokers: at most one outstanding request a broker, and a round that does not wait for a broker which is
 * known to be slow or silent. Answers are delivered as they arrive, those of late brokers too, marked.
 */
import { AdminError } from '../../admin/errors.ts';
import { afterIdle } from '../../admin/idle-timer.ts';

/** A broker may take this many times what it took before. */
const PATIENCE = 4;
const MIN_LATE_MS = 1_000;
/** The time after which the client itself gives up a read. */
const MAX_LATE_MS = 2_500;

export type LaneAnswer<T> = { readonly value: T } | { readonly error: AdminError };

export interface LaneClock {
  /** Milliseconds, never set back. */
  now(): number;
  /** Returns the function that cancels it. */
  after(ms: number, run: () => void): () => void;
}

export const systemLaneClock: LaneClock = {
  now: () => performance.now(),
  after: afterIdle,
};

export class BrokerLanes {
  private readonly busy = new Set<number>();
  /** Brokers that were late and have not answered since. */
  private readonly late = new Set<number>();
  private readonly lastMs = new Map<number, number>();
  private readonly clock: LaneClock;

  constructor(clock: LaneClock = systemLaneClock) {
    this.clock = clock;
  }

  /**
   * Asks each broker that has no outstanding read, and calls `onAnswer` with what each returns; `isLate`: after the round ended.
   * Resolves to the brokers that have not answered when all others have, or the time that they usually take is over. Rejects with
   * what is no `AdminError`.
   */
  round<T>(
    brokers: Iterable<number>,
    ask: (broker: number) => Promise<T>,
    onAnswer: (broker: number, answer: LaneAnswer<T>, isLate: boolean) => void,
  ): Promise<ReadonlySet<number>> {
    const missing = new Set(brokers);
    /** The brokers that this round waits for, with what cancels their time limits. */
    const waited = new Map<number, () => void>();
    let isOver = false;
    return new Promise((resolve, reject) => {
      const end = (): void => {
        isOver = true;
        resolve(missing);
      };
      const settle = (broker: number): void => {
        waited.get(broker)?.();
        waited.delete(broker);
        if (waited.size === 0) end();
      };
      for (const broker of [...missing]) {
        if (this.busy.has(broker)) continue;
        this.busy.add(broker);
        if (!this.late.has(broker))
          waited.set(
            broker,
            this.clock.after(this.limitOf(broker), () => {
              this.late.add(broker);
              settle(broker);
            }),
          );
        this.askOne(broker, ask, (answer) => onAnswer(broker, answer, isOver)).then(() => {
          missing.delete(broker);
          settle(broker);
        }, reject);
      }
      if (waited.size === 0) end();
    });
  }

  /** Ends with the answer's delivery. */
  private async askOne<T>(broker: number, ask: (broker: number) => Promise<T>, onAnswer: (answer: LaneAnswer<T>) => void): Promise<void> {
    const startedAt = this.clock.now();
    let answer: LaneAnswer<T>;
    try {
      answer = { value: await ask(broker) };
      this.lastMs.set(broker, this.clock.now() - startedAt);
      this.late.delete(broker);
    } catch (error) {
      if (!(error instanceof AdminError)) throw error;
      answer = { error };
    } finally {
      this.busy.delete(broker);
    }
    onAnswer(answer);
  }

  private limitOf(broker: number): number {
    return Math.min(MAX_LATE_MS, Math.max(MIN_LATE_MS, PATIENCE * (this.lastMs.get(broker) ?? 0)));
  }
}
