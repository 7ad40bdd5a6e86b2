/** Records that a leader refuses to append (KIP-467). */
import { KafkaError } from '../protocol/kafka-error.ts';

/** A record that the log refuses, by its index in the batch. */
export interface RecordRefusal {
  batchIndex: number;
  message: string;
}

/** INVALID_RECORD or INVALID_TIMESTAMP that can name the records at fault. */
export class RecordsRefusedError extends KafkaError {
  /** The first ones; see `MAX_REFUSALS`. */
  readonly recordErrors: readonly RecordRefusal[];
  constructor(code: number, message: string, recordErrors: readonly RecordRefusal[]) {
    super(code, message);
    this.name = 'RecordsRefusedError';
    this.recordErrors = recordErrors;
  }
}

/** Maximum number of records that one answer names. Apache Kafka names all; a batch can hold a million. */
export const MAX_REFUSALS = 100;
