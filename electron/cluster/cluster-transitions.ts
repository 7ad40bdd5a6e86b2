/**
 * A queue of transitions that run one at a time: one queue per node for its lifecycle, and one for the cluster's membership. A transition checks
 * its preconditions when it runs, since the transitions before it may have changed the state.
 */
import { ClusterError } from './cluster-errors.ts';

/** Exceeds the callers of any test suite; further transitions are refused. */
const MAX_WAITING = 64;

interface Transition {
  run: (signal: AbortSignal) => Promise<void>;
  refuse: (error: ClusterError) => void;
}

export class TransitionQueue {
  private readonly subject: string;
  private readonly waiting: Transition[] = [];
  private current: AbortController | undefined;
  private idle: Promise<void> = Promise.resolve();
  private becomeIdle: () => void = () => undefined;
  private refusal: ClusterError | undefined;

  /** `subject` names the changed object, for messages: `broker 2`. */
  constructor(subject: string) {
    this.subject = subject;
  }

  /**
   * Runs `action` after all queued transitions, and settles as it does. Its signal is aborted when an urgent transition interrupts it. Rejects
   * with `ClusterError` WRONG_STATE when too many wait, or with the reason of `close`.
   */
  run<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.enqueue(action, false);
  }

  /** As `run`, but before all queued transitions, and interrupts the current one. */
  runUrgently<T>(action: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { current } = this;
    const result = this.enqueue(action, true);
    current?.abort();
    return result;
  }

  /** Refuses the queued and all later transitions; the current one ends by itself. Idempotent. */
  close(refusal: ClusterError): void {
    this.refusal ??= refusal;
    for (const transition of this.waiting.splice(0)) transition.refuse(this.refusal);
  }

  /** Resolves when no transition runs or waits. */
  whenIdle(): Promise<void> {
    return this.idle;
  }

  private enqueue<T>(action: (signal: AbortSignal) => Promise<T>, urgent: boolean): Promise<T> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    if (this.waiting.length >= MAX_WAITING) {
      const why = `${this.waiting.length} transitions are already waiting`;
      return Promise.reject(
        new ClusterError('WRONG_STATE', `${this.subject} accepts no further requests: ${why}; retry after they have ended`),
      );
    }
    return new Promise<T>((resolve, reject) => {
      const run = async (signal: AbortSignal): Promise<void> => {
        try {
          resolve(await action(signal));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const transition: Transition = { run, refuse: reject };
      if (urgent) this.waiting.unshift(transition);
      else this.waiting.push(transition);
      if (this.current === undefined) this.drain();
    });
  }

  private drain(): void {
    this.idle = new Promise((resolve) => (this.becomeIdle = resolve));
    this.next();
  }

  private next(): void {
    const transition = this.waiting.shift();
    if (transition === undefined) {
      this.current = undefined;
      this.becomeIdle();
      return;
    }
    this.current = new AbortController();
    void transition.run(this.current.signal).then(() => this.next());
  }
}
