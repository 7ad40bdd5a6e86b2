/** CoordinationWrite 0, between the nodes of the cluster: transactions of a ZooKeeper client. */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { Operation } from '../../security/authorizer.ts';
import { decidedApi } from '../controller-api.ts';
import { coordinationWrite } from '../zookeeper-state/apis.ts';

export const coordinationWriteApi = decidedApi({
  api: coordinationWrite,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  decide: (context, request, sessions) => sessions.coordinationWrite(context, request),
  failed: (_request, failure) => failure,
});
