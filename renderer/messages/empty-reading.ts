/** Why a reading of a topic shows no record, and what to do; null where the topic is known to hold none. */
import type { PartitionRow } from '#shared/models/cluster';
import type { Payload } from '#shared/ipc';
import { formatCount, formatMoment, formatList } from '../format/numbers.ts';

export interface EmptyReading {
  title: string;
  text: string;
}

export function describeEmptyReading(reading: {
  from: Payload<'message/browse'>['from'];
  /** Null: all. */
  partitions: readonly number[] | null;
  rows: readonly PartitionRow[];
  /** Partitions that could not be read. */
  failed: readonly number[];
}): EmptyReading | null {
  const { from, partitions, failed } = reading;
  const rows = reading.rows.filter(
    ({ partition }) => (partitions === null || partitions.includes(partition)) && !failed.includes(partition),
  );
  const where = partitions === null ? '' : ` in partition ${partitions.join(', ')}`;
  if (failed.length > 0) {
    return {
      title: 'No records',
      text: `The partitions that were read hold none${rows.length === 0 ? ': no partition was read' : ''}. Try again.`,
    };
  }
  const range = rangeOf(rows);
  if (range?.isEmpty === true && partitions === null) return null;
  if (from.kind === 'offset') {
    return { title: `No records from offset ${formatCount(from.offset)}${where}`, text: `${describeEnds(rows)} Choose a lower offset.` };
  }
  if (from.kind === 'time') {
    return {
      title: `No records since ${formatMoment(from.timestamp)}${where}`,
      text: 'Every record has an earlier timestamp. Choose an earlier time, or “Newest first”.',
    };
  }
  if (range === null || range.isEmpty) return { title: `No records${where}`, text: describeEnds(rows) };
  return {
    title: `No records${where}`,
    text: `${describeEnds(rows)} Those offsets hold no records: compaction removed them, or they are transaction markers.`,
  };
}

/** Null while an offset is unknown. */
function rangeOf(rows: readonly PartitionRow[]): { isEmpty: boolean } | null {
  if (rows.some(({ startOffset, endOffset }) => startOffset === null || endOffset === null)) return null;
  return { isEmpty: rows.every(({ startOffset, endOffset }) => startOffset === endOffset) };
}

const MAX_LISTED = 3;

function describeEnds(rows: readonly PartitionRow[]): string {
  const known = rows.filter(({ startOffset, endOffset }) => startOffset !== null && endOffset !== null);
  const [first] = known;
  if (first === undefined) return 'The end offset is unknown.';
  const offsets = ({ startOffset, endOffset }: PartitionRow): string =>
    `from offset ${formatCount(startOffset ?? '0')} to ${formatCount(endOffset ?? '0')}`;
  if (known.length === 1) return `The log of partition ${first.partition} reaches ${offsets(first)} (exclusive).`;
  const listed = known.slice(0, MAX_LISTED).map((row) => `partition ${row.partition} ${offsets(row)}`);
  const rest = known.length - listed.length;
  return `The logs reach: ${formatList(rest === 0 ? listed : [...listed, `${rest} more`])} (exclusive).`;
}
