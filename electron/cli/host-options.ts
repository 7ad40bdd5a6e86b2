/** The options that the desktop app and web mode share. */
import { join, resolve } from 'node:path';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { HELP_LINE, integerOption, parsing, UsageError } from './command.ts';
import { userDataDirectory } from './paths.ts';

export interface HostChoice {
  /** Undefined: as many as the data directory has, or three. */
  brokers: number | undefined;
  /** Null: a temporary directory. */
  dataDirectory: string | null;
}

export const HOST_OPTIONS = {
  brokers: { type: 'string' },
  data: { type: 'string' },
  memory: { type: 'boolean', default: false },
} as const satisfies ParseArgsOptionsConfig;

/** Describes `HOST_OPTIONS` in usages. */
export const HOST_OPTION_LINES = `  --brokers N      1 to 9 brokers (default: 3, or what the data directory holds)
  --data DIR       where the cluster's data is kept (default: the user's data directory)
  --memory         keep nothing: a temporary directory, removed at the end`;

export const DESKTOP_USAGE = `Usage: npm start -- [options]

Opens the desktop app with a 3-broker cluster running. Where Electron is not available it opens web mode instead, which also
takes the options of "npm run web".

${HOST_OPTION_LINES}
${HELP_LINE}`;

/** Throws `UsageError`. */
export function readHostOptions(args: readonly string[]): HostChoice {
  const { values } = parsing(() => parseArgs({ args: [...args], options: HOST_OPTIONS }));
  return hostChoice(values);
}

/** Throws `UsageError`. */
export function hostChoice(values: { brokers?: string | undefined; data?: string | undefined; memory: boolean }): HostChoice {
  if (values.memory && values.data !== undefined) throw new UsageError('--data and --memory exclude each other.');
  if (values.data === '') throw new UsageError('--data takes a directory.');
  return {
    brokers: integerOption('brokers', values.brokers, 1, 9),
    dataDirectory: values.memory ? null : resolve(values.data ?? join(userDataDirectory(), 'cluster')),
  };
}
