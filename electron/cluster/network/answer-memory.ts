/**
 * The memory that a node lends to answers, from the time at which their records are read until the client has taken them. No answer
 * waits for it: a fetch gets less, at least one batch. Where clients that do not read hold more than there is, those that have taken
 * nothing for longest are closed.
 */
import type { Clock } from '../lib/clock.ts';

const CAPACITY_BYTES = 48 * 1024 * 1024;
/** What an answer may take in any case. */
const LEAST_BYTES = 64 * 1024;
/** A client that takes nothing for so long may be closed as soon as memory is short; before, only at twice the capacity. */
const STALL_MS = 2_000;

export interface AnswerHolder {
  /** Closes the connection, which releases what it holds; the reason is logged. */
  refuse(reason: string): void;
}

export class AnswerMemory {
  private readonly clock: Clock;
  private readonly capacityBytes: number;
  private used = 0;
  /** Those whose socket is full, by the time at which they last took something; oldest first. */
  private readonly blocked = new Map<AnswerHolder, number>();

  constructor(clock: Clock, capacityBytes = CAPACITY_BYTES) {
    this.clock = clock;
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.used;
  }

  /** Half of what is left: however many ask, none takes all of it. */
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

  /** The client has taken something, and the socket is full again. */
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
