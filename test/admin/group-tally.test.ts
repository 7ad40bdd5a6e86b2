import { expect, test } from 'vitest';
import { GroupTally } from '../../electron/admin/load/group-tally.ts';

test('the furthest of all members counts, whoever it was; what lies behind it was consumed again', () => {
  const topics = ['orders', 'payments'];
  const memory = GroupTally.memory(topics);
  const [one, other] = [new GroupTally(memory, topics), new GroupTally(memory, topics)];
  expect(one.next('payments', 3)).toBeNull();
  expect(one.next('unknown', 0)).toBeNull();
  one.consume('payments', 3, 0n);
  one.consume('payments', 3, 1n);
  other.consume('payments', 3, 1n);
  other.consume('orders', 3, 7n);
  expect(one.next('payments', 3)).toBe(2n);
  expect(one.next('orders', 3)).toBe(8n);
  expect([one.consumed, one.repeated]).toEqual([4, 1]);
});
