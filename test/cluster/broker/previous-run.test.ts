import { describe, expect, it } from 'vitest';
import {
  removeRunNote,
  readCleanShutdownEpoch,
  readRunEpoch,
  writeCleanShutdownEpoch,
  writeRunEpoch,
} from '../../../electron/cluster/broker/previous-run.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { systemDisk } from '../../../electron/cluster/lib/system-disk.ts';
import { withoutSync } from '../../../electron/cluster/lib/unsynced-disk.ts';

describe('the clean-shutdown marker', () => {
  const marker = '/data/.kafka_cleanshutdown';
  const disk = (content?: string): MemoryDisk => {
    const made = new MemoryDisk();
    made.makeDirectory('/data');
    if (content !== undefined) made.writeFileAtomic(marker, Buffer.from(content));
    return made;
  };

  it('carries the broker epoch', () => {
    const one = disk('{"version":0,"brokerEpoch":-1}');
    writeCleanShutdownEpoch(one, '/data', 77n);
    expect(readCleanShutdownEpoch(one, '/data', silentLogger)).toBe(77n);
  });

  it('is not written where the log manager left none', () => {
    const none = disk();
    writeCleanShutdownEpoch(none, '/data', 77n);
    expect(none.exists(marker)).toBe(false);
    expect(readCleanShutdownEpoch(none, '/data', silentLogger)).toBe(-1n);
  });

  it.each(['', '{', '{"version":0}', '{"brokerEpoch":"5"}', '{"brokerEpoch":1.5}'])('counts as none when it reads %j', (content) => {
    expect(readCleanShutdownEpoch(disk(content), '/data', silentLogger)).toBe(-1n);
  });
});

describe('the note of a run', () => {
  const noted = (): MemoryDisk => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/data');
    disk.syncDirectory('/');
    writeRunEpoch(disk, '/data', 12n);
    return disk;
  };
  const read = (disk: MemoryDisk): bigint => readRunEpoch(disk, '/data', silentLogger);

  it('proves that a killed process lost no record', () => {
    const disk = noted();
    expect(read(disk)).toBe(12n);
    writeRunEpoch(disk, '/data', 7n);
    expect(read(disk)).toBe(7n);
  });

  it('is invalid after a loss of power, even if its bytes survived', () => {
    const disk = noted();
    disk.open('/data/broker-life').sync();
    disk.syncDirectory('/data');
    disk.powerCut();
    expect(disk.exists('/data/broker-life')).toBe(true);
    expect(read(disk)).toBe(-1n);
  });

  it('is removed once recovery found less than was written', () => {
    const disk = noted();
    removeRunNote(disk, '/data');
    expect(read(disk)).toBe(-1n);
    removeRunNote(disk, '/data');
  });

  it.each(['', '{', 'null', '7', '{"brokerEpoch":"5"}', '{"brokerEpoch":5,"powerCycle":"0"}'])(
    'counts as none when it reads %j',
    (text) => {
      const disk = noted();
      disk.writeFileAtomic('/data/broker-life', Buffer.from(text));
      expect(read(disk)).toBe(-1n);
    },
  );

  it('distinguishes boots of the machine where the system identifies them', () => {
    if (process.platform === 'linux') expect(systemDisk.powerCycle).toMatch(/^[0-9a-f-]{36}$/);
    else expect(systemDisk.powerCycle).toBeUndefined();
    expect(withoutSync(new MemoryDisk()).powerCycle).toBe('0');
  });
});
