/**
 * The next record that a member with isolation.level=read_committed would get, found by plain Fetch. Offsets may hold none: transaction
 * markers, records of aborted transactions, holes left by compaction.
 */
import { fetch } from '../cluster/protocol/apis/fetch.ts';
import { BATCH_HEADER_BYTES, iterateBatches, type BatchView } from '../cluster/protocol/record-batch.ts';
import type { ClusterClient } from './cluster-client.ts';
import type { Decoder } from './decoding/decoder.ts';
import { AdminError } from './errors.ts';
import { pushTo, type PartitionKey } from './topics.ts';

export interface UnreadPosition extends PartitionKey {
  /** First offset that has not been read, and the end (exclusive). */
  readonly offset: bigint;
  readonly end: bigint;
}

/**
 * `record`: wall-clock ms of its timestamp, null where it has none. `none`: no offset up to the end holds a record. `undecided`: not
 * found in one answer, or the broker refused.
 */
export type NextUnread =
  { readonly kind: 'record'; readonly timestamp: number | null } | { readonly kind: 'none' } | { readonly kind: 'undecided' };

/** The newest that names topics; later ones name them by id (KIP-516). */
const FETCH_BY_NAME_VERSION = 12;
const READ_COMMITTED = 1;
/** A broker returns the first batch whole, however large it is; these bound what follows it. */
const PARTITION_BYTES = 16 * 1024;
const MAX_BYTES = 1024 * 1024;
/** A key or value is not shown. */
const PREVIEW_BYTES = 1;

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** One Fetch to one leader, by position. Rejects with the `AdminError` of a broker that does not answer. */
export async function readNextUnread(
  client: ClusterClient,
  leader: number,
  positions: readonly UnreadPosition[],
  decoder: Decoder,
): Promise<Map<UnreadPosition, NextUnread>> {
  const byTopic = new Map<string, UnreadPosition[]>();
  for (const position of positions) pushTo(byTopic, position.topic, position);
  const answer = await client.onBroker(
    leader,
    fetch,
    {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: MAX_BYTES,
      isolationLevel: READ_COMMITTED,
      topics: [...byTopic].map(([topic, own]) => ({
        topic,
        partitions: own.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes: PARTITION_BYTES })),
      })),
    },
    { maxVersion: FETCH_BY_NAME_VERSION },
  );
  const found = new Map<UnreadPosition, NextUnread>(positions.map((position) => [position, { kind: 'undecided' }]));
  if (answer.errorCode !== 0) return found;
  for (const { topic, partitions } of answer.responses) {
    for (const { partitionIndex, errorCode, records, abortedTransactions, lastStableOffset } of partitions) {
      const position = byTopic.get(topic)?.find(({ partition }) => partition === partitionIndex);
      if (position === undefined || errorCode !== 0) continue;
      const isOpen = lastStableOffset >= 0n && lastStableOffset < position.end;
      const readable = { ...position, end: isOpen ? lastStableOffset : position.end };
      const next = await findUnread(records ?? Buffer.alloc(0), readable, abortedTransactions ?? [], decoder);
      // Whether records of an open transaction will ever be read is not decided.
      found.set(position, isOpen && next.kind === 'none' ? { kind: 'undecided' } : next);
    }
  }
  return found;
}

/** `end` of the position: the last stable offset, where that is lower. */
export async function findUnread(
  bytes: Buffer,
  { partition, offset, end }: UnreadPosition,
  aborted: readonly AbortedTransaction[],
  decoder: Decoder,
): Promise<NextUnread> {
  const transactions = new AbortedTransactions(aborted);
  let next = offset;
  for (const batch of iterateBatches(bytes)) {
    if (batch.sizeInBytes < BATCH_HEADER_BYTES || batch.magic < 2) return { kind: 'undecided' };
    if (batch.baseOffset >= end) break;
    const isReadable = transactions.admits(batch);
    if (batch.lastOffset < offset) continue;
    if (isReadable) {
      const record = await firstRecord(batch, partition, offset, end, decoder);
      if (record !== null) return record;
    }
    next = batch.lastOffset + 1n;
  }
  return { kind: next >= end ? 'none' : 'undecided' };
}

/** Null where the batch has no record from that offset on. */
async function firstRecord(batch: BatchView, partition: number, from: bigint, end: bigint, decoder: Decoder): Promise<NextUnread | null> {
  try {
    const window = { partition, bytes: batch.bytes, from, end, limit: 1, keep: 'first' as const, previewBytes: PREVIEW_BYTES };
    const { records, cutBatches } = await decoder.decode(window);
    const [record] = records;
    if (record !== undefined) return { kind: 'record', timestamp: record.timestamp };
    return cutBatches.length > 0 ? { kind: 'undecided' } : null;
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    return { kind: 'undecided' };
  }
}

/** Which transactional batches of an answer belong to aborted transactions: from the first offset of each to its marker. */
class AbortedTransactions {
  private readonly pending: AbortedTransaction[];
  private readonly open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.pending = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0));
  }

  /** To be called for every batch in order; false where a member with read_committed gets none of its records. */
  admits(batch: BatchView): boolean {
    for (let next = this.pending[0]; next !== undefined && next.firstOffset <= batch.lastOffset; next = this.pending[0]) {
      this.open.add(next.producerId);
      this.pending.shift();
    }
    if (batch.isControl) {
      this.open.delete(batch.producerId);
      return false;
    }
    return !(batch.isTransactional && this.open.has(batch.producerId));
  }
}
