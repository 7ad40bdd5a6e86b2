import { errorName } from './error-codes.ts';
import { errorMessage } from './error-messages.ts';

/** A failure with a Kafka error code. The response carries `code`, and `message` where it has a field for it. */
export class KafkaError extends Error {
  readonly code: number;

  constructor(code: number, message: string = errorMessage(code), options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KafkaError';
    this.code = code;
  }

  /** The code's official name, such as `NOT_LEADER_OR_FOLLOWER`. */
  get codeName(): string {
    return errorName(this.code);
  }
}
