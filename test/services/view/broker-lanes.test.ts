import { beforeEach, describe, expect, test } from 'vitest';
import { UnreachableError } from '../../../electron/admin/errors.ts';
import { BrokerLanes } from '../../../electron/services/view/broker-lanes.ts';
import { ManualClock, Pending, settle } from './manual-clock.ts';

let clock: ManualClock;
let lanes: BrokerLanes;
/** Requests by broker, oldest first. */
let asked: Map<number, Pending<string>[]>;
let answers: string[];

beforeEach(() => {
  clock = new ManualClock();
  lanes = new BrokerLanes(clock);
  asked = new Map();
  answers = [];
});

function round(brokers: number[]): { missing: () => readonly number[] | undefined; error: () => unknown } {
  let missing: readonly number[] | undefined;
  let error: unknown;
  lanes
    .round(
      brokers,
      (broker) => {
        const pending = new Pending<string>();
        asked.set(broker, [...(asked.get(broker) ?? []), pending]);
        return pending.promise;
      },
      (broker, answer, isLate) =>
        void answers.push(`${broker}: ${'error' in answer ? answer.error.app.code : answer.value}${isLate ? ', after the round' : ''}`),
    )
    .then(
      (set) => (missing = [...set]),
      (failure: unknown) => (error = failure),
    );
  return { missing: () => missing, error: () => error };
}

const request = (broker: number, index = 0): Pending<string> => {
  const pending = asked.get(broker)?.[index];
  if (pending === undefined) throw new Error(`broker ${broker} got no request ${index}`);
  return pending;
};

describe('BrokerLanes', () => {
  test('delivers each answer as it arrives, and ends with the last of them', async () => {
    const { missing } = round([1, 2]);
    request(2).resolve('b');
    await settle();
    expect(answers).toEqual(['2: b']);
    expect(missing()).toBeUndefined();
    request(1).reject(new UnreachableError('Broker 1', 'connection refused'));
    await settle();
    expect(answers).toEqual(['2: b', '1: BROKER_UNREACHABLE']);
    expect(missing()).toEqual([]);
  });

  test('waits for a silent broker once; later rounds send it nothing until it answers, and do not wait', async () => {
    const first = round([1, 2]);
    request(2).resolve('b');
    await clock.advance(999);
    expect(first.missing()).toBeUndefined();
    await clock.advance(1);
    expect(first.missing()).toEqual([1]);
    const second = round([1, 2]);
    request(2, 1).resolve('c');
    await settle();
    expect(second.missing()).toEqual([1]);
    expect(asked.get(1)).toHaveLength(1);
    // The next round waits for it again.
    request(1).resolve('late');
    await settle();
    expect(answers).toEqual(['2: b', '2: c', '1: late, after the round']);
    const third = round([1]);
    await settle();
    expect(third.missing()).toBeUndefined();
  });

  test('does not wait for a broker whose last requests failed by silence, and asks it all the same', async () => {
    const first = round([1]);
    await clock.advance(1_000);
    request(1).reject(new UnreachableError('Broker 1', 'no answer'));
    await settle();
    const second = round([1]);
    await settle();
    expect([first.missing(), second.missing()]).toEqual([[1], [1]]);
    expect(asked.get(1)).toHaveLength(2);
  });

  test('waits longer for a broker that usually takes longer, up to the time that the client allows', async () => {
    round([1]);
    await clock.advance(600);
    request(1).resolve('a');
    await settle();
    const second = round([1]);
    await clock.advance(2_399);
    expect(second.missing()).toBeUndefined();
    await clock.advance(1);
    expect(second.missing()).toEqual([1]);
  });

  test('a broker that answered in time is not late because another one is awaited', async () => {
    const first = round([1, 2]);
    request(1).resolve('a');
    await settle();
    await clock.advance(1_000);
    expect(first.missing()).toEqual([2]);
    const second = round([1]);
    await settle();
    expect(second.missing()).toBeUndefined();
  });

  test('rejects with an error that is no answer of a broker', async () => {
    const { error } = round([1]);
    request(1).reject(new TypeError('a bug'));
    await settle();
    expect(error()).toBeInstanceOf(TypeError);
  });

  test('ends at once without brokers', async () => {
    const { missing } = round([]);
    await settle();
    expect(missing()).toEqual([]);
  });
});
