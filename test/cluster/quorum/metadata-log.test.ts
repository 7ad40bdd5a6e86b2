import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { decodeRecords } from '../../../electron/cluster/protocol/records-reader.ts';
import { decodeControlRecord } from '../../../electron/cluster/protocol/records/control-records.ts';
import { MetadataLog } from '../../../electron/cluster/quorum/metadata-log.ts';
import { INITIAL_VOTE, parseQuorumState, QuorumStateFile } from '../../../electron/cluster/quorum/vote-store.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const open = (disk: MemoryDisk): MetadataLog =>
  MetadataLog.open({ disk, dataDirectory: '/data', clock: new VirtualClock(), logger: silentLogger });
const values = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

function filled(disk = new MemoryDisk()): MetadataLog {
  const log = open(disk);
  log.appendLeaderChange(1, 5, { leaderId: 1, voters: [1, 2, 3], grantingVoters: [1, 3] });
  log.append(1, 5, values('a', 'b'));
  log.appendLeaderChange(4, 6, { leaderId: 2, voters: [1, 2, 3], grantingVoters: [2, 3] });
  log.append(4, 6, values('c'));
  return log;
}

describe('the metadata log on disk', () => {
  it('keeps batches, their epochs and the ends of epochs', () => {
    const log = filled();
    expect(log.endOffset).toBe(5n);
    expect(log.lastEpoch).toBe(4);
    expect([0, 1, 3, 4, 9].map((epoch) => log.endOffsetForEpoch(epoch))).toEqual([
      { epoch: 0, endOffset: 0n },
      { epoch: 1, endOffset: 3n },
      { epoch: 1, endOffset: 3n },
      { epoch: 4, endOffset: 5n },
      { epoch: 4, endOffset: 5n },
    ]);
    const batches = log.readBatches(0n, 5n);
    expect(batches.map((batch) => [batch.baseOffset, batch.lastOffset, batch.epoch, batch.control, batch.values.map(String)])).toEqual([
      [0n, 0n, 1, true, []],
      [1n, 2n, 1, false, ['a', 'b']],
      [3n, 3n, 4, true, []],
      [4n, 4n, 4, false, ['c']],
    ]);
    expect(log.readBatches(1n, 3n)).toHaveLength(1);
  });

  it("opens an epoch with Kafka's own LeaderChange", () => {
    const [batch] = iterateBatches(filled().read(0n, 1));
    const [record] = [...decodeRecords(batch!, 1000)];
    expect(decodeControlRecord({ key: record!.key!, value: record!.value })).toMatchObject({
      type: 'LeaderChange',
      value: {
        version: 0,
        leaderId: 1,
        voters: [{ voterId: 1 }, { voterId: 2 }, { voterId: 3 }],
        grantingVoters: [{ voterId: 1 }, { voterId: 3 }],
      },
    });
  });

  it('appends batches of another node byte for byte, and only contiguous ones', () => {
    const source = filled();
    const copy = open(new MemoryDisk());
    copy.appendReplicated(Buffer.from(source.read(0n, 1e6)));
    expect(copy.endOffset).toBe(5n);
    expect(copy.lastEpoch).toBe(4);
    expect(copy.read(0n, 1e6).equals(source.read(0n, 1e6))).toBe(true);
    expect(() => copy.appendReplicated(Buffer.from(source.read(0n, 1e6)))).toThrow(/where 5 is next/);
    const damaged = Buffer.from(source.read(0n, 1e6));
    damaged[40]! ^= 1;
    const other = open(new MemoryDisk());
    expect(() => other.appendReplicated(damaged)).toThrow(/checksum/);
    expect(other.endOffset).toBe(0n);
  });

  it('truncates its end together with its epochs', () => {
    const disk = new MemoryDisk();
    const log = filled(disk);
    log.truncate(3n);
    expect(log.endOffset).toBe(3n);
    expect(log.lastEpoch).toBe(1);
    expect(log.flushedOffset).toBe(3n);
    log.append(6, 7, values('d'));
    log.flush();
    disk.powerCut();
    const again = open(disk);
    expect(again.endOffset).toBe(4n);
    expect(again.lastEpoch).toBe(6);
    expect(again.endOffsetForEpoch(5)).toEqual({ epoch: 1, endOffset: 3n });
  });

  it('loses in a power cut the unflushed records and no others', () => {
    const disk = new MemoryDisk();
    const log = filled(disk);
    log.flush();
    expect(log.flushedOffset).toBe(5n);
    log.append(4, 6, values('lost'));
    expect(log.flushedOffset).toBe(5n);
    disk.powerCut();
    const again = open(disk);
    expect(again.endOffset).toBe(5n);
    expect(again.lastEpoch).toBe(4);
    expect(again.flushedOffset).toBe(5n);
  });
});

