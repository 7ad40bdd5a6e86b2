/** Limits for answers do not count the time in which this thread computes. */
import { afterEach, expect, test, vi } from 'vitest';
import { activeMs, afterIdle } from '../../electron/admin/idle-timer.ts';

afterEach(() => void vi.restoreAllMocks());

function compute(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('an answer that came while the thread was busy is read before its limit is over', async () => {
  const order: string[] = [];
  const ended = new Promise<void>((resolve) =>
    afterIdle(
      500,
      () => {
        order.push('limit');
        resolve();
      },
      100,
    ),
  );
  await turn();
  compute(700);
  // In place of a socket: what the event loop delivers after the timers that are due.
  setTimeout(() => order.push('answer'), 20);
  await ended;
  expect(order).toEqual(['answer', 'limit']);
});

test('ends while the thread is busy all the time', async () => {
  const over: string[] = [];
  afterIdle(20, () => over.push('limit'));
  const until = performance.now() + 10_000;
  while (over.length === 0 && performance.now() < until) {
    compute(5);
    await turn();
  }
  expect(over).toEqual(['limit']);
});

test('does nothing after it was cancelled', async () => {
  let isOver = false;
  afterIdle(1, () => (isOver = true))();
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(isOver).toBe(false);
});

test('counts the processor time of the thread where Electron reports no utilization of its loop', () => {
  vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue({ idle: 0, active: 0, utilization: 0 });
  const [processor, active] = [process.threadCpuUsage(), activeMs(true)];
  const used = (): number => {
    const { user, system } = process.threadCpuUsage(processor);
    return (user + system) / 1_000;
  };
  while (used() < 50);
  expect(activeMs(true) - active).toBeGreaterThan(40);
});
