/**
 * Where the embedded cluster answers a produced batch differently from Apache Kafka 4.3.0 on purpose, and why. The full run of
 * `batches.test.ts` fails for a difference that is not listed here, and for an entry that no case needs.
 */
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { BATCH_HEADER_BYTES } from '../../electron/cluster/protocol/record-batch.ts';
import { RecordCursor } from '../../electron/cluster/protocol/record-cursor.ts';
import type { OddCase } from '../helpers/odd-batches.ts';

/** What a broker did with a batch. */
export interface Outcome {
  /** −100: the connection was closed. */
  errorCode: number;
  /** Indexes of the records that the answer names. */
  records: number[];
  /** What is stored, as hexadecimal, without what the place in the log decides; empty where nothing is. */
  stored: string;
}

export interface Difference {
  name: string;
  why: string;
  allows(judge: Outcome, ours: Outcome, batch: OddCase): boolean;
}

export const CLOSED = -100;

const isCompressed = ({ codec }: OddCase): boolean => codec >= 1 && codec <= 4;
const has = ({ mutations }: OddCase, ...names: string[]): boolean => names.some((name) => mutations.includes(name));

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'transactional records with a transactional id',
    why: 'Transactions are not built yet, so that none can be ended: the whole request is refused.',
    allows: (_judge, ours, batch) =>
      batch.transactionalId !== null && has(batch, 'transactional attribute') && ours.errorCode === ErrorCode.INVALID_TXN_STATE,
  },
  {
    name: 'codec that is not assigned',
    why: 'Apache Kafka fails with an unhandled exception, before it looks at the size. The cause is answered here.',
    allows: (judge, ours, { codec }) =>
      codec > 4 &&
      judge.errorCode === ErrorCode.UNKNOWN_SERVER_ERROR &&
      (ours.errorCode === ErrorCode.UNSUPPORTED_COMPRESSION_TYPE || ours.errorCode === ErrorCode.MESSAGE_TOO_LARGE),
  },
  {
    name: 'payload that its codec cannot read',
    why: 'Apache Kafka fails with an unhandled exception. INVALID_RECORD is refused for good by every client as well, and says why.',
    allows: (judge, ours, batch) =>
      isCompressed(batch) && judge.errorCode === ErrorCode.UNKNOWN_SERVER_ERROR && ours.errorCode === ErrorCode.INVALID_RECORD,
  },
  {
    name: 'bytes after a gzip stream',
    why: 'Apache Kafka stores them; zlib and clients built on it cannot read such a batch.',
    allows: (judge, ours, batch) =>
      batch.codec === 1 &&
      has(batch, 'bytes after the payload') &&
      judge.errorCode !== ErrorCode.UNKNOWN_SERVER_ERROR &&
      ours.errorCode === ErrorCode.INVALID_RECORD,
  },
  {
    name: 'null instead of records',
    why: 'Apache Kafka fails with an unhandled exception and closes the connection.',
    allows: (judge, ours, { records }) => records === null && judge.errorCode === CLOSED && ours.errorCode === ErrorCode.INVALID_RECORD,
  },
  {
    name: 'length of a compressed record',
    why: 'Apache Kafka does not compare it with the fields of a compressed record, and stores what its own consumer cannot read.',
    allows: (judge, ours, batch) =>
      isCompressed(batch) &&
      has(batch, 'record length', 'a byte of the records') &&
      judge.errorCode !== ErrorCode.UNKNOWN_SERVER_ERROR &&
      ours.errorCode === ErrorCode.INVALID_RECORD,
  },
  {
    name: 'offset deltas of uncompressed records',
    why: 'Apache Kafka stores them as they are, and consumers then meet offsets twice or out of order. They are corrected to 0, 1, 2 … here.',
    allows: (judge, ours, batch) =>
      batch.codec === 0 && judge.errorCode === ErrorCode.NONE && ours.errorCode === ErrorCode.NONE && isNumbered(judge.stored, ours.stored),
  },
  {
    name: 'offset deltas of compressed records',
    why: 'Apache Kafka means to correct them and fails with an unhandled exception. They are corrected here.',
    allows: (judge, ours, batch) =>
      isCompressed(batch) &&
      has(batch, 'offset delta', 'offset deltas from 1', 'a byte of the records') &&
      judge.errorCode === ErrorCode.UNKNOWN_SERVER_ERROR &&
      ours.errorCode === ErrorCode.NONE,
  },
];

/** Whether two uncompressed batches have the same records but for the numbering, which is 0, 1, 2 … in the second. */
function isNumbered(before: string, after: string): boolean {
  const [first, second] = [before, after].map((hex) => new RecordCursor(Buffer.from(hex, 'hex').subarray(BATCH_HEADER_BYTES)));
  if (first === undefined || second === undefined) return false;
  for (let index = 0; !first.atEnd; index++) {
    first.next();
    second.next();
    if (second.offsetDelta !== index || !bodyOf(first).equals(bodyOf(second))) return false;
  }
  return second.atEnd;
}

function bodyOf({ bytes, bodyAt, offsetDeltaAt, keyAt, position }: RecordCursor): Buffer {
  return Buffer.concat([bytes.subarray(bodyAt, offsetDeltaAt), bytes.subarray(keyAt, position)]);
}
