import { expect, it } from 'vitest';
import { effectScope, nextTick, ref, shallowRef } from 'vue';
import { usePulses } from '../../../renderer/composables/usePulses.ts';
import type { DiagramPulse } from '../../../renderer/diagrams/diagram.ts';

const pulses = (...ids: number[]): DiagramPulse[] => ids.map((id) => ({ id, edge: `edge-${id}`, label: `${id}`, tone: 'accent' }));

function make(first: DiagramPulse[] | undefined) {
  const list = shallowRef(first);
  const still = ref(false);
  const { travelling, arrived } = effectScope().run(() =>
    usePulses(
      () => list.value,
      () => still.value,
    ),
  ) as ReturnType<typeof usePulses>;
  const push = async (...ids: number[]): Promise<void> => {
    list.value = pulses(...ids);
    await nextTick();
  };
  return { list, still, arrived, push, ids: () => travelling.value.map(({ id }) => id) };
}

it('lets travel what is news, each once, until it has arrived', async () => {
  const { push, arrived, ids } = make(pulses(1, 2));
  expect(ids()).toEqual([]);
  await push(1, 2, 3);
  await push(2, 3, 4);
  expect(ids()).toEqual([3, 4]);
  arrived(3);
  expect(ids()).toEqual([4]);
  await push(3, 4);
  expect(ids()).toEqual([4]);
});

it('lets six travel at once, the newest', async () => {
  const { push, ids } = make(undefined);
  await push(1, 2, 3, 4, 5, 6, 7, 8);
  expect(ids()).toEqual([3, 4, 5, 6, 7, 8]);
  await push(9);
  expect(ids()).toEqual([4, 5, 6, 7, 8, 9]);
});

it('lets nothing travel where all is still, then or later', async () => {
  const { push, still, ids } = make(undefined);
  still.value = true;
  await push(1);
  still.value = false;
  await push(1);
  expect(ids()).toEqual([]);
});

it('keeps no pulse when the list is gone', async () => {
  const { list, push, ids } = make(pulses(1));
  list.value = undefined;
  await nextTick();
  await push(1, 2);
  expect(ids()).toEqual([2]);
});
