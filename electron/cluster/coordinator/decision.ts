/** A decision of a coordinator, and the state machine ("shard") of one partition that decides. */
import type { Decision as LogDecision } from '../lib/decision.ts';

/** Records that a coordinator writes, with or without a request. */
export interface Change<In> {
  /** Appended as one batch, and applied at once. */
  readonly records: readonly In[];
  /** Set for records of an open transaction: they count when its marker commits them. */
  readonly producer?: { readonly id: bigint; readonly epoch: number };
  /**
   * Called exactly once, before the response is sent: with NONE when the records are committed, else with the error for the client. May return
   * a change that follows.
   */
  complete?(error: number): Change<In> | null;
}

/** The answer to a request. */
export interface Decision<In, Response> extends Change<In>, LogDecision<In, Response> {}

/** Source of an applied record. */
export interface RecordOrigin {
  /** Producer id of the record's transaction; null outside of transactions. */
  readonly transactionOf: bigint | null;
}

/**
 * Decisions read the state with all appended records; clients read committed records only, so a shard keeps both where they differ. Each record
 * is applied once and committed once, in the order of the log. A shard is dropped with its uncommitted state, and its successor reads the log.
 */
export interface CoordinatorShard<In, Out> {
  /** Applies a record that was read at loading: it counts as committed. */
  load(record: Out, origin: RecordOrigin): void;
  /** Applies a record of this shard's own decision, which was appended. */
  apply(record: In, origin: RecordOrigin): void;
  /** The applied record is committed: clients may read it. */
  commit(record: In, origin: RecordOrigin): void;
  /** A transaction ended in this partition. */
  endTransaction(producerId: bigint, outcome: 'commit' | 'abort'): void;
  /** All records are loaded: timers may start. */
  onLoaded(): void;
  /** Stops all timers and answers all pending requests with `error`. The shard is not used again. */
  onUnloaded(error: number): void;
}
