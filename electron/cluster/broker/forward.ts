/**
 * Requests that only the active controller can answer are sent on to it in the version in which they came, and its answer is passed back as
 * it is.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api } from '../protocol/schema.ts';
import type { BrokerContext, RequestContext } from './context.ts';

/**
 * `timeoutMs` is what the client is ready to wait; it never makes us wait longer than `request.timeout.ms`. Throws REQUEST_TIMED_OUT when no
 * controller answered: what was asked for may or may not have happened.
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
  // It waited behind others on its connection. What its client no longer waits for must not come about.
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
