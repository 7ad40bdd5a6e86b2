import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { withoutSync } from '../../../electron/cluster/lib/unsynced-disk.ts';

describe('disk without sync', () => {
  it('writes and reads, and never syncs', () => {
    const synced: string[] = [];
    const inner = new MemoryDisk();
    const open = inner.open.bind(inner);
    inner.open = (path, options) => {
      const file = open(path, options);
      file.sync = () => synced.push(path);
      return file;
    };
    inner.syncDirectory = (path) => synced.push(path);
    const disk = withoutSync(inner);
    disk.makeDirectory('/d');
    disk.writeFileAtomic('/d/meta', Buffer.from('first, which is long'));
    disk.writeFileAtomic('/d/meta', Buffer.from('second'));
    expect(disk.readFile('/d/meta').toString()).toBe('second');
    expect(disk.list('/d')).toEqual(['meta']);
    const file = disk.open('/d/log', { create: true });
    file.write([Buffer.from('ab'), Buffer.from('cd')], 0);
    file.sync();
    disk.syncDirectory('/d');
    const read = Buffer.alloc(4);
    expect(file.read(read, 0)).toBe(4);
    expect(read.toString()).toBe('abcd');
    expect(synced).toEqual([]);
  });
});
