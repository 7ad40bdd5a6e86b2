/**
 * The snapshots of the metadata log (KIP-630): files `<end offset>-<epoch>.checkpoint` in the log's directory, each with the state of all
 * records below its end. A control batch with a SnapshotHeader, batches of metadata records, a control batch with a SnapshotFooter, with
 * offsets of their own from 0; `kafka-dump-log --cluster-metadata-decoder` reads them. A file is written under another name, synced and
 * then renamed, so that a file with the right name is complete. The two newest are kept: the older one replaces a corrupt newest one.
 */
import { DiskError, type Disk, type DiskFile } from '../lib/disk.ts';
import type { Logger } from '../lib/logger.ts';
import { BatchScanner } from '../log/batch-scanner.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { iterateBatches, verifyBatch, type BatchView } from '../protocol/record-batch.ts';
import { decodeControlRecord, encodeControlRecord, type ControlRecordIn } from '../protocol/records/control-records.ts';
import { buildBatch } from '../protocol/records-builder.ts';
import { decodeRecords } from '../protocol/records-reader.ts';
import { isNewerSnapshot, MAX_METADATA_BATCH_BYTES, type SnapshotId, type SnapshotReceiver, type SnapshotWriter } from './raft-log.ts';

const SUFFIX = '.checkpoint';
const UNFINISHED = '.checkpoint.part';
const KEPT = 2;
/** Sync interval of an unfinished file: a single sync at its end would block the node for as long as the disk takes. */
const SYNC_BYTES = 4 * 1024 ** 2;
/** Bytes of a received file that are read at a time. */
const SCAN_BYTES = 1024 * 1024;

export function snapshotFileName({ endOffset, epoch }: SnapshotId): string {
  return `${String(endOffset).padStart(20, '0')}-${String(epoch).padStart(10, '0')}${SUFFIX}`;
}

export function parseSnapshotFileName(name: string): SnapshotId | undefined {
  const match = /^(\d{20})-(\d{10})\.checkpoint$/.exec(name);
  return match === null ? undefined : { endOffset: BigInt(match[1] as string), epoch: Number(match[2]) };
}

export class MetadataSnapshots {
  private readonly disk: Disk;
  private readonly directory: string;
  private readonly logger: Logger;
  /** Oldest first. */
  private known: SnapshotId[];

  /** Finds the snapshots; removes unfinished and corrupt ones, which another node might fetch. */
  constructor(disk: Disk, directory: string, logger: Logger) {
    this.disk = disk;
    this.directory = directory;
    this.logger = logger;
    const names = disk.list(directory);
    for (const name of names) if (name.endsWith(UNFINISHED)) disk.remove(`${directory}/${name}`);
    this.known = names
      .map(parseSnapshotFileName)
      .filter((id) => id !== undefined)
      .sort((a, b) => (isNewerSnapshot(a, b) ? 1 : -1));
    this.known = this.known.filter((id) => {
      const defect = snapshotDefect(disk.readFile(this.path(id)));
      if (defect === undefined) return true;
      logger.error('A metadata snapshot is damaged and is not used', { file: this.path(id), reason: defect });
      disk.remove(this.path(id));
      return false;
    });
  }

  get latest(): SnapshotId | undefined {
    return this.known.at(-1);
  }
  get earliest(): SnapshotId | undefined {
    return this.known[0];
  }
  get count(): number {
    return this.known.length;
  }

  size(id: SnapshotId): number {
    return this.disk.size(this.path(id));
  }

  /** A slice of a snapshot's file; undefined for an unknown snapshot. Throws POSITION_OUT_OF_RANGE. */
  read(id: SnapshotId, position: bigint, maxBytes: number): { size: bigint; bytes: Buffer } | undefined {
    if (!this.has(id)) return undefined;
    const file = this.disk.open(this.path(id));
    try {
      const size = file.size();
      if (position < 0n || position >= BigInt(size)) {
        throw new KafkaError(ErrorCode.POSITION_OUT_OF_RANGE, `position ${position} in a snapshot of ${size} bytes`);
      }
      const bytes = Buffer.allocUnsafe(Math.max(1, Math.min(maxBytes, size - Number(position))));
      const read = file.read(bytes, Number(position));
      return { size: BigInt(size), bytes: bytes.subarray(0, read) };
    } finally {
      file.close();
    }
  }

