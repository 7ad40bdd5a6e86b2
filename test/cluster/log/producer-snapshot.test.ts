import { expect, test } from 'vitest';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { readProducerSnapshot, writeProducerSnapshot } from '../../../electron/cluster/log/producer-snapshot.ts';
import type { ProducerEntry } from '../../../electron/cluster/log/producer-state.ts';

const entry = (producerId: bigint, more: Partial<ProducerEntry> = {}): ProducerEntry => ({
  producerId,
  epoch: 1,
  coordinatorEpoch: -1,
  lastTimestamp: 40n,
  currentTransactionFirstOffset: -1n,
  batches: [],
  ...more,
});
const batch = (lastSequence: number, lastOffset: bigint, timestamp: bigint) => ({ lastSequence, lastOffset, offsetDelta: 4, timestamp });

test('restores every remembered batch, oldest first, and producers without one', () => {
  const disk = new MemoryDisk();
  disk.makeDirectory('/log');
  const entries = [
    entry(7n, { lastTimestamp: 30n, batches: [batch(4, 4n, 10n), batch(9, 12n, 20n), batch(14, 30n, 30n)] }),
    entry(9n, { epoch: 3, coordinatorEpoch: 5, currentTransactionFirstOffset: 44n }),
  ];
  writeProducerSnapshot(disk, '/log', 50n, entries);
  expect(readProducerSnapshot(disk, '/log', 50n)).toEqual(entries);
});
