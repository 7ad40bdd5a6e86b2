import type { Disk } from '../lib/disk.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { Reader } from '../protocol/reader.ts';
import { Writer } from '../protocol/writer.ts';
import { offsetFile, offsetOfFile, SNAPSHOT_SUFFIX } from './log-files.ts';
import type { ProducerBatch, ProducerEntry } from './producer-state.ts';

/**
 * Producer state at an offset, in Kafka's `<offset>.snapshot`: int16 version 1, uint32 CRC-32C of what follows, an array of
 * {producer_id, epoch, last_sequence, last_offset, offset_delta, timestamp, coordinator_epoch, current_txn_first_offset}.
 *
 * Kafka writes one entry per producer, its last batch, and after a restart refuses a retry of an older one as out of order: a client whose
 * acknowledgements were lost with the process then stops for good. So every remembered batch has an entry here, oldest first. Kafka's own
 * reader keeps the last entry of a producer, which is the one that it would have written.
 */
const VERSION = 1;
const CRC_END = 6;
/** A producer that is known only by a marker, or by the transaction that it left. */
const NO_BATCH: ProducerBatch = { lastSequence: -1, lastOffset: -1n, offsetDelta: 0, timestamp: -1n };

export function writeProducerSnapshot(disk: Disk, directory: string, offset: bigint, entries: Iterable<ProducerEntry>): void {
  const writer = new Writer();
  let count = 0;
  for (const entry of entries) {
    const batches: readonly ProducerBatch[] = entry.batches.length > 0 ? entry.batches : [NO_BATCH];
    for (const batch of batches) {
      writer.int64(entry.producerId);
      writer.int16(entry.epoch);
      writer.int32(batch.lastSequence);
      writer.int64(batch.lastOffset);
      writer.int32(batch.offsetDelta);
      writer.int64(batch === batches.at(-1) ? entry.lastTimestamp : batch.timestamp);
      writer.int32(entry.coordinatorEpoch);
      writer.int64(entry.currentTransactionFirstOffset);
      count++;
    }
  }
  const body = writer.finishBuffer();
  const bytes = Buffer.alloc(CRC_END + 4 + body.length);
  bytes.writeInt16BE(VERSION, 0);
  bytes.writeInt32BE(count, CRC_END);
  bytes.set(body, CRC_END + 4);
  bytes.writeUInt32BE(crc32c(bytes.subarray(CRC_END)), 2);
  disk.writeFileAtomic(offsetFile(directory, offset, SNAPSHOT_SUFFIX), bytes);
}

/** Throws ProtocolError when the file is incomplete. */
export function readProducerSnapshot(disk: Disk, directory: string, offset: bigint): ProducerEntry[] {
  const bytes = disk.readFile(offsetFile(directory, offset, SNAPSHOT_SUFFIX));
  const reader = new Reader(bytes);
  const version = reader.int16();
  if (version !== VERSION) throw new ProtocolError(`producer snapshot of version ${version}`);
  if (reader.uint32() !== crc32c(bytes.subarray(CRC_END))) throw new ProtocolError('producer snapshot with a wrong checksum');
  const entries = new Map<bigint, ProducerEntry>();
  for (let n = reader.arrayLength(); n > 0; n--) {
    const producerId = reader.int64();
    const epoch = reader.int16();
    const lastSequence = reader.int32();
    const lastOffset = reader.int64();
    const offsetDelta = reader.int32();
    const timestamp = reader.int64();
    const coordinatorEpoch = reader.int32();
    const currentTransactionFirstOffset = reader.int64();
    const batches = entries.get(producerId)?.batches ?? [];
    if (lastOffset >= 0n) batches.push({ lastSequence, lastOffset, offsetDelta, timestamp });
    entries.set(producerId, { producerId, epoch, coordinatorEpoch, lastTimestamp: timestamp, currentTransactionFirstOffset, batches });
  }
  return [...entries.values()];
}

/** Offsets of the snapshots in a directory listing, ascending. */
export function snapshotOffsets(names: readonly string[]): bigint[] {
  return names.map((name) => offsetOfFile(name, SNAPSHOT_SUFFIX)).filter((offset) => offset !== undefined);
}

export function removeProducerSnapshot(disk: Disk, directory: string, offset: bigint): void {
  disk.remove(offsetFile(directory, offset, SNAPSHOT_SUFFIX));
}
