/** The options that the desktop app and web mode share. */
import { join, resolve } from 'node:path';
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { integerOption, parsing, UsageError } from './command.ts';
import { userDataDirectory } from './paths.ts';

export interface HostChoice {
  /** Undefined: what the data directory has, else three. */
  brokers: number | undefined;
  /** Null: keep nothing. */
  dataDirectory: string | null;
}

export const HOST_OPTIONS = {
  brokers: { type: 'string' },
  data: { type: 'string' },
  memory: { type: 'boolean', default: false },
} as const satisfies ParseArgsOptionsConfig;

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
