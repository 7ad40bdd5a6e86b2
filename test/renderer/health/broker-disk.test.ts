import { describe, expect, it } from 'vitest';
import type { BrokerRow } from '#shared/models/cluster';
import { describeDisk, formatUsed, fullDisks, isNearlyFull, usedPercent } from '../../../renderer/health/broker-disk.ts';

const LAB: BrokerRow['lab'] = { port: 9092, controllerPort: 9192, running: true, memoryBytes: null };

/** In bytes; `usable` of `total`. */
function broker(id: number, total: number, usable: number, lab: BrokerRow['lab'] = null): Pick<BrokerRow, 'id' | 'disk' | 'lab'> {
  return { id, lab, disk: { directory: '/data', directories: 1, totalBytes: `${total}`, usableBytes: `${usable}` } };
}

const GB = 1_000_000_000;

describe('the disk of a broker', () => {
  it('rounds the used share down, so that 100 % is full', () => {
    const percent = (total: number, usable: number) => usedPercent(broker(1, total, usable).disk as NonNullable<BrokerRow['disk']>);
    expect([percent(1_000, 1_000), percent(1_000, 1), percent(1_000, 0), percent(1_000, 105)]).toEqual([0, 99, 100, 89]);
    // A volume may grow between the two readings of its broker.
    expect(percent(1_000, 1_001)).toBe(0);
  });

  it('is described with what is used and left, its directory, and how many others there are', () => {
    const disk = { directory: '/d1', directories: 1, totalBytes: `${252 * GB}`, usableBytes: `${72 * GB}` };
    expect(formatUsed(disk)).toBe('180 GB');
    expect(describeDisk(disk)).toBe('180 GB of 252 GB used, 72.0 GB left, in /d1');
    expect(describeDisk({ ...disk, directories: 3 })).toMatch(/in \/d1; the fullest of 3 log directories$/);
  });

  it('is nearly full from 90 % on, in the embedded cluster only with less than 5 GB left', () => {
    expect(isNearlyFull(broker(1, 1_000 * GB, 101 * GB))).toBe(false);
    expect(isNearlyFull(broker(1, 1_000 * GB, 100 * GB))).toBe(true);
    expect(isNearlyFull(broker(1, 1_000 * GB, 100 * GB, LAB))).toBe(false);
    expect(isNearlyFull(broker(1, 1_000 * GB, 4 * GB, LAB))).toBe(true);
    expect(isNearlyFull(broker(1, 10 * GB, 4 * GB, LAB))).toBe(false);
    expect(isNearlyFull({ disk: null, lab: null })).toBe(false);
  });

  it('lists full disks once for brokers of one size and share, the fullest first', () => {
    const brokers = [
      broker(1, 1_000 * GB, 80 * GB),
      broker(2, 1_000 * GB, 500 * GB),
      broker(3, 1_000 * GB, 75 * GB),
      broker(4, 500 * GB, 0),
    ];
    expect(fullDisks([...brokers, { id: 5, disk: null, lab: null }])).toEqual([
      { brokers: [4], what: 'Broker 4: disk 100 % full', left: '0 B of 500 GB are left.' },
      { brokers: [1, 3], what: 'Brokers 1, 3: disk 92 % full', left: '75.0 GB of 1.00 TB are left.' },
    ]);
  });
});
