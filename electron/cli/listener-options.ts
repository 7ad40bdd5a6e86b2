/** `--bind` and `--advertised-host`: where Kafka and ZooKeeper clients connect to the embedded cluster. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { ParseArgsOptionsConfig } from 'node:util';
import { isWildcard } from '../cluster/lib/addresses.ts';
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

/** What `LISTENER_OPTIONS` mean, for the usages. */
export const LISTENER_OPTION_LINES = `  --bind ADDRESS   IP address for Kafka and ZooKeeper clients (default: 127.0.0.1, this machine only);
                   0.0.0.0 or :: for all. There is no authentication: every client that
                   reaches that address can read, write and delete
  --advertised-host HOST
                   host that brokers return to clients (advertised.listeners); needed with 0.0.0.0 and ::`;

/** Of a DNS name (RFC 1035). */
const MAX_HOST_CHARACTERS = 253;
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
  const problem = problemOf(text) ?? (isIP(text) === 0 ? 'is not an IP address' : undefined);
  if (problem !== undefined) throw refusal(BIND, text, problem);
  return shortest(text);
}

function readAdvertisedHost(text: string): string {
  const problem = problemOf(text) ?? (isIP(text) === 0 && !isHostName(text) ? 'is not a host name' : undefined);
  if (problem !== undefined) throw refusal(ADVERTISED_HOST, text, problem);
  const host = shortest(text);
  if (isWildcard(host)) throw refusal(ADVERTISED_HOST, text, 'is an address to bind to, which no client can connect to');
  return host;
}

function refusal(takes: string, text: string, problem: string): UsageError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new UsageError(`${takes}; "${shown}" ${problem}.`);
}

function problemOf(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.length > MAX_HOST_CHARACTERS)
    return `has ${text.length.toLocaleString('en')} characters, and at most ${MAX_HOST_CHARACTERS} are possible`;
  if (text.includes('/')) return 'is a URL or a path';
  if (/^\[.*\]$/.test(text)) return 'has brackets, which an IPv6 address has only before a port';
  if (/^([^:]*|\[.*\]):\d*$/.test(text)) return 'has a port, which is an option of its own';
  if (isIPv6(text) && text.includes('%')) return 'has a zone, which other machines do not know';
  if (isIPv6(text) && shortest(text).startsWith('::ffff:')) return 'is an IPv4 address in an IPv6 one; write the IPv4 address';
  return undefined;
}

/** Labels of letters, digits, hyphens, and underscores as in names of containers. A last label of digits is part of an IPv4 address. */
function isHostName(text: string): boolean {
  const labels = text.split('.');
  return labels.every((label) => /^(?!-)[\w-]{1,63}(?<!-)$/.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}

function shortest(host: string): string {
  if (isIPv4(host) || !isIPv6(host)) return host;
  return new URL(`http://[${host}]`).hostname.slice(1, -1);
}
