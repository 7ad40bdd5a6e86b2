import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Poller } from '../../electron/services/poller.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Rounds that end when the test says so. */
function manualRounds() {
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const run = vi.fn(() => new Promise<void>((resolve, reject) => ends.push({ resolve, reject })));
  const onError = vi.fn();
  return { ends, run, onError, poller: new Poller({ run, pauseMs: () => 1_000, onError }) };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

test('the pause begins when the answer came: rounds never overlap', async () => {
  const { ends, run, poller } = manualRounds();
  poller.start();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(run).toHaveBeenCalledTimes(1);
  ends[0]?.resolve();
  await vi.advanceTimersByTimeAsync(999);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(run).toHaveBeenCalledTimes(2);
});

test('asked for during a round, another follows at once, and only one', async () => {
  const { ends, run, poller } = manualRounds();
  poller.start();
  for (let i = 0; i < 5; i++) poller.now();
  ends[0]?.resolve();
  await settle();
  expect(run).toHaveBeenCalledTimes(2);
  ends[1]?.resolve();
  await settle();
  expect(run).toHaveBeenCalledTimes(2);
});

test('asked for during the pause, the round comes now and the pause is not run twice', async () => {
  const { ends, run, poller } = manualRounds();
  poller.start();
  ends[0]?.resolve();
  await vi.advanceTimersByTimeAsync(500);
  poller.now();
  expect(run).toHaveBeenCalledTimes(2);
  ends[1]?.resolve();
  await vi.advanceTimersByTimeAsync(999);
  expect(run).toHaveBeenCalledTimes(2);
});

test('a failure is told, and it goes on', async () => {
  const { ends, run, onError, poller } = manualRounds();
  poller.start();
  const error = new Error('no answer');
  ends[0]?.reject(error);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(onError).toHaveBeenCalledExactlyOnceWith(error);
  expect(run).toHaveBeenCalledTimes(2);
});

test('stopped, nothing more is asked, whether it rests or a round is under way', async () => {
  const { ends, run, poller } = manualRounds();
  poller.start();
  poller.now();
  poller.stop();
  ends[0]?.resolve();
  await vi.advanceTimersByTimeAsync(5_000);
  poller.now();
  expect(run).toHaveBeenCalledTimes(1);
});

test('stopped and started while a round is under way, there is still one at a time', async () => {
  const { ends, run, poller } = manualRounds();
  poller.start();
  poller.stop();
  poller.start();
  expect(run).toHaveBeenCalledTimes(1);
  ends[0]?.resolve();
  await settle();
  expect(run).toHaveBeenCalledTimes(2);
});
