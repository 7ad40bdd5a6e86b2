/**
 * A time limit for the answer of another process. Time in which this thread was busy does not count: an answer that arrived meanwhile was not read
 * yet, and a broker would be called silent because of a delay in this process.
 */

/** At the latest after so many times the limit, however busy the thread is. */
const MAX_FACTOR = 4;

/** Calls `run` after `ms` in which the event loop was idle. Returns the function that cancels it. */
export function afterIdle(ms: number, run: () => void, maxFactor = MAX_FACTOR): () => void {
  const startedAt = performance.now();
  const before = performance.eventLoopUtilization();
  let timer = setTimeout(check, ms);
  function check(): void {
    const elapsedMs = performance.now() - startedAt;
    const leftMs = ms - (elapsedMs - performance.eventLoopUtilization(before).active);
    if (leftMs < 1 || elapsedMs >= ms * maxFactor) run();
    else timer = setTimeout(check, leftMs);
  }
  return () => clearTimeout(timer);
}
