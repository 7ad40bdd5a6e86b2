/**
 * Kinds of nodes that are deleted without a client's request, as ZooKeeper encodes them in a node's owner (`EphemeralType`): an ephemeral
 * node has its session's id, a container the lowest 64-bit number, a node with a time to live 0xff in the first byte and milliseconds below.
 */
export const CONTAINER_OWNER = -(1n << 63n);
/** The maximum time to live: 40 bits of milliseconds. */
export const MAX_TTL_MS = (1n << 40n) - 1n;
const TTL_MARK = -(1n << 56n);

export function ttlOwner(ttlMs: bigint): bigint {
  return TTL_MARK | ttlMs;
}

/** The session that the node is deleted with; 0: it is not ephemeral. */
export function sessionOf(owner: bigint): bigint {
  return owner > 0n ? owner : 0n;
}

/** Whether the node is a container or has a time to live. */
export function isExpirable(owner: bigint): boolean {
  return owner < 0n;
}

/** Milliseconds without a change or a child after which the node is deleted; undefined: it has no time to live. */
export function ttlOf(owner: bigint): number | undefined {
  return isExpirable(owner) && owner !== CONTAINER_OWNER ? Number(owner & MAX_TTL_MS) : undefined;
}
