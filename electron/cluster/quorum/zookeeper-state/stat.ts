import type { Znode } from './state.ts';
import { sessionOf } from './node-kind.ts';

/** ZooKeeper's stat of a node; times in wall-clock milliseconds. */
export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctime: bigint;
  readonly mtime: bigint;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  /** 0: not ephemeral. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;
}

export function statOf(node: Znode): Stat {
  const { czxid, mzxid, pzxid, ctime, mtime, version, aversion, created, owner, data, children } = node;
  return {
    czxid,
    mzxid,
    ctime: BigInt(ctime),
    mtime: BigInt(mtime),
    version,
    // Every added and every deleted child.
    cversion: 2 * created - children.size,
    aversion,
    ephemeralOwner: sessionOf(owner),
    dataLength: data?.length ?? 0,
    numChildren: children.size,
    pzxid,
  };
}
