/** The faults that a node lays over its own network, disk and clock, as the supervisor tells it of them. Plain data: it crosses to the worker. */

export type Direction = 'in' | 'out' | 'both';

/** The other end of a link: a node's id, or everybody outside the cluster. */
export type Peer = number | 'clients';

/** How one direction of a link is. */
export interface LinkFault {
  cut: boolean;
  latencyMs: number;
  /** Added to the latency, uniformly from 0 up to it. */
  jitterMs: number;
  /** What all streams of the link share; 0: unlimited. */
  bytesPerSecond: number;
}

/** One fault of the link to `peer`, in directions as seen from this node. Several of a link combine. */
export interface LinkRule extends LinkFault {
  peer: Peer;
  direction: Direction;
}

export interface DiskSlowness {
  /** What every write waits. */
  latencyMs: number;
  /** What all writes share; 0: unlimited. */
  bytesPerSecond: number;
}

export interface NodeFaults {
  links: readonly LinkRule[];
  disk: { slow: readonly DiskSlowness[]; full: boolean };
  /** By which the node's wall clock runs ahead; negative: behind. */
  clockOffsetMs: number;
  /** Who listens where, so that a link is known by the port that it leads to. */
  peers: readonly { id: number; brokerPort: number; controllerPort: number }[];
}
