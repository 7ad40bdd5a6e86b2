/**
 * Simulated time: one queue of events for a whole cluster and its clients. An event belongs to a host (a node's process or a client), or
 * to none (the network); a host that has ended gets no more events, a frozen one gets them when it thaws. All jobs of resolved promises
 * run between two events, so that a run depends on its seed only.
 */
import type { Clock, Timer } from '../../electron/cluster/lib/clock.ts';
import { seededRandom, type Random } from '../../electron/cluster/lib/random.ts';
import { EventQueue, type Entry } from './event-queue.ts';

const EPOCH_MS = 1_700_000_000_000;

/** Number of immediates that are created at a time, so that the event loop polls for real events, of which there are none, once for all of them. */
const TURNS = 128;

/** A process with a clock of its own. A restarted node is a new host. */
export class Host {
  readonly name: string;
  readonly clock: Clock;
  alive = true;
  frozen = false;
  /** Wall clock minus true time, ms. Timers and monotonic time are unaffected. */
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

  /** The process ends at any point of its work. */
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
    // As in Node.js: all overdue timers run before a socket is read. Bytes also arrive at a host that has ended.
    const arrivals = held.filter(({ orphaned }) => orphaned !== undefined);
    for (const entry of [...held.filter(({ orphaned }) => orphaned === undefined), ...arrivals]) this.world.requeue(entry);
  }
}

export class World {
  readonly seed: number;
  /** True time, ms. */
  time = 0;
  events = 0;
  /** Called after every event of a host, once all jobs that it made ready have run. */
  afterEvent: ((host: Host) => void) | undefined;
  /** Returns the host of the running event, so that a callee knows its caller. */
  current: Host | undefined;
  private readonly queue = new EventQueue();
  private order = 0;
  private digest = 0x811c9dc5;
  private readonly streams = new Map<string, number>();

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Differs, almost certainly, where two runs differ in any event. */
  get hash(): string {
    return (this.digest >>> 0).toString(16).padStart(8, '0');
  }

  /** Adds a fact to the hash. */
  note(text: string): void {
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i));
  }

  /** A separate random source for each purpose, so that leaving out a fault does not change the values of others. */
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

  /** Returns held events to the queue, behind those that are already due. */
  requeue(entry: Entry): void {
    entry.at = this.time;
    entry.order = this.order++;
    this.queue.push(entry);
  }

  /** Advances time until `done` holds, checked after every event, or until `untilMs`. Returns whether it holds. */
  run(untilMs: number, done?: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let over = false;
      let turns = 0;
      // Node runs all jobs of promises and ticks before each immediate, also within one batch.
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

  /** Completes the previous event and begins the next, unless `done` holds or there is none until `untilMs`. */
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
      // Cancelled, or its host has ended.
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
