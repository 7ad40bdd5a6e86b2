/** Compares the closed segments that an open finds with the manifest, so that no reader passes over missing records. */
import type { LogCorruption } from './corruption.ts';
import { LOG_SUFFIX, offsetFileName } from './log-files.ts';
import type { RecoveryContext } from './recovery-context.ts';
import { endByHeaders } from './segment-search.ts';
import type { Segment } from './segment.ts';
import { isReplacing, UNKNOWN_SIZE, type ClosedSegment } from './segment-manifest.ts';

export interface FoundSegment {
  segment: Segment;
  /** Its indexes exist, and their sizes are plausible. */
  indexed: boolean;
}

interface Known {
  readonly logStartOffset: bigint;
  /** There is a manifest. */
  readonly listed: boolean;
  /** Offset at which the first segment has to start, if it is known exactly. */
  readonly startOffset: bigint | undefined;
  /** See `OpenOptions`: what lies above is reported by the recovery, which cuts it off. */
  readonly protectedTo: bigint;
}

type Context = Pick<RecoveryContext, 'manifest' | 'makeSegment' | 'gapsAllowed' | 'cutOff' | 'found' | 'logger'>;

/**
 * Returns the segments in order, with an empty one in place of each missing segment; `Segment.lack` describes the missing records. The
 * manifest decides. Without it (data of an earlier version, or of Apache Kafka) a segment has to start where the one before it ends,
 * unless compaction may have left the gap.
 */
export function compareClosedSegments(context: Context, present: readonly FoundSegment[], known: Known): FoundSegment[] {
  const { manifest } = context;
  const last = present.at(-1)?.segment;
  const listed = manifest.entries.filter(({ endOffset }) => endOffset > known.logStartOffset);
  reportLostEnd(context, last, listed);
  const bases = new Set(present.map(({ segment }) => segment.baseOffset));
  const missing = last === undefined ? [] : listed.filter(({ baseOffset }) => baseOffset < last.baseOffset && !bases.has(baseOffset));
  const found = [...present, ...missing.map((entry) => placeholder(context, entry.baseOffset, entry))];
  const first = present[0]?.segment;
  if (first !== undefined && known.startOffset !== undefined && known.startOffset < first.baseOffset) {
    found.push(placeholder(context, known.startOffset));
  }
  found.sort((a, b) => (a.segment.baseOffset < b.segment.baseOffset ? -1 : 1));
  for (const [index, { segment, indexed }] of found.slice(0, -1).entries()) {
    const next = (found[index + 1] as FoundSegment).segment.baseOffset;
    const entry = manifest.get(segment.baseOffset);
    if (segment.lack === undefined) {
      if (entry !== undefined) compareSize(segment, entry);
      else if (!context.gapsAllowed && indexed) compareEnd(segment, next);
    }
    if (segment.lack !== undefined && (next <= known.protectedTo || segment.lack.replacing === true)) report(context, segment, next);
    else if (entry !== undefined && indexed) segment.expect(entry);
  }
  return found;
}

/** An entry is written after the next segment was created: the last entry never describes the last segment of the log. */
function reportLostEnd(context: Context, last: Segment | undefined, listed: readonly ClosedSegment[]): void {
  const lost = listed.at(-1);
  if (lost === undefined || (last !== undefined && lost.baseOffset < last.baseOffset)) return;
  const absent = listed.filter(({ baseOffset }) => last === undefined || baseOffset > last.baseOffset);
  const bytes = absent.reduce((sum, one) => sum + one.sizeBytes, 0);
  const offset = absent[0]?.baseOffset ?? lost.endOffset;
  const segment = offsetFileName(offset, LOG_SUFFIX);
  context.cutOff({ foundBy: 'recovery', offset, segment, position: 0, reason: `${segment} is missing`, bytes });
  const entry = last === undefined ? undefined : context.manifest.get(last.baseOffset);
  if (last !== undefined && entry !== undefined && isReplacing(entry)) {
    last.file.truncate(0);
    last.sync();
    last.size = 0;
  }
  context.manifest.drop(({ baseOffset }) => last === undefined || baseOffset >= last.baseOffset);
}

function placeholder(context: Context, baseOffset: bigint, entry?: ClosedSegment): FoundSegment {
  const segment = context.makeSegment(baseOffset, 0, true);
  const replacing = entry !== undefined && isReplacing(entry);
  segment.lack = { from: baseOffset, reason: `${offsetFileName(baseOffset, LOG_SUFFIX)} is missing`, replacing };
  if (entry !== undefined) segment.assumeTimes(entry.largest);
  return { segment, indexed: true };
}

function compareSize(segment: Segment, entry: ClosedSegment): void {
  const { size } = segment;
  if (size === entry.sizeBytes) return;
  if (isReplacing(entry)) {
    segment.size = 0;
    segment.lack = { from: segment.baseOffset, reason: 'a repair of the whole log was interrupted', replacing: true };
    segment.assumeTimes(entry.largest);
    return;
  }
  segment.size = Math.min(size, entry.sizeBytes);
  segment.expectTransactions(entry.checksums.transaction);
  const had = entry.sizeBytes === UNKNOWN_SIZE ? 'more' : String(entry.sizeBytes);
  const reason = size === 0 ? 'the file is empty' : `the file has ${size} bytes, and had ${had} when it was closed`;
  segment.lack = { from: endOf(segment), reason };
  segment.assumeTimes(entry.largest);
}

function compareEnd(segment: Segment, next: bigint): void {
  const end = endByHeaders(segment);
  if (end === next) return;
  segment.lack = { from: end ?? endOf(segment), reason: gapReason(end ?? endOf(segment), next) };
}

/** Reports the records from `from` to `to` as missing after `segment`, or inside it with `defect`; the files stay unchanged. */
export function markGap(context: Context, segment: Segment, from: bigint, to: bigint, defect?: string): void {
  if (segment.lack !== undefined) return;
  segment.lack = { from, reason: defect ?? gapReason(from, to) };
  report(context, segment, to);
}

function gapReason(from: bigint, next: bigint): string {
  return `the segment ends at offset ${from} and the next one starts at ${next}`;
}

function report(context: Context, segment: Segment, endOffset: bigint): void {
  const { lack, path, size: position } = segment;
  if (lack === undefined) return;
  const name = path.slice(path.lastIndexOf('/') + 1);
  context.logger.error('closed segment lacks records', { segment: path, from: lack.from, to: endOffset, reason: lack.reason });
  const corruption: LogCorruption = {
    foundBy: 'open',
    offset: lack.from,
    endOffset,
    segment: name,
    position,
    reason: lack.reason,
    bytes: 0,
  };
  context.found(corruption);
}

/** Offset after the last whole batch, from the start of the file. */
function endOf(segment: Segment): bigint {
  const scanner = segment.scanner();
  let end = segment.baseOffset;
  let position = 0;
  for (
    let batch = scanner.header(0);
    batch !== undefined && batch.magic === 2 && batch.baseOffset >= end;
    batch = scanner.header(position)
  ) {
    end = batch.lastOffset + 1n;
    position += batch.sizeInBytes;
  }
  return end;
}
