/** Assigns each partition to the fetcher of its leader: one fetcher, with one connection, per leading broker. Fetches nothing itself. */
import type { Partition } from './partition.ts';
import { ReplicaFetcher, type ReplicaFetcherOptions } from './replica-fetcher.ts';

export class ReplicaFetcherManager {
  private readonly options: ReplicaFetcherOptions;
  private readonly fetchers = new Map<number, ReplicaFetcher>();
  private readonly owner = new Map<Partition, ReplicaFetcher>();
  /** Whether a change of several assignments is in progress. */
  private changing = false;
  private closed = false;

  constructor(options: ReplicaFetcherOptions) {
    this.options = options;
  }

  /**
   * Runs `assign`, which follows and unfollows; then ends the fetchers that have no partition left. A partition that moves between two
   * assignments of one change thus keeps the connection.
   */
  change(assign: () => void): void {
    this.changing = true;
    try {
      assign();
    } finally {
      this.changing = false;
      this.prune();
    }
  }

  /** Starts to follow the partition's leader, in its present epoch. */
  follow(partition: Partition): void {
    if (this.closed) return;
    const { leader } = partition;
    let fetcher = this.fetchers.get(leader);
    const before = this.owner.get(partition);
    if (before !== undefined && before !== fetcher) this.unfollow(partition);
    if (fetcher === undefined) this.fetchers.set(leader, (fetcher = new ReplicaFetcher(leader, this.options)));
    this.owner.set(partition, fetcher);
    fetcher.add(partition);
    if (!this.changing) this.prune();
  }

  unfollow(partition: Partition): void {
    this.owner.get(partition)?.remove(partition);
    this.owner.delete(partition);
    if (!this.changing) this.prune();
  }

  private prune(): void {
    for (const [leader, fetcher] of this.fetchers) {
      if (fetcher.size > 0) continue;
      fetcher.close();
      this.fetchers.delete(leader);
    }
  }

  /** The broker registered again, maybe at another address. */
  reconnect(leader: number): void {
    this.fetchers.get(leader)?.reconnect();
  }

  /** Stops all fetchers. */
  close(): void {
    this.closed = true;
    for (const fetcher of this.fetchers.values()) fetcher.close();
    this.fetchers.clear();
    this.owner.clear();
  }
}
