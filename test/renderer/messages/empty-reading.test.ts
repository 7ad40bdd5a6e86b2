import { describe, expect, it } from 'vitest';
import type { PartitionRow } from '#shared/models/cluster';
import { describeEmptyReading } from '../../../renderer/messages/empty-reading.ts';
import { formatMoment } from '../../../renderer/format/numbers.ts';

const row = (partition: number, startOffset: string | null, endOffset: string | null): PartitionRow => ({
  partition,
  leader: 1,
  leaderEpoch: 0,
  replicas: [],
  isr: [],
  startOffset,
  endOffset,
  sizeBytes: null,
  error: null,
});
const ALL = { partitions: null, failed: [] };

describe('a reading that shows no record', () => {
  it('has no reason of its own where the topic is empty', () => {
    expect(describeEmptyReading({ ...ALL, from: { kind: 'newest' }, rows: [row(0, '5', '5')] })).toBeNull();
    expect(describeEmptyReading({ ...ALL, from: { kind: 'offset', offset: '9' }, rows: [row(0, '0', '0')] })).toBeNull();
  });

  it('names the end of the log when the offset lies beyond it', () => {
    expect(describeEmptyReading({ ...ALL, from: { kind: 'offset', offset: '9000' }, rows: [row(0, '10', '1200')] })).toEqual({
      title: 'No records from offset 9,000',
      text: 'The log of partition 0 reaches from offset 10 to 1,200 (exclusive). Choose a lower offset.',
    });
  });

  it('says which partition was read', () => {
    const reading = { from: { kind: 'newest' }, partitions: [1], failed: [], rows: [row(0, '0', '7'), row(1, '3', '3')] } as const;
    expect(describeEmptyReading(reading)).toEqual({
      title: 'No records in partition 1',
      text: 'The log of partition 1 reaches from offset 3 to 3 (exclusive).',
    });
  });

  it('says that every record is older than the time', () => {
    const timestamp = Date.UTC(2026, 0, 2);
    const described = describeEmptyReading({ ...ALL, from: { kind: 'time', timestamp }, rows: [row(0, '0', '7')] });
    expect(described?.title).toBe(`No records since ${formatMoment(timestamp)}`);
  });

  it('explains offsets that hold no records', () => {
    const described = describeEmptyReading({ ...ALL, from: { kind: 'oldest' }, rows: [row(0, '0', '7'), row(1, '0', '0')] });
    expect(described?.text).toBe(
      'The logs reach: partition 0 from offset 0 to 7 and partition 1 from offset 0 to 0 (exclusive). ' +
        'Those offsets hold no records: compaction removed them, or they are transaction markers.',
    );
  });

  it('claims nothing of partitions that were not read or whose offsets are unknown', () => {
    expect(describeEmptyReading({ ...ALL, from: { kind: 'newest' }, rows: [row(0, '0', '7')], failed: [0] })).toEqual({
      title: 'No records',
      text: 'The partitions that were read hold none: no partition was read. Try again.',
    });
    expect(describeEmptyReading({ ...ALL, from: { kind: 'newest' }, rows: [row(0, null, null)] })).toEqual({
      title: 'No records',
      text: 'The end offset is unknown.',
    });
  });
});
