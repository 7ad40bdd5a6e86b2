/** Key 16, ListGroups 0–5: the groups that this broker coordinates. */
import type { listGroups } from '../../protocol/apis/list-groups.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleListGroups: Handler<typeof listGroups> = (request, context, broker) =>
  broker.groups.listGroups(request, groupClient(context));
