/** A failure that goes on the wire as a code of Kafka's error table. */
export class KafkaError extends Error {
  readonly code: number;
  constructor(code: number, message?: string, options?: { cause?: unknown }) {
    super(message ?? `Kafka error ${code}`, options);
    this.name = 'KafkaError';
    this.code = code;
  }
}
