/** Consumers and a producer for the pages of Learn: loads of the lab with names of their own. */
import { computed } from 'vue';
import type { AppError } from '#shared/errors';
import type { GroupLoad } from '#shared/models/load';
import { FLOW, FLOW_LOAD, loadOf, runningLoad } from '../learn/readers.ts';
import type { Learn } from './useLearn.ts';

/** As many as a group load may have. */
const MOST_MEMBERS = 12;

export function useLearnConsumers(learn: Learn, spec: GroupLoad) {
  const { loads } = learn;
  const { name } = spec;
  const load = computed(() => runningLoad(loads.loads, 'group', name));
  const last = computed(() => loadOf(loads.loads, 'group', name));
  const members = computed(() => (load.value?.consumed?.members ?? []).filter(({ state }) => state !== 'ended'));
  const flow = computed(() => runningLoad(loads.loads, 'producer', FLOW));

  const doing = (key: string, run: () => Promise<AppError | null> | null): Promise<boolean> => learn.act(key, async () => run());

  /** A crashed member is not replaced by itself: a load without members is given one again. */
  const add = (): Promise<boolean> =>
    doing(`add:${name}`, () => {
      const running = load.value;
      if (running === null) return learn.startLoad(spec);
      return members.value.length >= MOST_MEMBERS ? null : loads.change(running.id, { members: members.value.length + 1 });
    });
  const drop = (): Promise<boolean> =>
    doing(`drop:${name}`, () =>
      load.value === null || members.value.length < 2 ? null : loads.change(load.value.id, { members: members.value.length - 1 }),
    );
  const stop = (): Promise<boolean> => doing(`stop:${name}`, () => (load.value === null ? null : loads.stop(load.value.id)));
  const member = (number: number, action: 'crash' | 'pause' | 'resume'): Promise<boolean> =>
    doing(`${action}:${name}:${number}`, () => (load.value === null ? null : loads.member(load.value.id, number, action)));
  const toggleFlow = (): Promise<boolean> =>
    doing('flow', () => (flow.value === null ? learn.startLoad(FLOW_LOAD) : loads.stop(flow.value.id)));

  return { load, last, members, flow, add, drop, stop, member, toggleFlow };
}