  /** The records of a snapshot, batch by batch. Throws CORRUPT_MESSAGE. */
  *records(id: SnapshotId): Generator<Uint8Array[], void, undefined> {
    for (const batch of iterateBatches(this.disk.readFile(this.path(id)))) {
      const defect = verifyBatch(batch);
      if (defect !== undefined) throw new KafkaError(defect.code, `${this.path(id)}: ${defect.reason}`);
      yield valuesOf(batch);
    }
  }

  /** Begins to write a snapshot. `timestamp`: wall-clock ms of its last record. `finished` runs once the snapshot is durable. */
  write(id: SnapshotId, timestamp: number, finished: () => void): SnapshotWriter {
    const file = this.begin(id);
    const time = BigInt(Math.trunc(timestamp));
    let offset = 0n;
    const put = (records: readonly { key?: Uint8Array; value: Uint8Array }[], control: boolean): void => {
      file.append(buildBatch({ records, baseOffset: offset, timestamp: time, partitionLeaderEpoch: id.epoch, control }));
      offset += BigInt(records.length);
    };
    try {
      put([encodeControlRecord(header(time))], true);
    } catch (error) {
      file.abandon();
      throw error;
    }
    return {
      append: (values) => {
        if (values.length > 0)
          put(
            values.map((value) => ({ value })),
            false,
          );
      },
      finish: () => {
        put([encodeControlRecord({ type: 'SnapshotFooter', value: {} })], true);
        this.complete(id, file);
        finished();
        return file.position;
      },
      abandon: () => file.abandon(),
    };
  }

  /** Begins to receive a snapshot in slices. `finished` runs once the snapshot is durable. */
  receive(id: SnapshotId, finished: () => void): SnapshotReceiver {
    const file = this.begin(id);
    let checked = false;
    return {
      get position() {
        return file.position;
      },
      append: (bytes) => file.append(bytes),
      *records() {
        const check = new SnapshotCheck();
        const scanner = file.scanner();
        let end = 0;
        for (let batch = scanner.batch(0); batch !== undefined; batch = scanner.batch(end)) {
          end += batch.sizeInBytes;
          const defect = check.defectOf(batch);
          if (defect !== undefined) throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `the received snapshot is damaged: ${defect}`);
          yield valuesOf(batch);
        }
        const defect = check.defectAtEnd(file.position - end);
        if (defect !== undefined) throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `the received snapshot is damaged: ${defect}`);
        checked = true;
      },
      finish: () => {
        const defect = checked ? undefined : snapshotDefect(file.read());
        if (defect !== undefined) {
          file.abandon();
          throw new KafkaError(ErrorCode.CORRUPT_MESSAGE, `the received snapshot is damaged: ${defect}`);
        }
        this.complete(id, file);
        finished();
      },
      abandon: () => file.abandon(),
    };
  }

  /** Removes all but the two newest, and those that end below the start of the log. */
  removeOld(logStartOffset = 0n): void {
    const kept = this.known.slice(-KEPT).filter(({ endOffset }) => endOffset >= logStartOffset);
    const old = this.known.filter((id) => !kept.includes(id));
    this.known = kept;
    for (const id of old) this.disk.remove(this.path(id));
    if (old.length > 0) this.disk.syncDirectory(this.directory);
  }

  /** Removes all other snapshots, which belong to a diverged log. */
  keepOnly(id: SnapshotId): void {
    for (const other of this.known) if (isNewerSnapshot(id, other) || isNewerSnapshot(other, id)) this.disk.remove(this.path(other));
    this.known = [id];
  }

  private has({ endOffset, epoch }: SnapshotId): boolean {
    return this.known.some((id) => id.endOffset === endOffset && id.epoch === epoch);
  }

  private begin(id: SnapshotId): UnfinishedFile {
    return new UnfinishedFile(this.disk, `${this.path(id)}.part`, this.logger);
  }

  private complete(id: SnapshotId, file: UnfinishedFile): void {
    file.complete(this.path(id));
    this.disk.syncDirectory(this.directory);
    if (!this.has(id)) this.known.push(id);
    this.known.sort((a, b) => (isNewerSnapshot(a, b) ? 1 : -1));
  }

  private path(id: SnapshotId): string {
    return `${this.directory}/${snapshotFileName(id)}`;
  }
}

