/** Key 80, AddRaftVoter 0–1: a voter with a new directory asks for its vote (`raft-rejoining.ts`). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { addRaftVoter } from '../../protocol/apis/add-raft-voter.ts';
import { Operation } from '../../security/authorizer.ts';
import type { QuorumApi } from '../controller-api.ts';

export const addRaftVoterApi: QuorumApi<typeof addRaftVoter> = {
  api: addRaftVoter,
  listeners: ['controller'],
  authorization: onCluster(Operation.ALTER),
  handle: (request, _context, { raft }) => raft.handleAddRaftVoter(request),
  failed: (_request, failure) => failure,
};
