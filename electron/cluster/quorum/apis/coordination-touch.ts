/** CoordinationTouch 0, between the nodes of the cluster: keeps the sessions of ZooKeeper clients. */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { Operation } from '../../security/authorizer.ts';
import { decidedApi } from '../controller-api.ts';
import { coordinationTouch } from '../zookeeper-state/apis.ts';

export const coordinationTouchApi = decidedApi({
  api: coordinationTouch,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  ofBrokers: true,
  decide: (context, request, sessions) => sessions.coordinationTouch(context, request),
  failed: (_request, failure) => failure,
});
