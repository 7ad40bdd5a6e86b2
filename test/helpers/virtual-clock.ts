import type { Clock, Timer } from '../../electron/cluster/lib/clock.ts';

interface Entry {
  at: number;
  order: number;
  callback: (() => void) | undefined;
}

/**
 * Time that passes only when a test says so. Timers run in the order of their time, those of one moment in the order
 * they were set; after each, all ready promise callbacks run before time advances.
 */
export class VirtualClock implements Clock {
  private readonly heap: Entry[] = [];
  private order = 0;
  private time = 0;
  /** Wall-clock ms at monotonic 0. */
  readonly epoch: number;

  constructor(epoch = 1_700_000_000_000) {
    this.epoch = epoch;
  }

  now(): number {
    return this.epoch + this.time;
  }

  monotonic(): number {
    return this.time;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry: Entry = { at: this.time + Math.max(0, delayMs), order: this.order++, callback };
    push(this.heap, entry);
    return {
      cancel: () => {
        entry.callback = undefined;
      },
    };
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const until = this.time + ms;
    await settle();
    for (;;) {
      const next = this.heap[0];
      if (next === undefined || next.at > until) break;
      pop(this.heap);
      if (next.callback === undefined) continue;
      this.time = Math.max(this.time, next.at);
      next.callback();
      await settle();
    }
    this.time = until;
  }

  /** The whole process is stalled: `ms` pass in which no timer runs. Overdue timers run with the next `advance`, in their order. */
  stall(ms: number): void {
    this.time += ms;
  }

  /** Lets time pass until `condition` holds, at most `ms`; says whether it does. */
  async until(condition: () => boolean, ms: number, stepMs = 1): Promise<boolean> {
    const end = this.time + ms;
    await settle();
    while (!condition()) {
      if (this.time >= end) return false;
      await this.advance(Math.min(stepMs, end - this.time));
    }
    return true;
  }

  /** The promise's outcome, with as much time as it needs, at most `ms`. */
  async settled<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let done = false;
    const finish = (): void => {
      done = true;
    };
    promise.then(finish, finish);
    if (!(await this.until(() => done, ms, 5))) throw new Error(`nothing came of it in ${ms} ms of virtual time`);
    return promise;
  }
}

/** Resolves when no promise has anything left to do. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(entry, heap[parent] as Entry)) break;
    heap[at] = heap[parent] as Entry;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
    if (!before(heap[child] as Entry, last)) break;
    heap[at] = heap[child] as Entry;
    at = child;
  }
  heap[at] = last;
}
