/**
 * Forwards requests that only the active controller can answer, in the version and with the principal of the client, and returns the
 * response unchanged.
 */
import type { ApiDescriptor } from '../dispatch/api-descriptor.ts';
import type { RequestContext } from '../dispatch/request.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api } from '../protocol/schema.ts';
import type { ControllerServer } from '../quorum/controller-api.ts';
import type { BrokerContext } from './context.ts';

type Forwarded<Q, S> = Pick<ApiDescriptor<Q, S, ControllerServer>, 'api' | 'timeoutMs'>;

/**
 * The wait is never longer than the request's own timeout and `request.timeout.ms`. Throws REQUEST_TIMED_OUT when no controller answered: the
 * request may or may not have been processed.
 */
export async function forward<Q, S>(broker: BrokerContext, descriptor: Forwarded<Q, S>, request: Q, context: RequestContext): Promise<S> {
  const { session, clientId } = context;
  const { requestTimeoutMs } = broker.settings;
  const timeoutMs = descriptor.timeoutMs?.(request) ?? requestTimeoutMs;
  const limit = Math.min(timeoutMs > 0 ? timeoutMs : Number.MAX_SAFE_INTEGER, requestTimeoutMs);
  const left = limit - (broker.clock.monotonic() - context.receivedAt);
  // The request waited behind others on its connection. A request that the client has given up must not be processed.
  if (left <= 0)
    throw new KafkaError(
      ErrorCode.REQUEST_TIMED_OUT,
      'The time of the request was up before it could be sent to the controller; nothing was changed.',
    );
  // What was decoded can be encoded, and a decoded response can be returned.
  const api = descriptor.api as unknown as Api<unknown, Q, S, never>;
  try {
    return await broker.controller.send(api, context.version, request, { timeoutMs: left, client: { session, clientId } });
  } catch (error) {
    if (error instanceof KafkaError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new KafkaError(ErrorCode.REQUEST_TIMED_OUT, `The controller did not answer: ${why}.`, { cause: error });
  }
}
