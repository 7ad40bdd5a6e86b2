/**
 * How long a node that was told to stop is waited for: as long as it gets on. Whoever ends the app wants it to end, so one that does nothing
 * for a few seconds is given up; one that has thousands of logs to close does something all the time.
 */
import type { Clock } from './lib/clock.ts';

export interface Patience {
  /** Without a sign of progress. */
  quietMs: number;
  /** Altogether, however busy it is. */
  totalMs: number;
}

export interface StopWatcher {
  /** Grows with whatever the node does. */
  progress: () => number;
  /** Called once, when whoever waits should be told for what. */
  slow: (waitedMs: number) => void;
  /** Called once: it is waited for no longer. `why`: a clause. */
  over: (why: string) => void;
}

const LOOK_MS = 250;
/** A stop that takes so long has to be explained. */
const TOLD_AFTER_MS = 2_000;

/** Returns what ends the watch. */
export function watchStop(clock: Clock, { quietMs, totalMs }: Patience, { progress, slow, over }: StopWatcher): () => void {
  const from = clock.monotonic();
  let last = progress();
  let lastSignAt = from;
  let told = false;
  const look = (): void => {
    const now = clock.monotonic();
    const seen = progress();
    if (seen !== last) {
      last = seen;
      lastSignAt = now;
    }
    if (now - lastSignAt >= quietMs) over(`it did nothing for ${seconds(now - lastSignAt)}`);
    else if (now - from >= totalMs) over(`it was still busy after ${seconds(now - from)}`);
    else {
      if (!told && now - from >= TOLD_AFTER_MS) {
        told = true;
        slow(now - from);
      }
      timer = clock.setTimer(LOOK_MS, look);
    }
  };
  let timer = clock.setTimer(LOOK_MS, look);
  return () => timer.cancel();
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}
