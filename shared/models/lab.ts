/**
 * Faults in force in the embedded cluster, and its ZooKeeper tree. A fault lasts from its injection until it is healed; faults combine. Each is
 * defined in `shared/faults`.
 */
import type { FaultSpec } from '../faults/definitions.ts';

export type { FaultSpec, FaultType } from '../faults/definitions.ts';
export type { LinkDirection, LinkEnd } from '../faults/fields.ts';

export interface Fault {
  /** Grows by one with every fault of a run. */
  id: number;
  fault: FaultSpec;
  /** Wall-clock milliseconds. */
  since: number;
  /** Id of its event on the timeline. */
  eventId: number;
  /** One clause about the effect ("14 bytes of 00000000000000000000.log flipped"); null: nothing to add. */
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

/** One node of the ZooKeeper tree, as an endpoint returned it. */
export interface Znode {
  path: string;
  /** UTF-8 text, or hexadecimal where the bytes are no text. */
  data: { encoding: 'null' | 'utf8' | 'hex'; text: string };
  stat: ZnodeStat;
  /** Names, sorted; at most 1,000. */
  children: string[];
  /** The broker whose endpoint answered. */
  answeredBy: number;
}
