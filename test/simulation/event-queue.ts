/** The pending events, soonest first; events of the same time in the order in which they were scheduled. */
import type { Host } from './world.ts';

export interface Entry {
  at: number;
  order: number;
  host: Host | undefined;
  run: (() => void) | undefined;
  /** Called instead when the host has ended by then. */
  orphaned?: (() => void) | undefined;
}

/** Minimum number of cancelled entries for a cleanup. */
const MIN_CANCELLED = 256;

/** A heap. Most timers are cancelled long before they are due (a request's timeout by its answer), and would make it large and slow. */
export class EventQueue {
  private entries: Entry[] = [];
  private cancelled = 0;

  first(): Entry | undefined {
    return this.entries[0];
  }

  push(entry: Entry): void {
    const heap = this.entries;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  removeFirst(): void {
    const heap = this.entries;
    const last = heap.pop() as Entry;
    if (heap.length > 0) sink(heap, last, 0);
  }

  cancel(entry: Entry): void {
    if (entry.run === undefined) return;
    entry.run = undefined;
    entry.orphaned = undefined;
    this.cancelled++;
    if (this.cancelled < MIN_CANCELLED || this.cancelled * 2 < this.entries.length) return;
    const heap = this.entries.filter(({ run }) => run !== undefined);
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(heap, heap[at] as Entry, at);
    this.entries = heap;
    this.cancelled = 0;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Moves an entry to its place at `at` or below. */
function sink(heap: Entry[], entry: Entry, from: number): void {
  let at = from;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
    if (!before(heap[child] as Entry, entry)) break;
    heap[at] = heap[child] as Entry;
    at = child;
  }
  heap[at] = entry;
}
