/** The order in which the proofs of a clean shutdown are read and written. */
import { describe, expect, test } from 'vitest';
import { RunProof } from '../../../electron/cluster/broker/run-proof.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';

const MARKER = '/data/.kafka_cleanshutdown';

/** Logs that treat the marker as the log manager does: removed at the open, written after the close. */
function setUp(found: { lostRecords?: boolean; failures?: number; storageError?: KafkaError } = {}) {
  const disk = new MemoryDisk();
  disk.makeDirectory('/data');
  disk.syncDirectory('/');
  const openLogs = () => {
    disk.remove(MARKER);
    return {
      lostRecords: found.lostRecords ?? false,
      failures: new Map(Array.from({ length: found.failures ?? 0 }, (_, index) => [`t-${index}`, new Error('unreadable')])),
      storageError: found.storageError,
      close: () => disk.writeFileAtomic(MARKER, Buffer.from('{"version":0,"brokerEpoch":-1}')),
    };
  };
  return { disk, openLogs, proof: () => new RunProof(disk, '/data', silentLogger) };
}

describe('the proof of a run', () => {
  test('is the epoch of the last clean stop, though the logs remove its marker', () => {
    const { openLogs, proof } = setUp();
    const first = proof();
    first.open(openLogs);
    expect(first.previousEpoch).toBe(-1n);
    first.close(7n);
    const second = proof();
    second.open(openLogs);
    expect(second.previousEpoch).toBe(7n);
  });

  test('is the noted epoch after a kill, and none after a kill and a loss of power', () => {
    const { disk, openLogs, proof } = setUp();
    const killed = proof();
    killed.open(openLogs);
    killed.begin(9n);
    const next = proof();
    next.open(openLogs);
    expect(next.previousEpoch).toBe(9n);
    disk.powerCut();
    const later = proof();
    later.open(openLogs);
    expect(later.previousEpoch).toBe(-1n);
  });

  test.each([{ lostRecords: true }, { failures: 1 }])('is none for this run and the next where the logs found %j', (found) => {
    const { openLogs, proof, disk } = setUp(found);
    const before = proof();
    before.begin(5n);
    before.open(openLogs);
    expect(before.previousEpoch).toBe(-1n);
    const next = new RunProof(disk, '/data', silentLogger);
    next.open(setUp().openLogs);
    expect(next.previousEpoch).toBe(-1n);
  });

  test('is not written into the marker where the disk of the logs has failed', () => {
    const { disk, openLogs, proof } = setUp({ storageError: new KafkaError(ErrorCode.KAFKA_STORAGE_ERROR) });
    const run = proof();
    run.open(openLogs);
    run.close(7n);
    expect(disk.readFile(MARKER).toString()).toContain('-1');
  });

  test('cannot be used before the logs are open', () => {
    const run = setUp().proof();
    expect(() => run.previousEpoch).toThrow('once the logs are open');
    expect(() => run.close(1n)).toThrow('not opened');
  });
});
