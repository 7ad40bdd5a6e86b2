import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { Tail, TailCache } from '../../../electron/cluster/log/tail-cache.ts';
import { patchBatch } from '../../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../../electron/cluster/protocol/records-builder.ts';
import { append, batchesOf, batchOf, createHarness, contents, copyAll, DIRECTORY, sequenced, START_MS } from './helpers.ts';

const CLIENT = { origin: 'client' } as const;
const code = (value: number): unknown => expect.objectContaining({ code: value });
const NO_CACHE = { tailCache: new TailCache(0) };

describe('append', () => {
  test('assigns offsets and epoch, and returns them', () => {
    const { log } = createHarness();
    append(log, 'a', 'b');
    const result = log.appendAsLeader(batchOf(['c', 'd', 'e']), 4, CLIENT);
    expect(result).toEqual({
      firstOffset: 2n,
      lastOffset: 4n,
      logAppendTimeMs: -1,
      logStartOffset: 0n,
      duplicate: false,
      recordCount: 3,
      sizeBytes: batchOf(['c', 'd', 'e']).length,
      maxTimestamp: BigInt(START_MS),
    });
    expect(contents(log)).toEqual(['0:a', '1:b', '2:c', '3:d', '4:e']);
    expect(batchesOf([copyAll(log)]).map((batch) => batch.partitionLeaderEpoch)).toEqual([0, 4]);
    expect(log.latestEpoch).toBe(4);
  });

  test('LogAppendTime is the time of the clock, in the result and in the batch', () => {
    const { log, clock } = createHarness({ messageTimestampType: 'LogAppendTime' });
    clock.advance(77);
    const result = log.appendAsLeader(batchOf(['x'], { timestamp: 5n }), 0, CLIENT);
    expect(result.logAppendTimeMs).toBe(START_MS + 77);
    expect(result.maxTimestamp).toBe(BigInt(START_MS + 77));
    expect(log.offsetForTimestamp(BigInt(START_MS))).toEqual({ timestamp: BigInt(START_MS + 77), offset: 0n, leaderEpoch: 0 });
  });

  const corrupt = batchOf(['x']);
  corrupt[corrupt.length - 2] = (corrupt[corrupt.length - 2] as number) ^ 1;
  const offsetByOne = batchOf(['x']);
  patchBatch(offsetByOne, 0, { baseOffset: 1n, partitionLeaderEpoch: -1 });
  const oldFormat = batchOf(['x']);
  oldFormat[16] = 1;
  test.each([
    ['a corrupt batch', corrupt, 2],
    ['bytes after the batch that begin no batch', Buffer.concat([batchOf(['x']), Buffer.alloc(30, 0xff)]), 2],
    ['nothing', Buffer.alloc(0), 87],
    ['two batches of a client', Buffer.concat([batchOf(['x']), batchOf(['y'])]), 87],
    ['an old message format', oldFormat, 87],
    ['a control batch of a client', batchOf(['x'], { control: true }), 87],
    ['a base offset', offsetByOne, 87],
    ['a last offset delta that is not the count', batchOf(['x'], { lastOffsetDelta: 3 }), 87],
    ['no records', batchOf([]), 87],
    ['a batch above max.message.bytes', batchOf(['x'.repeat(1000)]), 10],
    ['a producer without a sequence', batchOf(['x'], { producerId: 1n, producerEpoch: 0 }), 87],
    ['a transaction without a producer', batchOf(['x'], { transactional: true }), 87],
    ['a time in the far future', batchOf(['x'], { timestamp: BigInt(START_MS + 3_700_000) }), 32],
    [
      'an append time in the far future that the client made up',
      batchOf(['x'], { logAppendTime: true, timestamp: BigInt(START_MS + 3_700_000) }),
      32,
    ],
  ])('refuses %s and writes nothing', (_name, records, expected) => {
    const { log } = createHarness({ maxMessageBytes: 500 });
    expect(() => log.appendAsLeader(records, 0, CLIENT)).toThrow(code(expected));
    expect(log.logEndOffset).toBe(0n);
    expect(log.sizeBytes).toBe(0);
    append(log, 'good');
    expect(contents(log)).toEqual(['0:good']);
  });

  test('a compacted topic names the keyless records', () => {
    const { log } = createHarness({ cleanupPolicy: new Set(['compact'] as const) });
    const records = [{ key: Buffer.from('k') }, {}, { key: Buffer.from('k') }, {}];
    expect(() => log.appendAsLeader(buildBatch({ records, compression: 'gzip' }), 0, CLIENT)).toThrow(
      expect.objectContaining({
        code: 87,
        recordErrors: [expect.objectContaining({ batchIndex: 1 }), expect.objectContaining({ batchIndex: 3 })],
      }),
    );
    log.appendAsLeader(buildBatch({ records: [{ key: Buffer.from('k') }], compression: 'gzip' }), 0, CLIENT);
    expect(log.logEndOffset).toBe(1n);
  });
});

