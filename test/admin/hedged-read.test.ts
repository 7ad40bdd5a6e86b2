import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hedgedRead, type HedgedOutcome } from '../../electron/admin/hedged-read.ts';

const LATE_MS = 250;

/** A broker whose response the test determines. */
class Source {
  asked = false;
  signal: AbortSignal | undefined;
  late = 0;
  answer: (value: string) => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  ask(signal: AbortSignal): Promise<string> {
    this.asked = true;
    this.signal = signal;
    return new Promise((resolve, reject) => {
      this.answer = resolve;
      this.fail = reject;
    });
  }
}

class Passable extends Error {}

let sources: [Source, Source, Source];
let outcome: HedgedOutcome<string, Passable> | Error | undefined;

/** Milliseconds in which this thread was busy. */
let busyMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  busyMs = 0;
  vi.spyOn(performance, 'eventLoopUtilization').mockImplementation(() => ({ idle: 0, active: busyMs, utilization: 0 }));
  sources = [new Source(), new Source(), new Source()];
  outcome = undefined;
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function read(): void {
  hedgedRead({
    asks: sources.map((source) => (signal) => source.ask(signal)),
    lateMs: LATE_MS,
    takes: (answer) => !answer.startsWith('old'),
    onLate: (index) => (sources[index] as Source).late++,
    isPassable: (error): error is Passable => error instanceof Passable,
  }).then(
    (value) => (outcome = value),
    (error: unknown) => (outcome = error as Error),
  );
}

const asked = (): boolean[] => sources.map((source) => source.asked);
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('hedgedRead', () => {
  test('sends no second request when the first broker answers in time', async () => {
    read();
    await pass(LATE_MS - 1);
    sources[0].answer('a');
    await pass(10_000);
    expect(outcome).toEqual({ taken: 'a' });
    expect(asked()).toEqual([true, false, false]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('reports a silent broker as late after the delay, and aborts its request when another one answers', async () => {
    read();
    await pass(LATE_MS);
    expect(asked()).toEqual([true, true, false]);
    sources[1].answer('b');
    await pass(0);
    expect(outcome).toEqual({ taken: 'b' });
    expect(sources.map(({ late }) => late)).toEqual([1, 0, 0]);
    expect(sources[0].signal?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    // The read has ended: a failure now must not be an unhandled rejection.
    sources[0].fail(new Error('too late'));
    await pass(0);
  });

  test('does not count a broker as late while this thread is busy', async () => {
    read();
    busyMs = 200;
    await pass(LATE_MS + 199);
    expect(asked()).toEqual([true, false, false]);
    expect(sources[0].late).toBe(0);
    await pass(1);
    expect(asked()).toEqual([true, true, false]);
  });

  test('returns the response of a late broker if it arrives first', async () => {
    read();
    await pass(2 * LATE_MS);
    expect(asked()).toEqual([true, true, true]);
    sources[0].answer('a');
    await pass(0);
    expect(outcome).toEqual({ taken: 'a' });
  });

  test('asks the next broker at once after a failure and after an unusable response', async () => {
    read();
    sources[0].fail(new Passable('refused'));
    await pass(0);
    expect(asked()).toEqual([true, true, false]);
    sources[1].answer('old');
    await pass(0);
    expect(asked()).toEqual([true, true, true]);
    sources[2].answer('c');
    await pass(0);
    expect(outcome).toEqual({ taken: 'c' });
  });

  test('sends no further request when a late broker fails', async () => {
    read();
    await pass(LATE_MS);
    sources[0].fail(new Passable('no answer'));
    await pass(0);
    expect(asked()).toEqual([true, true, false]);
  });

  test('returns all unusable responses and failures after the last one', async () => {
    read();
    const failure = new Passable('no answer');
    sources[0].answer('old a');
    await pass(2 * LATE_MS);
    sources[2].answer('old c');
    await pass(2_000);
    expect(outcome).toBeUndefined();
    sources[1].fail(failure);
    await pass(0);
    expect(outcome).toEqual({ refused: ['old a', 'old c'], failures: [failure] });
  });

  test('rejects with a failure that is not passable', async () => {
    read();
    sources[0].fail(new TypeError('a bug'));
    await pass(10_000);
    expect(outcome).toEqual(new TypeError('a bug'));
    expect(asked()).toEqual([true, false, false]);
  });
});
