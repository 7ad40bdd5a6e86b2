/**
 * Forwards requests that only the active controller can answer, in the version of the client, and returns the response
 * unchanged.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api } from '../protocol/schema.ts';
import type { BrokerContext, RequestContext } from './context.ts';

/**
 * `timeoutMs` is the client's timeout; the wait is never longer than `request.timeout.ms`. Throws REQUEST_TIMED_OUT when no
 * controller answered: the request may or may not have been processed.
 */
export async function forward<Q, S>(
  broker: BrokerContext,
  api: Api<unknown, Q, S, never>,
  request: Q,
  context: RequestContext,
  timeoutMs: number,
): Promise<S> {
  const limit = Math.min(timeoutMs > 0 ? timeoutMs : Number.MAX_SAFE_INTEGER, broker.settings.requestTimeoutMs);
  const left = limit - (broker.clock.monotonic() - context.receivedAt);
  // The request waited behind others on its connection. A request that the client has given up must not be processed.
  if (left <= 0)
    throw new KafkaError(
      ErrorCode.REQUEST_TIMED_OUT,
      'The time of the request was up before it could be sent to the controller; nothing was changed.',
    );
  try {
    return await broker.controller.send(api, context.version, request, { timeoutMs: left });
  } catch (error) {
    if (error instanceof KafkaError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new KafkaError(ErrorCode.REQUEST_TIMED_OUT, `The controller did not answer: ${why}.`, { cause: error });
  }
}