describe('follower', () => {
  test('has the same bytes, epochs and producers; a partial batch at the end is left out', () => {
    const leader = createHarness();
    leader.log.appendAsLeader(sequenced(9n, 0, 0, 3), 1, CLIENT);
    leader.log.appendAsLeader(sequenced(9n, 0, 3, 2), 3, CLIENT);
    const follower = createHarness();
    const bytes = copyAll(leader.log);
    const result = follower.log.appendAsFollower(Buffer.concat([bytes, bytes.subarray(0, 40)]));
    expect(result).toMatchObject({ firstOffset: 0n, lastOffset: 4n, recordCount: 5, sizeBytes: bytes.length });
    expect(copyAll(follower.log).equals(bytes)).toBe(true);
    expect(follower.log.epochStarts).toEqual(leader.log.epochStarts);
    expect([...follower.log.producerEntries]).toEqual([...leader.log.producerEntries]);
    expect(follower.log.appendAsFollower(bytes.subarray(0, 30))).toBeUndefined();
  });

  test('refuses batches that do not follow its end, accepts a gap of offsets', () => {
    const { log } = createHarness();
    const at = (offset: bigint): Buffer => batchOf(['x'], { baseOffset: offset, partitionLeaderEpoch: 0 });
    log.appendAsFollower(at(0n));
    expect(() => log.appendAsFollower(at(0n))).toThrow(code(1));
    log.appendAsFollower(at(10n));
    expect(contents(log)).toEqual(['0:x', '10:x']);
    expect(log.logEndOffset).toBe(11n);
  });

  test('accepts a gap of offsets larger than a segment', () => {
    const { log } = createHarness();
    log.appendAsFollower(batchOf(['x'], { baseOffset: 1n << 33n, partitionLeaderEpoch: 0 }));
    log.appendAsFollower(batchOf(['y'], { baseOffset: 1n << 40n, partitionLeaderEpoch: 0 }));
    expect(contents(log)).toEqual([`${1n << 33n}:x`, `${1n << 40n}:y`]);
  });

  test('refuses corrupt bytes', () => {
    const { log } = createHarness();
    const bytes = batchOf(['x'], { partitionLeaderEpoch: 0 });
    bytes[30] = 7;
    expect(() => log.appendAsFollower(bytes)).toThrow(code(2));
    expect(log.logEndOffset).toBe(0n);
  });
});

