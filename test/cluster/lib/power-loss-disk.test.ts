import { describe, expect, it } from 'vitest';
import type { Disk } from '../../../electron/cluster/lib/disk.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { PowerLossDisk } from '../../../electron/cluster/lib/power-loss-disk.ts';
import { losePower } from '../../../electron/cluster/lib/power-loss.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { withoutSync } from '../../../electron/cluster/lib/unsynced-disk.ts';

const ROOT = '/c';
const UNDO = '/c/node-1.unsynced';

let names = 0;
const name = (): string => `cycle ${++names}`;

function fresh(): { inner: MemoryDisk; disk: PowerLossDisk } {
  const inner = new MemoryDisk();
  inner.makeDirectory(ROOT);
  return { inner, disk: new PowerLossDisk(inner, ROOT, UNDO, name) };
}

function put(disk: Disk, path: string, text: string, position = 0): void {
  const file = disk.open(path, { create: true });
  file.write([Buffer.from(text)], position);
  file.close();
}

function sync(disk: Disk, path: string): void {
  const file = disk.open(path);
  file.sync();
  file.close();
}

/** Every file below a directory with its content; directories end in a slash. */
function tree(disk: Disk, path: string): string[] {
  return disk.list(path).flatMap((name) => {
    const below = `${path}/${name}`;
    if (below === UNDO) return [];
    return disk.isDirectory(below) ? [`${below}/`, ...tree(disk, below)] : [`${below}=${disk.readFile(below).toString('latin1')}`];
  });
}

describe('PowerLossDisk', () => {
  it('cuts off bytes that were appended since the last sync', () => {
    const { inner, disk } = fresh();
    disk.makeDirectory('/c/node-1');
    disk.syncDirectory('/c');
    put(disk, '/c/node-1/log', 'synced');
    sync(disk, '/c/node-1/log');
    disk.syncDirectory('/c/node-1');
    put(disk, '/c/node-1/log', ' and not', 6);
    expect(losePower(inner, ROOT, UNDO)).toEqual({ files: 1, bytes: 8, names: 0 });
    expect(tree(inner, ROOT)).toEqual(['/c/node-1/', '/c/node-1/log=synced']);
  });

  it('restores overwritten and truncated bytes, renamed and removed files', () => {
    const { inner, disk } = fresh();
    disk.makeDirectory('/c/n/t-0');
    for (const name of ['a', 'b', 'c']) put(disk, `/c/n/t-0/${name}`, `content of ${name}`);
    for (const name of ['a', 'b', 'c']) sync(disk, `/c/n/t-0/${name}`);
    for (const path of ['/c/n/t-0', '/c/n', '/c']) disk.syncDirectory(path);
    const before = tree(inner, ROOT);
    put(disk, '/c/n/t-0/a', 'XXXX', 3);
    const file = disk.open('/c/n/t-0/a');
    file.truncate(5);
    file.write([Buffer.from('something longer than it was')], 5);
    file.close();
    disk.remove('/c/n/t-0/b');
    disk.rename('/c/n/t-0', '/c/n/t-0.gone');
    put(disk, '/c/n/t-0.gone/c', '!', 12);
    disk.remove('/c/n/t-0.gone');
    disk.makeDirectory('/c/n/t-0');
    put(disk, '/c/n/t-0/a', 'another');
    losePower(inner, ROOT, UNDO);
    expect(tree(inner, ROOT)).toEqual(before);
  });

  it('keeps files that are written atomically, and the names in their directory', () => {
    const { inner, disk } = fresh();
    disk.makeDirectory('/c/n');
    disk.syncDirectory('/c');
    put(disk, '/c/n/old', 'x');
    sync(disk, '/c/n/old');
    disk.writeFileAtomic('/c/n/vote', Buffer.from('1'));
    disk.writeFileAtomic('/c/n/vote', Buffer.from('2'));
    losePower(inner, ROOT, UNDO);
    expect(tree(inner, ROOT)).toEqual(['/c/n/', '/c/n/old=x', '/c/n/vote=2']);
  });

  it('treats syncs of a disk that does not sync as durable', () => {
    const inner = new MemoryDisk();
    inner.makeDirectory(ROOT);
    const disk = new PowerLossDisk(withoutSync(inner), ROOT, UNDO, name);
    disk.makeDirectory('/c/n');
    put(disk, '/c/n/log', 'synced');
    sync(disk, '/c/n/log');
    disk.syncDirectory('/c/n');
    disk.syncDirectory('/c');
    put(disk, '/c/n/log', ' and not', 6);
    losePower(inner, ROOT, UNDO);
    expect(tree(inner, ROOT)).toEqual(['/c/n/', '/c/n/log=synced']);
  });

  it('knows after a restart which changes the previous run had not synced', () => {
    const { inner, disk } = fresh();
    disk.makeDirectory('/c/n');
    disk.syncDirectory('/c');
    put(disk, '/c/n/log', 'one');
    sync(disk, '/c/n/log');
    disk.syncDirectory('/c/n');
    put(disk, '/c/n/log', 'two', 3);
    put(disk, '/c/n/new', 'new');
    const next = new PowerLossDisk(inner, ROOT, UNDO, name);
    put(next, '/c/n/log', 'three', 6);
    losePower(inner, ROOT, UNDO);
    expect(tree(inner, ROOT)).toEqual(['/c/n/', '/c/n/log=one']);
  });

  it('changes the power cycle with a power cut only', () => {
    const inner = new MemoryDisk();
    inner.makeDirectory(ROOT);
    const first = new PowerLossDisk(inner, ROOT, UNDO, name).powerCycle;
    expect(first?.startsWith(`${inner.powerCycle}/`)).toBe(true);
    expect(new PowerLossDisk(inner, ROOT, UNDO, name).powerCycle).toBe(first);
    losePower(inner, ROOT, UNDO);
    expect(new PowerLossDisk(inner, ROOT, UNDO, name).powerCycle).not.toBe(first);
  });

  it('rewrites its journal before it grows without limit', () => {
    const { inner, disk } = fresh();
    disk.makeDirectory('/c/n');
    disk.syncDirectory('/c');
    put(disk, '/c/n/log', 'one');
    disk.syncDirectory('/c/n');
    const file = disk.open('/c/n/log');
    for (let i = 0; i < 60_000; i++) {
      file.write([Buffer.from([i & 0xff])], 3 + (i % 100));
      file.sync();
    }
    file.write([Buffer.from('lost')], 103);
    expect(inner.size(`${UNDO}/journal`)).toBeLessThan(5_000_000);
    expect(losePower(inner, ROOT, UNDO)).toEqual({ files: 1, bytes: 4, names: 0 });
  });

  it('loses nothing when everything was synced, and drops files that were removed for good', () => {
    const { inner, disk } = fresh();
    disk.makeDirectory('/c/n');
    disk.syncDirectory('/c');
    put(disk, '/c/n/log', 'x'.repeat(1_000));
    sync(disk, '/c/n/log');
    disk.remove('/c/n/log');
    expect(inner.list(`${UNDO}/kept`)).toEqual(['1']);
    disk.syncDirectory('/c/n');
    expect(inner.list(`${UNDO}/kept`)).toEqual([]);
    expect(losePower(inner, ROOT, UNDO)).toEqual({ files: 0, bytes: 0, names: 0 });
    expect(inner.exists(UNDO)).toBe(false);
  });

  it('has the same state after a power cut as the disk of the simulation, for random operations', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { inner, disk } = fresh();
      const model = new MemoryDisk();
      model.makeDirectory(ROOT);
      // Files from before the journal began are durable.
      const random = seededRandom(seed);
      const lives: Disk[] = [disk];
      for (let step = 0; step < 60; step++) {
        if (random.int(40) === 0) lives.push(new PowerLossDisk(inner, ROOT, UNDO, name));
        const action = change(random.int, tree(model, ROOT), step);
        action(model);
        action(lives.at(-1) as Disk);
      }
      losePower(inner, ROOT, UNDO);
      const roots = model.list('/');
      model.syncDirectory('/');
      model.powerCut();
      expect(roots).toEqual(['c']);
      expect(tree(inner, ROOT), `seed ${seed}`).toEqual(tree(model, ROOT));
    }
  });
});

