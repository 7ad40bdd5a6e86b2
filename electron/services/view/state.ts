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

/** When rows were read, in wall-clock ms; 0: never. */
export class ReadTimes {
  /** Of the last complete round. */
  roundAt = 0;
  private readonly byName = new Map<string, number>();

  /** Names that this round left out keep the time of the round that read them: one page's figures do not make another's fresh. */
  note(names: Iterable<string>, at: number): void {
    this.roundAt = at;
    for (const name of names) this.byName.set(name, at);
  }

  of(name: string): number {
    return this.byName.get(name) ?? 0;
  }

  keepOnly(isKept: (name: string) => boolean): void {
    for (const name of this.byName.keys()) if (!isKept(name)) this.byName.delete(name);
  }
}

export interface ClusterState {
  metadata: ClusterMetadata | null;
  /** Of `metadata`, by name; topics that it reports an error for are left out. */
  topics: ReadonlyMap<string, MetadataTopic>;
  /** Brokers ever listed, so that one that is gone is shown as down. */
  seenBrokers: ReadonlyMap<number, SeenBroker>;
  clusterId: string | null;
  controllerId: number | null;
  quorum: QuorumView | null;
  nodes: readonly LabNode[] | null;
  /** By topic. */
  offsets: Map<string, TopicOffsets>;
  offsetTimes: ReadTimes;
  sizes: Map<string, TopicSizes>;
  /** Bytes of all replicas, by broker. */
  brokerBytes: Map<number, bigint>;
  /** The volume that is closest to full, by broker. */
  brokerVolumes: Map<number, LogVolume>;
  topicSettings: Map<string, ReadonlyMap<string, string | null>>;
  groups: Map<string, GroupState>;
  /** By group and `partitionKey`. */
  unread: Map<string, ReadonlyMap<string, UnreadEntry>>;
  descriptionTimes: ReadTimes;
  lagTimes: ReadTimes;
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
  return {
    metadata: null,
    topics: new Map(),
    seenBrokers: new Map(),
    clusterId: null,
    controllerId: null,
    quorum: null,
    nodes: null,
    offsets: new Map(),
    offsetTimes: new ReadTimes(),
    sizes: new Map(),
    brokerBytes: new Map(),
    brokerVolumes: new Map(),
    topicSettings: new Map(),
    groups: new Map(),
    unread: new Map(),
    descriptionTimes: new ReadTimes(),
    lagTimes: new ReadTimes(),
    recordsInPerSecond: null,
    inBytesPerSecond: null,
    outBytesPerSecond: null,
    unreachable: new Map(),
    otherClusters: new Map(),
    asOf: 0,
  };
}
