import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Poller } from '../../electron/services/poller.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Rounds whose end the test determines. */
function manualRounds() {
  const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const run = vi.fn(() => new Promise<void>((resolve, reject) => ends.push({ resolve, reject })));
  const onError = vi.fn();
  return { ends, run, onError, poller: new Poller({ run, pauseMs: () => 1_000, onError }) };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

test('Poller: starts the interval with the response, so that rounds never overlap', async () => {
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

test('Poller: runs one more round at once after a refresh during a round', async () => {
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

test('Poller: starts a round at once after a refresh during the interval, and has one interval at a time', async () => {
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

test('Poller: reports a failed round and continues', async () => {
  const { ends, run, onError, poller } = manualRounds();
  poller.start();
  const error = new Error('no answer');
  ends[0]?.reject(error);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(onError).toHaveBeenCalledExactlyOnceWith(error);
  expect(run).toHaveBeenCalledTimes(2);
});

test('Poller: starts no round after it was stopped, during a round or an interval', async () => {
  const { ends, run, poller } = manualRounds();
  poller.start();
  poller.now();
  poller.stop();
  ends[0]?.resolve();
  await vi.advanceTimersByTimeAsync(5_000);
  poller.now();
  expect(run).toHaveBeenCalledTimes(1);
});

test('Poller: has one round at a time when it is stopped and started during a round', async () => {
  const { ends, run, poller } = manualRounds();
  poller.start();
  poller.stop();
  poller.start();
  expect(run).toHaveBeenCalledTimes(1);
  ends[0]?.resolve();
  await settle();
  expect(run).toHaveBeenCalledTimes(2);
});
