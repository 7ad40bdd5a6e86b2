/** A repair keeps the leader epochs correct: it refuses records of another history, and adds epochs that an open could not read. */
import { expect, test } from 'vitest';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { batchOf, createHarness, contents, copyAll, DIRECTORY, sequenced, type LogHarness } from './helpers.ts';

/** Segments of two batches; `epochs`: of the batches, in order. */
function written(epochs: readonly number[], text = 'value'): LogHarness {
  const made = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
  for (const [index, epoch] of epochs.entries()) made.log.appendAsLeader(batchOf([`${text} ${index}`]), epoch, { origin: 'client' });
  expect(made.log.segments.slice(0, 3).map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n, 4n]);
  return made;
}

function close(made: LogHarness, ...lost: readonly string[]): bigint {
  const { logEndOffset } = made.log;
  made.log.close();
  for (const name of lost) made.disk.remove(`${DIRECTORY}/${name}`);
  return logEndOffset;
}

/** The records that a replica sends from `offset` on. */
function recordsFrom(records: Buffer, offset: bigint): Buffer {
  return records.subarray([...iterateBatches(records)].find(({ lastOffset }) => lastOffset >= offset)?.position ?? records.length);
}

function repairWith(log: Log, records: Buffer, scope: 'segment' | 'log' = 'segment'): boolean {
  const repair = log.beginRepair(scope);
  if (repair === undefined) throw new Error('no corrupt segment');
  try {
    repair.append(recordsFrom(records, repair.nextOffset));
    repair.skipTo(repair.endOffset);
    return repair.finish();
  } catch (error) {
    repair.abandon();
    throw error;
  }
}

const SECOND = '00000000000000000002.log';

test('an open that recovers the records keeps the leader epochs of those that are missing', () => {
  // Epoch 1 begins and ends within a lost segment, epoch 3 begins in another one behind which there is no record.
  const made = written([0, 0, 0, 1, 2, 2, 2, 3]);
  made.log.roll();
  const before = [...made.log.epochStarts];
  const end = close(made, SECOND, '00000000000000000006.log', '00000000000000000000.index');
  const log = made.reopen({ highWatermark: end, recoveryPoint: end });
  expect(log.corruptSegments.map(({ baseOffset }) => baseOffset)).toEqual([2n, 6n]);
  expect(log.epochStarts).toEqual(before);
  // Otherwise a follower would fetch with an epoch that ends below its log end, and be truncated to there.
  expect(log.latestEpoch).toBe(3);
});

test.each(['clean', 'unclean'] as const)('an open that recovers the records recognises retries of the missing ones (%s)', (kind) => {
  const made = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
  // Producer 7 writes in the segments of offsets 2 to 5 only, producer 8 everywhere.
  const sequences = { 7: 0, 8: 0 };
  const write = (id: 7 | 8): void => void made.log.appendAsLeader(sequenced(BigInt(id), 0, sequences[id]++), 0, { origin: 'client' });
  for (const id of [8, 8, 7, 8, 7, 7, 8, 8, 8] as const) write(id);
  expect(made.log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0n, 2n, 4n, 6n, 8n]);
  const end = close(made, SECOND, '00000000000000000004.log', '00000000000000000000.index');
  const log = made.reopen({ highWatermark: end, recoveryPoint: end, cleanShutdown: kind === 'clean' });
  expect(log.corruptSegments).toHaveLength(2);
  expect(log.appendAsLeader(sequenced(7n, 0, 2), 0, { origin: 'client' })).toMatchObject({ duplicate: true, firstOffset: 5n });
  expect(log.appendAsLeader(sequenced(7n, 0, 3), 0, { origin: 'client' })).toMatchObject({ duplicate: false, firstOffset: end });
  expect(log.appendAsLeader(sequenced(8n, 0, 5), 0, { origin: 'client' })).toMatchObject({ duplicate: true, firstOffset: 8n });
});

test.each(['segment', 'log'] as const)('a repair of a %s adds the leader epochs that the open could not know', (scope) => {
  const made = written([0, 0, 0, 1, 2, 2, 2, 3]);
  const records = copyAll(made.log);
  const before = [...made.log.epochStarts];
  const end = close(made, SECOND, 'leader-epoch-checkpoint');
  const log = made.reopen({ highWatermark: end, recoveryPoint: end });
  expect(log.epochStarts).toEqual(before.filter(({ epoch }) => epoch !== 1));
  expect(repairWith(log, records, scope)).toBe(true);
  expect(log.epochStarts).toEqual(before);
  expect(log.endOffsetForEpoch(0)).toEqual({ leaderEpoch: 0, endOffset: 3n });
  log.close();
  expect(made.reopen({ highWatermark: end, recoveryPoint: end }).epochStarts).toEqual(before);
});

test('a repair keeps the start of an epoch whose first records compaction has removed from the other replica', () => {
  const made = written([0, 0, 0, 1, 1, 1, 1, 1]);
  const records = copyAll(made.log);
  const before = [...made.log.epochStarts];
  const end = close(made, SECOND);
  const log = made.reopen({ highWatermark: end, recoveryPoint: end });
  const withoutFirst = Buffer.concat(
    [...iterateBatches(records)]
      .filter(({ baseOffset }) => baseOffset !== 3n)
      .map(({ position, sizeInBytes }) => records.subarray(position, position + sizeInBytes)),
  );
  expect(repairWith(log, withoutFirst, 'log')).toBe(true);
  expect(log.epochStarts).toEqual(before);
});

test.each([
  // The other replica has a record of epoch 0 where this one had another of epoch 1, and the other way round.
  ['an older', [0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0]],
  ['a newer', [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 2, 2, 2, 2, 2]],
] as const)('a repair refuses records of %s leader epoch than this replica had there, for now', (_what, own, others) => {
  for (const scope of ['segment', 'log'] as const) {
    const made = written(own, 'own value');
    const records = copyAll(made.log);
    const all = contents(made.log);
    const end = close(made, SECOND);
    const log = made.reopen({ highWatermark: end, recoveryPoint: end });
    const diverged = copyAll(written(others, 'other val').log);
    let code: unknown;
    try {
      repairWith(log, diverged, scope);
    } catch (error) {
      code = (error as { code?: unknown }).code;
    }
    // Not one of those that count as proof that the other replica lacks the records.
    expect(code).toBe(ErrorCode.FENCED_LEADER_EPOCH);
    expect(log.corruptSegments).toHaveLength(1);
    expect(repairWith(log, records, scope)).toBe(true);
    expect(contents(log)).toEqual(all);
  }
});
