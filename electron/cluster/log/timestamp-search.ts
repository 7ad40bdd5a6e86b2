import { compressionName, decompress } from '../protocol/compression.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import type { TimestampOffset } from './time-index.ts';

/**
 * The first record of the batch at or after `timestamp` whose offset is at least `fromOffset`. Makes no object per record: a batch can hold a
 * million. Throws KafkaError as decoding does.
 */
export function firstAtOrAfter(
  batch: BatchView,
  timestamp: bigint,
  fromOffset: bigint,
  maxDecompressedBytes: number,
): TimestampOffset | undefined {
  const { baseOffset, baseTimestamp, recordCount, maxTimestamp } = batch;
  const common = batch.timestampType === 'logAppendTime' ? maxTimestamp : undefined;
  if (common !== undefined && common < timestamp) return undefined;
  const cursor = new RecordCursor(decompress(compressionName(batch.compressionId), batch.payload, maxDecompressedBytes));
  const leastOffset = Number(fromOffset - baseOffset);
  // As numbers where these are exact; else the exact comparison decides on each record.
  const exact = Number.isSafeInteger(Number(baseTimestamp)) && Number.isSafeInteger(Number(timestamp));
  const leastDelta = exact ? Number(timestamp - baseTimestamp) : -Infinity;
  for (let index = 0; index < recordCount; index++) {
    cursor.next();
    if (cursor.offsetDelta < leastOffset) continue;
    if (common === undefined && cursor.wideDelta === undefined && cursor.timestampDelta < leastDelta) continue;
    const found = common ?? cursor.timestamp(baseTimestamp);
    if (found >= timestamp) return { timestamp: found, offset: baseOffset + BigInt(cursor.offsetDelta) };
  }
  return undefined;
}