/** A file that is being written from its beginning. */
class UnfinishedFile {
  position = 0;
  private unsyncedBytes = 0;
  private readonly disk: Disk;
  private readonly path: string;
  private readonly logger: Logger;
  private readonly file: DiskFile;
  private open = true;

  constructor(disk: Disk, path: string, logger: Logger) {
    this.disk = disk;
    this.logger = logger;
    this.path = path;
    this.file = disk.open(path, { create: true });
    this.file.truncate(0);
  }

  append(bytes: Uint8Array): void {
    this.file.write([bytes], this.position);
    this.position += bytes.length;
    this.unsyncedBytes += bytes.length;
    if (this.unsyncedBytes < SYNC_BYTES) return;
    this.file.sync();
    this.unsyncedBytes = 0;
  }

  scanner(): BatchScanner {
    return new BatchScanner(this.file, this.position, SCAN_BYTES);
  }

  read(): Buffer {
    const bytes = Buffer.allocUnsafe(this.position);
    const read = this.file.read(bytes, 0);
    return bytes.subarray(0, read);
  }

  complete(path: string): void {
    this.file.sync();
    this.close();
    this.disk.rename(this.path, path);
  }

  /** Closes and removes the file. */
  abandon(): void {
    if (!this.open) return;
    try {
      this.close();
      this.disk.remove(this.path);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.logger.warn('Could not remove an unfinished snapshot; the next start removes it', { file: this.path, error });
    }
  }

  private close(): void {
    this.open = false;
    this.file.close();
  }
}

function header(lastContainedLogTimestamp: bigint): ControlRecordIn {
  return { type: 'SnapshotHeader', value: { lastContainedLogTimestamp } };
}

/** The defect of the bytes of a snapshot; undefined: none. */
export function snapshotDefect(bytes: Buffer): string | undefined {
  const check = new SnapshotCheck();
  let end = 0;
  for (const batch of iterateBatches(bytes)) {
    const defect = check.defectOf(batch);
    if (defect !== undefined) return defect;
    end = batch.position + batch.sizeInBytes;
  }
  return check.defectAtEnd(bytes.length - end);
}

/** Checks the batches of a snapshot in order. */
class SnapshotCheck {
  private last: BatchView | undefined;

  defectOf(batch: BatchView): string | undefined {
    const defect = verifyBatch(batch);
    if (defect !== undefined) return defect.reason;
    if (this.last === undefined && controlType(batch) !== 'SnapshotHeader') return 'it does not begin with a header';
    this.last = batch;
    return undefined;
  }

  /** `rest`: bytes behind the last batch. */
  defectAtEnd(rest: number): string | undefined {
    if (this.last === undefined || rest > 0) return `${rest} bytes at its end are no batch`;
    return controlType(this.last) === 'SnapshotFooter' ? undefined : 'it does not end with a footer';
  }
}

/** None of a control batch. */
function valuesOf(batch: BatchView): Uint8Array[] {
  if (batch.isControl) return [];
  return [...decodeRecords(batch, MAX_METADATA_BATCH_BYTES)].flatMap(({ value }) => (value === null ? [] : [value]));
}

function controlType(batch: BatchView): string | undefined {
  if (!batch.isControl) return undefined;
  for (const { key, value } of decodeRecords(batch, MAX_METADATA_BATCH_BYTES))
    return key === null ? undefined : decodeControlRecord({ key, value })?.type;
  return undefined;
}
