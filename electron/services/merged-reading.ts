/**
 * Records of several partitions as one list, oldest or newest first: a merge by time that keeps each partition's offsets in order. A
 * partition is read further only when the merge needs its next record, so that one busy partition among empty ones fills the page.
 */
import type { ClusterClient } from '../admin/cluster-client.ts';
import type { Decoder } from '../admin/decoding/decoder.ts';
import { fetchRecords } from '../admin/messages.ts';
import { pushTo } from '../admin/topics.ts';
import type { BrowseResult } from '#shared/ipc';
import type { CutBatch, RecordRow } from '#shared/models/cluster';
import { BackwardCursor, ForwardCursor, type PartitionCursor, type PartitionRange } from './partition-cursors.ts';

const FETCH_WAIT_MS = 200;
/** Fetches to one leader for one page. A log that is full of holes ends here, and the answer says that more exists. */
const MAX_FETCHES = 80;
/** Records that a partition is asked for at least when the merge needs more of it. */
const LEAST_CHUNK = 20;
const MAX_CUT_BATCHES = 20;

export interface MergedReading {
  topic: string;
  ranges: readonly PartitionRange[];
  /** Records of all partitions together. */
  limit: number;
  direction: 'forward' | 'backward';
  decoder: Decoder;
}

export async function readMerged(client: ClusterClient, reading: MergedReading): Promise<BrowseResult> {
  const { ranges, limit, direction } = reading;
  const cursors = ranges.map((range) => (direction === 'forward' ? new ForwardCursor(range) : new BackwardCursor(range)));
  const fetches = new Map<number, number>();
  const share = Math.ceil(limit / Math.max(1, cursors.length));
  for (const cursor of cursors) cursor.want(share);
  const records: RecordRow[] = [];
  // Each round ends a cursor, shows a record or uses up a fetch.
  for (;;) {
    await readWanted(client, reading, cursors, fetches);
    merge(cursors, direction, records, limit);
    if (records.length >= limit) break;
    const starved = cursors.filter((cursor) => !cursor.isOver && cursor.peek() === undefined);
    if (starved.length === 0) break;
    const chunk = Math.min(limit, Math.max(LEAST_CHUNK, Math.ceil((limit - records.length) / starved.length)));
    for (const cursor of starved) cursor.want(chunk);
  }
  return {
    records,
    failed: cursors.flatMap(({ partition, error }) => (error === null ? [] : [{ partition, error }])),
    more: cursors.some(({ hasMore }) => hasMore),
    cutBatches: cutBatchesOf(cursors, records),
  };
}

/** Moves records from the cursors to the list, until it is full or a partition's next record is not known yet. */
function merge(cursors: readonly PartitionCursor[], direction: MergedReading['direction'], into: RecordRow[], limit: number): void {
  const sign = direction === 'forward' ? 1 : -1;
  let open = cursors.filter((cursor) => cursor.peek() !== undefined || !cursor.isOver);
  while (into.length < limit) {
    let first: PartitionCursor | undefined;
    let firstRow: RecordRow | undefined;
    let ended = false;
    for (const cursor of open) {
      const row = cursor.peek();
      if (row === undefined) {
        if (!cursor.isOver) return;
        ended = true;
      } else if (firstRow === undefined || sign * compareHeads(row, firstRow) < 0) {
        first = cursor;
        firstRow = row;
      }
    }
    if (first === undefined || firstRow === undefined) return;
    into.push(firstRow);
    first.shift();
    if (ended) open = open.filter((cursor) => cursor.peek() !== undefined || !cursor.isOver);
  }
}

/** Of two partitions. A record without a time counts as the oldest. */
function compareHeads(a: RecordRow, b: RecordRow): number {
  return (a.timestamp ?? 0) - (b.timestamp ?? 0) || a.partition - b.partition;
}

/** Reads until every cursor has what it wants, each leader in its own loop. */
async function readWanted(
  client: ClusterClient,
  { topic, decoder }: MergedReading,
  cursors: readonly PartitionCursor[],
  fetches: Map<number, number>,
): Promise<void> {
  const byLeader = new Map<number, PartitionCursor[]>();
  for (const cursor of cursors) if (cursor.isReading) pushTo(byLeader, cursor.leader, cursor);
  const answers = await client.eachBroker([...byLeader.keys()], async (leader) => {
    const own = new Map((byLeader.get(leader) ?? []).map((cursor) => [cursor.partition, cursor]));
    for (;;) {
      const open = [...own.values()].filter(({ isReading }) => isReading);
      if (open.length === 0) return;
      const used = fetches.get(leader) ?? 0;
      if (used >= MAX_FETCHES) {
        for (const cursor of open) cursor.gaveUp = true;
        return;
      }
      fetches.set(leader, used + 1);
      const positions = open.map((cursor) => cursor.nextFetch());
      for (const part of await fetchRecords(client, leader, topic, positions, { maxWaitMs: FETCH_WAIT_MS, decoder }))
        own.get(part.partition)?.take(part);
    }
  });
  for (const answer of answers) {
    if (!('error' in answer)) continue;
    for (const cursor of byLeader.get(answer.broker) ?? []) cursor.error ??= answer.error.app.code;
  }
}

/** Each batch once, with the number of its records that are on the page; those that a later fetch completed are left out. */
function cutBatchesOf(cursors: readonly PartitionCursor[], records: readonly RecordRow[]): CutBatch[] {
  const unique = new Map<string, CutBatch>();
  for (const { cutBatches } of cursors) for (const batch of cutBatches) unique.set(`${batch.partition}/${batch.offset}`, batch);
  const cut: CutBatch[] = [];
  for (const batch of unique.values()) {
    if (cut.length >= MAX_CUT_BATCHES) break;
    const [first, last] = [BigInt(batch.offset), BigInt(batch.lastOffset)];
    const shown = records.filter(
      ({ partition, offset }) => partition === batch.partition && BigInt(offset) >= first && BigInt(offset) <= last,
    ).length;
    if (batch.reason !== 'RECORDS' || shown !== batch.records) cut.push({ ...batch, shown });
  }
  return cut;
}
