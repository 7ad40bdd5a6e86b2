/** Time that the work itself took: unlike time on the wall it does not grow with what else the machine does. */

/** Milliseconds of processor time that this thread spent on `work`, and its result. */
export function measureProcessorTime<T>(work: () => T): { ms: number; result: T } {
  const before = process.threadCpuUsage();
  const result = work();
  const { user, system } = process.threadCpuUsage(before);
  return { ms: (user + system) / 1_000, result };
}
