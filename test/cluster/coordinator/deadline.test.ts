import { expect, test } from 'vitest';
import { Deadline } from '../../../electron/cluster/coordinator/deadline.ts';
import type { Clock, Timer } from '../../../electron/cluster/lib/clock.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

test('it expires once, at the last moment set, and not when cleared', async () => {
  const clock = new VirtualClock();
  const expired: number[] = [];
  const deadline = new Deadline(clock, () => expired.push(clock.monotonic()));
  deadline.set(100);
  await clock.advance(60);
  deadline.set(100);
  await clock.advance(60);
  deadline.set(10);
  await clock.advance(1000);
  expect(expired).toEqual([130]);
  expect(deadline.pending).toBe(false);
  deadline.set(50);
  deadline.clear();
  await clock.advance(1000);
  expect(expired).toEqual([130]);
});

test('a node that was frozen past the deadline listens once more before it decides', () => {
  let time = 0;
  const timers: { at: number; run(): void }[] = [];
  const clock: Clock = {
    now: () => time,
    monotonic: () => time,
    setTimer(delayMs, run): Timer {
      const timer = { at: time + delayMs, run };
      timers.push(timer);
      return { cancel: () => timers.splice(timers.indexOf(timer), 1) };
    },
  };
  let expired = 0;
  const deadline = new Deadline(clock, () => expired++);
  const runDue = (): void => {
    for (const timer of timers.filter(({ at }) => at <= time)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.run();
    }
  };
  deadline.set(6000);
  time = 20_000;
  runDue();
  expect(expired).toBe(0);
  deadline.set(6000);
  time = 21_000;
  runDue();
  expect(expired).toBe(0);
  time = 26_000;
  runDue();
  expect(expired).toBe(1);
});
