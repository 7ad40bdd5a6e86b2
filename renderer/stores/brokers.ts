/** Actions on brokers. They reach the embedded cluster only. */
import { shallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import type { ConfigEntry } from '#shared/models/cluster';
import { defineScopedStore } from '../scope.ts';

export type LabVerb = 'stop' | 'kill' | 'start';

export const useBrokersStore = defineScopedStore('brokers', (scope) => {
  /** Pending actions by node. */
  const pending = shallowRef<ReadonlyMap<number, LabVerb>>(new Map());

  async function act(verb: LabVerb, node: number): Promise<AppError | null> {
    if (pending.value.has(node)) return null;
    pending.value = new Map([...pending.value, [node, verb]]);
    const answer = await scope.request(`lab/${verb}`, { node });
    const rest = new Map(pending.value);
    rest.delete(node);
    pending.value = rest;
    return answer.ok ? null : answer.error;
  }

  function configs(broker: number): Promise<Result<{ entries: ConfigEntry[] }>> {
    return scope.request('broker/configs', { broker });
  }

  return { pending, act, configs };
});
