/** Key 53, BeginQuorumEpoch 0–1: a new leader announces its epoch (KIP-595). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { beginQuorumEpoch } from '../../protocol/apis/begin-quorum-epoch.ts';
import { Operation } from '../../security/authorizer.ts';
import type { QuorumApi } from '../controller-api.ts';

export const beginQuorumEpochApi: QuorumApi<typeof beginQuorumEpoch> = {
  api: beginQuorumEpoch,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  handle: (request, _context, { raft }) => raft.handleBeginQuorumEpoch(request),
  failed: (_request, { errorCode }) => ({ errorCode, topics: [] }),
};
