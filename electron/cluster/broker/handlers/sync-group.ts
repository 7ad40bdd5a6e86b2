/** Key 14, SyncGroup 0–5: hands out the assignment that the group's leader made. */
import { syncError } from '../../coordinator/group/classic-responses.ts';
import { onGroup } from '../../dispatch/api-descriptor.ts';
import { syncGroup } from '../../protocol/apis/sync-group.ts';
import { Operation } from '../../security/authorizer.ts';
import type { BrokerApi } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const syncGroupApi: BrokerApi<typeof syncGroup> = {
  api: syncGroup,
  listeners: ['broker'],
  authorization: onGroup(Operation.READ),
  handle: (request, context, { groups }) => groups.syncGroup(request, groupClient(context)),
  failed: (_request, { errorCode }) => syncError(errorCode),
};
