/**
 * The check of every record that a leader makes before an append, by shape of the batch and by codec, and its time as a multiple of the time of the
 * batch's checksum: that ratio depends little on the machine.
 */
import { DEFAULT_LOG_CONFIG } from '../../electron/cluster/log/log-config.ts';
import { unfoldRecords, validateRecords } from '../../electron/cluster/log/record-validation.ts';
import { COMPRESSION_NAMES, type CompressionName } from '../../electron/cluster/protocol/compression.ts';
import { BatchView, verifyChecksum } from '../../electron/cluster/protocol/record-batch.ts';
import { RecordCursor } from '../../electron/cluster/protocol/record-cursor.ts';
import { buildBatch, type RecordToWrite } from '../../electron/cluster/protocol/records-builder.ts';
import { measure, type Figure } from './table.ts';

const START_MS = 1_800_000_000_000;
const LARGE = 10_000;

interface Shape {
  name: string;
  records: number;
  record: (index: number) => RecordToWrite;
}

const plain = (): RecordToWrite => ({ value: Buffer.alloc(100, 'x') });
const keyed = (index: number): RecordToWrite => ({ key: Buffer.from(`key-${index}`), value: Buffer.alloc(100, 'x') });
const traced = (index: number): RecordToWrite => ({
  ...keyed(index),
  headers: [
    ['trace', Buffer.alloc(16)],
    ['source', Buffer.from('bench')],
  ],
});
/** JSON that compresses to about a fifth. */
const json = (index: number): RecordToWrite => {
  const mixed = Math.imul(index + 1, 0x9e3779b1) >>> 0;
  return { value: Buffer.from(`{"id":${index},"user":"user-${mixed % 997}","amount":${mixed % 100_000},"at":${START_MS + index * 37}}`) };
};

const SHAPES: readonly Shape[] = [
  { name: '1 record of 100 B', records: 1, record: plain },
  { name: '100 records of 100 B', records: 100, record: plain },
  { name: '10,000 records of 100 B', records: LARGE, record: plain },
  { name: '10,000 records with keys', records: LARGE, record: keyed },
  { name: '10,000 records with keys and 2 headers', records: LARGE, record: traced },
];

export function benchRecords(): Figure[] {
  const figures: Figure[] = [];
  for (const { name, records, record } of SHAPES) {
    const view = batchOf(records, record, 'none');
    const validation = validating(name, view, 'none');
    const checksum = measure(name, 'records', records, () => void verifyChecksum(view));
    figures.push(validation, { name: `${name}, to the checksum`, value: checksum.value / validation.value, unit: 'times' });
  }
  const view = batchOf(LARGE, plain, 'none');
  figures.push(
    measure('10,000 records of 100 B, exact walk', 'records', LARGE, () => {
      const cursor = new RecordCursor(view.payload);
      while (!cursor.atEnd) cursor.next();
    }),
  );
  for (const codec of COMPRESSION_NAMES) figures.push(validating(`10,000 records of JSON, ${codec}`, batchOf(LARGE, json, codec), codec));
  return figures;
}

function batchOf(records: number, record: Shape['record'], compression: CompressionName): BatchView {
  const list = Array.from({ length: records }, (_, index) => ({ timestamp: BigInt(START_MS + (index >> 3)), ...record(index) }));
  return new BatchView(buildBatch({ records: list, compression }));
}

function validating(name: string, view: BatchView, codec: CompressionName): Figure {
  const { maxDecompressedBytes } = DEFAULT_LOG_CONFIG;
  return measure(name, 'records', view.recordCount, () => {
    validateRecords(view, unfoldRecords(view, codec, maxDecompressedBytes), DEFAULT_LOG_CONFIG, START_MS);
  });
}
