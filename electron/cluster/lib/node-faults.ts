/** Faults of a node's network, disk and clock, as the supervisor sends them. Plain data: it is sent to the worker. */

import type { LinkDirection, LinkEnd } from '#shared/models/lab';

/** State of one direction of a link. */
export interface LinkFault {
  cut: boolean;
  latencyMs: number;
  /** Added to the latency, uniformly from 0 up to it. */
  jitterMs: number;
  /** Shared by all streams of the link; 0: unlimited. */
  bytesPerSecond: number;
}

/** One fault of the link to `peer`, in directions as seen from this node. Several of a link combine. */
export interface LinkRule extends LinkFault {
  peer: LinkEnd;
  direction: LinkDirection;
}

export interface DiskSlowness {
  /** Delay of every write. */
  latencyMs: number;
  /** Shared by all writes; 0: unlimited. */
  bytesPerSecond: number;
}

export interface NodeFaults {
  links: readonly LinkRule[];
  disk: { slow: readonly DiskSlowness[]; full: boolean };
  /** By which the node's wall clock runs ahead; negative: behind. */
  clockOffsetMs: number;
  /** Ports and their nodes, by which a link is identified. */
  peers: readonly { id: number; brokerPort: number; controllerPort: number }[];
}
