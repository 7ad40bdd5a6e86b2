import { beforeEach, expect, test } from 'vitest';
import { ProcessorBudget } from '../../../electron/services/view/processor-budget.ts';

let usedMs: number;
let budget: ProcessorBudget;

beforeEach(() => {
  usedMs = 1_000;
  budget = new ProcessorBudget(() => usedMs);
});

function round(poller: string, busyMs: number, pauseMs: number): void {
  budget.begin(poller);
  usedMs += busyMs;
  budget.end(poller, pauseMs);
}

test('slows all pollers by one factor, so that their rounds together take 12 % of a core', () => {
  const pollers = [['metadata', 300, 2_000], ['offsets', 600, 2_000], ['sizes', 240, 12_000]] as const; // prettier-ignore
  for (const [name, busyMs, pauseMs] of pollers) round(name, busyMs, pauseMs);
  const share = pollers.reduce((sum, [, busyMs, pauseMs]) => sum + busyMs / (pauseMs * budget.factor), 0);
  expect(share).toBeCloseTo(0.12);
});

test('slows nothing while the rounds are short, however many pollers there are', () => {
  for (let poller = 0; poller < 8; poller++) round(String(poller), 20, 500);
  expect(budget.factor).toBe(1);
});

test('the last round of a poller counts alone', () => {
  round('offsets', 5_000, 2_000);
  expect(budget.factor).toBeGreaterThan(10);
  round('offsets', 60, 2_000);
  expect(budget.factor).toBe(1);
});

test('rounds that run at the same time share the time, and what was used between rounds counts for none', () => {
  usedMs += 10_000;
  budget.begin('metadata');
  usedMs += 100;
  budget.begin('offsets');
  usedMs += 400;
  budget.end('metadata', 1_000);
  usedMs += 300;
  budget.end('offsets', 1_000);
  // 300 ms and 500 ms in pauses of 1 s.
  expect(budget.factor).toBeCloseTo(0.8 / 0.12);
});