/** A random operation on a disk with that content. */
function change(int: (bound: number) => number, held: readonly string[], step: number): (disk: Disk) => void {
  const directories = [ROOT, ...held.filter((one) => one.endsWith('/')).map((one) => one.slice(0, -1))];
  const files = held.filter((one) => !one.endsWith('/')).map((one) => one.slice(0, one.indexOf('=')));
  const pick = <T>(list: readonly T[]): T => list[int(list.length)] as T;
  const name = `x${int(6)}`;
  const directory = pick(directories);
  const target = `${directory}/${name}`;
  const taken = directories.includes(target) || files.includes(target);
  switch (int(10)) {
    case 0:
      return (disk) => files.includes(target) || disk.makeDirectory(target);
    case 1:
    case 2:
      return (disk) => directories.includes(target) || put(disk, target, `step ${step};`, 0);
    case 3: {
      if (files.length === 0) return () => undefined;
      const file = pick(files);
      const at = int(20);
      return (disk) => {
        const handle = disk.open(file);
        handle.write([Buffer.from(`<${step}>`)], Math.min(at, handle.size()));
        handle.close();
      };
    }
    case 4: {
      if (files.length === 0) return () => undefined;
      const file = pick(files);
      const size = int(10);
      return (disk) => {
        const handle = disk.open(file);
        handle.truncate(Math.min(size, handle.size()));
        handle.close();
      };
    }
    case 5: {
      if (files.length === 0) return () => undefined;
      const file = pick(files);
      return (disk) => sync(disk, file);
    }
    case 6:
      return (disk) => disk.syncDirectory(directory);
    case 7: {
      const all = [...files, ...directories.slice(1)];
      if (all.length === 0) return () => undefined;
      const victim = pick(all);
      return (disk) => disk.remove(victim);
    }
    case 8: {
      const inside = [...files, ...directories.slice(1)].filter((path) => path.slice(0, path.lastIndexOf('/')) === directory);
      if (inside.length === 0 || taken) return () => undefined;
      const source = pick(inside);
      return (disk) => disk.rename(source, target);
    }
    default:
      return (disk) => directories.includes(target) || disk.writeFileAtomic(target, Buffer.from(`atomic ${step}`));
  }
}
