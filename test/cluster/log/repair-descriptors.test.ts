/** A process without free descriptors during a swap: this is no failure of the disk, so the log stays in use unchanged. */
import { expect, test } from 'vitest';
import type { Log } from '../../../electron/cluster/log/log.ts';
import { KafkaError } from '../../../electron/cluster/protocol/kafka-error.ts';
import { append, createHarness, copyAll, DIRECTORY } from './helpers.ts';

/** Two to a segment: the swap has two steps. */
const BATCHES = 80;

/** Offsets of the first batches whose records can be read. */
function readable(log: Log): number[] {
  return Array.from({ length: BATCHES }, (_, offset) => offset).filter((offset) => {
    try {
      return log.read(BigInt(offset), 1, { maxOffset: log.logEndOffset, minOneMessage: true }).sizeBytes > 0;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return false;
    }
  });
}

test('a shortage of descriptors at any step of a swap leaves readable what the next start finds', () => {
  for (let steps = 0; ; steps++) {
    const made = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
    for (let i = 0; i < BATCHES; i++) append(made.log, `value ${i}`);
    const records = copyAll(made.log);
    const known = { highWatermark: made.log.logEndOffset, recoveryPoint: made.log.logEndOffset };
    made.log.close();
    made.disk.remove(`${DIRECTORY}/00000000000000000002.log`);
    const log = made.reopen(known);
    const repair = log.beginRepair('log');
    repair?.append(records);
    repair?.skipTo(repair.endOffset);
    let count = 0;
    made.disk.options = {
      fault: (operation, path) =>
        (operation === 'syncDirectory' || (operation === 'open' && path.includes('closed-segments'))) && ++count > steps
          ? { code: 'EMFILE' }
          : undefined,
    };
    let failed = false;
    try {
      repair?.finish();
    } catch (error) {
      expect(String(error)).toContain('EMFILE');
      failed = true;
      repair?.abandon();
    }
    made.disk.options = {};
    const before = readable(log);
    // The next segment is written into the list of the closed ones.
    append(log, 'more');
    log.roll();
    log.close();
    expect([steps, readable(made.reopen(known))]).toEqual([steps, before]);
    if (failed) continue;
    expect(steps).toBeGreaterThan(5);
    expect(before).toHaveLength(BATCHES);
    break;
  }
});
