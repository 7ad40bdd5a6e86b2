import { expect, test } from 'vitest';
import { perform } from '../../electron/scenarios/actions.ts';
import { scenario, staged } from '../helpers/scenario-bench.ts';

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
] as const)('%s', async (target, id) => {
  const { stage } = await staged(scenario({}));
  expect(await stage.resolve(target)).toBe(id);
});

test('a follower in sync comes before one that has fallen behind', async () => {
  const { stage, observer } = await staged(scenario({}));
  observer.seen = { leader: 1, isr: [1, 3], replicas: [1, 2, 3] };
  expect(await stage.resolve('a follower of orders-0')).toBe(3);
});

test('one that is not known yet is waited for', async () => {
  const { stage, observer } = await staged(scenario({}));
  observer.seen = { leader: null, isr: [], replicas: [1, 2, 3] };
  setTimeout(() => (observer.seen = { leader: 3, isr: [3], replicas: [1, 2, 3] }), 200);
  expect(await stage.resolve('leader of orders-0')).toBe(3);
});

test('there is no broker 9', async () => {
  const { stage } = await staged(scenario({}));
  await expect(stage.resolve(9)).rejects.toThrow('There is no broker 9 here.');
});

test('a fault is injected with what its words stand for, and says so', async () => {
  const { stage, lab } = await staged(scenario({}));
  const text = await perform({ fault: { type: 'freeze', node: 'leader of orders-0' }, as: 'frozen' }, stage);
  expect(text).toBe('freeze broker 1 (the leader of orders-0)');
  expect(lab.faults().map(({ fault }) => fault)).toEqual([{ type: 'freeze', node: 1 }]);
  expect(stage.brokers.get('frozen')).toBe(1);
  await perform({ heal: 'frozen' }, stage);
  expect(lab.faults()).toEqual([]);
});

test('a link to "a broker" has another one at its other end', async () => {
  const { stage, lab } = await staged(scenario({}));
  await perform({ fault: { type: 'partition', between: ['victim', 'a broker'], direction: 'both' } }, stage);
  expect(lab.faults()[0]?.fault).toEqual({ type: 'partition', between: [1, 2], direction: 'both' });
});

test('isolating cuts each link of its own, and is healed by its name', async () => {
  const { stage, lab } = await staged(scenario({}));
  await perform({ isolate: 'controller', from: 'everyone', as: 'lonely' }, stage);
  expect(lab.faults().map(({ fault }) => 'between' in fault && fault.between)).toEqual([
    [2, 1],
    [2, 3],
    [2, 'clients'],
  ]);
  await perform({ heal: 'lonely' }, stage);
  expect(lab.faults()).toEqual([]);
});

test('heal all leaves alone what others have broken', async () => {
  const { stage, lab } = await staged(scenario({}));
  await lab.inject({ type: 'fullDisk', node: 3 });
  await perform({ fault: { type: 'kill', node: 1 } }, stage);
  await perform({ heal: 'all' }, stage);
  expect(lab.faults().map(({ fault }) => fault.type)).toEqual(['fullDisk']);
});
