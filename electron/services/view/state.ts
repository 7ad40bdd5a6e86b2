/**
 * What was last read of one cluster. Each part of the monitor owns some of it; `build.ts` makes the view of all of it. Values are
 * replaced, never changed in place, and only when they differ: rows are built again only where an input is another object.
 */
import type { ClusterMetadata } from '../../admin/cluster-client.ts';
import type { GroupDescription, ListedGroup } from '../../admin/groups.ts';
import type { LogVolume } from '../../admin/log-directories.ts';
import type { LogBounds } from '../../admin/topics.ts';
import type { QuorumView } from '#shared/models/cluster';
import type { LabNode } from '../lab.ts';
import { MarkedMap, StateChanges } from './changes.ts';
import { ReadTimes } from './read-times.ts';

export type MetadataTopic = ClusterMetadata['topics'][number];

/** Log bounds by partition, of one incarnation of a topic. */
export interface TopicOffsets {
  readonly topicId: string;
  readonly partitions: ReadonlyMap<number, LogBounds>;
}

/** Bytes by broker and partition. */
export type TopicSizes = ReadonlyMap<number, ReadonlyMap<number, bigint>>;

export interface Committed {
  /** Null: no commit. */
  readonly offset: bigint | null;
  readonly metadata: string | null;
  /** Wall-clock ms at which the offset was last seen to change; null before that. */
  readonly changedAt: number | null;
}

/** One partition as one sampling read it: the committed offset first, the log's bounds after it. */
export interface GroupReading extends Committed {
  /** False: the coordinator did not answer the last sampling; the offset is that of an earlier one. */
  readonly isCommittedKnown: boolean;
  readonly bounds: LogBounds;
}

/** What the next unread offset of a partition holds. */
export interface UnreadEntry {
  readonly topicId: string;
  /** First unread offset and end when it was read. */
  readonly offset: bigint;
  readonly end: bigint;
  /** Wall-clock ms of the next record; null where there is none, or it has no time. */
  readonly timestamp: number | null;
  /** True where no offset up to `end` holds a record. */
  readonly isNone: boolean;
}

export interface GroupState {
  readonly listed: ListedGroup;
  readonly described: GroupDescription | null;
  readonly error: string | null;
  /** By topic and partition. */
  readonly readings: ReadonlyMap<string, ReadonlyMap<number, GroupReading>>;
}

export interface SeenBroker {
  readonly host: string;
  readonly port: number;
  readonly rack: string | null;
  /** Wall-clock ms since when metadata does not list it. */
  readonly goneSince: number | null;
}

export interface ClusterState {
  /** Marked by the collections below; the rest of the state is small and read whole. */
  readonly changes: StateChanges;
  metadata: ClusterMetadata | null;
  /** Of `metadata`, by name; topics that it reports an error for are left out. */
  readonly topics: MarkedMap<string, MetadataTopic>;
  /** Brokers ever listed, so that one that is gone is shown as down. */
  seenBrokers: ReadonlyMap<number, SeenBroker>;
  clusterId: string | null;
  controllerId: number | null;
  quorum: QuorumView | null;
  nodes: readonly LabNode[] | null;
  /** By topic. */
  readonly offsets: Map<string, TopicOffsets>;
  readonly offsetTimes: ReadTimes;
  readonly sizes: Map<string, TopicSizes>;
  /** Bytes of all replicas, by broker. */
  brokerBytes: Map<number, bigint>;
  /** The volume that is closest to full, by broker. */
  brokerVolumes: Map<number, LogVolume>;
  readonly topicSettings: Map<string, ReadonlyMap<string, string | null>>;
  readonly groups: MarkedMap<string, GroupState>;
  /** By group and `partitionKey`. */
  readonly unread: Map<string, ReadonlyMap<string, UnreadEntry>>;
  readonly descriptionTimes: ReadTimes;
  readonly lagTimes: ReadTimes;
  recordsInPerSecond: number | null;
  inBytesPerSecond: number | null;
  outBytesPerSecond: number | null;
  unreachable: Map<number, string>;
  /** Of the unreachable ones: the id of the cluster that answers at the broker's address. */
  otherClusters: Map<number, string>;
  /** Wall-clock ms of the last metadata answer. */
  asOf: number;
}

export function emptyState(): ClusterState {
  const changes = new StateChanges();
  const markTopic = (name: string): void => void changes.topics.add(name);
  const markGroup = (id: string): void => void changes.groups.add(id);
  // A row of a group shows no age while both its description and its lag are of the last round, whatever the times of those are.
  const descriptionTimes: ReadTimes = new ReadTimes(markGroup, (id) => lagTimes.isLatest(id) || markGroup(id));
  const lagTimes: ReadTimes = new ReadTimes(markGroup, (id) => descriptionTimes.isLatest(id) || markGroup(id));
  return {
    changes,
    metadata: null,
    topics: new MarkedMap((name) => changes.topicMetadata.add(name)),
    seenBrokers: new Map(),
    clusterId: null,
    controllerId: null,
    quorum: null,
    nodes: null,
    offsets: new MarkedMap(markTopic),
    offsetTimes: new ReadTimes(markTopic),
    sizes: new MarkedMap(markTopic),
    brokerBytes: new Map(),
    brokerVolumes: new Map(),
    topicSettings: new MarkedMap(markTopic),
    groups: new MarkedMap(markGroup),
    unread: new MarkedMap(markGroup),
    descriptionTimes,
    lagTimes,
    recordsInPerSecond: null,
    inBytesPerSecond: null,
    outBytesPerSecond: null,
    unreachable: new Map(),
    otherClusters: new Map(),
    asOf: 0,
  };
}
