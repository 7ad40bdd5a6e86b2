import { describe, expect, it } from 'vitest';
import { FaultyDisk } from '../../../electron/cluster/lib/faulty-disk.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { SkewedClock } from '../../../electron/cluster/lib/skewed-clock.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

function rig(): { clock: VirtualClock; disk: FaultyDisk } {
  const clock = new VirtualClock();
  const inner = new MemoryDisk();
  inner.makeDirectory('/d');
  return { clock, disk: new FaultyDisk(inner, clock) };
}

describe('FaultyDisk', () => {
  it('delays no write without a fault', () => {
    const { disk } = rig();
    expect(disk.admit(1_000_000)).toBeUndefined();
    disk.set({ slow: [{ latencyMs: 10, bytesPerSecond: 0 }], full: false });
    expect(disk.admit(1)).toBeInstanceOf(Promise);
    disk.set({ slow: [], full: false });
    expect(disk.admit(1)).toBeUndefined();
  });

  it('delays writes by the sum of latencies and the least bandwidth, in order', async () => {
    const { clock, disk } = rig();
    const slow = [
      { latencyMs: 10, bytesPerSecond: 10_000 },
      { latencyMs: 20, bytesPerSecond: 1_000 },
    ];
    disk.set({ slow, full: false });
    const done: string[] = [];
    void disk.admit(100)?.then(() => done.push('first'));
    void disk.admit(50)?.then(() => done.push('second'));
    await clock.advance(129);
    expect(done).toEqual([]);
    await clock.advance(1);
    expect(done).toEqual(['first']);
    await clock.advance(50);
    expect(done).toEqual(['first', 'second']);
  });

  it('releases waiting writes when the faults end', async () => {
    const { disk } = rig();
    disk.set({ slow: [{ latencyMs: 60_000, bytesPerSecond: 1 }], full: false });
    const waiting = [1, 2].map(async () => disk.admit(1_000));
    disk.set({ slow: [], full: false });
    await Promise.all(waiting);
    expect(disk.admit(1)).toBeUndefined();
  });

  it('reports no usable bytes while it is full, and no volume where the disk below reports none', () => {
    const disk = new FaultyDisk(new MemoryDisk({ capacityBytes: 100 }), new VirtualClock());
    expect(disk.volume('/d')).toEqual({ totalBytes: 100n, usableBytes: 100n });
    disk.set({ slow: [], full: true });
    expect(disk.volume('/d')).toEqual({ totalBytes: 100n, usableBytes: 0n });
    const { disk: unknown } = rig();
    unknown.set({ slow: [], full: true });
    expect(unknown.volume('/d')).toBeUndefined();
  });

  it('refuses new data when it is full, and still reads and frees space', () => {
    const { disk } = rig();
    const file = disk.open('/d/log', { create: true });
    file.write([Buffer.from('there')], 0);
    disk.set({ slow: [], full: true });
    const full = expect.objectContaining({ code: 'ENOSPC' });
    expect(() => file.write([Buffer.from('more')], 5)).toThrow(full);
    expect(() => disk.open('/d/new', { create: true })).toThrow(full);
    expect(() => disk.makeDirectory('/d/new')).toThrow(full);
    expect(() => disk.writeFileAtomic('/d/vote', Buffer.from('1'))).toThrow(full);
    expect(disk.readFile('/d/log').toString()).toBe('there');
    file.truncate(2);
    disk.makeDirectory('/d');
    disk.rename('/d/log', '/d/old');
    disk.remove('/d/old');
    expect(disk.list('/d')).toEqual([]);
    disk.set({ slow: [], full: false });
    disk.writeFileAtomic('/d/vote', Buffer.from('1'));
    expect(disk.list('/d')).toEqual(['vote']);
  });
});

describe('SkewedClock', () => {
  it('changes the time of day only', async () => {
    const inner = new VirtualClock();
    const clock = new SkewedClock(inner);
    const [now, monotonic] = [inner.now(), inner.monotonic()];
    clock.offsetMs = -3_600_000;
    expect(clock.now()).toBe(now - 3_600_000);
    expect(clock.monotonic()).toBe(monotonic);
    let rang = false;
    clock.setTimer(50, () => (rang = true));
    await inner.advance(50);
    expect(rang).toBe(true);
  });
});
