/** What ends a command: Ctrl-C and its like, and the end of the process that started it. */
import { isDetached, onParentEnd } from './parent-watch.ts';

/**
 * Signals closer together than this are one wish: Ctrl-C comes from the terminal to the whole group, and once more from npm,
 * which passes on what it got itself.
 */
const SAME_WISH_MS = 1_000;

/**
 * Resolves with a reason at the first SIGINT or SIGTERM, at SIGHUP (the terminal was closed), and when the process that started this one has
 * ended. `detach`: neither of the last two ends it. A second SIGINT, later, ends the process at once.
 */
export function untilSignal({ detach = false }: { detach?: boolean } = {}): Promise<string> {
  return new Promise((resolve) => {
    const outlivesTerminal = detach || isDetached();
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (outlivesTerminal && signal === 'SIGHUP') return;
      firstAt ??= performance.now();
      if (signal === 'SIGINT' && performance.now() - firstAt > SAME_WISH_MS) process.exit(130);
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    if (!detach) onParentEnd((pid) => resolve(`Process ${pid}, which started this one, has ended`));
  });
}
