/**
 * Idempotent producers have several batches in flight. When the first is refused for a reason that passes (too few replicas in sync, no
 * leader yet) and the reason passes before the second arrives, the second finds a gap where the first would be. Told "out of order",
 * librdkafka (2.0.2 at least) takes itself to be out of step with the broker and stops for good, although nothing is wrong: the client
 * is about to send both again, in order. So the reason that the first was refused for is given to those behind it as well.
 *
 * A partition that does not know the producer yet takes any sequence for its first (KIP-360): it would take the second batch, and then the
 * first, tried again, would be out of order for ever. So there the second is refused as well. The same where the first went down with the
 * leader before, or is still on its way there: a new leader takes no second batch of a producer that it does not know. For a while: a
 * producer may be unknown because it was forgotten, and then nothing comes before.
 *
 * Nothing is appended that would not be otherwise. Both hold for no more batches than can have been in flight, so a client that really left a
 * batch out is told so.
 */
import type { Clock } from '../lib/clock.ts';
import { ErrorCode, isRetriable } from '../protocol/error-codes.ts';
import { BATCH_HEADER_BYTES, BatchView } from '../protocol/record-batch.ts';

interface Refusal {
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly errorCode: number;
  /** Monotonic milliseconds. */
  readonly at: number;
  /** Batches behind it that may still be given its reason. */
  left: number;
}

/** A client's `max.in.flight.requests.per.connection` is 5 at the most where it is idempotent. */
const MAX_IN_FLIGHT = 5;
/** What was in flight at a refusal has arrived by then. */
const REMEMBERED_MS = 30_000;
const MAX_REFUSALS = 1_000;

/** The partition that a batch is for. */
export interface BehindPartition {
  readonly name: string;
  readonly leaderSinceMs: number;
  readonly log: { knowsProducer(producerId: bigint): boolean };
}

export class RefusedSequences {
  private readonly clock: Clock;
  /** By partition and producer, oldest first. */
  private readonly refusals = new Map<string, Refusal>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The error code to answer with, for a batch of that partition that was refused with `errorCode`. */
  refused(partition: string, records: Buffer | null, errorCode: number): number {
    if (errorCode !== ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER && !isRetriable(errorCode)) return errorCode;
    if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER && this.refusals.size === 0) return errorCode;
    const batch = idempotentBatch(records);
    if (batch === undefined) return errorCode;
    const { producerEpoch, baseSequence } = batch;
    const key = keyOf(partition, batch);
    const known = this.refusals.get(key);
    const current = known !== undefined && this.holds(known, producerEpoch);
    if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      if (!current || known.left === 0 || known.baseSequence === baseSequence) return errorCode;
      known.left--;
      return known.errorCode;
    }
    // Those behind the first one are refused for the same reason; the gap is where the first is.
    if (current && known.left > 0 && known.baseSequence !== baseSequence) return errorCode;
    this.refusals.delete(key);
    this.refusals.set(key, { producerEpoch, baseSequence, errorCode, at: this.clock.monotonic(), left: MAX_IN_FLIGHT });
    const [oldest] = this.refusals.keys();
    if (this.refusals.size > MAX_REFUSALS && oldest !== undefined) this.refusals.delete(oldest);
    return errorCode;
  }

  /** Why a batch of a producer that the partition does not know has to wait for the one before it, as an error code; undefined where it need not. */
  behind(partition: BehindPartition, records: Buffer): number | undefined {
    const isNew = this.clock.monotonic() - partition.leaderSinceMs < REMEMBERED_MS;
    if (this.refusals.size === 0 && !isNew) return undefined;
    const batch = idempotentBatch(records);
    if (batch === undefined || partition.log.knowsProducer(batch.producerId)) return undefined;
    const known = this.refusals.get(keyOf(partition.name, batch));
    if (known !== undefined && this.holds(known, batch.producerEpoch) && known.left > 0 && known.baseSequence !== batch.baseSequence) {
      known.left--;
      return known.errorCode;
    }
    // Its client looks for the leader and tries again, as it does with what it sent to the one before.
    return isNew && batch.baseSequence > 0 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : undefined;
  }

  private holds(refusal: Refusal, producerEpoch: number): boolean {
    return refusal.producerEpoch === producerEpoch && this.clock.monotonic() - refusal.at < REMEMBERED_MS;
  }

  /** A batch of that producer was appended, so its sequence has no gap. */
  appended(partition: string, records: Buffer): void {
    if (this.refusals.size === 0) return;
    const batch = idempotentBatch(records);
    if (batch !== undefined) this.refusals.delete(keyOf(partition, batch));
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
