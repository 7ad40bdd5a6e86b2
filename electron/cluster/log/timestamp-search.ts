import { freeBuffer } from '../lib/free-buffer.ts';
import { compressionName, decompress } from '../protocol/compression.ts';
import type { BatchView } from '../protocol/record-batch.ts';
import { RecordCursor } from '../protocol/record-cursor.ts';
import type { TimestampOffset } from './time-index.ts';

/** A search for a time; it yields at least every few milliseconds of its own work. */
export type Search = Generator<undefined, TimestampOffset | undefined, undefined>;

/** Records between two yields: about half a millisecond. */
const RECORDS_PER_STEP = 8_192;

/**
 * The first record of the batch at or after `timestamp` whose offset is at least `fromOffset`. Makes no object per record: a batch can hold a
 * million. It yields where others may run, which is not while the batch is decompressed. Throws KafkaError as decoding does.
 */
export function* firstAtOrAfter(batch: BatchView, timestamp: bigint, fromOffset: bigint, maxDecompressedBytes: number): Search {
  if (batch.timestampType === 'logAppendTime' && batch.maxTimestamp < timestamp) return undefined;
  const codec = compressionName(batch.compressionId);
  const records = decompress(codec, batch.payload, maxDecompressedBytes);
  try {
    return yield* search(batch, records, timestamp, fromOffset);
  } finally {
    if (codec !== 'none') freeBuffer(records);
  }
}

function* search(batch: BatchView, records: Buffer, timestamp: bigint, fromOffset: bigint): Search {
  const { baseOffset, baseTimestamp, recordCount, maxTimestamp } = batch;
  const common = batch.timestampType === 'logAppendTime' ? maxTimestamp : undefined;
  const cursor = new RecordCursor(records);
  const leastOffset = Number(fromOffset - baseOffset);
  // As numbers where these are exact; else the exact comparison decides on each record.
  const exact = Number.isSafeInteger(Number(baseTimestamp)) && Number.isSafeInteger(Number(timestamp));
  const leastDelta = exact ? Number(timestamp - baseTimestamp) : -Infinity;
  for (let index = 0; index < recordCount; index++) {
    if (index % RECORDS_PER_STEP === RECORDS_PER_STEP - 1) yield;
    cursor.next();
    if (cursor.offsetDelta < leastOffset) continue;
    if (common === undefined && cursor.wideDelta === undefined && cursor.timestampDelta < leastDelta) continue;
    const found = common ?? cursor.timestamp(baseTimestamp);
    if (found >= timestamp) return { timestamp: found, offset: baseOffset + BigInt(cursor.offsetDelta) };
  }
  return undefined;
}
