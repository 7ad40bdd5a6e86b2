import { expect, it } from 'vitest';
import { describeElection } from '../../../renderer/topics/leaders.ts';

const moved = { partition: 0, from: 2, to: 1, error: null };
const stayed = { partition: 1, from: 3, to: 3, error: 'Broker 2 is down.' };
const there = { partition: 2, from: 3, to: 3, error: null };

it.each([
  [[moved, there], '1 partition of orders is led by its preferred replica again.'],
  [[moved, { ...moved, partition: 5 }], '2 partitions of orders are led by their preferred replica again.'],
  [[moved, stayed], '1 partition of orders is led by its preferred replica again. 1 partition stayed: Broker 2 is down.'],
  [[stayed, there], 'No leader of orders moved. 1 partition stayed: Broker 2 is down.'],
  [[there], 'orders is led by its preferred replicas already.'],
])('an election in a sentence (%#)', (changes, text) => {
  expect(describeElection('orders', changes)).toBe(text);
});
