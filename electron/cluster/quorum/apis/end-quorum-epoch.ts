/** Key 54, EndQuorumEpoch 0–1: a leader resigns (KIP-595). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { endQuorumEpoch } from '../../protocol/apis/end-quorum-epoch.ts';
import { Operation } from '../../security/authorizer.ts';
import type { QuorumApi } from '../controller-api.ts';

export const endQuorumEpochApi: QuorumApi<typeof endQuorumEpoch> = {
  api: endQuorumEpoch,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  handle: (request, _context, { raft }) => raft.handleEndQuorumEpoch(request),
  failed: (_request, { errorCode }) => ({ errorCode, topics: [] }),
};
