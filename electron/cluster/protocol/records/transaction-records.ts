import { array, int16, int32, int64, int8, string } from '../schema.ts';
import {
  coordinatorRecordType,
  decodeCoordinatorRecord,
  defineCoordinatorRecord,
  encodeCoordinatorRecord,
  type CoordinatorRecord,
  type CoordinatorRecordIn,
  type KeyAndValue,
} from './coordinator-record.ts';

/** The state of a transaction coordinator in `__transaction_state` (KIP-98; v1 with the producer's next id and epoch: KIP-890). */
export const transactionSchemas = {
  TransactionLog: defineCoordinatorRecord({
    type: 0,
    name: 'TransactionLog',
    key: { transactionalId: string('0') },
    value: {
      producerId: int64('0+'),
      previousProducerId: int64('1+', { default: -1n, tag: 0 }),
      nextProducerId: int64('1+', { default: -1n, tag: 1 }),
      producerEpoch: int16('0+'),
      nextProducerEpoch: int16('1+', { default: -1, tag: 3 }),
      transactionTimeoutMs: int32('0+'),
      transactionStatus: int8('0+'),
      transactionPartitions: array('0+', { topic: string('0+'), partitionIds: array('0+', int32('0+')) }, { nullable: '0+' }),
      transactionLastUpdateTimestampMs: int64('0+'),
      transactionStartTimestampMs: int64('0+'),
      clientTransactionVersion: int16('1+', { default: 0, tag: 2 }),
    },
    versions: [0, 1],
    flexible: 1,
    written: 1,
  }),
};

/** A record of `__transaction_state`; `value` null deletes the transactional id. */
export type TransactionRecord = CoordinatorRecord<typeof transactionSchemas>;
export type TransactionRecordIn = CoordinatorRecordIn<typeof transactionSchemas>;

export function encodeTransactionRecord(record: TransactionRecordIn): KeyAndValue {
  return encodeCoordinatorRecord(transactionSchemas[record.type], record);
}

/** Undefined for a newer record type. */
export function decodeTransactionRecord(key: Buffer, value: Buffer | null): TransactionRecord | undefined {
  if (coordinatorRecordType(key) !== transactionSchemas.TransactionLog.type) return undefined;
  return { type: 'TransactionLog', ...decodeCoordinatorRecord(transactionSchemas.TransactionLog, key, value) } as TransactionRecord;
}
