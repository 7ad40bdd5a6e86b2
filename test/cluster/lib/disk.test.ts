import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DescriptorReserve } from '../../../electron/cluster/lib/descriptor-reserve.ts';
import type { Disk, DiskVolume } from '../../../electron/cluster/lib/disk.ts';
import { FaultyDisk } from '../../../electron/cluster/lib/faulty-disk.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { PowerLossDisk } from '../../../electron/cluster/lib/power-loss-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { systemDisk } from '../../../electron/cluster/lib/system-disk.ts';
import { withoutSync } from '../../../electron/cluster/lib/unsynced-disk.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const temporary = mkdtempSync(join(tmpdir(), 'brokerdesk-disk-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const disks: [string, Disk, string][] = [
  ['system', systemDisk, temporary],
  ['memory', new MemoryDisk(), '/data'],
];

describe.each(disks)('%s disk', (_name, disk, root) => {
  test('writes, reads, truncates, lists, renames and removes files', () => {
    disk.makeDirectory(`${root}/a/b`);
    const file = disk.open(`${root}/a/b/one`, { create: true });
    file.write([Buffer.from('hello '), Buffer.from('world')], 0);
    file.write([Buffer.from('W')], 6);
    const into = Buffer.alloc(20);
    expect(file.read(into, 6)).toBe(5);
    expect(into.toString('utf8', 0, 5)).toBe('World');
    expect(file.read(into, 100)).toBe(0);
    file.truncate(5);
    expect(file.size()).toBe(5);
    file.truncate(7);
    expect(disk.readFile(`${root}/a/b/one`).toString()).toBe('hello\0\0');
    file.sync();
    file.close();
    disk.rename(`${root}/a/b/one`, `${root}/a/b/two`);
    disk.writeFileAtomic(`${root}/a/b/three`, Buffer.from('3'));
    expect(disk.list(`${root}/a/b`)).toEqual(['three', 'two']);
    expect(disk.size(`${root}/a/b/three`)).toBe(1);
    expect(disk.isDirectory(`${root}/a`)).toBe(true);
    expect(disk.isDirectory(`${root}/a/b/two`)).toBe(false);
    disk.remove(`${root}/a`);
    disk.remove(`${root}/a`);
    expect(disk.exists(`${root}/a/b/two`)).toBe(false);
  });

  test('writes many chunks in one call', () => {
    disk.makeDirectory(root);
    const file = disk.open(`${root}/chunks`, { create: true });
    const chunks = Array.from({ length: 2500 }, (_, i) => Buffer.from([i & 0xff]));
    file.write(chunks, 3);
    expect(disk.readFile(`${root}/chunks`).subarray(3)).toEqual(Buffer.concat(chunks));
    file.close();
  });

  test('fails with the code of the operating system', () => {
    expect(() => disk.open(`${root}/absent`)).toThrow(expect.objectContaining({ name: 'DiskError', code: 'ENOENT' }));
    expect(() => disk.list(`${root}/absent`)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => disk.size(`${root}/absent`)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});

describe('power cut', () => {
  test('drops unsynced bytes and names', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/d');
    disk.syncDirectory('/');
    const kept = disk.open('/d/kept', { create: true });
    disk.syncDirectory('/d');
    kept.write([Buffer.from('synced')], 0);
    kept.sync();
    kept.write([Buffer.from('SY')], 0);
    kept.write([Buffer.from(' more')], 6);
    kept.truncate(3);
    disk.open('/d/nameless', { create: true }).sync();
    disk.rename('/d/kept', '/d/renamed');
    disk.powerCut();
    expect(disk.list('/d')).toEqual(['kept']);
    expect(disk.readFile('/d/kept').toString()).toBe('synced');
    expect(() => kept.size()).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  test('leaves an erased disk empty, also after a power cut', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/d');
    disk.syncDirectory('/');
    const file = disk.open('/d/f', { create: true });
    file.write([Buffer.from('synced')], 0);
    file.sync();
    disk.syncDirectory('/d');
    disk.erase();
    expect(disk.exists('/d')).toBe(false);
    expect(() => file.size()).toThrow(expect.objectContaining({ code: 'EBADF' }));
    disk.powerCut();
    expect(disk.list('/')).toEqual([]);
  });

  test('keeps an atomic write', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/d');
    disk.syncDirectory('/');
    disk.writeFileAtomic('/d/f', Buffer.from('old'));
    disk.writeFileAtomic('/d/f', Buffer.from('new'));
    disk.powerCut();
    expect(disk.readFile('/d/f').toString()).toBe('new');
  });

  test('keeps a part of an unsynced append with randomness', () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new MemoryDisk();
      const file = disk.open('/f', { create: true });
      disk.syncDirectory('/');
      file.write([Buffer.from('abc')], 0);
      file.sync();
      for (let i = 0; i < 3; i++) file.write([Buffer.from('xy')], 3 + 2 * i);
      disk.powerCut(seededRandom(seed));
      const left = disk.readFile('/f').toString();
      expect('abcxyxyxy'.startsWith(left) && left.length >= 3).toBe(true);
      sizes.add(left.length);
    }
    expect(sizes.size).toBe(7);
  });
});

describe('the volume of a disk', () => {
  const sane = ({ totalBytes, usableBytes }: DiskVolume): boolean =>
    totalBytes > 1_000_000n && usableBytes >= 0n && usableBytes <= totalBytes;

  test('is the one that holds the path, as the system reports it', () => {
    const volume = systemDisk.volume?.(temporary);
    expect(volume).toSatisfy(sane);
    const { frsize, blocks } = statfsSync(temporary, { bigint: true });
    expect(volume?.totalBytes).toBe(frsize * blocks);
  });

  test('is unknown for a path that does not exist', () => {
    expect(systemDisk.volume?.(join(temporary, 'absent'))).toBeUndefined();
  });

  test('is passed through by every disk that a node puts around the system disk', () => {
    const clock = new VirtualClock();
    const lossy = new PowerLossDisk(systemDisk, temporary, join(temporary, 'undo'), () => 'cycle');
    const reserve = new DescriptorReserve(lossy, { openSpare: () => ({ close: () => undefined }), pause: () => undefined });
    expect(new FaultyDisk(withoutSync(reserve), clock).volume(temporary)).toSatisfy(sane);
  });
});

describe('faults of the memory disk', () => {
  test('tear the write that reaches the capacity', () => {
    const disk = new MemoryDisk({ capacityBytes: 10 });
    const file = disk.open('/f', { create: true });
    file.write([Buffer.alloc(8)], 0);
    expect(() => file.write([Buffer.alloc(8)], 8)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    expect(file.size()).toBe(10);
    file.write([Buffer.alloc(8)], 0);
    expect(disk.volume()).toEqual({ totalBytes: 10n, usableBytes: 0n });
    disk.remove('/f');
    expect(disk.volume()).toEqual({ totalBytes: 10n, usableBytes: 10n });
    expect(new MemoryDisk().volume()).toBeUndefined();
  });

  test('make chosen operations fail', () => {
    const disk = new MemoryDisk();
    const file = disk.open('/f', { create: true });
    disk.options = { fault: (operation) => (operation === 'sync' ? { code: 'EIO' } : undefined) };
    expect(() => file.sync()).toThrow(expect.objectContaining({ code: 'EIO' }));
    disk.options = { fault: (_operation, _path, bytes) => (bytes > 0 ? { code: 'EIO', writtenBytes: 1 } : undefined) };
    expect(() => file.write([Buffer.from('abc')], 0)).toThrow(expect.objectContaining({ code: 'EIO' }));
    expect(file.size()).toBe(1);
  });
});
