/** Reading records by plain Fetch: no group is joined, nothing is committed. */
import { fetch } from '../cluster/protocol/apis/fetch.ts';
import { ErrorCode, errorName } from '../cluster/protocol/error-codes.ts';
import { BATCH_HEADER_BYTES, iterateBatches } from '../cluster/protocol/record-batch.ts';
import type { CutBatch, RecordRow } from '#shared/models/cluster';
import type { ClusterClient } from './cluster-client.ts';
import type { Decoder } from './decoding/decoder.ts';
import { AdminError, kafkaFailure } from './errors.ts';

/** The newest that names topics; later ones name them by id (KIP-516). */
const FETCH_BY_NAME_VERSION = 12;
const FETCH_BY_ID_VERSION = 16;
const MAX_BYTES = 8 * 1024 * 1024;
const PARTITION_BYTES = 1024 * 1024;
const LEAST_PARTITION_BYTES = 64 * 1024;

/** A window of one partition's offsets: at most `limit` records of it, the first or the last ones. */
export interface FetchPosition {
  partition: number;
  offset: bigint;
  /** Exclusive; null: to wherever the answer ends. */
  end: bigint | null;
  limit: number;
  keep: 'first' | 'last';
  /** See `RecordWindow`. */
  previewBytes?: number;
}

export interface PartitionRecords {
  partition: number;
  records: RecordRow[];
  /** Where to continue; past the last batch that was read, whether or not it held records. */
  nextOffset: bigint;
  /** Records before the first of `records` that were not kept, as batch headers count them. */
  passedOver: number;
  /** Batches of which not every record is among `records`. */
  cutBatches: CutBatch[];
  highWatermark: bigint;
  logStartOffset: bigint;
  error: string | null;
}

/**
 * One Fetch to one leader. Waits up to `maxWaitMs` for a first byte. A partition that the leader refuses is returned with
 * its error's name; with `topicId`, where the leader knows ids, that is UNKNOWN_TOPIC_ID once the topic was deleted, also when another
 * one has its name. OFFSET_OUT_OF_RANGE carries the log start offset to continue from. Bytes that the decoder could not read within its
 * limits are a cut batch, and reading continues behind them; a busy decoder is an error of the partition.
 */
export async function fetchRecords(
  client: ClusterClient,
  leader: number,
  topic: string,
  positions: readonly FetchPosition[],
  { maxWaitMs, decoder, topicId = null }: { maxWaitMs: number; decoder: Decoder; topicId?: string | null },
): Promise<PartitionRecords[]> {
  const partitionMaxBytes = Math.min(PARTITION_BYTES, Math.max(LEAST_PARTITION_BYTES, Math.floor(MAX_BYTES / positions.length)));
  const byId = topicId !== null && (client.versionOn(leader, fetch, FETCH_BY_ID_VERSION) ?? 0) > FETCH_BY_NAME_VERSION;
  const answer = await client.onBroker(
    leader,
    fetch,
    {
      maxWaitMs,
      minBytes: 1,
      maxBytes: MAX_BYTES,
      topics: [
        {
          ...(byId ? { topicId } : { topic }),
          partitions: positions.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes })),
        },
      ],
    },
    { maxVersion: byId ? FETCH_BY_ID_VERSION : FETCH_BY_NAME_VERSION, timeoutMs: maxWaitMs + 5_000 },
  );
  if (answer.errorCode !== 0) throw kafkaFailure(answer.errorCode, { subject: topic });
  const asked = new Map(positions.map((position) => [position.partition, position]));
  return Promise.all(
    (answer.responses[0]?.partitions ?? []).flatMap((partition) => {
      const position = asked.get(partition.partitionIndex);
      // A broker that answers for a partition twice, or for another one, is not asked to decode it.
      if (position === undefined || !asked.delete(partition.partitionIndex)) return [];
      const result: PartitionRecords = {
        partition: partition.partitionIndex,
        records: [],
        nextOffset: position.offset,
        passedOver: 0,
        cutBatches: [],
        highWatermark: partition.highWatermark,
        logStartOffset: partition.logStartOffset,
        error: partition.errorCode === 0 ? null : errorName(partition.errorCode),
      };
      if (partition.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE && partition.logStartOffset > position.offset)
        result.nextOffset = partition.logStartOffset;
      const bytes = partition.errorCode === 0 ? partition.records : null;
      return [bytes === null || bytes.length === 0 ? Promise.resolve(result) : decodeInto(result, bytes, position, decoder)];
    }),
  );
}

async function decodeInto(result: PartitionRecords, bytes: Buffer, position: FetchPosition, decoder: Decoder): Promise<PartitionRecords> {
  const { partition, offset: from, end, limit, keep, previewBytes } = position;
  try {
    return {
      ...result,
      ...(await decoder.decode({ partition, bytes, from, end, limit, keep, ...(previewBytes === undefined ? {} : { previewBytes }) })),
    };
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    const last = lastOffsetIn(bytes);
    if (PASSING_REFUSALS.has(error.app.code) || last === null || last < from) return { ...result, error: error.app.code };
    const batch: CutBatch = {
      partition,
      offset: `${from}`,
      lastOffset: `${last}`,
      records: null,
      sizeBytes: bytes.length,
      decompressedBytes: null,
      shown: 0,
      reason: error.app.code,
    };
    return { ...result, nextOffset: end !== null && last >= end ? end : last + 1n, cutBatches: [batch] };
  }
}

/** Errors that are no property of the bytes. */
const PASSING_REFUSALS = new Set(['WORKER_BUSY', 'CANCELLED']);

/** By the batches' headers alone. */
function lastOffsetIn(bytes: Buffer): bigint | null {
  let last: bigint | null = null;
  for (const batch of iterateBatches(bytes)) {
    if (batch.sizeInBytes < BATCH_HEADER_BYTES) continue;
    if (last === null || batch.lastOffset > last) last = batch.lastOffset;
  }
  return last;
}
