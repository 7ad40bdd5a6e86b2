/**
 * A time limit for the answer of another process. Time in which this thread was busy does not count: an answer that arrived meanwhile was not read
 * yet, and a broker would be called silent because of a delay in this process.
 */

/** At the latest after so many times the limit, however busy the thread is. */
const MAX_FACTOR = 4;

/** Calls `run` after `ms` in which the event loop was idle. Returns the function that cancels it. */
export function afterIdle(ms: number, run: () => void, maxFactor = MAX_FACTOR): () => void {
  const startedAt = performance.now();
  const activeBefore = activeMs();
  let timer = setTimeout(check, ms);
  function check(): void {
    const elapsedMs = performance.now() - startedAt;
    const leftMs = ms - (elapsedMs - (activeMs() - activeBefore));
    if (leftMs < 1 || elapsedMs >= ms * maxFactor) run();
    else timer = setTimeout(check, leftMs);
  }
  return () => clearTimeout(timer);
}

/** Starts a limit of several steps: returns how many of `ms` are left, not counting the time in which this thread was busy. At least 0. */
export function countIdle(ms: number): () => number {
  const startedAt = performance.now();
  const activeBefore = activeMs();
  return () => Math.max(0, ms - (performance.now() - startedAt - (activeMs() - activeBefore)));
}

/**
 * Milliseconds in which this thread was active, since any time. Electron runs the loop of its main process from that of Chromium, and reports
 * neither active nor idle time of it: there the processor time of the thread counts.
 */
export function activeMs(isElectron = 'electron' in process.versions): number {
  if (!isElectron || !('threadCpuUsage' in process)) return performance.eventLoopUtilization().active;
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
