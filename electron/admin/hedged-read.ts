/**
 * Hedged requests (Dean and Barroso, "The Tail at Scale", 2013): one read that several brokers can answer, some of which may be silent.
 * The next broker receives the request when the previous one is late, has failed or returned an unusable response. The first usable
 * response is returned, later ones are ignored.
 */
import { afterIdle } from './idle-timer.ts';

export interface HedgedRead<T, E extends Error> {
  /** One function per broker, called in this order. The signal is aborted when the read has ended. */
  asks: readonly ((signal: AbortSignal) => Promise<T>)[];
  /** Milliseconds without a response after which a broker is late. */
  lateMs: number;
  /** True if the response is usable; it may then store it. */
  takes: (answer: T) => boolean;
  /** Called for a late broker, which may still answer. */
  onLate: (index: number) => void;
  /** True for a failure after which the next broker is tried; any other failure ends the read. */
  isPassable: (error: Error) => error is E;
}

/** The usable response; or all unusable ones and all failures. */
export type HedgedOutcome<T, E> = { taken: T } | { refused: T[]; failures: E[] };

type Reply<T> = { index: number; answer: T } | { index: number; error: Error };

/** Rejects with the first failure for which `isPassable` is false. */
export async function hedgedRead<T, E extends Error>(read: HedgedRead<T, E>): Promise<HedgedOutcome<T, E>> {
  const { asks, lateMs, takes, onLate, isPassable } = read;
  const over = new AbortController();
  const waiting = new Map<number, Promise<Reply<T>>>();
  const refused: T[] = [];
  const failures: E[] = [];
  let last = -1;
  /** Runs until the last broker that received the request is late. */
  let patience: Patience | undefined;
  try {
    for (;;) {
      const ask = asks[last + 1];
      if (patience === undefined && ask !== undefined) {
        last++;
        waiting.set(last, replyOf(last, ask(over.signal)));
        patience = new Patience(lateMs);
      }
      if (waiting.size === 0) return { refused, failures };
      const reply = await Promise.race([...waiting.values(), ...(patience === undefined ? [] : [patience.end])]);
      if (reply === 'late' || reply.index === last) {
        patience?.stop();
        patience = undefined;
      }
      if (reply === 'late') {
        onLate(last);
        continue;
      }
      waiting.delete(reply.index);
      if ('answer' in reply) {
        if (takes(reply.answer)) return { taken: reply.answer };
        refused.push(reply.answer);
      } else {
        if (!isPassable(reply.error)) throw reply.error;
        failures.push(reply.error);
      }
    }
  } finally {
    patience?.stop();
    over.abort();
  }
}

class Patience {
  readonly end: Promise<'late'>;
  private cancel: (() => void) | undefined;

  /** Time in which this thread was busy does not count: the response may have arrived, and the broker would be counted as silent. */
  constructor(ms: number) {
    this.end = new Promise((resolve) => {
      this.cancel = afterIdle(ms, () => resolve('late'));
    });
  }

  stop(): void {
    this.cancel?.();
  }
}

/** Never rejects: a request may fail after the read has ended. */
async function replyOf<T>(index: number, answer: Promise<T>): Promise<Reply<T>> {
  try {
    return { index, answer: await answer };
  } catch (error) {
    return { index, error: error as Error };
  }
}
