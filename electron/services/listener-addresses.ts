/** Validates addresses of the client listeners: where the nodes bind, and which host brokers advertise. */
import { isWildcard } from '#shared/addresses';
import { isIP, isIPv4, isIPv6 } from 'node:net';

/** Of a DNS name (RFC 1035). */
const MAX_HOST_CHARACTERS = 253;

/** Why `text` is no address to bind to, as a clause that follows the text; undefined if it is one. */
export function bindAddressProblem(text: string): string | undefined {
  return problemOf(text) ?? (isIP(text) === 0 ? 'is not an IP address' : undefined);
}

/** Why `text` is no host for clients to connect to, in the same form. */
export function advertisedHostProblem(text: string): string | undefined {
  const problem = problemOf(text) ?? (isIP(text) === 0 && !isHostName(text) ? 'is not a host name' : undefined);
  if (problem !== undefined) return problem;
  return isWildcard(shortestAddress(text)) ? 'is an address to bind to, which no client can connect to' : undefined;
}

/** Shortens an IPv6 address; returns any other host unchanged. */
export function shortestAddress(host: string): string {
  if (isIPv4(host) || !isIPv6(host)) return host;
  return new URL(`http://[${host}]`).hostname.slice(1, -1);
}

function problemOf(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.length > MAX_HOST_CHARACTERS)
    return `has ${text.length.toLocaleString('en')} characters, and at most ${MAX_HOST_CHARACTERS} are possible`;
  if (text.includes('/')) return 'is a URL or a path';
  if (/^\[.*\]$/.test(text)) return 'has brackets, which an IPv6 address has only before a port';
  if (/^([^:]*|\[.*\]):\d*$/.test(text)) return 'has a port; give the host alone';
  if (isIPv6(text) && text.includes('%')) return 'has a zone, which other machines do not know';
  if (isIPv6(text) && shortestAddress(text).startsWith('::ffff:')) return 'is an IPv4 address in an IPv6 one; write the IPv4 address';
  return undefined;
}

/** Labels of letters, digits, hyphens, and underscores as in names of containers. A last label of digits is part of an IPv4 address. */
function isHostName(text: string): boolean {
  const labels = text.split('.');
  return labels.every((label) => /^(?!-)[\w-]{1,63}(?<!-)$/.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '');
}
