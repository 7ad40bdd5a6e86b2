/** Key 42, DeleteGroups 0–2: deletes empty groups and their offsets. */
import type { deleteGroups } from '../../protocol/apis/delete-groups.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleDeleteGroups: Handler<typeof deleteGroups> = (request, context, broker) =>
  broker.groups.deleteGroups(request, groupClient(context));
