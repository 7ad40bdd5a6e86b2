/** A fetch that waits until enough bytes can be read. It holds no records: they are read when it is answered. */
import { ErrorCode } from '../protocol/error-codes.ts';
import type { FetchEntry, FetchResult } from './fetch-session.ts';
import { checkReadable, readEnd, readEntries, type FetchParameters, type PartitionLookup } from './partition-reads.ts';
import type { Partition } from './partition.ts';
import type { DelayedOperation, Waking } from './purgatory.ts';

/** A fetch that waits for more bytes, or for its time. */
export class DelayedFetch implements DelayedOperation<Partition | number> {
  private readonly lookup: PartitionLookup;
  private readonly params: FetchParameters;
  private readonly entries: readonly FetchEntry[];
  private readonly answer: (results: FetchResult[]) => void;
  private readonly byPartition = new Map<Partition, FetchEntry>();
  /** Bytes found at first and appended since to woken partitions: an upper bound of what can be read. */
  private mostBytes: number;
  private readonly seenBytes = new Map<Partition, number>();
  private readonly sentHighWatermarks = new Map<Partition, bigint>();

  constructor(
    lookup: PartitionLookup,
    params: FetchParameters,
    entries: readonly FetchEntry[],
    firstBytes: number,
    answer: (results: FetchResult[]) => void,
  ) {
    this.lookup = lookup;
    this.params = params;
    this.entries = entries;
    this.mostBytes = firstBytes;
    this.answer = answer;
    for (const entry of entries) {
      const partition = entry.topic === undefined ? undefined : lookup.partition(entry.topic, entry.partition);
      if (partition === undefined) continue;
      this.byPartition.set(partition, entry);
      this.seenBytes.set(partition, partition.bytesAppended);
      if (params.replicaId >= 0 && lookup.selectsClosest) {
        this.sentHighWatermarks.set(partition, entry.sentHighWatermark ?? partition.log.highWatermark);
      }
    }
  }

  get partitions(): readonly Partition[] {
    return [...this.byPartition.keys()];
  }

  /** Of a broker id: the replica has more to fetch than this request names. */
  wake(key: Partition | number): Waking {
    if (typeof key !== 'number') return this.wakeFor(key);
    this.expire();
    return 'done';
  }

  private wakeFor(partition: Partition): Waking {
    const entry = this.byPartition.get(partition);
    if (entry === undefined) return 'keyDone';
    const readable = checkReadable(partition, this.params, entry.currentLeaderEpoch) === ErrorCode.NONE;
    const sent = this.sentHighWatermarks.get(partition);
    const hasNews = sent !== undefined && partition.log.highWatermark > sent;
    if (readable && !hasNews && partition.log.logEndOffset >= entry.fetchOffset) {
      if (this.params.replicaId >= 0 && this.lookup.throttle.holdsBack(partition, this.params.replicaId)) return 'waiting';
      if (readEnd(partition, this.params) <= entry.fetchOffset) return 'waiting';
      if (!this.enough(partition)) return 'waiting';
    }
    this.expire();
    return 'done';
  }

  expire(): void {
    this.answer(readEntries(this.lookup, this.params, this.entries, false).results);
  }

  private enough(partition: Partition): boolean {
    const { minBytes } = this.params;
    if (minBytes <= 1) return true;
    const seen = this.seenBytes.get(partition) ?? 0;
    this.mostBytes += partition.bytesAppended - seen;
    this.seenBytes.set(partition, partition.bytesAppended);
    return this.mostBytes >= minBytes && readEntries(this.lookup, this.params, this.entries, false).bytes >= minBytes;
  }
}
