/** Key 64, UnregisterBroker 0: the active controller removes a broker that will not return. */
import { unregisterBroker } from '../../protocol/apis/unregister-broker.ts';
import type { Handler } from '../context.ts';
import { forward } from '../forward.ts';

export const handleUnregisterBroker: Handler<typeof unregisterBroker> = (request, context, broker) =>
  forward(broker, unregisterBroker, request, context, broker.settings.requestTimeoutMs);
