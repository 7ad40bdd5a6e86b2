/**
 * Idempotent producers have several batches in flight. When the first is refused for a temporary reason (too few in-sync replicas, no
 * leader yet) that ends before the second arrives, the second has a sequence gap where the first would be. After an "out of order" error
 * librdkafka (2.0.2 at least) considers itself out of step with the broker and stops for good, although it is about to send both again,
 * in order. So the batches behind a refused one get the same error.
 *
 * A new leader does not see the batches that the previous leader refused, or has not answered: librdkafka sends its next batch to
 * the new leader while the one before is with the old one. A gap there is attributed to such a batch, and the batches behind it get
 * NOT_LEADER_OR_FOLLOWER, as the first one did or will.
 *
 * A partition that does not know the producer accepts any sequence as its first (KIP-360): it would accept the second batch, and then the
 * first, retried, would be out of order for ever. So there the second is refused as well. The same holds where the first was lost with the
 * previous leader, or is still in flight to it. Only for a while: a producer may be unknown because it expired, and then no batch precedes.
 *
 * Nothing is appended that would not be otherwise. All of this holds for no more batches than can be in flight, so a client that really
 * left a batch out gets the error for that.
 */
import type { Clock } from '../lib/clock.ts';
import { ErrorCode, isRetriable } from '../protocol/error-codes.ts';
import { BATCH_HEADER_BYTES, BatchView } from '../protocol/record-batch.ts';

interface Refusal {
  readonly producerEpoch: number;
  /** Sequence of the refused batch; −1: another leader refused it, and the sequence is unknown. */
  readonly baseSequence: number;
  readonly errorCode: number;
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Batches behind it that may still get its error. */
  left: number;
}

/** `max.in.flight.requests.per.connection` of an idempotent client is at most 5. */
const MAX_IN_FLIGHT = 5;
/** Batches in flight at a refusal have arrived after so many ms. */
const REMEMBERED_MS = 30_000;
const MAX_REFUSALS = 1_000;
const UNKNOWN_SEQUENCE = -1;

export class RefusedSequences {
  private readonly clock: Clock;
  /** By partition and producer, oldest first. */
  private readonly refusals = new Map<string, Refusal>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /**
   * The error code to answer with, for a batch of that partition that was refused with `errorCode`. `tookOverAt`: monotonic ms at which this
   * broker became leader in another's place; undefined where it did not.
   */
  refused(partition: string, records: Buffer | null, errorCode: number, tookOverAt?: number): number {
    const outOfOrder = errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER;
    if (!outOfOrder && !isRetriable(errorCode)) return errorCode;
    const batch = idempotentBatch(records);
    if (batch === undefined) return errorCode;
    const key = keyOf(partition, batch);
    if (outOfOrder) return this.reasonFor(batch, this.refusal(key, batch, tookOverAt) ?? this.assumed(key, batch, tookOverAt)) ?? errorCode;
    const known = this.refusal(key, batch, tookOverAt);
    // Batches behind the first one are refused for the same reason; the gap is where the first is.
    if (known !== undefined && known.left > 0 && known.baseSequence !== batch.baseSequence) return errorCode;
    this.remember(key, batch, batch.baseSequence, errorCode);
    return errorCode;
  }

  /** Why a batch of an unknown producer has to wait for the one before it, as an error code; undefined where it need not. */
  behind(partition: string, records: Buffer, knowsProducer: (producerId: bigint) => boolean, tookOverAt?: number): number | undefined {
    if (this.refusals.size === 0 && !this.isRecent(tookOverAt)) return undefined;
    const batch = idempotentBatch(records);
    if (batch === undefined || batch.baseSequence === 0 || knowsProducer(batch.producerId)) return undefined;
    const key = keyOf(partition, batch);
    return this.reasonFor(batch, this.refusal(key, batch, tookOverAt) ?? this.assumed(key, batch, tookOverAt));
  }

  /** A batch of that producer was appended, so its sequence has no gap. */
  appended(partition: string, records: Buffer): void {
    if (this.refusals.size === 0) return;
    const batch = idempotentBatch(records);
    if (batch !== undefined) this.refusals.delete(keyOf(partition, batch));
  }

  /** The error for one more batch behind the refused one; undefined for the refused batch itself, or when more than could be in flight have come. */
  private reasonFor({ baseSequence }: BatchView, refusal: Refusal | undefined): number | undefined {
    if (refusal === undefined || refusal.left === 0 || refusal.baseSequence === baseSequence) return undefined;
    refusal.left--;
    return refusal.errorCode;
  }

  /** The refusal in the producer's epoch, since this broker leads. */
  private refusal(key: string, { producerEpoch }: BatchView, tookOverAt = -Infinity): Refusal | undefined {
    const known = this.refusals.get(key);
    if (known === undefined || known.producerEpoch !== producerEpoch || known.at < tookOverAt) return undefined;
    return this.isRecent(known.at) ? known : undefined;
  }

  /** A refusal by the previous leader, where the leadership changed recently. */
  private assumed(key: string, batch: BatchView, tookOverAt: number | undefined): Refusal | undefined {
    return this.isRecent(tookOverAt) ? this.remember(key, batch, UNKNOWN_SEQUENCE, ErrorCode.NOT_LEADER_OR_FOLLOWER) : undefined;
  }

  private remember(key: string, { producerEpoch }: BatchView, baseSequence: number, errorCode: number): Refusal {
    const refusal = { producerEpoch, baseSequence, errorCode, at: this.clock.monotonic(), left: MAX_IN_FLIGHT };
    this.refusals.delete(key);
    this.refusals.set(key, refusal);
    const [oldest] = this.refusals.keys();
    if (this.refusals.size > MAX_REFUSALS && oldest !== undefined) this.refusals.delete(oldest);
    return refusal;
  }

  private isRecent(at: number | undefined): boolean {
    return at !== undefined && this.clock.monotonic() - at < REMEMBERED_MS;
  }
}

function idempotentBatch(records: Buffer | null): BatchView | undefined {
  if (records === null || records.length < BATCH_HEADER_BYTES) return undefined;
  const batch = new BatchView(records, 0);
  return batch.magic === 2 && batch.producerId >= 0n ? batch : undefined;
}

function keyOf(partition: string, batch: BatchView): string {
  return `${partition} ${batch.producerId}`;
}
