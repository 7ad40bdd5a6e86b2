/** All addresses of this machine: a listener binds to it, and no client can connect to it. In its shortest form. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
