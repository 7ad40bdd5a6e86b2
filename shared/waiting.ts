/** Waits outside the embedded cluster, in whose code time is injected (`cluster/lib/clock.ts`). */

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
