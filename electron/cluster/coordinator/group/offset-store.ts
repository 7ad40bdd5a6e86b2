/**
 * Committed offsets of the groups of one partition, as of the high watermark of its log. Offsets that are being written are only counted: they
 * are neither returned nor expired.
 */
import type { GroupRecordIn } from '../../protocol/records/group-records.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import type { RecordOrigin } from '../runtime.ts';
import { TopicPartitionMap } from './topic-partition-map.ts';

export interface CommittedOffset {
  readonly offset: bigint;
  /** −1: unknown. */
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** Wall-clock milliseconds. */
  readonly commitTimestamp: bigint;
  /** Wall-clock ms of the expiry that the client requested (OffsetCommit v2–4); −1: the broker's retention applies. */
  readonly expireTimestamp: bigint;
  /** `ZERO_UUID` when the commit named the topic by name only. */
  readonly topicId: string;
}

export type OffsetRecord = Extract<GroupRecordIn, { type: 'OffsetCommit' }>;

export class OffsetStore {
  private readonly groups = new Map<string, TopicPartitionMap<CommittedOffset>>();
  private readonly inFlight = new Map<string, TopicPartitionMap<number>>();
  /** Offsets inside open transactions, by producer, then group. */
  private readonly transactions = new Map<bigint, Map<string, TopicPartitionMap<CommittedOffset | null>>>();

  groupIds(): IterableIterator<string> {
    return this.groups.keys();
  }
  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.groups.get(group)?.get(topic, partition);
  }
  of(group: string): TopicPartitionMap<CommittedOffset> {
    return this.groups.get(group) ?? new TopicPartitionMap<CommittedOffset>();
  }

  /** Whether an open transaction has an offset for it (KIP-447). */
  isUnstable(group: string, topic: string, partition: number): boolean {
    for (const groups of this.transactions.values()) if (groups.get(group)?.get(topic, partition) !== undefined) return true;
    return false;
  }

  /** Whether the group has a pending offset: one that is being written, or one in an open transaction. */
  isBusy(group: string): boolean {
    return this.inFlight.has(group) || [...this.transactions.values()].some((groups) => groups.has(group));
  }

  isInFlight(group: string, topic: string, partition: number): boolean {
    return this.inFlight.get(group)?.get(topic, partition) !== undefined;
  }

  /** Committed or pending offsets: a deletion of the group needs tombstones for them. */
  partitionsOf(group: string): TopicPartitionMap<true> {
    const all = new TopicPartitionMap<true>();
    for (const [topic, partition] of this.of(group).entries()) all.set(topic, partition, true);
    for (const [topic, partition] of this.inFlight.get(group)?.entries() ?? []) all.set(topic, partition, true);
    return all;
  }

  /** Groups that have, or may soon have, an offset of one of these topics. */
  groupsWith(topics: ReadonlySet<string>): string[] {
    const ids = new Set([...this.groups.keys(), ...this.inFlight.keys()]);
    return [...ids].filter((id) =>
      this.partitionsOf(id)
        .topicNames()
        .some((topic) => topics.has(topic)),
    );
  }

  /** Counts records that are being written; pair with `settled`. */
  appended(records: readonly OffsetRecord[]): void {
    for (const { key } of records) {
      const map = entry(this.inFlight, key.group, () => new TopicPartitionMap<number>());
      map.set(key.topic, key.partition, (map.get(key.topic, key.partition) ?? 0) + 1);
    }
  }
  settled(records: readonly OffsetRecord[]): void {
    for (const { key } of records) {
      const map = this.inFlight.get(key.group);
      const count = map?.get(key.topic, key.partition);
      if (map === undefined || count === undefined) continue;
      if (count > 1) map.set(key.topic, key.partition, count - 1);
      else map.delete(key.topic, key.partition);
      if (map.isEmpty) this.inFlight.delete(key.group);
    }
  }

  replay({ key, value }: OffsetRecord, { transactionOf }: RecordOrigin): void {
    const offset: CommittedOffset | null = value && {
      offset: value.offset,
      leaderEpoch: value.leaderEpoch ?? -1,
      metadata: value.metadata,
      commitTimestamp: value.commitTimestamp,
      expireTimestamp: value.expireTimestamp ?? -1n,
      topicId: value.topicId ?? ZERO_UUID,
    };
    if (transactionOf === null) this.apply(key.group, key.topic, key.partition, offset);
    else {
      const groups = entry(this.transactions, transactionOf, () => new Map<string, TopicPartitionMap<CommittedOffset | null>>());
      entry(groups, key.group, () => new TopicPartitionMap<CommittedOffset | null>()).set(key.topic, key.partition, offset);
    }
  }

  endTransaction(producerId: bigint, outcome: 'commit' | 'abort'): void {
    const groups = this.transactions.get(producerId);
    if (groups === undefined) return;
    this.transactions.delete(producerId);
    if (outcome === 'abort') return;
    for (const [group, offsets] of groups)
      for (const [topic, partition, offset] of offsets.entries()) this.apply(group, topic, partition, offset);
  }

  private apply(group: string, topic: string, partition: number, offset: CommittedOffset | null): void {
    if (offset !== null) {
      entry(this.groups, group, () => new TopicPartitionMap<CommittedOffset>()).set(topic, partition, offset);
      return;
    }
    const offsets = this.groups.get(group);
    offsets?.delete(topic, partition);
    if (offsets?.isEmpty === true) this.groups.delete(group);
  }
}

export function offsetTombstone(group: string, topic: string, partition: number): OffsetRecord {
  return { type: 'OffsetCommit', key: { group, topic, partition }, value: null };
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
