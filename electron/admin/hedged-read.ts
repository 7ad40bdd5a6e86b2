/**
 * One question to several who could answer it, when some of them may be silent: the next is asked as soon as the one before is late,
 * failed, or said what will not do, and the first good answer is taken. What the others still say is let go. (Dean and Barroso,
 * "The Tail at Scale", 2013: hedged requests.)
 */
import { afterIdle } from './idle-timer.ts';

export interface HedgedRead<T, E extends Error> {
  /** How each is asked, in this order. The signal is aborted once nobody's answer is waited for any more. */
  asks: readonly ((signal: AbortSignal) => Promise<T>)[];
  /** Milliseconds after which one that has said nothing is late. */
  lateMs: number;
  /** Judges an answer, and takes it if it is good. */
  takes: (answer: T) => boolean;
  /** That one is late; it may still answer. */
  onLate: (index: number) => void;
  /** Whether it is enough to ask the next; any other failure is the outcome. */
  isPassable: (error: Error) => error is E;
}

/** What came of it: the answer that was taken; or, of all that answered and failed, each. */
export type HedgedOutcome<T, E> = { taken: T } | { refused: T[]; failures: E[] };

type Reply<T> = { index: number; answer: T } | { index: number; error: Error };

/** Rejects with the first failure that is not passable. */
export async function hedgedRead<T, E extends Error>(read: HedgedRead<T, E>): Promise<HedgedOutcome<T, E>> {
  const { asks, lateMs, takes, onLate, isPassable } = read;
  const over = new AbortController();
  const waiting = new Map<number, Promise<Reply<T>>>();
  const refused: T[] = [];
  const failures: E[] = [];
  let last = -1;
  /** Runs while the one that was asked last is still in time. */
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

  /** An answer that this thread had no time to read is not late: another broker would be asked for nothing, and this one be counted as silent. */
  constructor(ms: number) {
    this.end = new Promise((resolve) => {
      this.cancel = afterIdle(ms, () => resolve('late'));
    });
  }

  stop(): void {
    this.cancel?.();
  }
}

/** Never rejects, so that one which nobody waits for any more may fail. */
async function replyOf<T>(index: number, answer: Promise<T>): Promise<Reply<T>> {
  try {
    return { index, answer: await answer };
  } catch (error) {
    return { index, error: error as Error };
  }
}
