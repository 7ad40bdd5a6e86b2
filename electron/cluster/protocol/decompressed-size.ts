import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';

/** CORRUPT_MESSAGE for a payload that would decompress beyond the caller's limit. */
export class DecompressedSizeError extends KafkaError {
  constructor(codec: string, what: string) {
    super(ErrorCode.CORRUPT_MESSAGE, `${codec} payload: ${what}`);
    this.name = 'DecompressedSizeError';
  }
}