describe('quorum-state', () => {
  it("has Kafka's form, and survives a power cut", () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/data');
    disk.syncDirectory('/');
    const file = new QuorumStateFile(disk, '/data/quorum-state', [1, 2]);
    expect(file.read()).toEqual(INITIAL_VOTE);
    file.write({ epoch: 3, leaderId: -1, votedId: 2, votesFrom: 0 });
    disk.powerCut();
    expect(file.read()).toEqual({ epoch: 3, leaderId: -1, votedId: 2, votesFrom: 0 });
    expect(JSON.parse(disk.readFile('/data/quorum-state').toString())).toEqual({
      clusterId: '',
      leaderId: -1,
      leaderEpoch: 3,
      votedId: 2,
      appliedOffset: 0,
      currentVoters: [{ voterId: 1 }, { voterId: 2 }],
      data_version: 0,
      checksum: expect.any(Number),
    });
  });

  it('keeps the epoch from which a voter may vote', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/data');
    const file = new QuorumStateFile(disk, '/data/quorum-state', [1, 2]);
    const state = { epoch: 3, leaderId: 2, votedId: -1, votesFrom: 7 };
    file.write(state);
    expect(file.read()).toEqual(state);
  });

  it('is created for a voter that has never run, and keeps an existing vote', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/data');
    disk.syncDirectory('/');
    const file = new QuorumStateFile(disk, '/data/quorum-state', [1, 2, 3]);
    file.begin();
    disk.powerCut();
    expect(file.read()).toEqual({ epoch: 0, leaderId: -1, votedId: -1, votesFrom: 0 });
    const state = { epoch: 3, leaderId: 2, votedId: -1, votesFrom: 7 };
    file.write(state);
    file.begin();
    expect(file.read()).toEqual(state);
  });

  it('is not guessed when it is corrupt', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/data');
    const file = new QuorumStateFile(disk, '/data/quorum-state', [1]);
    disk.writeFileAtomic('/data/quorum-state', Buffer.from('{"leaderEpoch":'));
    expect(() => file.read()).toThrow(/quorum-state cannot be read: it is no JSON/);
    disk.writeFileAtomic('/data/quorum-state', Buffer.from('{}'));
    expect(() => file.read()).toThrow(/is missing/);
    file.write({ epoch: 31, leaderId: -1, votedId: 1, votesFrom: 4 });
    const bytes = disk.readFile('/data/quorum-state');
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 2, 8]) {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= bit;
        const state = parseQuorumState(flipped);
        // In the name of the checksum, or in a field that is not read: the state is unchanged.
        if (typeof state !== 'string') expect(state).toEqual({ epoch: 31, leaderId: -1, votedId: 1, votesFrom: 4 });
      }
      expect(parseQuorumState(bytes.subarray(0, at))).toBeTypeOf('string');
    }
    // As Apache Kafka and earlier versions write it.
    expect(parseQuorumState(Buffer.from('{"leaderEpoch":2,"leaderId":1,"votedId":-1}'))).toMatchObject({ epoch: 2 });
  });
});
