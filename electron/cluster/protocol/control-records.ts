/**
 * Control records: what brokers write into a log for brokers. The key says the type; the value of an end-of-transaction
 * marker names the coordinator's epoch. Source: KIP-98.
 */
import { KafkaError } from './kafka-error.ts';
import { buildBatch } from './records-builder.ts';

const CORRUPT_MESSAGE = 2;

/** Types by their number in the key. */
export const ControlRecordType = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kraftVersion: 5,
  kraftVoters: 6,
} as const;

export interface EndTransactionMarker {
  type: 'commit' | 'abort';
  coordinatorEpoch: number;
}

/** A batch with one marker that ends a producer's transaction in a partition. Offsets are assigned at the append. */
export function buildEndTransactionMarker(
  marker: EndTransactionMarker & { producerId: bigint; producerEpoch: number; timestamp: bigint },
): Buffer {
  const value = Buffer.alloc(6);
  value.writeInt16BE(0, 0);
  value.writeInt32BE(marker.coordinatorEpoch, 2);
  return buildBatch({
    records: [{ key: controlRecordKey(ControlRecordType[marker.type]), value }],
    timestamp: marker.timestamp,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    transactional: true,
    control: true,
  });
}

/** Key of a control record: version 0, then the type. */
export function controlRecordKey(type: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeInt16BE(type, 2);
  return key;
}

/** Type number in a control record's key. */
export function controlRecordType(key: Buffer | null): number {
  if (key === null || key.length < 4) throw new KafkaError(CORRUPT_MESSAGE, 'control record without a type');
  return key.readInt16BE(2);
}

/** Undefined when the record is a control record of another kind. */
export function parseEndTransactionMarker(record: { key: Buffer | null; value: Buffer | null }): EndTransactionMarker | undefined {
  const type = controlRecordType(record.key);
  if (type !== ControlRecordType.abort && type !== ControlRecordType.commit) return undefined;
  if (record.value === null || record.value.length < 6)
    throw new KafkaError(CORRUPT_MESSAGE, 'end of transaction without a coordinator epoch');
  return { type: type === ControlRecordType.commit ? 'commit' : 'abort', coordinatorEpoch: record.value.readInt32BE(2) };
}
