/** Ctrl-C and its like. */

/**
 * Signals closer together than this are one wish: Ctrl-C comes from the terminal to the whole group, and once more from npm,
 * which passes on what it got itself.
 */
const SAME_WISH_MS = 1_000;

/** Resolves at the first SIGINT or SIGTERM (SIGHUP too: the terminal was closed). A second SIGINT, later, ends the process at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals): void => {
      firstAt ??= performance.now();
      if (signal === 'SIGINT' && performance.now() - firstAt > SAME_WISH_MS) process.exit(130);
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}
