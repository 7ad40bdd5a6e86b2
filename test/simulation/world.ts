/**
 * Simulated time: one queue of events for a whole cluster and its clients. An event belongs to a host (a node's process, a client, or
 * nobody: the network itself); a host that is dead gets no more of them, one that is frozen gets them when it thaws. After each event
 * everything that promises made ready runs before the next, so that a run depends on its seed and on nothing else.
 */
import type { Clock, Timer } from '../../electron/cluster/lib/clock.ts';
import { seededRandom, type Random } from '../../electron/cluster/lib/random.ts';
import { EventQueue, type Entry } from './event-queue.ts';

const EPOCH_MS = 1_700_000_000_000;

/** So many immediates are set up at a time: the event loop looks for real events, of which there are none, once for all of them. */
const TURNS = 128;

/** A process with a clock of its own. A restarted node is a new host. */
export class Host {
  readonly name: string;
  readonly clock: Clock;
  alive = true;
  frozen = false;
  /** Wall clock minus true time, ms. Timers and monotonic time do not notice. */
  skewMs = 0;
  readonly held: Entry[] = [];
  private readonly ends: (() => void)[] = [];
  private readonly world: World;

  constructor(world: World, name: string) {
    this.name = name;
    this.world = world;
    this.clock = {
      now: () => EPOCH_MS + Math.floor(world.time + this.skewMs),
      monotonic: () => world.time,
      setTimer: (delayMs, callback) => world.schedule(delayMs, this, callback),
    };
  }

  /** Runs once when the process has ended. */
  onEnd(callback: () => void): void {
    this.ends.push(callback);
  }

  /** The process is gone in the middle of whatever it did. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    this.held.length = 0;
    for (const callback of this.ends) callback();
  }

  freeze(): void {
    if (this.alive) this.frozen = true;
  }

  thaw(): void {
    if (!this.frozen) return;
    this.frozen = false;
    const held = this.held.splice(0);
    // As in Node.js: all overdue timers run before a socket is read. What arrives has a fate also where its receiver is dead.
    const arrivals = held.filter(({ orphaned }) => orphaned !== undefined);
    for (const entry of [...held.filter(({ orphaned }) => orphaned === undefined), ...arrivals]) this.world.requeue(entry);
  }
}

export class World {
  readonly seed: number;
  /** True time, ms. */
  time = 0;
  events = 0;
  /** Called after every event of a host, once all that it made ready has run. */
  afterEvent: ((host: Host) => void) | undefined;
  /** Asked for the host whose event is running: to know whose code calls. */
  current: Host | undefined;
  private readonly queue = new EventQueue();
  private order = 0;
  private digest = 0x811c9dc5;
  private readonly streams = new Map<string, number>();

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Differs, all but surely, where two runs differ in any event. */
  get hash(): string {
    return (this.digest >>> 0).toString(16).padStart(8, '0');
  }

  /** Takes note of a fact for the hash. */
  note(text: string): void {
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  /** Randomness of its own for each purpose, so that a fault less does not change everybody's luck. */
  random(purpose: string): Random {
    const turn = (this.streams.get(purpose) ?? 0) + 1;
    this.streams.set(purpose, turn);
    let hash = 0x811c9dc5 ^ this.seed;
    for (const text of [purpose, String(turn)]) {
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    }
    return seededRandom(Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0);
  }

  schedule(delayMs: number, host: Host | undefined, run: () => void, orphaned?: () => void): Timer {
    const entry: Entry = { at: this.time + Math.max(0, delayMs), order: this.order++, host, run, orphaned };
    this.queue.push(entry);
    return { cancel: () => this.queue.cancel(entry) };
  }

  /** Puts back what was held, behind what is due already. */
  requeue(entry: Entry): void {
    entry.at = this.time;
    entry.order = this.order++;
    this.queue.push(entry);
  }

  /** Lets time pass until `done` holds, looked at after every event, or until `untilMs`. Says whether it does. */
  run(untilMs: number, done?: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let over = false;
      let turns = 0;
      // Node runs all that promises and ticks have made ready before each immediate, those of one batch too.
      const turn = (): void => {
        turns--;
        if (over) return;
        try {
          const outcome = this.step(untilMs, done);
          over = outcome !== 'on';
          if (over) resolve(outcome === 'done' || done?.() === true);
          else if (turns === 0) set();
        } catch (error) {
          over = true;
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const set = (): void => {
        for (turns = 0; turns < TURNS; turns++) setImmediate(turn);
      };
      set();
    });
  }

  /** Sees the event before to its end and begins the next, unless `done` holds or there is none until `untilMs`. */
  private step(untilMs: number, done: (() => boolean) | undefined): 'on' | 'done' | 'late' {
    const { current } = this;
    this.current = undefined;
    if (current?.alive === true) this.afterEvent?.(current);
    if (done?.() === true) return 'done';
    for (;;) {
      const entry = this.queue.first();
      if (entry === undefined || entry.at > untilMs) {
        this.time = Math.max(this.time, untilMs);
        return 'late';
      }
      this.queue.removeFirst();
      const { host } = entry;
      const run = host?.alive === false ? entry.orphaned : entry.run;
      // Cancelled, or nobody's any more.
      if (entry.run === undefined || run === undefined) continue;
      if (host?.frozen === true) {
        host.held.push(entry);
        continue;
      }
      this.time = Math.max(this.time, entry.at);
      this.events++;
      this.mix(entry.order);
      this.mix(Math.floor(this.time * 1000));
      this.current = host;
      run();
      return 'on';
    }
  }

  private mix(value: number): void {
    this.digest = Math.imul(this.digest ^ (value & 0xffff), 0x01000193);
    this.digest = Math.imul(this.digest ^ (value >>> 16), 0x01000193);
  }
}