describe.each([
  ['from the tail in memory', {}],
  ['from the files', NO_CACHE],
])('read %s', (_name, options) => {
  test('returns whole batches within maxBytes, at least one', () => {
    const { log } = createHarness({}, options);
    for (let i = 0; i < 10; i++) append(log, `a${i}`, `b${i}`);
    const size = log.sizeBytes / 10;
    const read = (offset: bigint, maxBytes: number, maxOffset = 20n, minOneMessage = true): string => {
      const result = log.read(offset, maxBytes, { maxOffset, minOneMessage });
      expect(result.sizeBytes).toBe(result.records.reduce((sum, bytes) => sum + bytes.length, 0));
      return `${batchesOf(result.records)
        .map((batch) => batch.baseOffset)
        .join()} ${result.nextOffset}`;
    };
    expect(read(0n, size * 3)).toBe('0,2,4 6');
    expect(read(1n, size * 3 - 1)).toBe('0,2 4');
    expect(read(7n, 1)).toBe('6 8');
    expect(read(7n, 1, 20n, false)).toBe(' 7');
    expect(read(6n, size, 20n, false)).toBe('6 8');
    expect(read(4n, 1 << 20, 10n)).toBe('4,6,8 10');
    expect(read(4n, 1 << 20, 9n)).toBe('4,6 8');
    expect(read(10n, 1 << 20, 10n)).toBe(' 10');
    expect(read(20n, 1 << 20)).toBe(' 20');
    expect(() => read(21n, 1)).toThrow(code(1));
    expect(() => read(-1n, 1)).toThrow(code(1));
  });

  test('returns a batch larger than maxBytes whole', () => {
    const { log } = createHarness({}, options);
    append(log, 'x'.repeat(100_000));
    expect(log.read(0n, 10, { maxOffset: 1n, minOneMessage: true }).sizeBytes).toBe(log.sizeBytes);
    expect(log.read(0n, 10, { maxOffset: 1n, minOneMessage: false }).sizeBytes).toBe(0);
  });

  test('finds the same batch as a scan of the whole log, with gaps and segments', () => {
    const random = seededRandom(11);
    const { log } = createHarness({ segmentBytes: 3000, indexIntervalBytes: 200 }, options);
    const starts: bigint[] = [];
    const ends: bigint[] = [];
    for (let offset = 0n; starts.length < 120;) {
      offset += random.int(4) === 0 ? BigInt(random.int(30)) : 0n;
      const count = 1 + random.int(5);
      log.appendAsFollower(
        batchOf(
          Array.from({ length: count }, () => 'v'.repeat(random.int(80))),
          { baseOffset: offset, partitionLeaderEpoch: 0 },
        ),
      );
      starts.push(offset);
      offset += BigInt(count);
      ends.push(offset - 1n);
    }
    expect(log.segments.length).toBeGreaterThan(3);
    for (let i = 0; i < 400; i++) {
      const offset = BigInt(random.int(Number(log.logEndOffset)));
      const wanted = starts[ends.findIndex((end) => end >= offset)];
      const result = log.read(offset, 300, { maxOffset: log.logEndOffset, minOneMessage: true });
      expect(batchesOf(result.records)[0]?.baseOffset).toBe(wanted);
    }
  });
});

test('the tail cache keeps to its limit across logs and drops cleared chunks', () => {
  const tailCache = new TailCache(4000);
  const one = createHarness({}, { tailCache });
  const two = createHarness({}, { tailCache });
  for (let i = 0; i < 50; i++) append((i % 2 === 0 ? one : two).log, 'x'.repeat(50));
  expect(tailCache.sizeBytes).toBeLessThanOrEqual(4000);
  expect(tailCache.sizeBytes).toBeGreaterThan(3500);
  expect(contents(one.log)).toHaveLength(25);
  one.log.truncateTo(3n);
  for (let i = 0; i < 22; i++) append(one.log, 'y'.repeat(50));
  expect(contents(one.log)).toHaveLength(25);
  one.log.close();
  two.log.close();
  expect(tailCache.sizeBytes).toBe(0);
});

test('the tail cache releases the memory of dropped chunks', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const tail = new Tail(new TailCache(1_000_000));
  const appended: WeakRef<Buffer>[] = [];
  for (let i = 0n; i < 100n; i++) {
    const bytes = Buffer.alloc(200_000);
    appended.push(new WeakRef(bytes));
    tail.append(bytes, i, i);
  }
  // A WeakRef keeps its target alive until the current job ends.
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  expect(appended.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(5);
  expect(tail).toBeDefined();
});

