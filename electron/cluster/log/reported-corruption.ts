import type { CorruptBatchError, UnreadableRecords } from './corruption.ts';
import type { LogStorage } from './log-storage.ts';
import type { LogOptions } from './log-types.ts';
import type { Segment } from './segment.ts';

/** Number of corrupt positions that one log reports at most. */
const MAX_REPORTED = 1_000;

/** Reports corruption that readers of a log find: each position once, to the log's owner. Marks the segments that have to be repaired. */
export class ReportedCorruption {
  private readonly options: LogOptions;
  private readonly storage: LogStorage;
  /** Undefined while there is none: most logs never have any. */
  private reported: Set<string> | undefined;

  constructor(options: LogOptions, storage: LogStorage) {
    this.options = options;
    this.storage = storage;
  }

  /** The log was cut: positions may hold other records from now on. */
  forget(): void {
    this.reported = undefined;
  }

  /** The segment was replaced: corruption found in it later is reported again. */
  repaired(segment: Segment): void {
    for (const place of this.reported ?? []) if (segment.path.endsWith(place.slice(0, place.indexOf('@')))) this.reported?.delete(place);
  }

  /** A read found a corrupt batch, at `offset` if its own header is not valid. */
  refused({ path, segment, position, reason, offset: own }: CorruptBatchError, offset: bigint): void {
    const found = this.storage.segments.all.find((one) => one.path === path);
    // Already reported by the open.
    if (found?.lack !== undefined) return;
    if (found !== undefined) found.refused = true;
    if (!this.isNew(`${segment}@${position}`)) return;
    this.options.logger.error('corrupt batch is not returned to a reader', { segment, position, reason });
    this.options.onCorruption?.({ foundBy: 'read', offset: own ?? offset, segment, position, reason, bytes: 0 });
  }

  /** Records were skipped because they cannot be decoded; `segment`: the file, where it is not in the list of segments yet. */
  unreadable({ offset, count, reason }: UnreadableRecords, segment?: string): void {
    if (!this.isNew(`offset ${offset}`)) return;
    const file = segment ?? this.storage.segments.all.findLast(({ baseOffset }) => baseOffset <= offset)?.path ?? '';
    const name = file.slice(file.lastIndexOf('/') + 1);
    const { logger, directory } = this.options;
    logger.error('records that cannot be decoded are skipped', { directory, segment: name, offset, count, reason });
    this.options.onCorruption?.({ foundBy: 'decode', offset, segment: name, position: 0, reason, bytes: 0, records: count });
  }

  /** Whether corruption at that position is new. Nothing beyond the limit is reported. */
  private isNew(place: string): boolean {
    this.reported ??= new Set();
    if (this.reported.has(place) || this.reported.size >= MAX_REPORTED) return false;
    this.reported.add(place);
    return true;
  }
}
