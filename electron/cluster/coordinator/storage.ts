/**
 * What a coordinator needs of the log under it: partitions of one internal, compacted, replicated topic. The broker
 * gives it (`broker/coordinator-storage.ts`); tests give one in memory.
 */
export interface CoordinatorStorage {
  /** Number of partitions of the internal topic; undefined while the topic does not exist. */
  partitionCount(): number | undefined;
  /**
   * Appends one batch to a partition that this broker leads in `leaderEpoch`. Returns at once with the offset after the
   * batch and a promise that resolves when the batch is committed (below the high watermark, with at least
   * min.insync.replicas), or rejects with a `KafkaError` (NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS …). Throws
   * such an error when the append itself is refused: then nothing was written.
   */
  append(partition: number, leaderEpoch: number, batch: Buffer): { lastOffset: bigint; committed: Promise<void> };
  /**
   * All batches of the partition from its log start to its *log end as of the call*, in order, a few at a time; each buffer
   * holds whole batches. Not only to the high watermark: right after an election the new leader's high watermark may still
   * trail the one that the old leader acknowledged by, and a commit that was acknowledged must not be missed. What a leader
   * has in its log at its election stays there for as long as it leads.
   */
  read(partition: number): AsyncIterable<Buffer>;
  /** Records of the partition that the coordinator could not decode when it loaded, and passed over. */
  unreadable(partition: number, records: { offset: bigint; count: number; reason: string }): void;
}
