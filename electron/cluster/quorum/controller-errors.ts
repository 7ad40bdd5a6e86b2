/** Failures of a request to the controller as a whole. Each says whether the change may have taken effect. */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';

/** The request did not reach the log in time. */
export function tooLate(): KafkaError {
  const message =
    'The controller did not process this request in time: its disk is slow. Nothing was changed. Retry with a longer timeout.';
  return new KafkaError(ErrorCode.REQUEST_TIMED_OUT, message);
}

/** The change is in the log, and no majority has confirmed it in time. */
export function unconfirmed(timeoutMs: number): KafkaError {
  const message = `The metadata quorum did not confirm the change within ${timeoutMs} ms; a majority of its nodes may be down. The change may still come about.`;
  return new KafkaError(ErrorCode.REQUEST_TIMED_OUT, message);
}

export function notController(): KafkaError {
  return new KafkaError(ErrorCode.NOT_CONTROLLER, 'This node is not the active controller.');
}
