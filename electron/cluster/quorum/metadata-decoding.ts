/**
 * Decodes the records of the metadata log. A record of a type or version of a newer release must not stop every node that reads it: it is
 * returned as bytes, which the image keeps, and logged. One of invalid bytes is skipped, logged, counted and reported. Every node does the
 * same with the same record, so their images stay equal.
 */
import type { Clock } from '../lib/clock.ts';
import type { EventSink } from '../lib/events.ts';
import { runWhole } from '../lib/work-slices.ts';
import type { Logger } from '../lib/logger.ts';
import { decodeMetadataRecord, type MetadataRecord } from '../protocol/records/metadata-records.ts';

const METADATA_TOPIC = '__cluster_metadata';

const UNKNOWN_RECORDS =
  'Did not apply metadata records of a newer release; they are kept for snapshots. Start this node with the release that wrote them';

export class MetadataDecoder {
  /** Records skipped since the node started. */
  skipped = 0;
  private readonly options: { nodeId: number; clock: Clock; logger: Logger; events: EventSink };

  constructor(options: MetadataDecoder['options']) {
    this.options = options;
  }

  /** The records of one batch or snapshot; `offset`: of the batch, or the snapshot's end. */
  decode(values: Iterable<Uint8Array>, offset: bigint): MetadataRecord[] {
    return runWhole(this.decodeInSteps([values], offset));
  }

  /** Of several batches, with yields between them at which other work may run. */
  *decodeInSteps(batches: Iterable<Iterable<Uint8Array>>, offset: bigint): Generator<undefined, MetadataRecord[], undefined> {
    const records: MetadataRecord[] = [];
    let skipped = 0;
    let unknown = 0;
    let why = '';
    for (const values of batches) {
      for (const value of values) {
        try {
          const record = decodeMetadataRecord(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
          if (record.type === 'Unknown') unknown++;
          records.push(record);
        } catch (error) {
          if (skipped++ === 0) why = error instanceof Error ? error.message : String(error);
        }
      }
      yield;
    }
    if (unknown > 0) this.options.logger.error(UNKNOWN_RECORDS, { offset, records: unknown });
    if (skipped > 0) this.report(skipped, offset, why);
    return records;
  }

  private report(records: number, offset: bigint, defect: string): void {
    const { nodeId, clock, logger, events } = this.options;
    this.skipped += records;
    logger.error('Skipped metadata records that cannot be decoded', { offset, records, defect, inAll: this.skipped });
    events({
      type: 'node/corruptionFound',
      at: clock.now(),
      broker: nodeId,
      topic: METADATA_TOPIC,
      partitions: [0],
      reason: `${records === 1 ? '1 record' : `${records} records`} at offset ${offset} cannot be decoded (${defect}): skipped`,
      details: { foundBy: 'decode', offset: offset.toString(), records, defect, follows: 'skipped' },
    });
  }
}
