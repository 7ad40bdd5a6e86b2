/** The lab: faults in force, and actions on the embedded cluster. */
import { ref } from 'vue';
import type { AppError } from '#shared/errors';
import type { FaultSpec } from '#shared/models/lab';
import { defineScopedStore } from '../scope.ts';
import { createPublishedList } from './published-list.ts';
import { failureOf, trackPendingRequests } from './pending-requests.ts';

export const useLabStore = defineScopedStore('lab', (scope) => {
  /** Oldest first. */
  const {
    shown: faults,
    error,
    show: showFaults,
    watch: watchFaults,
  } = createPublishedList(scope, {
    request: () => scope.request('lab/faults', {}),
    listen: (take) => scope.listen('lab/faultsChanged', take),
    items: (published) => published.faults,
  });
  /** By a key of the caller's: `heal:4`, `kill:2`. */
  const { pending, runOnce } = trackPendingRequests();
  const healingAll = ref(false);

  async function inject(key: string, fault: FaultSpec): Promise<AppError | null> {
    return failureOf(await runOnce(key, () => scope.request('lab/inject', { fault })));
  }

  async function heal(id: number): Promise<AppError | null> {
    return failureOf(await runOnce(`heal:${id}`, () => scope.request('lab/heal', { id })));
  }

  /** Null when it was refused as a whole; else what could not be healed. */
  async function healAll(): Promise<{ error: AppError | null; failed: { id: number; error: string }[] }> {
    healingAll.value = true;
    const answer = await scope.request('lab/healAll', {});
    healingAll.value = false;
    return answer.ok ? { error: null, failed: answer.value.failed } : { error: answer.error, failed: [] };
  }

  async function start(node: number): Promise<AppError | null> {
    return failureOf(await runOnce(`start:${node}`, () => scope.request('lab/start', { node })));
  }

  async function addNode(): Promise<{ error: AppError } | { node: number } | null> {
    const answer = await runOnce('addNode', () => scope.request('lab/addNode', {}));
    if (answer === null) return null;
    return answer.ok ? { node: answer.value.node } : { error: answer.error };
  }

  async function removeNode(node: number): Promise<AppError | null> {
    return failureOf(await runOnce(`remove:${node}`, () => scope.request('lab/removeNode', { node })));
  }

  return { faults, error, pending, healingAll, inject, heal, healAll, start, addNode, removeNode, showFaults, watchFaults };
});
