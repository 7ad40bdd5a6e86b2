/**
 * Fetches of consumers and of other brokers, and those that wait: for bytes to read, for a higher high watermark, or for a change of the
 * replica. Reads at once or when woken (`partition-reads.ts`), and decides nothing about replicas.
 */
import type { Clock } from '../lib/clock.ts';
import { AwaitedFetches } from './awaited-fetches.ts';
import { DelayedFetch } from './delayed-fetch.ts';
import { recordsLength, type FetchEntry, type FetchResult } from './fetch-session.ts';
import { readEntries, type FetchParameters, type PartitionLookup } from './partition-reads.ts';
import type { Partition } from './partition.ts';
import { Purgatory } from './purgatory.ts';

export interface ReplicaFetchesOptions {
  readonly lookup: PartitionLookup;
  readonly clock: Clock;
  /** Maximum number of waiting requests, of consumers and of replicas each. */
  readonly maxOperations: number;
}

export class ReplicaFetches {
  private readonly lookup: PartitionLookup;
  private readonly ofConsumers: Purgatory<Partition>;
  /** By partition, and by the broker that fetches. */
  private readonly ofReplicas: Purgatory<Partition | number>;
  private readonly awaitedFetches: AwaitedFetches;
  /** Partitions to which the current request has appended, while its appends wake together. */
  private readonly grown = new Set<Partition>();
  private wakesTogether = false;

  constructor({ lookup, clock, maxOperations }: ReplicaFetchesOptions) {
    this.lookup = lookup;
    this.awaitedFetches = new AwaitedFetches(clock);
    this.ofConsumers = new Purgatory({ clock, maxOperations, ordered: false });
    this.ofReplicas = new Purgatory({ clock, maxOperations, ordered: false });
  }

  /** Number of waiting fetches. */
  get waiting(): { fetches: number; replicaFetches: number } {
    return { fetches: this.ofConsumers.size, replicaFetches: this.ofReplicas.size };
  }

  /** Answers all waiting fetches, as if they had timed out. */
  close(): void {
    this.ofConsumers.close();
    this.ofReplicas.close();
  }

  /** Records were appended to the leader's log: followers that wait for them are answered. */
  onAppended(partition: Partition): void {
    if (this.wakesTogether) this.grown.add(partition);
    else this.ofReplicas.wake(partition);
  }

  /** The high watermark of the partition has increased. */
  onCommitted(partition: Partition): void {
    this.ofConsumers.wake(partition);
    if (this.lookup.selectsClosest) this.ofReplicas.wakeAll(partition);
  }

  /** Role, leader epoch or ISR of the partition has changed. */
  onStateChanged(partition: Partition): void {
    this.ofConsumers.wakeAll(partition);
    this.ofReplicas.wakeAll(partition);
  }

  /**
   * Calls `append` for each entry of one request, and then wakes the followers of each partition once: one fetch takes the records of the
   * whole request, where the first append alone would have answered it.
   */
  wakeOnceFor<E, R>(entries: readonly E[], append: (entry: E) => R): R[] {
    this.wakesTogether = true;
    try {
      return entries.map(append);
    } finally {
      this.wakesTogether = false;
      for (const partition of this.grown) this.ofReplicas.wake(partition);
      this.grown.clear();
    }
  }

  /** This broker leads the partition from now on, or with those followers from now on: a held fetch of theirs ends, so that the next names it. */
  followersAdded(partition: Partition, followers: readonly number[]): void {
    for (const follower of followers) {
      this.awaitedFetches.expect(partition, follower);
      this.ofReplicas.wake(follower);
    }
  }

  /** Reads; waits for `minBytes` at most `maxWaitMs`. Errors are per entry. Results are in the order of entries. */
  fetch(params: FetchParameters, entries: readonly FetchEntry[]): FetchResult[] | Promise<FetchResult[]> {
    const first = readEntries(this.lookup, params, entries, true);
    if (params.maxWaitMs <= 0 || entries.length === 0 || first.urgent || first.bytes >= params.minBytes) {
      this.noteSent(params, first.results);
      return first.results;
    }
    return new Promise((resolve) => {
      const operation = new DelayedFetch(this.lookup, params, entries, first.bytes, (results) => {
        this.noteSent(params, results);
        resolve(results);
      });
      const { replicaId, maxWaitMs } = params;
      if (replicaId < 0) {
        this.ofConsumers.watch(operation, operation.partitions, maxWaitMs);
        return;
      }
      const holdMs = this.awaitedFetches.holdMs(replicaId, maxWaitMs, () => operation.partitions);
      this.ofReplicas.watch(operation, [...operation.partitions, replicaId], holdMs);
    });
  }

  private noteSent({ replicaId, memory }: FetchParameters, results: readonly FetchResult[]): void {
    if (memory !== undefined) {
      let held = 0;
      for (const { response } of results) held += recordsLength(response);
      memory.holdAnswer(held);
    }
    if (replicaId < 0) return;
    for (const { entry, response } of results) {
      const bytes = recordsLength(response);
      const partition = bytes === 0 || entry.topic === undefined ? undefined : this.lookup.partition(entry.topic, entry.partition);
      if (partition !== undefined) this.lookup.throttle.sent(partition, replicaId, bytes);
    }
  }
}
