/** Key 62, BrokerRegistration 0–4: a broker joins the cluster (KIP-631). */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { brokerRegistration } from '../../protocol/apis/broker-registration.ts';
import { Operation } from '../../security/authorizer.ts';
import { decidedApi } from '../controller-api.ts';

export const brokerRegistrationApi = decidedApi({
  api: brokerRegistration,
  listeners: ['controller'],
  authorization: onCluster(Operation.CLUSTER_ACTION),
  ofBrokers: true,
  decide: (context, request, sessions) => sessions.register(context, request),
  failed: (_request, { errorCode }) => ({ errorCode }),
});
