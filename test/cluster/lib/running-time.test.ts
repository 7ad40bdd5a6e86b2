import { describe, expect, it } from 'vitest';
import { runningTime, setRunningTimer, StallAwareClock } from '../../../electron/cluster/lib/running-time.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

function started(): { virtual: VirtualClock; clock: StallAwareClock } {
  const virtual = new VirtualClock();
  const clock = new StallAwareClock(virtual);
  clock.start();
  return { virtual, clock };
}

describe('StallAwareClock', () => {
  it('runs with monotonic time while timers come on time', async () => {
    const { virtual, clock } = started();
    await virtual.advance(1234);
    expect(clock.running()).toBe(1234);
  });

  it('excludes a stall, also before the next tick has run', async () => {
    const { virtual, clock } = started();
    await virtual.advance(1000);
    virtual.stall(90_000);
    // At most one tick and the tolerated delay passed before the stall was noticed.
    expect(clock.running()).toBeLessThanOrEqual(1000 + 50 + 15);
    await virtual.advance(1000);
    expect(clock.running()).toBeLessThanOrEqual(2000 + 50 + 15);
    expect(clock.running()).toBeGreaterThanOrEqual(1900);
    expect(clock.monotonic()).toBe(92_000);
  });

  it('never goes back', async () => {
    const { virtual, clock } = started();
    let last = 0;
    for (const [run, stall] of [
      [10, 30],
      [200, 64],
      [7, 1000],
      [1, 1],
      [49, 51],
    ] as const) {
      await virtual.advance(run);
      expect(clock.running()).toBeGreaterThanOrEqual(last);
      last = clock.running();
      virtual.stall(stall);
      expect(clock.running()).toBeGreaterThanOrEqual(last);
      last = clock.running();
    }
  });

  it('counts all time once it is stopped', async () => {
    const { virtual, clock } = started();
    await virtual.advance(100);
    clock.stop();
    virtual.stall(1000);
    expect(clock.running()).toBe(1100);
  });
});

describe('setRunningTimer', () => {
  it('fires on time without a stall', async () => {
    const { virtual, clock } = started();
    const fired: number[] = [];
    setRunningTimer(clock, 400, () => fired.push(virtual.monotonic()));
    await virtual.advance(1000);
    expect(fired).toEqual([400]);
  });

  it('waits for the remaining time after a stall', async () => {
    const { virtual, clock } = started();
    const fired: number[] = [];
    setRunningTimer(clock, 1000, () => fired.push(virtual.monotonic()));
    await virtual.advance(300);
    virtual.stall(10_000);
    await virtual.advance(600);
    expect(fired).toEqual([]);
    await virtual.advance(200);
    expect(fired).toHaveLength(1);
  });

  it('runs after received bytes are read when the stall exceeded its delay', async () => {
    const { virtual, clock } = started();
    const order: string[] = [];
    setRunningTimer(clock, 1000, () => order.push('timeout'));
    await virtual.advance(999);
    virtual.stall(40);
    // Bytes that were received meanwhile are read after the overdue timers.
    virtual.setTimer(1, () => order.push('read'));
    await virtual.advance(500);
    expect(order).toEqual(['read', 'timeout']);
  });

  it('fires in a loop that is always late', async () => {
    const { virtual, clock } = started();
    const fired: number[] = [];
    setRunningTimer(clock, 1000, () => fired.push(virtual.monotonic()));
    for (let turn = 0; turn < 200; turn++) {
      virtual.stall(60);
      await virtual.advance(1);
    }
    expect(fired).toHaveLength(1);
  });

  it('does not fire once it is cancelled, also between its parts', async () => {
    const { virtual, clock } = started();
    let fired = false;
    const timer = setRunningTimer(clock, 500, () => (fired = true));
    virtual.stall(2000);
    await virtual.advance(10);
    timer.cancel();
    await virtual.advance(5000);
    expect(fired).toBe(false);
  });

  it('is an ordinary timer on a clock that does not measure', async () => {
    const virtual = new VirtualClock();
    let fired = false;
    setRunningTimer(virtual, 500, () => (fired = true));
    virtual.stall(600);
    await virtual.advance(1);
    expect(fired).toBe(true);
    expect(runningTime(virtual)).toBe(601);
  });
});
