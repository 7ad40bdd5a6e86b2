/** Waits with a timeout. */
import type { Clock } from './lib/clock.ts';

/** Whether the promise is fulfilled within `timeoutMs`; rejects as it does. */
export async function settlesWithin(clock: Clock, timeoutMs: number, promise: Promise<unknown>): Promise<boolean> {
  let cancel = (): void => undefined;
  const late = new Promise<false>((resolve) => {
    const timer = clock.setTimer(timeoutMs, () => resolve(false));
    cancel = () => timer.cancel();
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    cancel();
  }
}
