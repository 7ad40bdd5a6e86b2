import { expect, it } from 'vitest';
import { effectScope, nextTick, ref, shallowRef } from 'vue';
import { usePulses } from '../../../renderer/composables/usePulses.ts';
import type { DiagramPulse } from '../../../renderer/diagrams/diagram.ts';

const pulses = (...ids: number[]): DiagramPulse[] => ids.map((id) => ({ id, edge: `edge-${id}`, label: `${id}`, tone: 'accent' }));

function make(first: DiagramPulse[] | undefined) {
  const told = shallowRef(first);
  const still = ref(false);
  const { travelling, arrived } = effectScope().run(() =>
    usePulses(
      () => told.value,
      () => still.value,
    ),
  ) as ReturnType<typeof usePulses>;
  const tell = async (...ids: number[]): Promise<void> => {
    told.value = pulses(...ids);
    await nextTick();
  };
  return { told, still, arrived, tell, ids: () => travelling.value.map(({ id }) => id) };
}

it('lets travel what is news, each once, until it has arrived', async () => {
  const { tell, arrived, ids } = make(pulses(1, 2));
  expect(ids()).toEqual([]);
  await tell(1, 2, 3);
  await tell(2, 3, 4);
  expect(ids()).toEqual([3, 4]);
  arrived(3);
  expect(ids()).toEqual([4]);
  await tell(3, 4);
  expect(ids()).toEqual([4]);
});

it('lets six travel at once, the newest', async () => {
  const { tell, ids } = make(undefined);
  await tell(1, 2, 3, 4, 5, 6, 7, 8);
  expect(ids()).toEqual([3, 4, 5, 6, 7, 8]);
  await tell(9);
  expect(ids()).toEqual([4, 5, 6, 7, 8, 9]);
});

it('lets nothing travel where all is still, then or later', async () => {
  const { tell, still, ids } = make(undefined);
  still.value = true;
  await tell(1);
  still.value = false;
  await tell(1);
  expect(ids()).toEqual([]);
});

it('takes it that nothing is told any more', async () => {
  const { told, tell, ids } = make(pulses(1));
  told.value = undefined;
  await nextTick();
  await tell(1, 2);
  expect(ids()).toEqual([2]);
});
