import { beforeEach, expect, test } from 'vitest';
import { ProcessorBudget, ProcessorMeter } from '../../../electron/services/view/processor-budget.ts';

let usedMs: number;
let meter: ProcessorMeter;
let budget: ProcessorBudget;

beforeEach(() => {
  usedMs = 1_000;
  meter = new ProcessorMeter(() => usedMs);
  budget = new ProcessorBudget(meter);
});

function round(poller: string, busyMs: number, pauseMs: number): void {
  budget.begin(poller);
  usedMs += busyMs;
  budget.end(poller, pauseMs);
}

test('slows all pollers by one factor, so that their rounds together take 6 % of a core', () => {
  const pollers = [['metadata', 300, 2_000], ['offsets', 600, 2_000], ['sizes', 240, 12_000]] as const; // prettier-ignore
  for (const [name, busyMs, pauseMs] of [...pollers, ...pollers]) round(name, busyMs, pauseMs);
  const share = pollers.reduce((sum, [, busyMs, pauseMs]) => sum + busyMs / (pauseMs * budget.factor), 0);
  expect(share).toBeCloseTo(0.06);
});

test('slows nothing while the rounds are short, however many pollers there are', () => {
  for (let number = 0; number < 16; number++) round(String(number % 8), 20, 500);
  expect(budget.factor).toBe(1);
});

test('a single long round among short ones slows nothing, and the first short one ends the slowing', () => {
  round('offsets', 60, 2_000);
  round('offsets', 1_000, 2_000);
  expect(budget.factor).toBe(1);
  round('offsets', 1_000, 2_000);
  expect(budget.factor).toBeCloseTo(0.5 / 0.06);
  round('offsets', 60, 2_000);
  expect(budget.factor).toBe(1);
});

test('no pause is longer than half a minute where that of a remote cluster is 2 s', () => {
  for (let number = 0; number < 2; number++) round('offsets', 60_000, 2_000);
  expect(2_000 * budget.factor).toBe(30_000);
});

test('rounds of two clusters at the same time share the time', () => {
  const large = new ProcessorBudget(meter);
  for (let number = 0; number < 2; number++) {
    large.begin('offsets');
    usedMs += 1_000;
    budget.begin('offsets');
    usedMs += 40;
    budget.end('offsets', 500);
    usedMs += 1_000;
    large.end('offsets', 2_000);
  }
  expect(large.factor).toBeGreaterThan(8);
  expect(budget.factor).toBe(1);
});

test('rounds that run at the same time share the time, and what was used between rounds counts for none', () => {
  for (let number = 0; number < 2; number++) {
    usedMs += 10_000;
    budget.begin('metadata');
    usedMs += 100;
    budget.begin('offsets');
    usedMs += 400;
    budget.end('metadata', 1_000);
    usedMs += 300;
    budget.end('offsets', 1_000);
  }
  // 300 ms and 500 ms in pauses of 1 s.
  expect(budget.factor).toBeCloseTo(0.8 / 0.06);
});
