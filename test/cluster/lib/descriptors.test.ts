import { describe, expect, it } from 'vitest';
import { DescriptorReserve } from '../../../electron/cluster/lib/descriptor-reserve.ts';
import { parseDescriptorLimit, shareDescriptors } from '../../../electron/cluster/lib/descriptors.ts';
import { DiskError, type Disk, type DiskFile } from '../../../electron/cluster/lib/disk.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { FilePool, PooledFile } from '../../../electron/cluster/log/file-pool.ts';

/** A disk of a process with so many descriptors, of which other owners hold `taken`. */
class Descriptors {
  taken = 0;
  open = 0;
  readonly disk: Disk;
  private readonly inner = new MemoryDisk();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
    const inner = this.inner;
    const through = <T>(path: string, action: () => T): T => {
      if (this.open + this.taken >= this.limit) throw new DiskError('EMFILE', path, 'open');
      return action();
    };
    this.disk = {
      open: (path, options) => through(path, () => this.counted(inner.open(path, options))),
      exists: (path) => inner.exists(path),
      list: (path) => through(path, () => inner.list(path)),
      isDirectory: (path) => inner.isDirectory(path),
      size: (path) => inner.size(path),
      makeDirectory: (path) => inner.makeDirectory(path),
      rename: (from, to) => inner.rename(from, to),
      remove: (path) => inner.remove(path),
      readFile: (path) => through(path, () => inner.readFile(path)),
      writeFileAtomic: (path, bytes) => through(path, () => inner.writeFileAtomic(path, bytes)),
      syncDirectory: (path) => through(path, () => inner.syncDirectory(path)),
      admit: () => undefined,
    };
    inner.makeDirectory('/d');
  }

  spare(): { close(): void } {
    if (this.open + this.taken >= this.limit) throw new DiskError('EMFILE', '/dev/null', 'open');
    this.open++;
    return { close: () => void (this.open -= 1) };
  }

  private counted(file: DiskFile): DiskFile {
    this.open++;
    return {
      path: file.path,
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      write: (chunks, position) => file.write(chunks, position),
      truncate: (size) => file.truncate(size),
      sync: () => file.sync(),
      close: () => {
        this.open--;
        file.close();
      },
    };
  }
}

describe('shareDescriptors', () => {
  it('leaves the sum of all shares below the limit', () => {
    for (const limit of [1_024, 4_096, 20_000]) {
      for (const nodes of [1, 3, 4, 9]) {
        const { connections, files } = shareDescriptors(limit, nodes);
        expect(nodes * (connections + files)).toBeLessThan(limit);
        expect(files).toBeGreaterThanOrEqual(32);
      }
    }
  });

  it('bounds files and not connections where there is no limit', () => {
    expect(shareDescriptors(Number.POSITIVE_INFINITY, 3)).toEqual({ connections: Number.POSITIVE_INFINITY, files: 2_000 });
  });

  it('reads the soft limit of /proc/self/limits', () => {
    const text =
      'Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 524288               files\n';
    expect(parseDescriptorLimit(text)).toBe(1_024);
    expect(parseDescriptorLimit(text.replace('1024     ', 'unlimited'))).toBe(Number.POSITIVE_INFINITY);
    expect(parseDescriptorLimit('')).toBeUndefined();
  });
});

describe('DescriptorReserve', () => {
  it('writes, lists and opens while other owners hold all unreserved descriptors', () => {
    const descriptors = new Descriptors(10);
    const reserve = new DescriptorReserve(descriptors.disk, { openSpare: () => descriptors.spare(), pause: () => undefined });
    descriptors.taken = 6;
    reserve.writeFileAtomic('/d/checkpoint', Buffer.from('1'));
    expect(reserve.list('/d')).toEqual(['checkpoint']);
    expect(reserve.open('/d/log', { create: true }).size()).toBe(0);
  });

  it('makes file pools close files when its reserve is used up', () => {
    const descriptors = new Descriptors(12);
    const reserve = new DescriptorReserve(descriptors.disk, { openSpare: () => descriptors.spare(), pause: () => undefined });
    const pool = new FilePool(reserve, 100);
    const files = Array.from({ length: 30 }, (_, i) => new PooledFile(pool, `/d/${i}`));
    for (const [i, file] of files.entries()) file.write([Buffer.from([i])], 0);
    const byte = Buffer.alloc(1);
    for (const [i, file] of files.entries()) {
      expect(file.read(byte, 0)).toBe(1);
      expect(byte[0]).toBe(i);
    }
    reserve.writeFileAtomic('/d/checkpoint', Buffer.from('1'));
    expect(descriptors.open).toBeLessThanOrEqual(12);
  });

  it('waits for descriptors that other owners release', () => {
    const descriptors = new Descriptors(10);
    const reserve = new DescriptorReserve(descriptors.disk, {
      openSpare: () => descriptors.spare(),
      pause: () => void (descriptors.taken = 0),
    });
    const held = Array.from({ length: 4 }, (_, i) => {
      descriptors.taken = 10 - descriptors.open;
      return reserve.open(`/d/${i}`, { create: true });
    });
    expect(held).toHaveLength(4);
    descriptors.taken = 100;
    expect(reserve.list('/d')).toHaveLength(4);
  });

  it('rethrows any other failure at once', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/d');
    let pauses = 0;
    const reserve = new DescriptorReserve(disk, { openSpare: () => ({ close: () => undefined }), pause: () => void (pauses += 1) });
    expect(() => reserve.open('/d/absent')).toThrow(/ENOENT/);
    expect(pauses).toBe(0);
  });
});
