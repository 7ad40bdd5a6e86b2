/**
 * Repeats one kind of request. Rounds never overlap: the interval starts with the last response, so that a slow cluster receives fewer
 * requests and none queue up.
 */
export class Poller {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private again = false;
  private stopped = true;
  private readonly run: () => Promise<void>;
  private readonly onError: (error: unknown) => void;
  private readonly pauseMs: () => number;

  constructor(options: { run: () => Promise<void>; pauseMs: () => number; onError: (error: unknown) => void }) {
    this.run = options.run;
    this.pauseMs = options.pauseMs;
    this.onError = options.onError;
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.now();
  }

  /** Starts a round now; if one is running, another one follows it without a pause. */
  now(): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    if (this.running !== undefined) {
      this.again = true;
      return;
    }
    this.running = this.round();
  }

  private async round(): Promise<void> {
    try {
      await this.run();
    } catch (error) {
      this.onError(error);
    }
    this.running = undefined;
    if (this.stopped) return;
    if (this.again) {
      this.again = false;
      this.now();
    } else {
      this.timer = setTimeout(() => this.now(), this.pauseMs());
    }
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }
}
