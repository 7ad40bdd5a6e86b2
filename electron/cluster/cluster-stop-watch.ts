/**
 * Watches the stop of a node: waits as long as the node makes progress. A node without progress for a few seconds is terminated, since the user
 * waits for the app to end; a node with thousands of logs to close makes progress all the time.
 */
import type { Clock } from './lib/clock.ts';
import { formatWholeSeconds } from '#shared/numbers';

export interface StopLimits {
  /** Maximum time without progress. */
  quietMs: number;
  /** Maximum time in total. */
  totalMs: number;
}

export interface StopWatcher {
  /** A counter that grows with every disk operation of the node. */
  progress: () => number;
  /** Called once, when the stop takes long enough to be logged. */
  slow: (waitedMs: number) => void;
  /** Called once, when a limit is exceeded. `why`: a clause. */
  over: (why: string) => void;
}

const POLL_MS = 250;
/** A stop that takes longer is logged. */
const LOG_AFTER_MS = 2_000;

/** Returns a function that ends the watch. */
export function watchStop(clock: Clock, { quietMs, totalMs }: StopLimits, { progress, slow, over }: StopWatcher): () => void {
  const from = clock.monotonic();
  let last = progress();
  let lastSignAt = from;
  let logged = false;
  const check = (): void => {
    const now = clock.monotonic();
    const seen = progress();
    if (seen !== last) {
      last = seen;
      lastSignAt = now;
    }
    if (now - lastSignAt >= quietMs) over(`it made no progress for ${formatWholeSeconds(now - lastSignAt)}`);
    else if (now - from >= totalMs) over(`it had not ended after ${formatWholeSeconds(now - from)}`);
    else {
      if (!logged && now - from >= LOG_AFTER_MS) {
        logged = true;
        slow(now - from);
      }
      timer = clock.setTimer(POLL_MS, check);
    }
  };
  let timer = clock.setTimer(POLL_MS, check);
  return () => timer.cancel();
}
