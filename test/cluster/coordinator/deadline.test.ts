import { expect, test } from 'vitest';
import { Deadline } from '../../../electron/cluster/coordinator/deadline.ts';
import { StallAwareClock } from '../../../electron/cluster/lib/running-time.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

test('Deadline: expires once, at the last deadline set, and not when cleared', async () => {
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

test('Deadline: a stalled node reads its sockets before a deadline expires', async () => {
  const virtual = new VirtualClock();
  const clock = new StallAwareClock(virtual);
  clock.start();
  let expired = 0;
  const deadline = new Deadline(clock, () => expired++);
  deadline.set(6000);
  await virtual.advance(3000);
  virtual.stall(20_000);
  // The timer is overdue and fires first; then the pending heartbeat is read.
  await virtual.advance(50);
  expect(expired).toBe(0);
  deadline.set(6000);
  virtual.stall(20_000);
  await virtual.advance(5800);
  expect(expired).toBe(0);
  await virtual.advance(300);
  expect(expired).toBe(1);
});
