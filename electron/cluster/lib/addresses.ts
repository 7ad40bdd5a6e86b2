/** Reachability of a listener by its address. Addresses are IP addresses in their shortest form; names are none of these. */

import { isWildcard } from '#shared/addresses';

const LOOPBACK = '127.0.0.1';

/** Addresses that are not reachable from other machines or containers. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address);
}

/** The address at which this machine reaches a listener that is bound to `address`. A socket on `::` accepts IPv4 too. */
export function localAddressOf(address: string): string {
  return isWildcard(address) ? LOOPBACK : address;
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The bytes of an IP address in network order: 4 or 16, and none for a text that is no IP address. */
export function encodeAddress(address: string): Uint8Array {
  const mapped = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/i.exec(address);
  if (mapped !== null) return Uint8Array.from(mapped.slice(1), Number);
  const halves = address.split('::');
  if (!/^[0-9a-f:]+$/i.test(address) || halves.length > 2) return new Uint8Array(0);
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return new Uint8Array(0);
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 0xff]));
}

/** The text of an address of `encodeAddress`; `?` for any other number of bytes. An IPv6 address has all of its groups. */
export function decodeAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '?';
  return Array.from({ length: 8 }, (_, group) => (((bytes[2 * group] ?? 0) << 8) | (bytes[2 * group + 1] ?? 0)).toString(16)).join(':');
}
