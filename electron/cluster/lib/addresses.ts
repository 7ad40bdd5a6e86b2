/** Reachability of a listener by its address. Addresses are IP addresses in their shortest form; names are none of these. */

const LOOPBACK = '127.0.0.1';

/** All addresses of this machine. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

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
