/**
 * What the lab can do to the embedded cluster. A fault is in force from its injection until it is healed; faults combine.
 * Node ids are numbers; `'clients'` stands for every client outside the cluster.
 */

export type LinkEnd = number | 'clients';

/** As seen from the first end of the link: `out` is what it sends. */
export type LinkDirection = 'both' | 'out' | 'in';

export type FaultSpec =
  /** Controlled shutdown: leaderships move first. */
  | { type: 'stop'; node: number }
  /** The node ends mid-instruction; what it wrote stays. */
  | { type: 'kill'; node: number }
  /** Kill, and what was not flushed to disk is lost. */
  | { type: 'powerCut'; node: number }
  /** The node's event loop blocks; the kernel still accepts connections. */
  | { type: 'freeze'; node: number }
  /** Nothing passes between the two ends. */
  | { type: 'partition'; between: [LinkEnd, LinkEnd]; direction: LinkDirection }
  /** What passes is late. Latency and jitter in milliseconds for each direction concerned; 0 bytes a second is unlimited. */
  | {
      type: 'slowLink';
      between: [LinkEnd, LinkEnd];
      direction: LinkDirection;
      latencyMs: number;
      jitterMs: number;
      bytesPerSecond: number;
    }
  /** Every write waits that long, and no more than that many bytes a second are written (0: unlimited). */
  | { type: 'slowDisk'; node: number; latencyMs: number; bytesPerSecond: number }
  /** Writes fail with ENOSPC; the log directory goes offline. */
  | { type: 'fullDisk'; node: number }
  /** Bits flip in the log of a replica: in a closed segment, or in the last batch. Healing flips them back where they still are. */
  | { type: 'corrupt'; node: number; topic: string; partition: number; where: 'closedSegment' | 'tail' }
  /** The node's wall clock runs that far ahead (negative: behind). */
  | { type: 'clockSkew'; node: number; offsetMs: number };

export type FaultType = FaultSpec['type'];

export interface Fault {
  /** Grows by one with every fault of a run. */
  id: number;
  fault: FaultSpec;
  /** Wall-clock milliseconds. */
  since: number;
  /** The timeline's entry that tells of it. */
  eventId: number;
  /** One clause of what it came to ("14 bytes of 00000000000000000000.log flipped"); null where there is nothing to add. */
  detail: string | null;
}

export interface ZnodeStat {
  /** 64-bit numbers are decimal strings. */
  czxid: string;
  mzxid: string;
  pzxid: string;
  /** Wall-clock milliseconds. */
  ctime: number;
  mtime: number;
  version: number;
  cversion: number;
  aversion: number;
  /** Session id in hexadecimal; null for a node that is not ephemeral. */
  ephemeralOwner: string | null;
  dataLength: number;
  numChildren: number;
}

/** One node of the coordination service's tree, as its ZooKeeper endpoint tells it. */
export interface Znode {
  path: string;
  /** UTF-8 text, or hexadecimal where the bytes are no text. */
  data: { encoding: 'null' | 'utf8' | 'hex'; text: string };
  stat: ZnodeStat;
  /** Names, sorted; at most 1,000. */
  children: string[];
  /** Which broker's endpoint answered. */
  answeredBy: number;
}
