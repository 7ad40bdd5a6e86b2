/** Ends a run: closes everything in parallel within one time limit, and ends the process in any case. */
import { CLOSE_TIMEOUT_MS } from './cluster/cluster.ts';

/** `close()` resolves to false if it could not close everything. */
export type Closable = () => Promise<unknown>;

/**
 * Calls every `close()` at once. True when all of them have ended, or failed to; false, with a line in the log, when one gave up or the time is over. A
 * worker that cannot be ended would block any orderly exit of the process too, so the caller must then call `endByForce`.
 */
export async function closeInTime(
  closables: readonly Closable[],
  log: (line: string) => void,
  timeoutMs = CLOSE_TIMEOUT_MS,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    const all = Promise.all(closables.map((close) => close())).then((ends) => ends.every((ended) => ended !== false));
    const ended = await Promise.race([all, late]);
    if (!ended) log(`The cluster did not stop within ${timeoutMs / 1000} s, so the process is ended by force.`);
    return ended;
  } catch (error) {
    log(`While the cluster stopped: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return true;
  } finally {
    clearTimeout(timer);
  }
}

/** Ends this process at once, threads that are blocked in a system call included. Locks that it holds are released by its death. */
export function endByForce(): void {
  process.kill(process.pid, 'SIGKILL');
}
