/**
 * The memory of a node for responses, from the read of their records until the client has received them. No response
 * waits for it: a fetch gets less, at least one batch. Where clients that do not read hold more than the capacity, those that have
 * received nothing for longest are closed.
 */
import type { Clock } from '../lib/clock.ts';

const CAPACITY_BYTES = 48 * 1024 * 1024;
/** Memory that a response may always take, in bytes. */
const LEAST_BYTES = 64 * 1024;
/** A client that has received nothing for so long, in ms, may be closed as soon as memory is short; before, only at twice the capacity. */
const STALL_MS = 2_000;

export interface AnswerHolder {
  /** Closes the connection, which releases what it holds; the reason is logged. */
  refuse(reason: string): void;
}

export class AnswerMemory {
  private readonly clock: Clock;
  private readonly capacityBytes: number;
  private used = 0;
  /** Connections with a full socket, by the time at which the client last received bytes; oldest first. */
  private readonly blocked = new Map<AnswerHolder, number>();

  constructor(clock: Clock, capacityBytes = CAPACITY_BYTES) {
    this.clock = clock;
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.used;
  }

  /** Half of the free memory, so that no response takes all of it. */
  get roomBytes(): number {
    return Math.max(LEAST_BYTES, Math.floor((this.capacityBytes - this.used) / 2));
  }

  hold(bytes: number): void {
    this.used += bytes;
    if (this.used > this.capacityBytes && this.blocked.size > 0) this.refuseBlocked();
  }

  release(bytes: number): void {
    this.used -= bytes;
  }

  /** The client has received bytes, and the socket is full again. */
  block(holder: AnswerHolder): void {
    this.blocked.delete(holder);
    this.blocked.set(holder, this.clock.monotonic());
  }

  unblock(holder: AnswerHolder): void {
    this.blocked.delete(holder);
  }

  private refuseBlocked(): void {
    const now = this.clock.monotonic();
    for (const [holder, since] of [...this.blocked]) {
      if (this.used <= this.capacityBytes) return;
      if (now - since < STALL_MS && this.used <= 2 * this.capacityBytes) return;
      this.blocked.delete(holder);
      holder.refuse(`it took no answer for ${Math.round(now - since)} ms while memory for answers was exhausted`);
    }
  }
}
