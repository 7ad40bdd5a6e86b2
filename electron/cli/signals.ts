/** Ends a command on SIGINT, SIGTERM or SIGHUP, and with the process that started it. */
import { isDetached, onParentEnd } from './parent-watch.ts';

/**
 * Signals within this time count as one: the terminal sends SIGINT to the whole process group, and npm forwards the one that it
 * receives.
 */
const SAME_SIGNAL_MS = 1_000;

/**
 * Resolves to a reason at the first SIGINT or SIGTERM, at SIGHUP (the terminal was closed), and at the end of the parent process.
 * `detach`: ignores SIGHUP and the end of the parent. A second SIGINT ends the process at once.
 */
export function untilSignal({ detach = false }: { detach?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    const outlivesTerminal = detach || isDetached();
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (outlivesTerminal && signal === 'SIGHUP') return;
      firstAt ??= performance.now();
      if (signal === 'SIGINT' && performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(130);
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    if (!detach) onParentEnd((pid) => resolve(`Process ${pid}, which started this one, has ended`));
  });
}
