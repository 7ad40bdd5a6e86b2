/**
 * Runs one state machine ("shard") for each partition of a coordinator's topic that this broker leads: loads it at an election, appends and
 * applies its decisions, drops it at a resignation.
 *
 * A shard is synchronous. The records of a decision are appended as one batch and applied at once, so the next decision sees them. When the
 * batch is committed, clients may read its records, and its response is sent. Commits follow the order of the log, regardless of the order in
 * which promises settle. A batch that cannot be appended is not applied.
 *
 * A batch whose commit was *rejected* is in the log and may still be committed (the wait timed out, or the ISR was too small for a while). Its
 * response is the error, but its records remain applied, and they are committed as soon as the high watermark or a later committed batch of the
 * same log proves it. After too many such batches, or an error in the shard, the shard is reloaded from the log, which drops its uncommitted
 * state and loads the records that the log contains.
 */
import { sleep, type Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { parseEndTransactionMarker } from '../protocol/records/transaction-marker.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { iterateBatches, type BatchView } from '../protocol/record-batch.ts';
import { decodeRecords, type DecodedRecord } from '../protocol/records-reader.ts';
import { buildBatch } from '../protocol/records-builder.ts';
import type { KeyAndValue } from '../protocol/records/coordinator-record.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { appendErrorForClient } from './append-errors.ts';
import type { Change, CoordinatorShard, Decision, RecordOrigin } from './decision.ts';
import type { CoordinatorStorage } from './storage.ts';

export interface RuntimeOptions<In, Out, S extends CoordinatorShard<In, Out>> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storage: CoordinatorStorage;
  encode(record: In): KeyAndValue;
  /** Undefined for records of an unknown kind. */
  decode(key: Buffer, value: Buffer | null): Out | undefined;
  /** `perform` writes changes without a request: those of timers. */
  createShard(partition: number, perform: (change: Change<In> | null) => void): S;
}

const LOAD_RETRY_MS = 1000;
/** Of uncommitted batches, and of decisions that wait for one of them. */
const MAX_IN_FLIGHT = 10_000;
const MAX_REJECTED = 1000;
const MAX_BATCH_BYTES = 64 * 1024 * 1024;

/** Completes a decision with NONE or the error for the client. */
type Completion<In> = (error: number) => Change<In> | null;

interface InFlight<In> {
  readonly records: readonly In[];
  readonly origin: RecordOrigin;
  /** Offset after the batch. */
  readonly nextOffset: bigint;
  /** Of the batch's change, then of the decisions without records that were made on top of it. */
  readonly completions: Completion<In>[];
  /** The error with which they were completed; undefined while they wait. */
  rejected: number | undefined;
  committed: boolean;
}

interface Slot<In, S> {
  readonly partition: number;
  epoch: number;
  shard: S | null;
  /** Appended batches that are not known to be committed, in the order of the log. */
  inFlight: InFlight<In>[];
  /** Number of rejected ones among them. */
  rejected: number;
  closed: boolean;
}

export class CoordinatorRuntime<In, Out, S extends CoordinatorShard<In, Out>> {
  private readonly options: RuntimeOptions<In, Out, S>;
  private readonly slots = new Map<number, Slot<In, S>>();
  private closed = false;

  constructor(options: RuntimeOptions<In, Out, S>) {
    this.options = options;
  }

  /** The shard of a partition, or the error code without one: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS … */
  shard(partition: number): S | number {
    if (this.closed) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    this.commitToHighWatermark(this.slots.get(partition));
    const slot = this.slots.get(partition);
    if (slot === undefined) return ErrorCode.NOT_COORDINATOR;
    return slot.shard ?? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  }

  /** All partitions that this broker leads, by number. */
  partitions(): { partition: number; leaderEpoch: number; shard: S | null }[] {
    for (const slot of [...this.slots.values()]) this.commitToHighWatermark(slot);
    return [...this.slots.values()]
      .map(({ partition, epoch, shard }) => ({ partition, leaderEpoch: epoch, shard }))
      .sort((a, b) => a.partition - b.partition);
  }

  /**
   * This broker leads the partition. When it is re-elected in a later epoch without a resignation between, the shard remains: the log was not
   * truncated, since only followers truncate.
   */
  onElection(partition: number, leaderEpoch: number): void {
    if (this.closed) return;
    const known = this.slots.get(partition);
    if (known !== undefined) {
      if (leaderEpoch > known.epoch) known.epoch = leaderEpoch;
      return;
    }
    this.start(partition, leaderEpoch);
  }

  /** Another broker leads since `leaderEpoch`, or (null) the replica was removed. An epoch older than the current one is outdated. */
  onResignation(partition: number, leaderEpoch: number | null): void {
    const slot = this.slots.get(partition);
    if (slot === undefined || (leaderEpoch !== null && leaderEpoch < slot.epoch)) return;
    this.stop(slot, ErrorCode.NOT_COORDINATOR);
  }

