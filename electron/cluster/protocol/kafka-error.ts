import { errorMessage, errorName } from './error-codes.ts';

/** A failure that the protocol has a code for. Whoever answers the request sends `code`; `message` goes along where the response has room for it. */
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
