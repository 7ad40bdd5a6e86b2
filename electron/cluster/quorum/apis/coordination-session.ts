/** CoordinationSession 0, between the nodes of the cluster: opens, moves and closes sessions of ZooKeeper clients. */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { Operation } from '../../security/authorizer.ts';
import { decidedApi } from '../controller-api.ts';
import { coordinationSession } from '../zookeeper-state/apis.ts';

export const coordinationSessionApi = decidedApi({
  api: coordinationSession,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  decide: (context, request, sessions) => sessions.coordinationSession(context, request),
  failed: (_request, failure) => failure,
});
