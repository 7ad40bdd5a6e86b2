/**
 * Runs one state machine ("shard") for each partition of a coordinator's topic that this broker leads: loads it at an election, writes its
 * decisions, replays committed records, drops it at a resignation.
 *
 * A shard is synchronous. The records of a decision are appended as one batch; when the batch is committed its records are replayed and its
 * response is sent. Replay follows the order of the log, regardless of the order in which promises settle.
 *
 * A batch whose commit was *rejected* may still be in the log and may still be committed (the wait timed out, or the ISR was too small for a
 * while). Its response is the error, but its records keep their place and are replayed as soon as a later batch of the same log is committed,
 * because then it is committed too. After too many such batches the shard is reloaded.
 */
import { sleep, type Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { parseEndTransactionMarker } from '../protocol/records/transaction-marker.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { iterateBatches, type BatchView } from '../protocol/record-batch.ts';
import { decodeRecords, type DecodedRecord } from '../protocol/records-reader.ts';
import { buildBatch } from '../protocol/records-builder.ts';
import type { KeyAndValue } from '../protocol/records/coordinator-record.ts';
import { appendErrorForClient } from './append-errors.ts';
import type { CoordinatorStorage } from './storage.ts';

/** Records to be written as one batch, and the follow-up. */
export interface Decision<In> {
  readonly records: readonly In[];
  /** Set for records of an open transaction: they count when its marker commits them. */
  readonly producer?: { readonly id: bigint; readonly epoch: number };
  /** Called exactly once: with NONE when the records are committed, else with the error for the client. May return another decision. */
  settled?(error: number): Decision<In> | null;
}

/** Source of a replayed record. */
export interface RecordOrigin {
  /** Producer id of the record's transaction; null outside of transactions. */
  readonly transactionOf: bigint | null;
}

export interface CoordinatorShard<In, Out> {
  /** Applies a record read at loading. */
  replayLoaded(record: Out, origin: RecordOrigin): void;
  /** Applies a record of this shard's own decision, once it is committed. */
  replayCommitted(record: In, origin: RecordOrigin): void;
  /** A transaction ended in this partition. */
  replayMarker(producerId: bigint, outcome: 'commit' | 'abort'): void;
  /** All records are replayed: timers may start. */
  onLoaded(): void;
  /** Stops all timers and answers all pending requests with `error`. The shard is not used again. */
  onUnloaded(error: number): void;
}

export interface RuntimeOptions<In, Out, S extends CoordinatorShard<In, Out>> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storage: CoordinatorStorage;
  encode(record: In): KeyAndValue;
  /** Undefined for records of an unknown kind. */
  decode(key: Buffer, value: Buffer | null): Out | undefined;
  /** `perform` takes decisions without a request: those of timers. */
  createShard(partition: number, perform: (decision: Decision<In> | null) => void): S;
}

const LOAD_RETRY_MS = 1000;
const MAX_IN_FLIGHT = 10_000;
const MAX_UNKNOWN = 1000;
const MAX_BATCH_BYTES = 64 * 1024 * 1024;

interface InFlight<In> {
  readonly decision: Decision<In>;
  readonly lastOffset: bigint;
  settled: boolean;
}

