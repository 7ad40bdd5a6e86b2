import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { MemoryDisk } from '../../electron/cluster/lib/memory-disk.ts';
import { claimDirectory } from '../../electron/cluster/node-directory.ts';

const config = { dataDirectory: '/data/node-1', clusterId: 'abcdefghijklmnopqrstuv', nodeId: 1 };
const random = seededRandom(1);

function textOf(disk: MemoryDisk): string {
  return disk.readFile('/data/node-1/meta.properties').toString();
}

describe('node directory', () => {
  it('accepts a directory whose first start ended before the rename of the file', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/data/node-1');
    disk.open('/data/node-1/meta.properties.tmp', { create: true }).close();
    const id = claimDirectory(disk, seededRandom(1), config);
    expect(claimDirectory(disk, seededRandom(2), config)).toBe(id);
  });

  it('assigns a new directory and recognizes it later', () => {
    const disk = new MemoryDisk();
    const id = claimDirectory(disk, random, config);
    expect(textOf(disk)).toContain('version=1\ncluster.id=abcdefghijklmnopqrstuv\nnode.id=1\n');
    const before = textOf(disk);
    expect(claimDirectory(disk, random, config)).toBe(id);
    expect(textOf(disk)).toBe(before);
  });

  it.each([
    ['another cluster', { clusterId: 'other' }, 'cluster.id'],
    ['another node', { nodeId: 2 }, 'node.id'],
  ])('refuses the directory of %s', (_whose, other, key) => {
    const disk = new MemoryDisk();
    claimDirectory(disk, random, config);
    expect(() => claimDirectory(disk, random, { ...config, ...other })).toThrow(new RegExp(`/data/node-1.*${key}`));
  });

  it('refuses a later version and does not change it', () => {
    const disk = new MemoryDisk();
    claimDirectory(disk, random, config);
    const later = textOf(disk).replace('version=1', 'version=2');
    disk.writeFileAtomic('/data/node-1/meta.properties', Buffer.from(later));
    expect(() => claimDirectory(disk, random, config)).toThrow(/version 2/);
    expect(textOf(disk)).toBe(later);
  });

  it('refuses a directory with data of an unknown owner', () => {
    const disk = new MemoryDisk();
    disk.makeDirectory('/data/node-1/orders-0');
    expect(() => claimDirectory(disk, random, config)).toThrow(/not empty/);
  });
});
