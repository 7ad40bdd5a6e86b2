/** Ctrl-C and its like. */

/** Resolves at the first SIGINT or SIGTERM (SIGHUP too: the terminal was closed). A second SIGINT ends the process at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (seen && signal === 'SIGINT') process.exit(130);
      seen = true;
      resolve(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  });
}
