/**
 * Divides the event loop among connections. A client that pipelines thousands of small requests fills one read with them; their
 * responses come from memory, so that all would be processed in one turn, which blocks every other connection of the node.
 */
import type { Clock, Timer } from '../lib/clock.ts';

const SLICE_MS = 20;
/** Requests between two reads of the clock. A shorter queue needs none. */
const STRIDE = 16;

export class RequestSlices {
  private readonly clock: Clock;
  private readonly resume: () => void;
  private requests = 0;
  /** Monotonic ms. */
  private endsAt = 0;
  private timer: Timer | undefined;

  /** `resume` is called after other connections had their turn. */
  constructor(clock: Clock, resume: () => void) {
    this.clock = clock;
    this.resume = resume;
  }

  /** To be called when bytes arrive: in a turn of the event loop of its own. */
  begin(now: number): void {
    this.endsAt = now + SLICE_MS;
  }

  /** True while the next of `queued` requests waits for the next slice. To be called before each. */
  waits(queued: number): boolean {
    if (this.timer !== undefined) return true;
    if (queued < STRIDE || ++this.requests < STRIDE) return false;
    this.requests = 0;
    if (this.clock.monotonic() < this.endsAt) return false;
    this.timer = this.clock.setTimer(0, () => {
      this.timer = undefined;
      this.begin(this.clock.monotonic());
      this.resume();
    });
    return true;
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}
