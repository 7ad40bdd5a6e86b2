/** Key 14, SyncGroup 0–5: hands out the assignment that the group's leader made. */
import type { syncGroup } from '../../protocol/apis/sync-group.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleSyncGroup: Handler<typeof syncGroup> = (request, context, broker) =>
  broker.groups.syncGroup(request, groupClient(context));
