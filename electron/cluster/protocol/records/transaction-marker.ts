import { ErrorCode } from '../error-codes.ts';
import { KafkaError } from '../kafka-error.ts';
import { buildBatch } from '../records-builder.ts';
import { decodeControlRecord, encodeControlRecord } from './control-records.ts';

/** The end of a producer's transaction in a partition (KIP-98). */
export interface EndTransactionMarker {
  type: 'commit' | 'abort';
  coordinatorEpoch: number;
}

/** The marker as a control batch. Offsets are assigned at the append. */
export function buildEndTransactionMarker(
  marker: EndTransactionMarker & { producerId: bigint; producerEpoch: number; timestamp: bigint },
): Buffer {
  const value = { coordinatorEpoch: marker.coordinatorEpoch };
  return buildBatch({
    records: [encodeControlRecord(marker.type === 'commit' ? { type: 'Commit', value } : { type: 'Abort', value })],
    timestamp: marker.timestamp,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    transactional: true,
    control: true,
  });
}

/** The marker in the record of a control batch; undefined for control records of other kinds. Throws KafkaError CORRUPT_MESSAGE. */
export function parseEndTransactionMarker(record: { key: Buffer | null; value: Buffer | null }): EndTransactionMarker | undefined {
  if (record.key === null) throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, 'control record without a type');
  const control = decodeOrCorrupt(record.key, record.value);
  if (control?.type !== 'Commit' && control?.type !== 'Abort') return undefined;
  return { type: control.type === 'Commit' ? 'commit' : 'abort', coordinatorEpoch: control.value.coordinatorEpoch };
}

function decodeOrCorrupt(key: Buffer, value: Buffer | null): ReturnType<typeof decodeControlRecord> {
  try {
    return decodeControlRecord({ key, value });
  } catch (cause) {
    throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, 'control record that does not decode', { cause });
  }
}
