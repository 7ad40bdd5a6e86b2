import type { ClusterMetadata } from '../../admin/cluster-client.ts';
import type { GroupDescription, CommittedOffset, ListedGroup } from '../../admin/groups.ts';
import type { OffsetAnswer } from '../../admin/topics.ts';
import type { QuorumView } from '#shared/models/cluster';
import type { LabNode } from '../lab.ts';

export interface Committed {
  offset: bigint | null;
  metadata: string | null;
  /** Wall-clock ms at which the offset was last seen to change; null before that. */
  changedAt: number | null;
}

/** Everything last heard of one cluster. Each poller owns its part; `build.ts` makes the view of all of them. */
export interface ClusterState {
  metadata: ClusterMetadata | null;
  /** Brokers ever listed, so that one that is gone is shown as down and not forgotten. */
  seenBrokers: Map<number, { host: string; port: number; rack: string | null; goneSince: number | null }>;
  clusterId: string | null;
  controllerId: number | null;
  quorum: QuorumView | null;
  nodes: readonly LabNode[] | null;
  startOffsets: Map<string, OffsetAnswer>;
  endOffsets: Map<string, OffsetAnswer>;
  /** Wall-clock ms of the last round of offsets; 0: none yet. */
  offsetsAsOf: number;
  /** By topic, the last round that read its offsets. */
  offsetsReadAt: Map<string, number>;
  /** Bytes by broker and partition key. */
  logSizes: Map<number, ReadonlyMap<string, bigint>>;
  topicSettings: Map<string, ReadonlyMap<string, string | null>>;
  groups: Map<
    string,
    { listed: ListedGroup; described: GroupDescription | null; committed: Map<string, Committed>; asOf: number; error: string | null }
  >;
  recordsInPerSecond: number | null;
  inBytesPerSecond: number | null;
  outBytesPerSecond: number | null;
  unreachable: Map<number, string>;
  asOf: number;
}

export function emptyState(): ClusterState {
  return {
    metadata: null,
    seenBrokers: new Map(),
    clusterId: null,
    controllerId: null,
    quorum: null,
    nodes: null,
    startOffsets: new Map(),
    endOffsets: new Map(),
    offsetsAsOf: 0,
    offsetsReadAt: new Map(),
    logSizes: new Map(),
    topicSettings: new Map(),
    groups: new Map(),
    recordsInPerSecond: null,
    inBytesPerSecond: null,
    outBytesPerSecond: null,
    unreachable: new Map(),
    asOf: 0,
  };
}

/** Committed offsets as they are now, with the moment of their last change carried over. */
export function mergeCommitted(
  known: ReadonlyMap<string, Committed> | undefined,
  fresh: readonly CommittedOffset[],
  now: number,
): Map<string, Committed> {
  return new Map(
    fresh.map((entry) => {
      const key = `${entry.topic}/${entry.partition}`;
      const before = known?.get(key);
      const changedAt = before === undefined ? null : before.offset === entry.offset ? before.changedAt : now;
      return [key, { offset: entry.offset, metadata: entry.metadata, changedAt }];
    }),
  );
}