describe('time', () => {
  test.each([
    ['in memory', { restart: false }],
    ['after a clean restart', { restart: true }],
  ])('look-ups agree with brute force, %s', (_name, { restart }) => {
    const random = seededRandom(5);
    const made = createHarness({ segmentBytes: 2000, indexIntervalBytes: 150 });
    const records: { timestamp: bigint; offset: bigint }[] = [];
    for (let i = 0; i < 100; i++) {
      const timestamps = Array.from({ length: 1 + random.int(4) }, () => BigInt(START_MS + random.int(1000) + i * 20));
      const { firstOffset } = made.log.appendAsLeader(
        buildBatch({ records: timestamps.map((timestamp) => ({ timestamp, value: Buffer.alloc(random.int(60)) })) }),
        i,
        CLIENT,
      );
      for (const [index, timestamp] of timestamps.entries()) records.push({ timestamp, offset: firstOffset + BigInt(index) });
    }
    if (restart) {
      made.log.close();
      made.reopen({ recoveryPoint: made.log.recoveryPoint });
    }
    const { log } = made;
    for (let t = START_MS - 10; t < START_MS + 3200; t += 7) {
      const expected = records.find((record) => record.timestamp >= BigInt(t));
      const found = log.offsetForTimestamp(BigInt(t));
      expect(found === null ? undefined : { timestamp: found.timestamp, offset: found.offset }).toEqual(expected);
    }
    const latest = records.reduce((best, record) => (record.timestamp > best.timestamp ? record : best));
    expect(log.maxTimestampOffset()).toMatchObject(latest);
    log.updateHighWatermark(log.logEndOffset);
    log.deleteRecordsBefore(50n);
    expect(log.offsetForTimestamp(0n)?.offset).toBe(50n);
  });

  test('an empty log and records without a timestamp have no result', () => {
    const { log } = createHarness();
    expect(log.maxTimestampOffset()).toBeNull();
    log.appendAsLeader(batchOf(['x'], { timestamp: -1n }), 0, CLIENT);
    expect(log.offsetForTimestamp(0n)).toBeNull();
    expect(log.maxTimestampOffset()).toBeNull();
  });
});

