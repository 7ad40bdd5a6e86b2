/**
 * Offsets of the groups of one partition. Clients read committed offsets only; decisions also see the offsets, and deletions, that are appended
 * and not committed yet.
 */
import { assert } from '../../lib/assert.ts';
import type { GroupRecordIn } from '../../protocol/records/group-records.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import type { RecordOrigin } from '../decision.ts';
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

/** Uncommitted records of one partition of a topic. */
interface Uncommitted {
  /** Of the last one; null for a deletion. */
  offset: CommittedOffset | null;
  count: number;
}

export class OffsetStore {
  private readonly committed = new Map<string, TopicPartitionMap<CommittedOffset>>();
  private readonly uncommitted = new Map<string, TopicPartitionMap<Uncommitted>>();
  /** Offsets inside open transactions, by producer, then group. */
  private readonly transactions = new Map<bigint, Map<string, TopicPartitionMap<CommittedOffset | null>>>();

  // ── committed ───────────────────────────────────────────────────────────────────────────────────────────────────

  groupIds(): IterableIterator<string> {
    return this.committed.keys();
  }

  get(group: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.committed.get(group)?.get(topic, partition);
  }

  of(group: string): TopicPartitionMap<CommittedOffset> {
    return this.committed.get(group) ?? new TopicPartitionMap<CommittedOffset>();
  }

  // ── uncommitted ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether an open transaction has an offset for it (KIP-447). */
  isUnstable(group: string, topic: string, partition: number): boolean {
    for (const groups of this.transactions.values()) if (groups.get(group)?.get(topic, partition) !== undefined) return true;
    return false;
  }

  /** Whether the group has an uncommitted record, or an offset in an open transaction. */
  isBusy(group: string): boolean {
    return this.uncommitted.has(group) || [...this.transactions.values()].some((groups) => groups.has(group));
  }

  isUncommitted(group: string, topic: string, partition: number): boolean {
    return this.uncommitted.get(group)?.get(topic, partition) !== undefined;
  }

  /** Whether it has an offset once all appended records are committed. */
  has(group: string, topic: string, partition: number): boolean {
    const last = this.uncommitted.get(group)?.get(topic, partition);
    return last === undefined ? this.get(group, topic, partition) !== undefined : last.offset !== null;
  }

  /** Partitions that have an offset once all appended records are committed: a deletion of the group needs tombstones for them. */
  partitionsOf(group: string): TopicPartitionMap<true> {
    const all = new TopicPartitionMap<true>();
    for (const [topic, partition] of this.of(group).entries()) all.set(topic, partition, true);
    for (const [topic, partition, { offset }] of this.uncommitted.get(group)?.entries() ?? [])
      if (offset === null) all.delete(topic, partition);
      else all.set(topic, partition, true);
    return all;
  }

  /** Groups that have an offset of one of these topics once all appended records are committed. */
  groupsWith(topics: ReadonlySet<string>): string[] {
    const ids = new Set([...this.committed.keys(), ...this.uncommitted.keys()]);
    return [...ids].filter((id) =>
      this.partitionsOf(id)
        .topicNames()
        .some((topic) => topics.has(topic)),
    );
  }

  // ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Applies a record that counts as committed. */
  load(record: OffsetRecord, { transactionOf }: RecordOrigin): void {
    if (transactionOf === null) this.set(record.key, offsetOf(record));
    else this.addToTransaction(transactionOf, record);
  }

  /** Applies an appended record; pair with `commit`. */
  apply(record: OffsetRecord, { transactionOf }: RecordOrigin): void {
    if (transactionOf !== null) {
      this.addToTransaction(transactionOf, record);
      return;
    }
    const { group, topic, partition } = record.key;
    const map = entry(this.uncommitted, group, () => new TopicPartitionMap<Uncommitted>());
    const count = (map.get(topic, partition)?.count ?? 0) + 1;
    map.set(topic, partition, { offset: offsetOf(record), count });
  }

  commit(record: OffsetRecord, { transactionOf }: RecordOrigin): void {
    if (transactionOf !== null) return;
    const { group, topic, partition } = record.key;
    const map = this.uncommitted.get(group);
    const last = map?.get(topic, partition);
    assert(map !== undefined && last !== undefined, `an offset of ${topic}-${partition} was committed and not applied`);
    if (last.count > 1) map.set(topic, partition, { ...last, count: last.count - 1 });
    else map.delete(topic, partition);
    if (map.isEmpty) this.uncommitted.delete(group);
    this.set(record.key, offsetOf(record));
  }

  endTransaction(producerId: bigint, outcome: 'commit' | 'abort'): void {
    const groups = this.transactions.get(producerId);
    if (groups === undefined) return;
    this.transactions.delete(producerId);
    if (outcome === 'abort') return;
    for (const [group, offsets] of groups)
      for (const [topic, partition, offset] of offsets.entries()) this.set({ group, topic, partition }, offset);
  }

  private addToTransaction(producerId: bigint, record: OffsetRecord): void {
    const { group, topic, partition } = record.key;
    const groups = entry(this.transactions, producerId, () => new Map<string, TopicPartitionMap<CommittedOffset | null>>());
    entry(groups, group, () => new TopicPartitionMap<CommittedOffset | null>()).set(topic, partition, offsetOf(record));
  }

  private set({ group, topic, partition }: OffsetRecord['key'], offset: CommittedOffset | null): void {
    if (offset !== null) {
      entry(this.committed, group, () => new TopicPartitionMap<CommittedOffset>()).set(topic, partition, offset);
      return;
    }
    const offsets = this.committed.get(group);
    offsets?.delete(topic, partition);
    if (offsets?.isEmpty === true) this.committed.delete(group);
  }
}

function offsetOf({ value }: OffsetRecord): CommittedOffset | null {
  return (
    value && {
      offset: value.offset,
      leaderEpoch: value.leaderEpoch ?? -1,
      metadata: value.metadata,
      commitTimestamp: value.commitTimestamp,
      expireTimestamp: value.expireTimestamp ?? -1n,
      topicId: value.topicId ?? ZERO_UUID,
    }
  );
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
