/** Key 59, FetchSnapshot 0–1: a part of a metadata snapshot (KIP-630). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { fetchSnapshot } from '../../protocol/apis/fetch-snapshot.ts';
import { Operation } from '../../security/authorizer.ts';
import type { QuorumApi } from '../controller-api.ts';

export const fetchSnapshotApi: QuorumApi<typeof fetchSnapshot> = {
  api: fetchSnapshot,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  handle: (request, _context, { raft }) => raft.handleFetchSnapshot(request),
  failed: (_request, { errorCode }) => ({ errorCode, topics: [] }),
};