describe('rolling and retention', () => {
  test('by size, by the records time, by hand', () => {
    const { log } = createHarness({ segmentBytes: 200, segmentMs: 1000 });
    append(log, 'x'.repeat(60));
    append(log, 'x'.repeat(60));
    expect(log.segments.map((segment) => segment.baseOffset)).toEqual([0n, 1n]);
    log.appendAsLeader(batchOf(['late'], { timestamp: BigInt(START_MS + 1001) }), 0, CLIENT);
    log.roll();
    log.roll();
    expect(log.segments.map((segment) => segment.baseOffset)).toEqual([0n, 1n, 2n, 3n]);
    expect(contents(log)).toHaveLength(3);
  });

  const filled = (config: Parameters<typeof createHarness>[0]): ReturnType<typeof createHarness> => {
    const made = createHarness({ segmentBytes: 100, ...config });
    for (let i = 0; i < 6; i++) {
      made.log.appendAsLeader(batchOf(['x'.repeat(30)], { timestamp: BigInt(START_MS + i * 1000) }), i, CLIENT);
    }
    made.log.updateHighWatermark(6n);
    return made;
  };

  test('by age: deletes older segments, and moves the log start and the epochs', () => {
    const { log, disk } = filled({ retentionMs: 10_000, retentionBytes: -1 });
    expect(log.applyRetention(START_MS + 12_500)).toEqual({ segments: 3, bytes: expect.any(Number) });
    expect(log.logStartOffset).toBe(3n);
    expect(log.earliest).toEqual({ offset: 3n, leaderEpoch: 3 });
    expect(() => log.read(2n, 1, { maxOffset: 6n, minOneMessage: true })).toThrow(code(1));
    expect(disk.list(DIRECTORY).some((name) => name.startsWith('00000000000000000002.'))).toBe(false);
  });

  test('by age, the whole log: leaves a new empty segment', () => {
    const { log } = filled({ retentionMs: 10_000 });
    expect(log.applyRetention(START_MS + 100_000).segments).toBe(6);
    expect(log.segments).toEqual([{ baseOffset: 6n, endOffset: 6n, sizeBytes: 0, largestTimestamp: -1n }]);
    expect(log.logStartOffset).toBe(6n);
    append(log, 'next');
    expect(contents(log)).toEqual(['6:next']);
  });

  test('by size', () => {
    const { log } = filled({ retentionMs: -1 });
    const one = log.sizeBytes / 6;
    log.updateConfig({ ...log.config, retentionBytes: one * 2 + 1 });
    expect(log.applyRetention(START_MS).segments).toBe(3);
    log.updateConfig({ ...log.config, retentionBytes: one * 2 });
    expect(log.applyRetention(START_MS).segments).toBe(1);
  });

  test('never deletes records at or above the high watermark', () => {
    const { log } = createHarness({ segmentBytes: 100, retentionMs: 1 });
    for (let i = 0; i < 4; i++) append(log, 'x'.repeat(30));
    log.updateHighWatermark(2n);
    expect(log.applyRetention(START_MS + 1e9).segments).toBe(2);
  });

  test('deletes only records below the log start from a compacted topic', () => {
    const { log } = createHarness({ segmentBytes: 100, retentionMs: 1, retentionBytes: 0, cleanupPolicy: new Set(['compact'] as const) });
    for (let i = 0; i < 4; i++) {
      log.appendAsLeader(buildBatch({ records: [{ key: Buffer.from('k'), value: Buffer.alloc(30) }] }), 0, CLIENT);
    }
    log.updateHighWatermark(4n);
    expect(log.applyRetention(START_MS + 1e12).segments).toBe(0);
    log.deleteRecordsBefore(2n);
    expect(log.applyRetention(START_MS).segments).toBe(2);
  });

  test('deleteRecordsBefore stops at the high watermark and requests a checkpoint', () => {
    const asked: string[] = [];
    const { log } = createHarness({}, { checkpointNeeded: (which) => asked.push(which) });
    append(log, 'a', 'b', 'c');
    expect(() => log.deleteRecordsBefore(1n)).toThrow(code(1));
    log.updateHighWatermark(2n);
    expect(log.deleteRecordsBefore(1n)).toBe(1n);
    expect(log.deleteRecordsBefore(0n)).toBe(1n);
    expect(asked).toEqual(['logStartOffset']);
    expect(() => log.deleteRecordsBefore(3n)).toThrow(code(1));
  });
});

describe('leader epochs', () => {
  test('returns the ends of epochs as defined by KIP-101', () => {
    const { log } = createHarness();
    for (const epoch of [1, 1, 3, 6]) log.appendAsLeader(batchOf(['x', 'y']), epoch, CLIENT);
    expect(log.epochStarts).toEqual([
      { epoch: 1, startOffset: 0n },
      { epoch: 3, startOffset: 4n },
      { epoch: 6, startOffset: 6n },
    ]);
    const end = (epoch: number): unknown => Object.values(log.endOffsetForEpoch(epoch));
    expect([0, 1, 2, 3, 4, 6, 7, -1].map(end)).toEqual([
      [0, 0n],
      [1, 4n],
      [1, 4n],
      [3, 6n],
      [3, 6n],
      [6, 8n],
      [-1, -1n],
      [-1, -1n],
    ]);
    log.maybeAssignEpochStart(9, 8n);
    log.maybeAssignEpochStart(8, 8n);
    expect(log.latestEpoch).toBe(9);
    expect(end(6)).toEqual([6, 8n]);
    // An epoch without a record is replaced by the next at the same offset.
    log.maybeAssignEpochStart(10, 8n);
    expect(log.epochStarts.map((entry) => entry.epoch)).toEqual([1, 3, 6, 10]);
    expect(log.epochAt(5n)).toBe(3);
  });

  test('truncation removes epochs, also after a restart', () => {
    const made = createHarness();
    for (const epoch of [1, 3, 6]) made.log.appendAsLeader(batchOf(['x', 'y']), epoch, CLIENT);
    expect(made.log.truncateTo(made.log.endOffsetForEpoch(3).endOffset)).toBe(4n);
    expect(made.log.latestEpoch).toBe(3);
    made.log.close();
    expect(made.disk.readFile(`${DIRECTORY}/leader-epoch-checkpoint`).toString()).toBe('0\n2\n1 0\n3 2\n');
    made.reopen();
    expect(made.log.endOffsetForEpoch(5)).toEqual({ leaderEpoch: -1, endOffset: -1n });
    expect(made.log.latestEpoch).toBe(3);
  });
});

