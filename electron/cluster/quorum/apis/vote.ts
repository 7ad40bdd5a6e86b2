/** Key 52, Vote 0–2: a candidate asks for a vote (KIP-595, KIP-996). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { vote } from '../../protocol/apis/vote.ts';
import { Operation } from '../../security/authorizer.ts';
import type { QuorumApi } from '../controller-api.ts';

export const voteApi: QuorumApi<typeof vote> = {
  api: vote,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  handle: (request, _context, { raft }) => raft.handleVote(request),
  failed: (_request, { errorCode }) => ({ errorCode, topics: [] }),
};
