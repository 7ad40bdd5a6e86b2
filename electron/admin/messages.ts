/** Reading records by plain Fetch: no group is joined, nothing is committed. */
import { fetch } from '../cluster/protocol/apis/fetch.ts';
import { ErrorCode, errorName } from '../cluster/protocol/error-codes.ts';
import { KafkaError } from '../cluster/protocol/kafka-error.ts';
import { iterateBatches, type BatchView } from '../cluster/protocol/record-batch.ts';
import { decodeRecords, type DecodedRecord } from '../cluster/protocol/records-reader.ts';
import type { RecordRow, RecordValue } from '#shared/models/cluster';
import type { ClusterClient } from './cluster-client.ts';
import { kafkaFailure } from './errors.ts';

/** Newer ones name topics by id only. */
const FETCH_VERSION = 12;
const MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024;
const PREVIEW_BYTES = 64 * 1024;
const PARTITION_BYTES = 1024 * 1024;

export interface FetchPosition {
  partition: number;
  offset: bigint;
}

export interface PartitionRecords {
  partition: number;
  records: RecordRow[];
  /** Where to go on; past the last batch returned, whether or not it held records. */
  nextOffset: bigint;
  highWatermark: bigint;
  logStartOffset: bigint;
  error: string | null;
}

/**
 * One Fetch to one leader. Waits up to `maxWaitMs` for a first byte. A partition that the leader refuses comes back with
 * its error's name; OFFSET_OUT_OF_RANGE carries the log start offset to go on from.
 */
export async function fetchRecords(
  client: ClusterClient,
  leader: number,
  topic: string,
  positions: readonly FetchPosition[],
  maxWaitMs: number,
): Promise<PartitionRecords[]> {
  const answer = await client.onBroker(
    leader,
    fetch,
    {
      maxWaitMs,
      minBytes: 1,
      maxBytes: PARTITION_BYTES * 8,
      topics: [
        {
          topic,
          partitions: positions.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes: PARTITION_BYTES })),
        },
      ],
    },
    { maxVersion: FETCH_VERSION, timeoutMs: maxWaitMs + 5_000 },
  );
  if (answer.errorCode !== 0) throw kafkaFailure(answer.errorCode, { subject: topic });
  const asked = new Map(positions.map(({ partition, offset }) => [partition, offset]));
  return (answer.responses[0]?.partitions ?? []).map((partition) => {
    const from = asked.get(partition.partitionIndex) ?? 0n;
    const result: PartitionRecords = {
      partition: partition.partitionIndex,
      records: [],
      nextOffset: from,
      highWatermark: partition.highWatermark,
      logStartOffset: partition.logStartOffset,
      error: partition.errorCode === 0 ? null : errorName(partition.errorCode),
    };
    if (partition.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE && partition.logStartOffset > from) {
      result.nextOffset = partition.logStartOffset;
    }
    if (partition.records !== null && partition.errorCode === 0) decodeInto(result, partition.records, from);
    return result;
  });
}

function decodeInto(result: PartitionRecords, bytes: Buffer, from: bigint): void {
  for (const batch of iterateBatches(bytes)) {
    // A batch may start before the offset asked for; a control batch holds markers, no records.
    if (!batch.isControl) {
      try {
        for (const record of decodeRecords(batch, MAX_DECOMPRESSED_BYTES)) {
          if (record.offset >= from) result.records.push(toRow(result.partition, batch, record));
        }
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        result.error = errorName(error.code);
      }
    }
    result.nextOffset = batch.lastOffset + 1n;
  }
}

function toRow(partition: number, batch: BatchView, record: DecodedRecord): RecordRow {
  return {
    partition,
    offset: record.offset.toString(),
    timestamp: record.timestamp < 0n ? null : Number(record.timestamp),
    timestampType: batch.timestampType === 'logAppendTime' ? 'logAppend' : 'create',
    key: toValue(record.key),
    value: toValue(record.value),
    headers: record.headers.map(([key, value]) => ({ key, value: toValue(value) })),
    sizeBytes: (record.key?.length ?? 0) + (record.value?.length ?? 0),
    compression: batch.compression ?? 'none',
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Text when all of it is UTF-8 without control characters other than white space, else hexadecimal. */
export function toValue(bytes: Buffer | null): RecordValue {
  if (bytes === null) return { encoding: 'null', text: '', truncated: false, sizeBytes: 0 };
  const truncated = bytes.length > PREVIEW_BYTES;
  const text = decodeText(truncated ? bytes.subarray(0, wholeCharacters(bytes, PREVIEW_BYTES)) : bytes);
  if (text !== null) return { encoding: 'utf8', text, truncated, sizeBytes: bytes.length };
  return {
    encoding: 'hex',
    text: bytes.toString('hex', 0, PREVIEW_BYTES / 2),
    truncated: bytes.length > PREVIEW_BYTES / 2,
    sizeBytes: bytes.length,
  };
}

function decodeText(bytes: Buffer): string | null {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    // Not UTF-8: the caller shows it as hexadecimal.
    return null;
  }
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) return null;
  }
  return text;
}

/** The largest length up to `limit` that does not cut a UTF-8 sequence. */
function wholeCharacters(bytes: Buffer, limit: number): number {
  let end = limit;
  while (end > limit - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}
