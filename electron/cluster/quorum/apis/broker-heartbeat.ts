/** Key 63, BrokerHeartbeat 0–1: keeps the session of a broker (KIP-631). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { brokerHeartbeat } from '../../protocol/apis/broker-heartbeat.ts';
import { Operation } from '../../security/authorizer.ts';
import { decidedApi } from '../controller-api.ts';

export const brokerHeartbeatApi = decidedApi({
  api: brokerHeartbeat,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  ofBrokers: true,
  decide: (context, request, sessions) => sessions.heartbeat(context, request),
  failed: (_request, { errorCode }) => ({ errorCode, shouldShutDown: false }),
});
