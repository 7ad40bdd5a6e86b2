/** A replica that counts as having every committed record does not truncate its log below the offset where it diverges from the leader's. */
import { expect, test } from 'vitest';
import { Partition, type PartitionEnvironment } from '../../../electron/cluster/broker/partition.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import type { CleanupPolicy } from '../../../electron/cluster/log/log-config.ts';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import type { PartitionImage } from '../../../electron/cluster/quorum/image.ts';
import { append, createHarness, contents, copyAll, DIRECTORY, ManualClock } from '../log/helpers.ts';

const FOLLOWER = 2;

/** Broker 2 follows with closed segments of two records each; that of offsets 4 and 5 is missing since a clean stop. */
function follower(trust: Partial<Pick<PartitionImage, 'isr' | 'elr'>>, policy: CleanupPolicy = 'delete') {
  const harness = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
  for (let i = 0; i < 12; i++) append(harness.log, `value ${i}`);
  const records = copyAll(harness.log);
  harness.log.close();
  harness.disk.remove(`${DIRECTORY}/00000000000000000004.log`);
  harness.disk.syncDirectory(DIRECTORY);
  harness.disk.syncDirectory('/data');
  const config = { ...harness.log.config, cleanupPolicy: new Set([policy]) };
  const log = harness.reopen({ config, highWatermark: 5n });
  const state = {
    topic: 't',
    partition: 0,
    leader: 1,
    leaderEpoch: 1,
    partitionEpoch: 1,
    replicas: [1, 2, 3],
    isr: [1],
    elr: [],
    ...trust,
  };
  const events: unknown[] = [];
  const environment = {
    brokerId: FOLLOWER,
    clock: new ManualClock(),
    logger: silentLogger,
    events: (event: unknown) => void events.push(event),
    listener: { stateChanged: () => undefined, committed: () => undefined },
  };
  const partition = new Partition(state as unknown as PartitionImage, log, environment as unknown as PartitionEnvironment);
  partition.apply(state as unknown as PartitionImage);
  expect(partition.role).toBe('follower');
  return { harness, log, config, partition, records };
}

function repair(log: Log, records: Buffer): boolean {
  const found = log.beginRepair();
  if (found === undefined) return false;
  found.append(records.subarray([...iterateBatches(records)].find(({ lastOffset }) => lastOffset >= found.nextOffset)?.position ?? 0));
  return found.isComplete && found.hasEveryOffset && found.finish();
}

test.each([{ isr: [1, 2] }, { elr: [2] }])('with offsets missing below that one it keeps them to be repaired: %j', (trust) => {
  const { harness, log, partition, records } = follower(trust);
  partition.truncate(5n, 'planted');
  // Elected in this state, it loses no record below: the others are not truncated to where its records are missing.
  expect(log.logEndOffset).toBe(5n);
  expect(log.corruptSegments).toEqual([{ baseOffset: 4n, endOffset: 5n }]);
  expect(() => log.read(4n, 1, { maxOffset: 5n, minOneMessage: true })).toThrow('missing');
  expect(append(log, 'after')).toBe(5n);
  const whole = ['0:value 0', '1:value 1', '2:value 2', '3:value 3', '4:value 4', '5:after'];
  // A start finds it again.
  log.close();
  const again = harness.reopen({ highWatermark: 6n });
  expect(again.logEndOffset).toBe(6n);
  expect(again.corruptSegments).toEqual([{ baseOffset: 4n, endOffset: 5n }]);
  expect(repair(again, records)).toBe(true);
  expect(contents(again)).toEqual(whole);
  again.close();
  expect(contents(harness.reopen({ highWatermark: 6n }))).toEqual(whole);
});

test('neither in sync nor eligible it is cut to where offsets are missing, and needs no repair', () => {
  const { log, partition } = follower({});
  partition.truncate(5n, 'planted');
  expect([log.logEndOffset, log.corruptSegments]).toEqual([4n, []]);
});

// Without its entry a hole in a log that may be compacted looks like records that compaction has removed.
test.each([
  ['kill', 'delete', { elr: [2] }],
  ['power cut', 'delete', { elr: [2] }],
  ['kill', 'compact', { elr: [2] }],
  ['power cut', 'compact', { elr: [2] }],
  ['kill', 'compact', {}],
  ['power cut', 'compact', {}],
] as const)(
  'a %s at every step of such a truncation leaves the offsets missing, or a log that is known to have lost its end (%s, %j)',
  (crash, policy, trust) => {
    for (let steps = 0; ; steps++) {
      const { harness, log, config, partition } = follower(trust, policy);
      let count = 0;
      harness.disk.options = {
        fault: (operation) => (operation !== 'read' && operation !== 'open' && ++count > steps ? { code: 'EIO' } : undefined),
      };
      let crashed = false;
      try {
        partition.truncate(5n, 'planted');
      } catch {
        crashed = true;
      }
      harness.disk.options = {};
      if (crash === 'power cut') harness.disk.powerCut(seededRandom(steps));
      // The previous recovery point: the checkpoint is written after the truncation.
      const again = harness.reopen({ config, cleanShutdown: false, recoveryPoint: crashed ? 12n : 5n, highWatermark: 5n });
      const isMarked = again.corruptSegments.some(({ baseOffset }) => baseOffset === 4n);
      const isCut = again.lostAtOpen && again.logEndOffset <= 4n;
      expect([steps, isCut || (isMarked && again.logEndOffset >= 5n)]).toEqual([steps, true]);
      if (crashed) continue;
      expect(log.logEndOffset).toBe('elr' in trust ? 5n : 4n);
      expect(steps).toBeGreaterThan(3);
      break;
    }
  },
);
