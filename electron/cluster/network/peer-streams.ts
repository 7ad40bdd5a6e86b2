/** Recognises streams that other nodes of the cluster opened, by their remote address. */

/**
 * `portOwners` has a byte for each TCP port: the node with a stream open from that port, 0 for none. `hosts` are the addresses that nodes
 * connect from, since a client on another machine can have the same port; undefined where every stream is from this machine.
 */
export function recognisePeers(portOwners: Uint8Array, hosts: ReadonlySet<string> | undefined): (remote: string) => boolean {
  return (remote) => {
    const colon = remote.lastIndexOf(':');
    if (Atomics.load(portOwners, Number(remote.slice(colon + 1))) === 0) return false;
    return hosts === undefined || hosts.has(remote.slice(0, colon));
  };
}
