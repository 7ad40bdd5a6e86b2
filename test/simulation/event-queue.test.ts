import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { EventQueue, type Entry } from './event-queue.ts';

describe('EventQueue', () => {
  it('returns events by time and then by order, with any number of cancellations in between', () => {
    const random = seededRandom(5);
    const queue = new EventQueue();
    let order = 0;
    let pending: Entry[] = [];
    const expected: Entry[] = [];
    const given: Entry[] = [];
    for (let round = 0; round < 5_000; round++) {
      for (let i = random.int(3); i >= 0; i--) {
        const entry: Entry = { at: round + random.int(500), order: order++, host: undefined, run: () => undefined };
        queue.push(entry);
        pending.push(entry);
      }
      // Two of three are cancelled, most of them long before they are due.
      if (random.next() < 0.9) for (let i = 0; i < 2 && pending.length > 0; i++) queue.cancel(pending[random.int(pending.length)] as Entry);
      pending = pending.filter(({ run }) => run !== undefined);
      if (random.next() < 0.5) {
        pending.sort((a, b) => a.at - b.at || a.order - b.order);
        const next = pending.shift();
        if (next !== undefined) expected.push(next);
        for (let first = queue.first(); first !== undefined; first = queue.first()) {
          queue.removeFirst();
          if (first.run === undefined) continue;
          given.push(first);
          break;
        }
      }
    }
    expect(given.length).toBeGreaterThan(1_000);
    expect(given.map((entry) => entry.order)).toEqual(expected.map((entry) => entry.order));
  });
});
