/** `compression.type` of a topic decides the codec in which the leader stores a client's batch. test/kafka/compression.test.ts compares with Apache Kafka. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { COMPRESSION_NAMES } from '../../../electron/cluster/protocol/compression.ts';
import { verifyBatch, writeChecksum } from '../../../electron/cluster/protocol/record-batch.ts';
import { levelFor } from '../../../electron/cluster/log/recompression.ts';
import { batchesOf, batchOf, createHarness, contents, sequenced, START_MS, type LogHarness } from './helpers.ts';

const CLIENT = { origin: 'client' } as const;
const VALUES = Array.from({ length: 50 }, (_, index) => `a value that compresses ${index % 3}`);

function stored({ log }: LogHarness) {
  return batchesOf(log.read(0n, 1 << 20, { maxOffset: log.logEndOffset, minOneMessage: true }).records);
}

describe.each(COMPRESSION_NAMES)('a producer that sends %s', (producer) => {
  test.each(COMPRESSION_NAMES)('is stored as %s where compression.type names that codec', (compressionType) => {
    const made = createHarness({ compressionType });
    made.log.appendAsLeader(batchOf(VALUES, { compression: producer }), 3, CLIENT);
    made.log.appendAsLeader(batchOf(['x'], { compression: producer }), 3, CLIENT);
    const [first, second] = stored(made);
    expect([first?.compression, second?.compression]).toEqual([compressionType, compressionType]);
    for (const batch of [first, second]) expect(batch && verifyBatch(batch)).toBeUndefined();
    expect(first?.partitionLeaderEpoch).toBe(3);
    expect(second?.baseOffset).toBe(50n);
    expect(contents(made.log)).toEqual([...VALUES, 'x'].map((value, offset) => `${offset}:${value}`));
  });

  test('is stored as sent where compression.type is producer', () => {
    const made = createHarness({ compressionType: 'producer' });
    const sent = batchOf(VALUES, { compression: producer });
    made.log.appendAsLeader(Buffer.from(sent), 0, CLIENT);
    expect(stored(made)[0]?.compression).toBe(producer);
    expect(stored(made)[0]?.payload.equals(sent.subarray(61))).toBe(true);
  });
});

test('a batch of the same codec is stored as it is, whatever the level', () => {
  const made = createHarness({ compressionType: 'gzip', compressionLevel: 9 });
  const sent = batchOf(VALUES, { compression: 'gzip' });
  made.log.appendAsLeader(Buffer.from(sent), 0, CLIENT);
  expect(stored(made)[0]?.payload.equals(sent.subarray(61))).toBe(true);
});

test.each(['gzip', 'zstd'] as const)('the level of %s counts where the broker compresses', (compressionType) => {
  const many = Array.from({ length: 2_000 }, (_, index) => `${(index * 7919) % 1009} ${(index * 104_729) % 997}`);
  const [fast, small] = [1, compressionType === 'gzip' ? 9 : 19].map((compressionLevel) => {
    const made = createHarness({ compressionType, compressionLevel });
    made.log.appendAsLeader(batchOf(many), 0, CLIENT);
    expect(contents(made.log)).toHaveLength(2_000);
    return stored(made)[0]?.sizeInBytes ?? 0;
  });
  expect(small).toBeLessThan(fast ?? 0);
});

test.each([
  ['zstd', 22, 65_536, 22],
  ['zstd', 22, 65_537, 12],
  ['zstd', 19, 128 * 2 ** 20, 3],
  ['zstd', -5, 128 * 2 ** 20, -5],
  ['zstd', undefined, 128 * 2 ** 20, undefined],
  ['gzip', 9, 2 ** 20, 9],
  ['gzip', 9, 2 ** 20 + 1, 6],
  ['gzip', -1, 2 ** 20 + 1, -1],
  ['gzip', -1, 128 * 2 ** 20, 1],
  ['gzip', undefined, 128 * 2 ** 20, 1],
  ['lz4', 9, 128 * 2 ** 20, 9],
] as const)(
  '%s at level %s compresses a batch of %i bytes at level %s, so that the event loop is not blocked',
  (codec, level, bytes, used) => {
    expect(levelFor(codec, level, bytes)).toBe(used);
  },
);

test('keeps producer state, timestamps and LogAppendTime of a rebuilt batch', () => {
  const made = createHarness({ compressionType: 'gzip', messageTimestampType: 'LogAppendTime' });
  made.clock.time += 5_000;
  made.log.appendAsLeader(sequenced(7n, 2, 0, 3), 0, CLIENT);
  const [batch] = stored(made);
  expect(batch).toMatchObject({ producerId: 7n, producerEpoch: 2, baseSequence: 0, recordCount: 3, timestampType: 'logAppendTime' });
  expect(batch?.maxTimestamp).toBe(BigInt(START_MS + 5_000));
  expect(batch && verifyBatch(batch)).toBeUndefined();
  // A retry is recognised by its sequence, though its bytes differ.
  expect(made.log.appendAsLeader(sequenced(7n, 2, 0, 3), 0, CLIENT)).toMatchObject({ duplicate: true, firstOffset: 0n });
});

test('numbers records and changes the codec of one batch at once', () => {
  const made = createHarness({ compressionType: 'gzip' });
  const sent = batchOf(['a', 'b', 'c']);
  // The offset delta of the second record is behind its length, attributes and timestamp delta.
  const second = 61 + 1 + (sent[61] as number) / 2;
  sent[second + 3] = 8;
  writeChecksum(sent, 0);
  made.log.appendAsLeader(sent, 0, CLIENT);
  expect(contents(made.log)).toEqual(['0:a', '1:b', '2:c']);
  const payload = stored(made)[0]?.payload;
  expect(payload && gunzipSync(payload).length).toBe(sent.length - 61);
});

test('max.message.bytes holds for the batch as it would be stored', () => {
  const made = createHarness({ compressionType: 'none', maxMessageBytes: 1_000 });
  const sent = batchOf(VALUES, { compression: 'gzip' });
  expect(sent.length).toBeLessThan(1_000);
  expect(() => made.log.appendAsLeader(sent, 0, CLIENT)).toThrow(expect.objectContaining({ codeName: 'MESSAGE_TOO_LARGE' }));
  expect(made.log.logEndOffset).toBe(0n);
});

test('followers and coordinators append batches as they are', () => {
  const made = createHarness({ compressionType: 'gzip' });
  made.log.appendAsLeader(batchOf(['of a coordinator']), 0, { origin: 'coordinator' });
  made.log.appendAsFollower(batchOf(['of the leader'], { baseOffset: 1n, partitionLeaderEpoch: 0 }));
  expect(stored(made).map(({ compression }) => compression)).toEqual(['none', 'none']);
});

test('a change of compression.type applies from the next batch on', () => {
  const made = createHarness();
  made.log.appendAsLeader(batchOf(['a']), 0, CLIENT);
  made.log.updateConfig({ ...made.log.config, compressionType: 'zstd' });
  made.log.appendAsLeader(batchOf(['b']), 0, CLIENT);
  expect(stored(made).map(({ compression }) => compression)).toEqual(['none', 'zstd']);
});
