/** One record as a row of the screen: bounded previews, however large the record is. */
import type { BatchView } from '../../cluster/protocol/record-batch.ts';
import type { WalkedRecord } from '../../cluster/protocol/record-walker.ts';
import type { RecordRow, RecordValue } from '#shared/models/cluster';

/** Of one key, value or header value. */
const PREVIEW_BYTES = 64 * 1024;
/** The same once the budget of an answer is used up. */
const SHORT_PREVIEW_BYTES = 256;
const HEADER_NAME_CHARACTERS = 1_024;
/** Of one record; a record of 1 MiB can hold 500,000. */
export const MAX_HEADERS = 100;

/** Bytes of previews that an answer may hold; after that every preview is short. */
export class PreviewBudget {
  private left: number;
  private readonly perValue: number;

  /** `perValue`: bytes of one preview while the budget lasts. */
  constructor(bytes: number, perValue = PREVIEW_BYTES) {
    this.left = bytes;
    this.perValue = perValue;
  }

  /** Bytes that the preview of a value may have. */
  take(sizeBytes: number): number {
    const limit = this.left > 0 ? this.perValue : SHORT_PREVIEW_BYTES;
    this.left -= Math.min(sizeBytes, limit);
    return limit;
  }
}

export function toRow(partition: number, offset: bigint, batch: BatchView, record: WalkedRecord, budget: PreviewBudget): RecordRow {
  const preview = (bytes: Buffer | null): RecordValue => toValue(bytes, bytes === null ? 0 : budget.take(bytes.length));
  return {
    partition,
    offset: offset.toString(),
    timestamp: record.timestamp < 0n ? null : Number(record.timestamp),
    timestampType: batch.timestampType === 'logAppendTime' ? 'logAppend' : 'create',
    key: preview(record.key),
    value: preview(record.value),
    headers: record.headers.map(([key, value]) => ({ key: key.slice(0, HEADER_NAME_CHARACTERS), value: preview(value) })),
    headerCount: record.headerCount,
    sizeBytes: (record.key?.length ?? 0) + (record.value?.length ?? 0),
    compression: batch.compression ?? 'none',
  };
}

// A byte order mark is part of the record: without this option it would be left out of what is shown and copied.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text when all of it is UTF-8 without control characters other than white space, else hexadecimal. */
export function toValue(bytes: Buffer | null, maxBytes = PREVIEW_BYTES): RecordValue {
  if (bytes === null) return { encoding: 'null', text: '', truncated: false, sizeBytes: 0 };
  const truncated = bytes.length > maxBytes;
  const text = decodeText(truncated ? bytes.subarray(0, wholeCharacters(bytes, maxBytes)) : bytes);
  if (text !== null) return { encoding: 'utf8', text, truncated, sizeBytes: bytes.length };
  return {
    encoding: 'hex',
    text: bytes.toString('hex', 0, maxBytes / 2),
    truncated: bytes.length > maxBytes / 2,
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
