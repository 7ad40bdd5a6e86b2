import { describe, expect, it } from 'vitest';
import { mapInSlices } from '../../../electron/cluster/lib/work-slices.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

/** A clock on which every read takes a millisecond. */
class BusyClock extends VirtualClock {
  private spentMs = 0;
  override monotonic(): number {
    return super.monotonic() + this.spentMs++;
  }
}

describe('mapInSlices', () => {
  it('returns at once where the work is short', () => {
    expect(mapInSlices(new VirtualClock(), [1, 2, 3], (n) => n * 2)).toEqual([2, 4, 6]);
  });

  it('lets timers run between slices, and keeps the order', async () => {
    const clock = new BusyClock();
    const items = Array.from({ length: 2_000 }, (_, i) => i);
    let ran = 0;
    let seen = -1;
    clock.setTimer(0, () => (seen = ran));
    const work = mapInSlices(clock, items, (n) => {
      ran++;
      return n;
    });
    expect(work).toBeInstanceOf(Promise);
    await clock.advance(1_000);
    expect(await work).toEqual(items);
    expect(seen).toBeGreaterThan(0);
    expect(seen).toBeLessThan(1_000);
  });

  it('rejects where the work throws', async () => {
    const clock = new BusyClock();
    const work = mapInSlices(
      clock,
      Array.from({ length: 2_000 }, (_, i) => i),
      (n) => {
        if (n === 1_500) throw new Error('no');
        return n;
      },
    );
    const outcome = expect(work).rejects.toThrow('no');
    await clock.advance(1_000);
    await outcome;
  });
});
