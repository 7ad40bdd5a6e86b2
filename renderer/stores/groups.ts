/** Consumer groups: recorded lag, and actions on a group. */
import type { Result } from '#shared/errors';
import type { PlaceChange, ScopedPayload } from '#shared/ipc';
import type { GroupRow } from '#shared/models/cluster';
import type { FigureRange } from '#shared/models/figures';
import { defineScopedStore } from '../scope.ts';

export type ShownGroup = ScopedPayload<'group/delete'>['shown'];

export function shownGroup({ state, members }: Pick<GroupRow, 'state' | 'members'>): ShownGroup {
  return { state, members: members.length };
}

export const useGroupsStore = defineScopedStore('groups', (scope) => {
  /** Lag by topic over time. */
  function lagRange(group: string, span: Omit<ScopedPayload<'group/lagRange'>, 'group'>): Promise<Result<FigureRange>> {
    return scope.request('group/lagRange', { group, ...span });
  }

  /** `shown`, here and below: the group as it was shown when this was prepared. */
  function remove(group: string, shown: ShownGroup, typedName: string): Promise<Result<null>> {
    return scope.request('group/delete', { group, shown, typedName });
  }

  function reset(
    group: string,
    shown: ShownGroup,
    topic: string,
    to: ScopedPayload<'group/reset'>['to'],
  ): Promise<Result<{ partitions: PlaceChange[] }>> {
    return scope.request('group/reset', { group, shown, topic, to });
  }

  return { lagRange, remove, reset };
});
