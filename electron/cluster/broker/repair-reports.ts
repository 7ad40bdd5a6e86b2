/** What repairs of corrupt segments log, and record on the timeline. */
import type { Clock } from '../lib/clock.ts';
import type { DiskError } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { RepairScope, SegmentRepair } from '../log/segment-repair.ts';
import type { Partition } from './partition.ts';

export interface RepairReportsOptions {
  readonly brokerId: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventSink;
}

export class RepairReports {
  private readonly options: RepairReportsOptions;

  constructor(options: RepairReportsOptions) {
    this.options = options;
  }

  repaired({ topic, index, name }: Partition, { baseOffset, endOffset }: SegmentRepair, source: number, scope: RepairScope): void {
    const { brokerId, clock, events, logger } = this.options;
    logger.info('corrupt segment repaired', { partition: name, baseOffset, endOffset, source, scope });
    const fetched = `offsets ${baseOffset} to ${endOffset - 1n} were fetched from broker ${source}`;
    events({
      type: 'node/segmentRepaired',
      at: clock.now(),
      broker: brokerId,
      topic,
      partitions: [index],
      reason: scope === 'segment' ? fetched : `${fetched}: beside segments that are compacted otherwise, one could restore deleted keys`,
      details: { baseOffset: baseOffset.toString(), endOffset: endOffset.toString(), source, scope },
    });
  }

  /** Followers wait for the records of `segment`, and no handover can help them. */
  blocked(
    { topic, index, name }: Partition,
    { baseOffset, endOffset }: { baseOffset: bigint; endOffset: bigint },
    blocked: readonly number[],
    reason: string,
  ): void {
    const { brokerId, clock, events, logger } = this.options;
    logger.error('followers are blocked by a corrupt segment', { partition: name, reason });
    events({
      type: 'partition/repairBlocked',
      at: clock.now(),
      broker: brokerId,
      topic,
      partitions: [index],
      reason,
      details: { baseOffset: baseOffset.toString(), endOffset: endOffset.toString(), blocked: [...blocked] },
    });
  }

  /** The disk did not take the repair. Recorded unless it is the reason that was `reported` last; returns the reason. */
  writeFailed({ topic, index, name, log }: Partition, error: DiskError, retryMs: number, reported: string | undefined): string {
    const { brokerId, clock, events, logger } = this.options;
    const missing = log.corruptSegments.map(({ baseOffset, endOffset }) => `${baseOffset} to ${endOffset - 1n}`).join(', ');
    const space = error.code === 'ENOSPC' ? `. The copy of a whole log takes up to ${log.sizeBytes} bytes: free disk space` : '';
    const reason = `broker ${brokerId} cannot write the repair of offsets ${missing} of ${name}: ${error.message}${space}`;
    logger.warn('repair cannot be written to disk', { partition: name, reason, retryMs });
    if (reason !== reported)
      events({ type: 'partition/repairBlocked', at: clock.now(), broker: brokerId, topic, partitions: [index], reason });
    return reason;
  }
}