  close(): void {
    this.closed = true;
    for (const slot of [...this.slots.values()]) this.stop(slot, ErrorCode.COORDINATOR_NOT_AVAILABLE);
  }

  /**
   * The response to a request: of the decision, once it is committed, or `failed` with the error for the client. `response` is the decided response,
   * undefined where `decide` refused the request with a `KafkaError` or this broker does not coordinate the partition.
   */
  decide<Response>(
    partition: number,
    decide: (shard: S) => Decision<In, Response>,
    failed: (error: number, response: Response | undefined) => Response,
  ): Promise<Response> {
    const shard = this.shard(partition);
    if (typeof shard === 'number') return Promise.resolve(failed(shard, undefined));
    return new Promise((resolve, reject) => {
      try {
        const decision = decide(shard);
        const { response } = decision;
        this.perform(partition, {
          ...decision,
          complete: (error) => {
            try {
              return decision.complete?.(error) ?? null;
            } finally {
              resolve(error === ErrorCode.NONE ? response : failed(error, response));
            }
          },
        });
      } catch (error) {
        if (error instanceof KafkaError) resolve(failed(error.code, undefined));
        else reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** Writes a change of the partition's shard. Null: no change. */
  perform(partition: number, change: Change<In> | null): void {
    const slot = this.slots.get(partition);
    if (slot === undefined) change?.complete?.(ErrorCode.NOT_COORDINATOR);
    else this.write(slot, change);
  }

  private start(partition: number, epoch: number): void {
    const slot: Slot<In, S> = { partition, epoch, shard: null, inFlight: [], rejected: 0, closed: false };
    this.slots.set(partition, slot);
    void this.load(slot);
  }

  private stop(slot: Slot<In, S>, error: number): void {
    slot.closed = true;
    this.slots.delete(slot.partition);
    for (const entry of slot.inFlight.splice(0)) this.complete(slot, entry, error);
    slot.shard?.onUnloaded(error);
  }

  private write(slot: Slot<In, S>, first: Change<In> | null): void {
    for (let change = first; change !== null;) {
      const current: Change<In> = change;
      const completion: Completion<In> = (error) => current.complete?.(error) ?? null;
      const error = this.append(slot, current, completion);
      if (error === undefined) return;
      change = this.completeOne(slot, completion, error);
    }
  }

  /** Appends, applies, and completes the change later; else returns the code to complete it with now: nothing was written. */
  private append(slot: Slot<In, S>, { records, producer }: Change<In>, completion: Completion<In>): number | undefined {
    const { shard } = slot;
    if (slot.closed || shard === null) return ErrorCode.NOT_COORDINATOR;
    if (records.length === 0) return completeWithLast(slot, completion);
    if (slot.inFlight.length >= MAX_IN_FLIGHT) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    let appended: ReturnType<CoordinatorStorage['append']>;
    try {
      // A client may send more than a record can hold, such as a group id of more than 32,767 bytes.
      const batch = buildBatch({
        records: records.map((record) => this.options.encode(record)),
        timestamp: BigInt(this.options.clock.now()),
        ...(producer && { producerId: producer.id, producerEpoch: producer.epoch, transactional: true }),
      });
      appended = this.options.storage.append(slot.partition, slot.epoch, batch);
    } catch (error) {
      this.options.logger.warn('Could not append to the log of a coordinator', { partition: slot.partition, error });
      return appendErrorForClient(error);
    }
    const origin = { transactionOf: producer?.id ?? null };
    const { nextOffset } = appended;
    const entry: InFlight<In> = { records, origin, nextOffset, completions: [completion], rejected: undefined, committed: false };
    slot.inFlight.push(entry);
    appended.committed
      .then(
        () => this.commitUpTo(slot, nextOffset),
        (error: unknown) => this.onRejected(slot, entry, error),
      )
      .catch((error: unknown) => this.reload(slot, error));
    try {
      for (const record of records) shard.apply(record, origin);
    } catch (error) {
      this.reload(slot, error);
    }
    return undefined;
  }

  /** `end`: committed end of the log, the offset after the last committed record. Batches before a committed batch are committed too. */
  private commitUpTo(slot: Slot<In, S>, end: bigint): void {
    while (!slot.closed) {
      const first = slot.inFlight[0];
      if (first === undefined || first.nextOffset > end) return;
      for (const record of first.records) slot.shard?.commit(record, first.origin);
      this.complete(slot, first, ErrorCode.NONE);
      first.committed = true;
      slot.inFlight.shift();
      if (first.rejected !== undefined) slot.rejected--;
    }
  }

  /** No promise reports that a rejected batch is committed after all; the high watermark does. */
  private commitToHighWatermark(slot: Slot<In, S> | undefined): void {
    if (slot === undefined || slot.rejected === 0) return;
    try {
      this.commitUpTo(slot, this.options.storage.highWatermark(slot.partition));
    } catch (error) {
      this.reload(slot, error);
    }
  }

  private onRejected(slot: Slot<In, S>, entry: InFlight<In>, error: unknown): void {
    // Committed all the same, as the high watermark has proved.
    if (slot.closed || entry.committed) return;
    this.options.logger.warn('A batch of a coordinator was not committed', { partition: slot.partition, error });
    entry.rejected = appendErrorForClient(error);
    slot.rejected++;
    this.complete(slot, entry, entry.rejected);
    if (slot.rejected > MAX_REJECTED) this.restart(slot);
  }

  private complete(slot: Slot<In, S>, entry: InFlight<In>, error: number): void {
    for (let next = entry.completions.shift(); next !== undefined; next = entry.completions.shift())
      this.write(slot, this.completeOne(slot, next, error));
  }

  /** A completion that throws fails its shard only: it must not stop the other completions, or reach the timer that made the change. */
  private completeOne(slot: Slot<In, S>, completion: Completion<In>, error: number): Change<In> | null {
    try {
      return completion(error);
    } catch (failure) {
      this.reload(slot, failure);
      return null;
    }
  }

  /** A bug in one shard. The log is correct, so the shard is reloaded from it; the broker's other partitions are not affected. */
  private reload(slot: Slot<In, S>, error: unknown): void {
    this.options.logger.error('A coordinator failed and is reloaded', { partition: slot.partition, error });
    this.restart(slot);
  }

  private restart(slot: Slot<In, S>): void {
    if (slot.closed) return;
    this.stop(slot, ErrorCode.NOT_COORDINATOR);
    this.start(slot.partition, slot.epoch);
  }

  private async load(slot: Slot<In, S>): Promise<void> {
    const { storage, clock, logger } = this.options;
    while (!slot.closed) {
      const shard = this.options.createShard(slot.partition, (change) => this.write(slot, change));
      const skipped = new SkippedRecords();
      try {
        for await (const bytes of storage.read(slot.partition)) {
          if (isClosed(slot)) return;
          this.loadBatches(shard, bytes, skipped);
        }
        if (isClosed(slot)) return;
        if (skipped.first !== undefined) storage.unreadable(slot.partition, { ...skipped.first, count: skipped.count });
        slot.shard = shard;
        shard.onLoaded();
        return;
      } catch (error) {
        logger.warn('Could not load a coordinator; retrying', { partition: slot.partition, error });
        await sleep(clock, LOAD_RETRY_MS);
      }
    }
  }

  /** A record that cannot be read must not stop the groups of the partition from being served: it is skipped and reported. */
  private loadBatches(shard: S, bytes: Buffer, skipped: SkippedRecords): void {
    for (const batch of iterateBatches(bytes)) {
      let next = batch.baseOffset;
      try {
        for (const record of decodeRecords(batch, MAX_BATCH_BYTES)) {
          try {
            this.loadRecord(shard, batch, record);
          } catch (error) {
            skipped.add(record.offset, 1, error);
          }
          next = record.offset + 1n;
        }
      } catch (error) {
        skipped.add(next, Math.max(1, Number(batch.lastOffset - next) + 1), error);
      }
    }
  }

  private loadRecord(shard: S, batch: BatchView, record: DecodedRecord): void {
    if (batch.isControl) {
      const marker = parseEndTransactionMarker(record);
      if (marker !== undefined) shard.endTransaction(batch.producerId, marker.type);
      return;
    }
    const decoded = record.key === null ? undefined : this.options.decode(record.key, record.value);
    if (decoded !== undefined) shard.load(decoded, { transactionOf: batch.isTransactional ? batch.producerId : null });
  }
}

/** Skipped records of a load: their number, and the defect of the first. */
class SkippedRecords {
  count = 0;
  first: { offset: bigint; reason: string } | undefined;

  add(offset: bigint, count: number, error: unknown): void {
    this.count += count;
    this.first ??= { offset, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** A decision without records is completed with the last batch, on top of which it was made; else returns the code to complete it with now. */
function completeWithLast<In>(slot: { readonly inFlight: readonly InFlight<In>[] }, completion: Completion<In>): number | undefined {
  const last = slot.inFlight.at(-1);
  if (last === undefined) return ErrorCode.NONE;
  if (last.rejected !== undefined) return last.rejected;
  if (last.completions.length >= MAX_IN_FLIGHT) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
  last.completions.push(completion);
  return undefined;
}

/** For use after an await, when the compiler's knowledge of the slot is out of date. */
function isClosed(slot: { readonly closed: boolean }): boolean {
  return slot.closed;
}