interface Slot<In, S> {
  readonly partition: number;
  epoch: number;
  shard: S | null;
  /** Appended batches that are not known to be committed, in the order of the log. */
  inFlight: InFlight<In>[];
  /** Number of rejected ones among them. */
  unknown: number;
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
    const slot = this.slots.get(partition);
    if (slot === undefined) return ErrorCode.NOT_COORDINATOR;
    return slot.shard ?? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS;
  }

  /** All partitions that this broker leads, by number. */
  partitions(): { partition: number; leaderEpoch: number; shard: S | null }[] {
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

  /** Writes a decision of the partition's shard. Null: no decision. */
  perform(partition: number, decision: Decision<In> | null): void {
    const slot = this.slots.get(partition);
    if (slot === undefined) decision?.settled?.(ErrorCode.NOT_COORDINATOR);
    else this.write(slot, decision);
  }

  private start(partition: number, epoch: number): void {
    const slot: Slot<In, S> = { partition, epoch, shard: null, inFlight: [], unknown: 0, closed: false };
    this.slots.set(partition, slot);
    void this.load(slot);
  }

  private stop(slot: Slot<In, S>, error: number): void {
    slot.closed = true;
    this.slots.delete(slot.partition);
    for (const entry of slot.inFlight) settle(entry, error);
    slot.inFlight = [];
    slot.shard?.onUnloaded(error);
  }

  private write(slot: Slot<In, S>, first: Decision<In> | null): void {
    let decision = first;
    while (decision !== null) {
      if (slot.closed) {
        decision.settled?.(ErrorCode.NOT_COORDINATOR);
        return;
      }
      if (decision.records.length === 0) decision = decision.settled?.(ErrorCode.NONE) ?? null;
      else {
        const error = this.append(slot, decision);
        if (error === ErrorCode.NONE) return;
        decision = decision.settled?.(error) ?? null;
      }
    }
  }

  /** Appends and waits for the commit; an error code when nothing was written. */
  private append(slot: Slot<In, S>, decision: Decision<In>): number {
    if (slot.inFlight.length >= MAX_IN_FLIGHT) return ErrorCode.COORDINATOR_NOT_AVAILABLE;
    const batch = buildBatch({
      records: decision.records.map((record) => this.options.encode(record)),
      timestamp: BigInt(this.options.clock.now()),
      ...(decision.producer && { producerId: decision.producer.id, producerEpoch: decision.producer.epoch, transactional: true }),
    });
    let appended: { lastOffset: bigint; committed: Promise<void> };
    try {
      appended = this.options.storage.append(slot.partition, slot.epoch, batch);
    } catch (error) {
      this.options.logger.warn('Could not append to the log of a coordinator', { partition: slot.partition, error });
      return appendErrorForClient(error);
    }
    const entry: InFlight<In> = { decision, lastOffset: appended.lastOffset, settled: false };
    slot.inFlight.push(entry);
    appended.committed
      .then(
        () => this.onCommitted(slot, entry),
        (error: unknown) => this.onRejected(slot, entry, error),
      )
      .catch((error: unknown) => {
        // A bug in one shard. The log is correct, so the shard is reloaded from it; the broker's other partitions are not affected.
        this.options.logger.error('A coordinator failed and is reloaded', { partition: slot.partition, error });
        this.restart(slot);
      });
    return ErrorCode.NONE;
  }

  /** Batches before a committed batch in the same log are committed too. */
  private onCommitted(slot: Slot<In, S>, entry: InFlight<In>): void {
    while (!slot.closed) {
      const first = slot.inFlight[0];
      if (first === undefined || first.lastOffset > entry.lastOffset) return;
      slot.inFlight.shift();
      if (first.settled) slot.unknown--;
      const origin = { transactionOf: first.decision.producer?.id ?? null };
      for (const record of first.decision.records) slot.shard?.replayCommitted(record, origin);
      this.write(slot, settle(first, ErrorCode.NONE));
    }
  }

  private onRejected(slot: Slot<In, S>, entry: InFlight<In>, error: unknown): void {
    if (slot.closed || entry.settled) return;
    this.options.logger.warn('A batch of a coordinator was not committed', { partition: slot.partition, error });
    slot.unknown++;
    this.write(slot, settle(entry, appendErrorForClient(error)));
    if (slot.unknown > MAX_UNKNOWN) this.restart(slot);
  }

  private restart(slot: Slot<In, S>): void {
    if (slot.closed) return;
    this.stop(slot, ErrorCode.NOT_COORDINATOR);
    this.start(slot.partition, slot.epoch);
  }

  private async load(slot: Slot<In, S>): Promise<void> {
    const { storage, clock, logger } = this.options;
    while (!slot.closed) {
      const shard = this.options.createShard(slot.partition, (decision) => this.write(slot, decision));
      const skipped = new SkippedRecords();
      try {
        for await (const bytes of storage.read(slot.partition)) {
          if (isClosed(slot)) return;
          this.replay(shard, bytes, skipped);
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
  private replay(shard: S, bytes: Buffer, skipped: SkippedRecords): void {
    for (const batch of iterateBatches(bytes)) {
      let next = batch.baseOffset;
      try {
        for (const record of decodeRecords(batch, MAX_BATCH_BYTES)) {
          try {
            this.replayRecord(shard, batch, record);
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

  private replayRecord(shard: S, batch: BatchView, record: DecodedRecord): void {
    if (batch.isControl) {
      const marker = parseEndTransactionMarker(record);
      if (marker !== undefined) shard.replayMarker(batch.producerId, marker.type);
      return;
    }
    const decoded = record.key === null ? undefined : this.options.decode(record.key, record.value);
    if (decoded !== undefined) shard.replayLoaded(decoded, { transactionOf: batch.isTransactional ? batch.producerId : null });
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

function settle<In>(entry: InFlight<In>, error: number): Decision<In> | null {
  if (entry.settled) return null;
  entry.settled = true;
  return entry.decision.settled?.(error) ?? null;
}

/** For use after an await, when the compiler's knowledge of the slot is out of date. */
function isClosed(slot: { readonly closed: boolean }): boolean {
  return slot.closed;
}
