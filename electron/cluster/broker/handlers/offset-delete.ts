/** Key 47, OffsetDelete 0: deletes committed offsets of topics that no member of the group has subscribed to. */
import type { offsetDelete } from '../../protocol/apis/offset-delete.ts';
import type { Handler } from '../context.ts';
import { groupClient } from '../group-client.ts';

export const handleOffsetDelete: Handler<typeof offsetDelete> = (request, context, broker) =>
  broker.groups.offsetDelete(request, groupClient(context));
