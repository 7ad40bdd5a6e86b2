/** A command of the app or of a script in `build/`. */
import { messageOf } from '#shared/errors';

export interface Command {
  readonly name: string;
  /** Printed to stdout for `--help`, and to stderr after the message of a `UsageError`. */
  readonly usage: string;
  /** Resolves to the exit code. Throws `UsageError` for invalid arguments; any other error is printed and exits with 1. */
  run(args: readonly string[]): Promise<number>;
}

/** Invalid arguments: exit code 2. */
export class UsageError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** The last option of every usage. */
export const HELP_LINE = '  --help           print this text';

/**
 * Runs a command and resolves to its exit code; never rejects. `--help` (or `-h`) prints the usage to stdout and runs nothing,
 * exit 0. A `UsageError` prints its message and the usage to stderr, exit 2; any other error prints its message, exit 1.
 */
export async function runCommand(command: Pick<Command, 'usage' | 'run'>, args: readonly string[]): Promise<number> {
  if (asksForHelp(args)) {
    process.stdout.write(`${command.usage}\n`);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n\n${command.usage}\n`);
      return 2;
    }
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  }
}

/** Arguments after `--` are operands. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? args.length : end).some((arg) => arg === '--help' || arg === '-h');
}

/** Turns errors of node:util's parseArgs into a `UsageError` of one line. */
export function parsing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause) || !String(cause.code).startsWith('ERR_PARSE_ARGS')) throw cause;
    // The first sentence of "Unknown option '--x'. To specify a positional argument starting with a '-', …" is sufficient.
    const [sentence = cause.message] = cause.message.split(/\.\s/);
    throw new UsageError(sentence.endsWith('.') ? sentence : `${sentence}.`, { cause });
  }
}

/** Parses an integer option; undefined when the option is absent. Throws `UsageError` outside the bounds. */
export function integerOption(name: string, text: string | undefined, lowest: number, highest: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
  if (value >= lowest && value <= highest) return value;
  throw new UsageError(`--${name} takes a number from ${lowest} to ${highest}, not "${text}".`);
}
