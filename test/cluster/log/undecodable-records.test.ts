/** Batches with a valid checksum and records that cannot be decoded, as a log may hold them from before leaders checked records. */
import { expect, test } from 'vitest';
import type { LogCorruption } from '../../../electron/cluster/log/corruption.ts';
import { BATCH_HEADER_BYTES, writeChecksum } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch, type BatchToWrite } from '../../../electron/cluster/protocol/records-builder.ts';
import { batchesOf, createHarness, copyAll, START_MS, type LogHarness } from './helpers.ts';

function batchAt(baseOffset: bigint, key: string, more: Partial<BatchToWrite> = {}): Buffer {
  const records = [{ key: Buffer.from(key), value: Buffer.from(`at ${baseOffset}`) }];
  return buildBatch({ records, timestamp: BigInt(START_MS), baseOffset, partitionLeaderEpoch: 0, ...more });
}

function undecodable(batch: Buffer): Buffer {
  batch.fill(0xff, BATCH_HEADER_BYTES);
  writeChecksum(batch, 0);
  return batch;
}

function compacted(): LogHarness & { found: LogCorruption[] } {
  const found: LogCorruption[] = [];
  const config = { cleanupPolicy: new Set(['compact'] as const), segmentBytes: 300, minCleanableDirtyRatio: 0 };
  return { ...createHarness(config, { onCorruption: (corruption) => found.push(corruption) }), found };
}

test('compaction keeps a batch that it cannot decode as it is, and reports it once', () => {
  const { log, found } = compacted();
  for (let offset = 0n; offset < 20n; offset++) {
    const batch = batchAt(offset, 'k');
    log.appendAsFollower(offset === 4n ? undecodable(batch) : batch);
  }
  log.updateHighWatermark(log.logEndOffset);
  const before = batchesOf([copyAll(log)]).find(({ baseOffset }) => baseOffset === 4n);
  for (let round = 0; round < 2; round++) {
    const steps = log.compact(0n, { nowMs: START_MS, maxKeyBytes: 1 << 20, sliceBytes: 1 << 20 });
    for (;;) if (steps.next().done === true) break;
  }
  const after = batchesOf([copyAll(log)]);
  expect(after.length).toBeLessThan(20);
  expect(after.find(({ baseOffset }) => baseOffset === 4n)?.bytes.equals(before?.bytes ?? Buffer.alloc(0))).toBe(true);
  expect(after.filter(({ recordCount }) => recordCount > 0).at(-1)?.lastOffset).toBe(19n);
  expect(found).toMatchObject([{ foundBy: 'decode', offset: 4n, records: 1, bytes: 0 }]);
});

test('a follower and a start after an unclean stop skip a control batch that they cannot decode', () => {
  const { log, found, reopen } = compacted();
  log.appendAsFollower(batchAt(0n, 'a', { producerId: 5n, producerEpoch: 0, baseSequence: 0 }));
  log.appendAsFollower(undecodable(batchAt(1n, 'b', { control: true, producerId: 5n, producerEpoch: 0 })));
  log.appendAsFollower(batchAt(2n, 'c', { producerId: 5n, producerEpoch: 0, baseSequence: 1 }));
  expect(found).toMatchObject([{ foundBy: 'decode', offset: 1n }]);
  log.flush();
  const again = reopen({ cleanShutdown: false, recoveryPoint: 0n });
  expect(again.logEndOffset).toBe(3n);
  expect(again.truncatedAtOpen).toBe(0);
  expect([...again.producerEntries].map(({ batches }) => batches.length)).toEqual([2]);
  expect(found).toMatchObject([{ offset: 1n }, { foundBy: 'decode', offset: 1n, segment: expect.stringContaining('.log') }]);
});
