/** Which records can be deleted, what is said of it first, and of those that stayed. */
import { describe, expect, it } from 'vitest';
import { previewDeletion, describeDeletion, describeFailures } from '../../../renderer/topics/delete-records.ts';
import type { LogStart } from '../../../shared/ipc.ts';
import { partitionRow } from '../learn/learn-fixture.ts';
import { groupRow } from '../learn/readers-fixture.ts';

const TOPIC = 'learn-orders';
const rows = [
  partitionRow(0, { startOffset: '0', endOffset: '10' }),
  partitionRow(1, { startOffset: '5', endOffset: '5' }),
  partitionRow(2, { leader: null }),
  partitionRow(3, { startOffset: null }),
];

describe('a plan', () => {
  it('goes to the end of each; what holds nothing stays, what is not known is not touched', () => {
    expect(previewDeletion(rows, null)).toEqual([
      { partition: 0, from: '0', to: '10', why: null },
      { partition: 1, from: '5', to: '5', why: 'Partition 1 holds no record.' },
      { partition: 2, from: '0', to: null, why: expect.stringContaining('no leader') as string },
      { partition: 3, from: null, to: null, why: expect.stringContaining('not known') as string },
    ]);
    expect(previewDeletion(rows.slice(0, 1), '4')).toEqual([{ partition: 0, from: '0', to: '4', why: null }]);
  });

  it('is described in records, of which a compacted log may have fewer', () => {
    const plan = previewDeletion(rows, '4').slice(0, 1);
    expect(describeDeletion(plan, [], TOPIC, false)).toEqual([
      '4 records will be permanently deleted from all replicas. Remaining records keep their offsets.',
    ]);
    expect(describeDeletion(plan, [], TOPIC, true)[0]).toMatch(/^Up to 4 records will be/);
    expect(describeDeletion(previewDeletion(rows.slice(1), null), [], TOPIC, false)).toEqual([]);
  });

  it('names the groups that have yet to read some of it, and no other', () => {
    const plan = previewDeletion(rows.slice(0, 1), '4');
    const groups = [groupRow('late', [], [['3', '10']]), groupRow('on-time', [], [['4', '10']]), groupRow('new', [], [[null, '10']])];
    expect(describeDeletion(plan, groups, TOPIC, false)[1]).toBe(
      'late has not consumed all of them and will continue from auto.offset.reset.',
    );
    expect(describeDeletion(plan, groups, 'another', false)).toHaveLength(1);
    const many = ['a', 'b', 'c', 'd', 'e'].map((id) => groupRow(id, [], [['0', '10']]));
    expect(describeDeletion(plan, many, TOPIC, false)[1]).toMatch(/^a, b, c and 2 more groups have not consumed all of them/);
  });
});

it('groups failed partitions by their error', () => {
  const failed = (partition: number, message: string): LogStart => ({ partition, startOffset: null, error: { code: 'X', message } });
  const done: LogStart = { partition: 1, startOffset: '7', error: null };
  expect(describeFailures([failed(0, 'It has no leader now.'), done, failed(2, 'It has no leader now.'), failed(3, 'Refused')])).toEqual([
    'Partitions 0, 2: It has no leader now.',
    'Partition 3: Refused.',
  ]);
  expect(describeFailures([done])).toEqual([]);
});
