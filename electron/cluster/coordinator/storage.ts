/**
 * A coordinator's access to its log: partitions of one internal, compacted, replicated topic. `broker/coordinator-storage.ts` implements it;
 * tests have an implementation in memory.
 */
export interface CoordinatorStorage {
  /** Number of partitions of the internal topic; undefined while the topic does not exist. */
  partitionCount(): number | undefined;
  /**
   * Appends one batch to a partition that this broker leads in `leaderEpoch`. Returns at once the offset after the batch and a promise that
   * resolves when the batch is committed (below the high watermark, with at least min.insync.replicas), or rejects with a `KafkaError`
   * (NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS …). Throws such an error when the append itself is refused: then nothing was written.
   */
  append(partition: number, leaderEpoch: number, batch: Buffer): { nextOffset: bigint; committed: Promise<void> };
  /** The offset up to which all records of the partition are committed, as far as this broker has learned. */
  highWatermark(partition: number): bigint;
  /**
   * All batches of the partition from its log start to its *log end as of the call*, in order, a few at a time; each buffer holds whole batches.
   * Not only to the high watermark: right after an election the new leader's high watermark may trail the old leader's, and an acknowledged
   * commit must not be missed. Records in a leader's log at its election remain for as long as it leads.
   */
  read(partition: number): AsyncIterable<Buffer>;
  /** Records of the partition that the coordinator could not decode while it loaded, and skipped. */
  unreadable(partition: number, records: { offset: bigint; count: number; reason: string }): void;
}
