/** The options `--bind` and `--advertised-host`: addresses at which Kafka and ZooKeeper clients connect to the embedded cluster. */
import type { ParseArgsOptionsConfig } from 'node:util';
import { isWildcard } from '#shared/addresses';
import { advertisedHostProblem, bindAddressProblem, shortestAddress } from '../services/listener-addresses.ts';
import { UsageError } from './command.ts';

export interface ListenerChoice {
  /** In its shortest form; undefined: loopback only. */
  bindHost: string | undefined;
  /** Undefined: `bindHost`. */
  advertisedHost: string | undefined;
}

export const LISTENER_OPTIONS = {
  bind: { type: 'string' },
  'advertised-host': { type: 'string' },
} as const satisfies ParseArgsOptionsConfig;

/** Describes `LISTENER_OPTIONS` in usages. */
export const LISTENER_OPTION_LINES = `  --bind ADDRESS   IP address for Kafka and ZooKeeper clients (default: 127.0.0.1, this machine only);
                   0.0.0.0 or :: for all. There is no authentication: every client that
                   reaches that address can read, write and delete
  --advertised-host HOST
                   host that brokers return to clients (advertised.listeners); needed with 0.0.0.0 and ::`;

const BIND = '--bind takes an IP address of this machine, or 0.0.0.0 or :: for all of them';
const ADVERTISED_HOST = '--advertised-host takes an IP address or a host name';

/** Throws `UsageError`. */
export function listenerChoice(values: { bind?: string | undefined; 'advertised-host'?: string | undefined }): ListenerChoice {
  const bindHost = values.bind === undefined ? undefined : readBindAddress(values.bind);
  const advertised = values['advertised-host'];
  const advertisedHost = advertised === undefined ? undefined : readAdvertisedHost(advertised);
  if (bindHost !== undefined && isWildcard(bindHost) && advertisedHost === undefined) {
    throw new UsageError(
      `--bind ${bindHost} accepts clients at every address of this machine, and they need one that they can reach: add --advertised-host HOST.`,
    );
  }
  return { bindHost, advertisedHost };
}

function readBindAddress(text: string): string {
  const problem = bindAddressProblem(text);
  if (problem !== undefined) throw refusal(BIND, text, problem);
  return shortestAddress(text);
}

function readAdvertisedHost(text: string): string {
  const problem = advertisedHostProblem(text);
  if (problem !== undefined) throw refusal(ADVERTISED_HOST, text, problem);
  return shortestAddress(text);
}

function refusal(takes: string, text: string, problem: string): UsageError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new UsageError(`${takes}; "${shown}" ${problem}.`);
}
