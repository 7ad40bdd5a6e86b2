import { describe, expect, test } from 'vitest';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { append, createHarness, copyAll, marker, sequenced } from './helpers.ts';

const CLIENT = { origin: 'client' } as const;
const COORDINATOR = { origin: 'coordinator' } as const;
const code = (value: number): unknown => expect.objectContaining({ code: value });
const send = (log: Log, bytes: Buffer): ReturnType<Log['appendAsLeader']> => log.appendAsLeader(bytes, 0, CLIENT);

describe('idempotent producers', () => {
  test('a retry of one of the last 24 batches gets its original offsets, an older one is out of order', () => {
    const { log } = createHarness();
    append(log, 'before');
    for (let i = 0; i < 25; i++) expect(send(log, sequenced(1n, 0, i * 2, 2)).firstOffset).toBe(BigInt(1 + i * 2));
    for (let i = 1; i < 25; i++) {
      expect(send(log, sequenced(1n, 0, i * 2, 2))).toMatchObject({
        duplicate: true,
        firstOffset: BigInt(1 + i * 2),
        lastOffset: BigInt(2 + i * 2),
      });
    }
    expect(() => send(log, sequenced(1n, 0, 0, 2))).toThrow(code(45));
    expect(log.logEndOffset).toBe(51n);
  });

  test('a gap, a part of a known batch and a step back are out of order', () => {
    const { log } = createHarness();
    send(log, sequenced(1n, 0, 0, 4));
    for (const sequence of [5, 1, 3]) expect(() => send(log, sequenced(1n, 0, sequence))).toThrow(code(45));
    send(log, sequenced(1n, 0, 4));
  });

  test('an unknown producer starts anywhere (KIP-360), a new epoch at 0, an old epoch nowhere', () => {
    const { log } = createHarness();
    send(log, sequenced(1n, 5, 1000));
    send(log, sequenced(1n, 5, 1001));
    expect(() => send(log, sequenced(1n, 6, 1002))).toThrow(code(45));
    send(log, sequenced(1n, 6, 0));
    expect(() => send(log, sequenced(1n, 5, 1002))).toThrow(code(47));
    // A retry in the old epoch is not recognised any more.
    expect(() => send(log, sequenced(1n, 5, 1001))).toThrow(code(47));
  });

  test('sequences wrap, inside a batch and between two', () => {
    const { log } = createHarness();
    send(log, sequenced(1n, 0, 2147483646, 4));
    expect(send(log, sequenced(1n, 0, 2147483646, 4)).duplicate).toBe(true);
    send(log, sequenced(1n, 0, 2));
    send(log, sequenced(2n, 0, 2147483647));
    send(log, sequenced(2n, 0, 0));
    expect(log.logEndOffset).toBe(7n);
  });

  test('an inactive producer expires, one in a transaction does not', () => {
    const { log, clock } = createHarness({ producerIdExpirationMs: 1000 });
    send(log, sequenced(1n, 0, 0));
    send(log, sequenced(2n, 0, 0, 1, { transactional: true }));
    clock.advance(1001);
    log.applyRetention(clock.now());
    expect([...log.producerEntries].map((entry) => entry.producerId)).toEqual([2n]);
    send(log, sequenced(1n, 0, 77));
  });

  test('truncation restores earlier sequences', () => {
    const { log } = createHarness({ segmentBytes: 300 });
    for (let i = 0; i < 8; i++) send(log, sequenced(1n, 0, i));
    log.truncateTo(4n);
    expect(() => send(log, sequenced(1n, 0, 5))).toThrow(code(45));
    expect(send(log, sequenced(1n, 0, 3))).toMatchObject({ duplicate: true, firstOffset: 3n });
    expect(send(log, sequenced(1n, 0, 4))).toMatchObject({ duplicate: false, firstOffset: 4n });
  });
});

