import { describe, expect, it } from 'vitest';
import { Ledger, type PartitionReading } from '../../../electron/admin/load/ledger.ts';

const READ: PartitionReading = { logStart: 0, readTo: 1_000_000, end: 1_000_000 };
const never = (): boolean => false;

/** Records in turn to partitions 0 and 1, acknowledged at offsets 0, 1, 2 … of their partition, and found once. */
function ledger(count: number): Ledger {
  const made = new Ledger();
  for (let i = 0; i < count; i++) {
    const sequence = made.send(i % 2);
    made.acknowledge(sequence, Math.floor(i / 2));
    made.find(sequence);
  }
  return made;
}

describe('Ledger', () => {
  it('reports all records as found', () => {
    const made = ledger(70_000);
    made.beginReading();
    expect(made.verdict(() => READ, never)).toEqual({
      acknowledged: 70_000,
      found: 70_000,
      lost: 0,
      removed: 0,
      unread: 0,
      duplicated: 0,
      storedThoughFailed: 0,
      lostRanges: [],
    });
  });

  it('reports lost ranges by partition, and duplicates', () => {
    const made = new Ledger();
    const lost = new Set([4, 6, 7, 10]);
    for (let i = 0; i < 12; i++) {
      made.send(i % 2);
      made.acknowledge(i, 100 + i);
      if (!lost.has(i)) made.find(i);
    }
    made.find(2);
    made.find(2);
    made.find(5);
    made.find(99);
    made.beginReading();
    expect(made.verdict(() => READ, never)).toMatchObject({
      acknowledged: 12,
      found: 8,
      lost: 4,
      duplicated: 3,
      lostRanges: [
        { from: 4, to: 6, partition: 0, offset: '104', count: 2 },
        { from: 7, to: 7, partition: 1, offset: '107', count: 1 },
        { from: 10, to: 10, partition: 0, offset: '110', count: 1 },
      ],
    });
  });

  it('includes records that were acknowledged during an audit in the next one', () => {
    const made = ledger(4);
    const late = made.send(0);
    made.beginReading();
    made.acknowledge(late, 2);
    expect(made.verdict(() => READ, never)).toMatchObject({ acknowledged: 4, lost: 0 });
    made.endReading();
    made.beginReading();
    expect(made.verdict(() => READ, never)).toMatchObject({ acknowledged: 5, lost: 1 });
  });

  it('settles a record once, and counts failed records that are stored', () => {
    const made = new Ledger();
    const [a, b, c] = [made.send(0), made.send(0), made.send(0)];
    made.fail(a);
    made.acknowledge(a, 5);
    made.acknowledge(b, 6);
    made.fail(b);
    expect([made.sent, made.acknowledged, made.failed]).toEqual([3, 1, 1]);
    made.find(a);
    made.find(b);
    made.find(c);
    made.beginReading();
    expect(made.verdict(() => READ, never)).toMatchObject({ acknowledged: 1, found: 1, lost: 0, storedThoughFailed: 1 });
  });

  it('does not report removed, unreadable and compacted records as lost', () => {
    const made = ledger(40);
    made.forget(undefined);
    made.beginReading();
    const verdict = (reading: PartitionReading, compacted: (sequence: number) => boolean = never) =>
      made.verdict((partition) => (partition === 0 ? reading : 'unread'), compacted);
    expect(verdict('unread')).toMatchObject({ unread: 40, lost: 0 });
    expect(verdict('gone')).toMatchObject({ unread: 20, lost: 20 });
    expect(verdict({ logStart: 5, readTo: 20, end: 20 })).toMatchObject({ removed: 5, lost: 15 });
    // Log end offset 15, high watermark 10: five records are not readable yet, five are lost.
    expect(verdict({ logStart: 0, readTo: 10, end: 15 })).toMatchObject({ unread: 25, lost: 15 });
    expect(verdict(READ, (sequence) => sequence < 10)).toMatchObject({ removed: 5, lost: 15 });
  });

  it('counts records without offsets before the first found one as removed', () => {
    const made = new Ledger();
    for (let i = 0; i < 10; i++) {
      made.acknowledge(made.send(0), -1);
      if (i >= 4 && i !== 7) made.find(i);
    }
    made.beginReading();
    expect(made.verdict(() => ({ logStart: 3, readTo: 20, end: 20 }), never)).toMatchObject({ removed: 4, lost: 1, found: 5 });
    expect(made.verdict(() => READ, never)).toMatchObject({ removed: 0, lost: 5 });
    expect(made.verdict(() => ({ logStart: 0, readTo: 5, end: 20 }), never)).toMatchObject({ unread: 5, lost: 0 });
  });

  it('resets the found records of one partition', () => {
    const made = ledger(10);
    made.forget(1);
    made.beginReading();
    expect(made.verdict(() => READ, never)).toMatchObject({ found: 5, lost: 5 });
  });

  it('lists at most 100 ranges, and counts all lost records', () => {
    const made = new Ledger();
    for (let i = 0; i < 600; i++) {
      made.acknowledge(made.send(0), i);
      if (i % 2 === 0) made.find(i);
    }
    made.beginReading();
    const verdict = made.verdict(() => READ, never);
    expect(verdict.lost).toBe(300);
    expect(verdict.lostRanges).toHaveLength(100);
    expect(verdict.lostRanges.at(-1)).toEqual({ from: 199, to: 199, partition: 0, offset: '199', count: 1 });
  });
});
