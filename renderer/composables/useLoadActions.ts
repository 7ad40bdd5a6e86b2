/** Actions on loads; a refusal is shown as a toast. */
import type { AppError } from '#shared/errors';
import type { LoadRow } from '#shared/models/load';
import { formatCount, plural } from '../format/numbers.ts';
import { useLoadsStore } from '../stores/loads.ts';
import { useToastsStore } from '../stores/toasts.ts';

export function useLoadActions() {
  const store = useLoadsStore();
  const toasts = useToastsStore();

  /** True where the action succeeded. */
  const report = (error: AppError | null): boolean => {
    if (error !== null) toasts.addError(error);
    return error === null;
  };

  async function audit({ id, spec }: LoadRow): Promise<void> {
    const answer = await store.audit(id);
    if (answer === null || (!answer.ok && !report(answer.error)) || !answer.ok) return;
    const { acknowledged, found, lost, unread } = answer.value;
    const rest = unread > 0 ? `, ${formatCount(unread)} cannot be read now` : '';
    toasts.add(
      `${spec.name}: of ${plural(acknowledged, 'acknowledged record')} ${formatCount(found)} found, ${formatCount(lost)} lost${rest}.`,
    );
  }

  return {
    store,
    stop: async ({ id }: LoadRow): Promise<boolean> => report(await store.stop(id)),
    remove: async ({ id }: LoadRow): Promise<boolean> => report(await store.remove(id)),
    setRate: async ({ id }: LoadRow, recordsPerSecond: number): Promise<boolean> => report(await store.change(id, { recordsPerSecond })),
    setMembers: async ({ id }: LoadRow, members: number): Promise<boolean> => report(await store.change(id, { members })),
    member: async ({ id }: LoadRow, number: number, action: 'crash' | 'pause' | 'resume'): Promise<boolean> =>
      report(await store.member(id, number, action)),
    audit,
  };
}

export type LoadActions = ReturnType<typeof useLoadActions>;
