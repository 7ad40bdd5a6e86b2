import { AdminError } from '../admin/errors.ts';
import { deleteGroup } from '../admin/groups.ts';
import type { Payload, Results } from '#shared/ipc';
import type { ConnectionsService } from './connections.ts';

/** Consumer groups: history of lag, deletion. What they are now comes with the cluster's view. */
export class GroupsService {
  private readonly connections: ConnectionsService;

  constructor(connections: ConnectionsService) {
    this.connections = connections;
  }

  lagHistory({ group }: Payload<'group/lagHistory'>): Results['group/lagHistory'] {
    return { samples: this.connections.active.monitor.lagHistory(group) };
  }

  async delete({ group, typedName }: Payload<'group/delete'>): Promise<null> {
    if (typedName !== group) throw new AdminError({ code: 'INVALID_PAYLOAD', message: `Type ${group} to delete it.`, field: 'typedName' });
    const { foreground, monitor } = this.connections.active;
    await deleteGroup(foreground, group);
    monitor.refresh();
    return null;
  }
}
