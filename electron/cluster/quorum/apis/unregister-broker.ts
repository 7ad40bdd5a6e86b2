/** Key 64, UnregisterBroker 0: removes a broker that will not return. */
import { onCluster } from '../../dispatch/api-descriptor.ts';
import { unregisterBroker } from '../../protocol/apis/unregister-broker.ts';
import { Operation } from '../../security/authorizer.ts';
import { unregisterBroker as decide } from '../controller/unregister-broker.ts';
import { decidedApi } from '../controller-api.ts';

export const unregisterBrokerApi = decidedApi({
  api: unregisterBroker,
  listeners: ['broker', 'controller'],
  authorization: onCluster(Operation.ALTER),
  decide,
  failed: (_request, failure) => failure,
});
