import { describe, expect, test } from 'vitest';
import { Purgatory, type DelayedOperation, type Waking } from '../../../electron/cluster/broker/purgatory.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

/** Waits until each of its keys has reached its goal. */
class Counting implements DelayedOperation<string> {
  asked = 0;
  outcome = '';
  private readonly goals: Map<string, number>;
  private readonly reached: Map<string, number>;

  constructor(goals: Record<string, number>, reached: Map<string, number>) {
    this.goals = new Map(Object.entries(goals));
    this.reached = reached;
  }
  wake(key: string): Waking {
    this.asked++;
    if ((this.reached.get(key) ?? 0) < (this.goals.get(key) ?? 0)) return 'waiting';
    this.goals.delete(key);
    if (this.goals.size > 0) return 'keyDone';
    this.outcome += 'done';
    return 'done';
  }
  expire(): void {
    this.outcome += 'expired';
  }
}

function setup(options: { ordered?: boolean; maxOperations?: number } = {}) {
  const clock = new VirtualClock();
  const reached = new Map<string, number>();
  const purgatory = new Purgatory<string>({ clock, maxOperations: 10, ordered: false, ...options });
  const reach = (key: string, value: number): void => {
    reached.set(key, value);
    purgatory.wake(key);
  };
  return { clock, reached, purgatory, reach };
}

describe('Purgatory', () => {
  test('completes when the last key is done, and its timer never fires', async () => {
    const { clock, reached, purgatory, reach } = setup();
    const operation = new Counting({ a: 1, b: 2 }, reached);
    purgatory.watch(operation, ['a', 'b'], 100);
    reach('a', 1);
    reach('b', 1);
    expect(operation.outcome).toBe('');
    reach('b', 2);
    expect(operation.outcome).toBe('done');
    expect(purgatory.size).toBe(0);
    await clock.advance(1000);
    expect(operation.outcome).toBe('done');
  });

  test('expires once at its timeout and is not called afterwards', async () => {
    const { clock, reached, purgatory, reach } = setup();
    const operation = new Counting({ a: 1 }, reached);
    purgatory.watch(operation, ['a'], 100);
    await clock.advance(99);
    expect(operation.outcome).toBe('');
    await clock.advance(1);
    expect(operation.outcome).toBe('expired');
    reach('a', 1);
    expect(operation.outcome).toBe('expired');
    expect(operation.asked).toBe(0);
  });

  test('an ordered purgatory calls no operation behind the first that waits, unless all are to be woken', () => {
    const { reached, purgatory, reach } = setup({ ordered: true });
    const operations = [1, 2, 3, 4].map((goal) => new Counting({ a: goal }, reached));
    for (const operation of operations) purgatory.watch(operation, ['a'], 100);
    reach('a', 2);
    expect(operations.map(({ outcome }) => outcome)).toEqual(['done', 'done', '', '']);
    expect(operations.map(({ asked }) => asked)).toEqual([1, 1, 1, 0]);
    purgatory.wakeAll('a');
    expect(operations.map(({ asked }) => asked)).toEqual([1, 1, 2, 1]);
  });

  test('an operation above its capacity expires at once, as does every operation after it closed', () => {
    const { reached, purgatory } = setup({ maxOperations: 2 });
    const operations = [1, 2, 3, 4].map(() => new Counting({ a: 1 }, reached));
    for (const operation of operations.slice(0, 3)) purgatory.watch(operation, ['a'], 100);
    expect(operations.map(({ outcome }) => outcome)).toEqual(['', '', 'expired', '']);
    purgatory.close();
    purgatory.watch(operations[3] as Counting, ['a'], 100);
    expect(operations.map(({ outcome }) => outcome)).toEqual(['expired', 'expired', 'expired', 'expired']);
    expect(purgatory.size).toBe(0);
  });

  test('a key named twice counts once', () => {
    const { reached, purgatory, reach } = setup();
    const operation = new Counting({ a: 1 }, reached);
    purgatory.watch(operation, ['a', 'a'], 100);
    reach('a', 1);
    expect(operation.outcome).toBe('done');
    expect(purgatory.size).toBe(0);
  });
});
