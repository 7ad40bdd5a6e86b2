/** Progress and errors of commands on stderr; results go to stdout. */
import { messageOf } from '#shared/errors';

export function writeLine(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** An unexpected error, with its stack where it has one. */
export function writeError(what: string, error: unknown): void {
  writeLine(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
}
