/** One command of the command line. */
export interface Command {
  readonly name: string;
  /** What is printed, after what is wrong, for an option that cannot be. */
  readonly usage: string;
  /** Resolves to the exit code. Throws `UsageError` for what the user typed wrong; any other error's message is shown, exit 1. */
  run(args: readonly string[]): Promise<number>;
}

/** A mistake on the command line: exit 2. */
export class UsageError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** What node:util's parseArgs throws, as a `UsageError` of one line. */
export function parsing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || !String(cause.code).startsWith('ERR_PARSE_ARGS')) throw cause;
    // "Unknown option '--x'. To specify a positional argument starting with a '-', …": the first sentence says it.
    const [sentence = cause.message] = cause.message.split(/\.\s/);
    throw new UsageError(sentence.endsWith('.') ? sentence : `${sentence}.`, { cause });
  }
}

/** An integer option within bounds; undefined where it was not given. */
export function integerOption(name: string, text: string | undefined, lowest: number, highest: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= lowest && value <= highest) return value;
  throw new UsageError(`--${name} takes a number from ${lowest} to ${highest}, not "${text}".`);
}
