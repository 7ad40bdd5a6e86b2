/** Load on the embedded cluster: the running loads and their actions. */
import type { AppError, Result } from '#shared/errors';
import type { LoadAudit, LoadSpec } from '#shared/models/load';
import { defineScopedStore } from '../scope.ts';
import { createPublishedList } from './published-list.ts';
import { failureOf, trackPendingRequests } from './pending-requests.ts';

export const useLoadsStore = defineScopedStore('loads', (scope) => {
  /** In the order in which they were started. */
  const {
    shown: loads,
    error,
    show: showLoads,
    watch,
  } = createPublishedList(scope, {
    request: () => scope.request('load/list', {}),
    listen: (take) => scope.listen('load/changed', take),
    items: (published) => published.loads,
  });
  /** By a key: `start`, `stop:4`, `audit:4`, `member:4:1`. */
  const { pending, runOnce } = trackPendingRequests();

  async function start(load: LoadSpec): Promise<AppError | null> {
    return failureOf(await runOnce('start', () => scope.request('load/start', { load })));
  }

  async function stop(id: number): Promise<AppError | null> {
    return failureOf(await runOnce(`stop:${id}`, () => scope.request('load/stop', { id })));
  }

  async function remove(id: number): Promise<AppError | null> {
    return failureOf(await runOnce(`remove:${id}`, () => scope.request('load/remove', { id })));
  }

  async function change(id: number, to: { recordsPerSecond?: number; members?: number }): Promise<AppError | null> {
    return failureOf(await runOnce(`change:${id}`, () => scope.request('load/change', { id, ...to })));
  }

  async function member(id: number, number: number, action: 'crash' | 'pause' | 'resume'): Promise<AppError | null> {
    return failureOf(await runOnce(`member:${id}:${number}`, () => scope.request('load/member', { id, number, action })));
  }

  /** Null while another audit of the load is pending. */
  function audit(id: number): Promise<Result<LoadAudit> | null> {
    return runOnce(`audit:${id}`, () => scope.request('load/audit', { id }));
  }

  return { loads, error, pending, start, stop, remove, change, member, audit, showLoads, watch };
});
