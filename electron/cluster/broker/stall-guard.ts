/**
 * A process that did not run for a while (frozen, starved, suspended) may have been fenced and replaced as leader and coordinator, and the
 * first requests that it reads are those that arrived at its socket meanwhile. It answers none before it has read the metadata up to the
 * controller's high watermark: else a producer is refused as out of order, which is fatal to librdkafka, and a group member as unknown, by a
 * broker that is neither leader nor coordinator any more. Heartbeats of group members are not held, since their sessions expire meanwhile.
 *
 * A stall shorter than `boundMs` cannot have ended a session. Where no controller answers for `capMs`, requests are served again, but
 * `isUnsure` stays true: errors that are final for clients are then replaced with ones that make them refresh the metadata.
 */
import { sleep, type Clock, type Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';

export interface StallGuardOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ms without a turn of the event loop that count as a stall. */
  readonly boundMs: number;
  /** Maximum ms that requests are held after the last stall. */
  readonly capMs: number;
  /** Whether the metadata here is as new as the controller's was at some time after `since` (monotonic ms). Rejects where that is unknown. */
  confirm(since: number): Promise<boolean>;
}

const RETRY_MS = 30;

export class StallGuard {
  private readonly options: StallGuardOptions;
  /** Monotonic ms of the last turn of the event loop that was seen. */
  private seenAt: number;
  private timer: Timer | undefined;
  /** Resolves when requests are served again; undefined while they are. */
  private held: PromiseWithResolvers<undefined> | undefined;
  /** Of the last stall; undefined once the metadata was confirmed. */
  private stalledAt: number | undefined;
  private stopped = false;

  constructor(options: StallGuardOptions) {
    this.options = options;
    this.seenAt = options.clock.monotonic();
  }

  start(): void {
    this.seenAt = this.options.clock.monotonic();
    this.tick();
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.release();
  }

  /** Undefined while requests are served; else resolves when they are again. To be called before each. */
  get hold(): Promise<undefined> | undefined {
    this.look();
    return this.held?.promise;
  }

  /** After a stall, as long as this broker cannot know whether another has replaced it. */
  get isUnsure(): boolean {
    this.look();
    return this.stalledAt !== undefined;
  }

  private tick(): void {
    if (this.stopped) return;
    this.look();
    this.timer = this.options.clock.setTimer(this.options.boundMs / 4, () => this.tick());
  }

  /** Sockets may be read before timers run, so every request checks too. */
  private look(): void {
    if (this.stopped) return;
    const now = this.options.clock.monotonic();
    const stall = now - this.seenAt;
    this.seenAt = now;
    if (stall < this.options.boundMs) return;
    this.options.logger.warn('process was stalled; requests wait until the metadata is confirmed', {
      stallMs: Math.round(stall),
    });
    const confirming = this.stalledAt !== undefined;
    this.stalledAt = now;
    this.held ??= Promise.withResolvers();
    if (!confirming) void this.confirm(now);
  }

  private async confirm(from: number): Promise<void> {
    const { clock, capMs, logger } = this.options;
    while (!this.isOver()) {
      const since = this.stalledAt ?? from;
      try {
        if ((await this.options.confirm(since)) && this.stalledAt === since) {
          this.stalledAt = undefined;
          break;
        }
      } catch (error) {
        logger.debug('the metadata could not be confirmed', { error });
      }
      // A later stall moves `stalledAt`: each stall is held for its own time.
      if (clock.monotonic() - (this.stalledAt ?? from) >= capMs) this.release();
      await sleep(clock, RETRY_MS);
    }
    this.release();
  }

  /** A call, since it changes across an await. */
  private isOver(): boolean {
    return this.stopped;
  }

  private release(): void {
    this.held?.resolve(undefined);
    this.held = undefined;
  }
}
