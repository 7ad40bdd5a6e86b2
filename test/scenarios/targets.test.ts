import { expect, test } from 'vitest';
import { performAction } from '../../electron/scenarios/actions.ts';
import { createHarness, scenario } from '../helpers/scenario-harness.ts';

test.each([
  ['leader of orders-0', 1],
  ['a follower of orders-0', 2],
  ['a follower of orders-0 but controller', 3],
  ['controller', 2],
  ['coordinator of readers', 3],
  ['a broker but victim', 2],
  ['a broker but victim and controller', 3],
  ['victim', 1],
  [3, 3],
] as const)('resolves %s', async (target, id) => {
  const { context } = await createHarness(scenario({}));
  expect(await context.resolve(target)).toBe(id);
});

test('prefers an in-sync follower to one that is behind', async () => {
  const { context, observer } = await createHarness(scenario({}));
  observer.seen = { leader: 1, isr: [1, 3], replicas: [1, 2, 3] };
  expect(await context.resolve('a follower of orders-0')).toBe(3);
});

test('waits for an unknown leader', async () => {
  const { context, observer } = await createHarness(scenario({}));
  observer.seen = { leader: null, isr: [], replicas: [1, 2, 3] };
  setTimeout(() => (observer.seen = { leader: 3, isr: [3], replicas: [1, 2, 3] }), 200);
  expect(await context.resolve('leader of orders-0')).toBe(3);
});

test('rejects an unknown broker id', async () => {
  const { context } = await createHarness(scenario({}));
  await expect(context.resolve(9)).rejects.toThrow('The cluster has no broker 9.');
});

test('a fault is injected on the resolved broker, which its text names', async () => {
  const { context, lab } = await createHarness(scenario({}));
  const text = await performAction({ fault: { type: 'freeze', node: 'leader of orders-0' }, as: 'frozen' }, context);
  expect(text).toBe('freeze broker 1 (the leader of orders-0)');
  expect(lab.faults().map(({ fault }) => fault)).toEqual([{ type: 'freeze', node: 1 }]);
  expect(context.brokers.get('frozen')).toBe(1);
  await performAction({ heal: 'frozen' }, context);
  expect(lab.faults()).toEqual([]);
});

test('the two ends of a link are different brokers', async () => {
  const { context, lab } = await createHarness(scenario({}));
  await performAction({ fault: { type: 'partition', between: ['victim', 'a broker'], direction: 'both' } }, context);
  expect(lab.faults()[0]?.fault).toEqual({ type: 'partition', between: [1, 2], direction: 'both' });
});

test('isolate cuts every link of a broker, and its name heals all of them', async () => {
  const { context, lab } = await createHarness(scenario({}));
  await performAction({ isolate: 'controller', from: 'everyone', as: 'lonely' }, context);
  expect(lab.faults().map(({ fault }) => 'between' in fault && fault.between)).toEqual([
    [2, 1],
    [2, 3],
    [2, 'clients'],
  ]);
  await performAction({ heal: 'lonely' }, context);
  expect(lab.faults()).toEqual([]);
});

test('heal all does not heal faults of others', async () => {
  const { context, lab } = await createHarness(scenario({}));
  await lab.inject({ type: 'fullDisk', node: 3 });
  await performAction({ fault: { type: 'kill', node: 1 } }, context);
  await performAction({ heal: 'all' }, context);
  expect(lab.faults().map(({ fault }) => fault.type)).toEqual(['fullDisk']);
});
