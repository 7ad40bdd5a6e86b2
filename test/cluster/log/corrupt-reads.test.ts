import { expect, test } from 'vitest';
import { type LogCorruption } from '../../../electron/cluster/log/log.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { append, batchesOf, createHarness, DIRECTORY, START_MS, type LogHarness } from './helpers.ts';

/** Five batches in a closed segment, of which the third has a flipped byte in its records; none of it in memory. */
function openCorruptLog(reported: LogCorruption[]): LogHarness & { position: number } {
  const made = createHarness({}, { onCorruption: (corruption) => reported.push(corruption) });
  const ends: number[] = [];
  for (let i = 0; i < 5; i++) {
    append(made.log, `value${i}`);
    ends.push(made.log.sizeBytes);
  }
  made.log.roll();
  append(made.log, 'active');
  made.log.updateHighWatermark(made.log.logEndOffset);
  made.log.close();
  const file = made.disk.open(`${DIRECTORY}/00000000000000000000.log`);
  const at = (ends[2] as number) - 2;
  const byte = Buffer.alloc(1);
  file.read(byte, at);
  file.write([Buffer.of((byte[0] as number) ^ 1)], at);
  file.close();
  made.reopen({ highWatermark: made.log.highWatermark });
  return { ...made, log: made.log, position: ends[1] as number };
}

const read = (made: LogHarness, offset: bigint): bigint[] =>
  batchesOf(made.log.read(offset, 1 << 20, { maxOffset: made.log.logEndOffset, minOneMessage: true }).records).map(
    ({ baseOffset }) => baseOffset,
  );

test('a corrupt batch is never returned, the batches around it are, and the corruption is reported once', () => {
  const reported: LogCorruption[] = [];
  const made = openCorruptLog(reported);
  expect(read(made, 0n)).toEqual([0n, 1n]);
  expect(reported).toEqual([]);
  for (let i = 0; i < 3; i++) {
    expect(() => read(made, 2n)).toThrow(expect.objectContaining({ code: ErrorCode.CORRUPT_MESSAGE }) as Error);
  }
  expect(reported).toEqual([
    {
      foundBy: 'read',
      offset: 2n,
      segment: '00000000000000000000.log',
      position: made.position,
      bytes: 0,
      reason: expect.stringMatching(/^checksum is [0-9a-f]+, of these bytes it would be/),
    },
  ]);
  expect(read(made, 3n)).toEqual([3n, 4n]);
  expect(read(made, 5n)).toEqual([5n]);
  expect(reported).toHaveLength(1);
});

test('a search by timestamp refuses the corrupt batch too', () => {
  const reported: LogCorruption[] = [];
  const made = openCorruptLog(reported);
  made.log.deleteRecordsBefore(2n);
  expect(() => made.log.offsetForTimestamp(BigInt(START_MS))).toThrow(
    expect.objectContaining({ code: ErrorCode.CORRUPT_MESSAGE }) as Error,
  );
  expect(reported).toMatchObject([{ foundBy: 'read', offset: 2n }]);
});
