import { compressionName, decompress } from './compression.ts';
import { ErrorCode } from './error-codes.ts';
import { KafkaError } from './kafka-error.ts';
import type { BatchView } from './record-batch.ts';
import { MIN_RECORD_BYTES, RecordCursor } from './record-cursor.ts';
import { FieldReader } from './records-reader.ts';

const BATCH_FORMAT = 2;

export interface WalkedRecord {
  /** Milliseconds since the epoch; −1 for none. */
  timestamp: bigint;
  /** Key, value and header values are views of the decompressed batch. */
  key: Buffer | null;
  value: Buffer | null;
  /** At most as many as were asked for. */
  headers: [key: string, value: Buffer | null][];
  headerCount: number;
}

/**
 * Steps over the records of a batch without creating an object for each: a batch of 100 KB can hold ten million records.
 * Throws KafkaError INVALID_RECORD or CORRUPT_MESSAGE for bytes that are no records, UNSUPPORTED_COMPRESSION_TYPE and
 * UNSUPPORTED_FOR_MESSAGE_FORMAT, and `DecompressedSizeError` above `maxBytes`.
 */
export class RecordWalker {
  /** Records that the batch header claims; no more than fit into the bytes. */
  readonly recordCount: number;
  readonly decompressedBytes: number;
  private readonly view: BatchView;
  private readonly cursor: RecordCursor;
  private start = 0;

  constructor(view: BatchView, maxBytes: number) {
    if (view.magic !== BATCH_FORMAT) {
      throw new KafkaError(ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT, `message format ${view.magic} is not supported, only format 2 is`);
    }
    this.view = view;
    this.recordCount = view.recordCount;
    this.cursor = new RecordCursor(decompress(compressionName(view.compressionId), view.payload, maxBytes));
    this.decompressedBytes = this.cursor.bytes.length;
    if (this.recordCount < 0 || this.recordCount > this.decompressedBytes / MIN_RECORD_BYTES)
      throw corrupt(`${this.recordCount} records do not fit into ${this.decompressedBytes} bytes`);
  }

  /** Of the record that `next` stepped to. */
  get offsetDelta(): number {
    return this.cursor.offsetDelta;
  }

  /** Where the record lies; `readAt` takes it. */
  get position(): number {
    return this.start;
  }

  /** False after the last record. */
  next(): boolean {
    const { cursor } = this;
    if (cursor.index + 1 >= this.recordCount) return false;
    this.start = cursor.position;
    cursor.next();
    return true;
  }

  /** The whole record at a `position` that the walk has passed. */
  readAt(position: number, maxHeaders: number): WalkedRecord {
    const cursor = new FieldReader(this.cursor.bytes);
    cursor.position = position;
    const length = cursor.varint();
    const end = cursor.position + length;
    cursor.skip(1);
    const timestampDelta = cursor.varlong();
    cursor.varint();
    const key = cursor.slice(cursor.varint());
    const value = cursor.slice(cursor.varint());
    const headerCount = cursor.varint();
    if (headerCount < 0 || headerCount > end - cursor.position) throw corrupt(`a record has ${headerCount} headers`);
    const headers: WalkedRecord['headers'] = [];
    for (let h = 0; h < Math.min(headerCount, maxHeaders); h++) {
      const name = cursor.slice(cursor.varint());
      if (name === null) throw corrupt('a record has a header without a key');
      headers.push([name.toString('utf8'), cursor.slice(cursor.varint())]);
    }
    if (cursor.position > end || (headers.length === headerCount && cursor.position !== end))
      throw corrupt(`a record of ${length} bytes does not end where its fields end`);
    const { view } = this;
    return {
      timestamp: view.timestampType === 'logAppendTime' ? view.maxTimestamp : BigInt.asIntN(64, view.baseTimestamp + timestampDelta),
      key,
      value,
      headers,
      headerCount,
    };
  }
}

function corrupt(what: string): KafkaError {
  return new KafkaError(ErrorCode.CORRUPT_MESSAGE, `record batch: ${what}`);
}