describe('transactions', () => {
  const inTransaction = (producerId: bigint, sequence: number): Buffer => sequenced(producerId, 0, sequence, 1, { transactional: true });

  test('the last stable offset waits for the marker, and for the high watermark to pass it', () => {
    const { log } = createHarness();
    append(log, 'plain');
    send(log, inTransaction(1n, 0));
    append(log, 'plain');
    send(log, inTransaction(2n, 0));
    log.updateHighWatermark(4n);
    expect(log.lastStableOffset).toBe(1n);
    log.appendAsLeader(marker('commit', 1n, 0), 0, COORDINATOR);
    expect(log.lastStableOffset).toBe(1n);
    log.updateHighWatermark(5n);
    expect(log.lastStableOffset).toBe(3n);
    log.appendAsLeader(marker('abort', 2n, 0), 0, COORDINATOR);
    log.updateHighWatermark(6n);
    expect(log.firstUnstableOffset).toBeUndefined();
    expect(log.lastStableOffset).toBe(6n);
  });

  test('aborted transactions by range, the same on a replica and after a restart', () => {
    const leader = createHarness({ segmentBytes: 350 });
    const { log } = leader;
    let sequence = 0;
    for (let i = 0; i < 6; i++) {
      send(log, inTransaction(1n, sequence++));
      append(log, 'between');
      send(log, inTransaction(1n, sequence++));
      log.appendAsLeader(marker(i % 2 === 0 ? 'abort' : 'commit', 1n, 0), 0, COORDINATOR);
    }
    const all = [
      { producerId: 1n, firstOffset: 0n, lastOffset: 3n, lastStableOffset: 4n },
      { producerId: 1n, firstOffset: 8n, lastOffset: 11n, lastStableOffset: 12n },
      { producerId: 1n, firstOffset: 16n, lastOffset: 19n, lastStableOffset: 20n },
    ];
    const follower = createHarness({ segmentBytes: 500 });
    follower.log.appendAsFollower(copyAll(log));
    log.close();
    leader.reopen();
    for (const copy of [follower.log, leader.log]) {
      expect(copy.abortedTransactions(0n, 24n)).toEqual(all);
      expect(copy.abortedTransactions(4n, 8n)).toEqual([]);
      expect(copy.abortedTransactions(3n, 9n)).toEqual(all.slice(0, 2));
      expect(copy.abortedTransactions(12n, 24n)).toEqual(all.slice(2));
    }
    expect(leader.log.truncateTo(11n)).toBe(11n);
    expect(leader.log.abortedTransactions(0n, 11n)).toEqual(all.slice(0, 1));
    leader.log.updateHighWatermark(11n);
    expect(leader.log.lastStableOffset).toBe(8n);
  });

  test('overlapping transactions: the stable offset in the index is that of the one still open', () => {
    const { log } = createHarness();
    send(log, inTransaction(1n, 0));
    send(log, inTransaction(2n, 0));
    log.appendAsLeader(marker('abort', 2n, 0), 0, COORDINATOR);
    expect(log.abortedTransactions(0n, 3n)).toEqual([{ producerId: 2n, firstOffset: 1n, lastOffset: 2n, lastStableOffset: 0n }]);
  });

  test('an open transaction survives a restart', () => {
    const made = createHarness();
    send(made.log, inTransaction(1n, 0));
    made.log.close();
    made.reopen({ highWatermark: 1n });
    expect(made.log.lastStableOffset).toBe(0n);
    expect(() => send(made.log, sequenced(1n, 0, 1))).toThrow(code(48));
    made.log.appendAsLeader(marker('abort', 1n, 0), 0, COORDINATOR);
    expect(made.log.abortedTransactions(0n, 2n)).toHaveLength(1);
  });

  test('markers: an old producer epoch and an old coordinator are fenced, a bumped epoch starts at 0', () => {
    const { log } = createHarness();
    send(log, inTransaction(1n, 0));
    log.appendAsLeader(marker('abort', 1n, 1, 7), 0, COORDINATOR);
    expect(() => log.appendAsLeader(marker('abort', 1n, 0, 7), 0, COORDINATOR)).toThrow(code(47));
    expect(() => log.appendAsLeader(marker('abort', 1n, 1, 6), 0, COORDINATOR)).toThrow(code(52));
    expect(() => send(log, sequenced(1n, 1, 1, 1, { transactional: true }))).toThrow(code(45));
    send(log, sequenced(1n, 1, 0, 1, { transactional: true }));
  });

  test('a coordinator writes transactional batches without sequences, several at once', () => {
    const { log } = createHarness();
    const offsets = sequenced(1n, 0, 0, 1, { transactional: true, baseSequence: -1 });
    log.appendAsLeader(Buffer.concat([offsets, offsets]), 0, COORDINATOR);
    log.appendAsLeader(Buffer.from(offsets), 0, COORDINATOR);
    expect(log.logEndOffset).toBe(3n);
    expect(log.firstUnstableOffset).toBe(0n);
  });
});