describe('truncation', () => {
  test.each([0n, 1n, 5n, 6n, 7n, 19n, 20n])('to %s, and appends after it', (offset) => {
    const { log } = createHarness({ segmentBytes: 300, indexIntervalBytes: 100 }, NO_CACHE);
    const all: string[] = [];
    for (let i = 0; i < 10; i++) {
      append(log, `a${i}`, `b${i}`);
      all.push(`${i * 2}:a${i}`, `${i * 2 + 1}:b${i}`);
    }
    log.updateHighWatermark(20n);
    // An offset inside a batch removes the whole batch.
    const end = offset % 2n === 0n ? offset : offset - 1n;
    expect(log.truncateTo(offset)).toBe(end);
    expect(log.logEndOffset).toBe(end);
    expect(log.highWatermark).toBe(end);
    expect(contents(log)).toEqual(all.slice(0, Number(end)));
    append(log, 'new');
    expect(contents(log)).toEqual([...all.slice(0, Number(end)), `${end}:new`]);
  });

  test('into a gap keeps the requested offset', () => {
    const { log } = createHarness();
    log.appendAsFollower(batchOf(['a'], { baseOffset: 0n, partitionLeaderEpoch: 0 }));
    log.appendAsFollower(batchOf(['b'], { baseOffset: 10n, partitionLeaderEpoch: 0 }));
    expect(log.truncateTo(5n)).toBe(5n);
    expect(append(log, 'c')).toBe(5n);
    expect(contents(log)).toEqual(['0:a', '5:c']);
  });

  test('of the whole log, to another offset', () => {
    const made = createHarness();
    append(made.log, 'a', 'b');
    made.log.truncateFullyAndStartAt(100n);
    expect([made.log.logStartOffset, made.log.logEndOffset, made.log.highWatermark, made.log.recoveryPoint]).toEqual([
      100n,
      100n,
      100n,
      100n,
    ]);
    expect(made.log.latestEpoch).toBe(-1);
    append(made.log, 'c');
    made.log.close();
    made.reopen({ logStartOffset: 100n });
    expect(contents(made.log)).toEqual(['100:c']);
  });

  test('requests a checkpoint when it goes below the recovery point', () => {
    const asked: string[] = [];
    const { log } = createHarness({}, { checkpointNeeded: (which) => asked.push(`${which} ${log.recoveryPoint}`) });
    append(log, 'a');
    append(log, 'b');
    log.flush();
    append(log, 'c');
    log.truncateTo(2n);
    expect(asked).toEqual([]);
    log.truncateTo(1n);
    expect(asked).toEqual(['recoveryPoint 1']);
  });
});

describe('the topic id', () => {
  test('is written once and kept', () => {
    const made = createHarness();
    expect(made.log.topicId).toBeUndefined();
    made.log.assignTopicId('jKfGsCXpQWmGQDO3oMzNHw');
    expect(made.disk.readFile(`${DIRECTORY}/partition.metadata`).toString()).toBe('version: 0\ntopic_id: jKfGsCXpQWmGQDO3oMzNHw\n');
    made.reopen();
    expect(made.log.topicId).toBe('jKfGsCXpQWmGQDO3oMzNHw');
    expect(() => made.log.assignTopicId('xxxxxxxxxxxxxxxxxxxxxx')).toThrow(code(103));
  });
});
