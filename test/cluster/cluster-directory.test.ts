import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClusterDirectory, removeAbandoned } from '../../electron/cluster/cluster-directory.ts';
import { DiskError, type Disk } from '../../electron/cluster/lib/disk.ts';
import { systemDisk } from '../../electron/cluster/lib/system-disk.ts';

const CLUSTER_ID = 'MkU3OEVBNTcwNTJENDM2Qg';
const FILE = JSON.stringify({ version: 1, clusterId: CLUSTER_ID, nodes: [{ id: 1, brokerPort: 1, controllerPort: 2, zookeeperPort: 3 }] });

let root: string;
let before: string | undefined;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'directory-test-'));
  before = process.env['TMPDIR'];
  process.env['TMPDIR'] = root;
});
afterEach(() => {
  if (before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = before;
  rmSync(root, { recursive: true, force: true });
});

/** A directory with a cluster in it, as a killed run leaves it. */
function left(name: string, mark?: string): string {
  const path = join(root, name);
  mkdirSync(join(path, 'node-1'), { recursive: true });
  writeFileSync(join(path, 'cluster.json'), FILE);
  writeFileSync(join(path, 'node-1', 'records'), 'acknowledged');
  if (mark !== undefined) writeFileSync(join(path, 'brokerdesk-temporary.json'), mark);
  return path;
}

function deadOwner(): string {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  return JSON.stringify({ pid, started: 'long ago' });
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

describe('removeAbandoned', () => {
  it.each(['brokerdesk-orders', 'brokerdesk-abcdef', 'brokerdesk-a_b_c_'])('keeps %s, which a user chose as data directory', (name) => {
    const path = left(name);
    removeAbandoned(systemDisk);
    expect(readFileSync(join(path, 'node-1', 'records'), 'utf8')).toBe('acknowledged');
  });

  it('removes a temporary directory whose process has ended, and no other', () => {
    const abandoned = left('brokerdesk-gone00', deadOwner());
    const others = [
      left('brokerdesk-live00', JSON.stringify({ pid: process.pid, started: '' })),
      left('brokerdesk-odd000', 'no owner'),
      left('brokerdesk-empty0', ''),
      left('elsewhere', deadOwner()),
    ];
    mkdirSync(join(root, 'brokerdesk-mark00', 'brokerdesk-temporary.json'), { recursive: true });
    writeFileSync(join(root, 'brokerdesk-file00'), 'a file');
    removeAbandoned(systemDisk);
    expect(existsSync(abandoned)).toBe(false);
    expect(others.filter((path) => !existsSync(path))).toEqual([]);
    expect(existsSync(join(root, 'brokerdesk-mark00'))).toBe(true);
    expect(existsSync(join(root, 'brokerdesk-file00'))).toBe(true);
  });

  it('keeps a directory that a process has acquired meanwhile', () => {
    const path = left('brokerdesk-taken0', deadOwner());
    writeFileSync(join(path, 'brokerdesk.lock'), JSON.stringify({ pid: process.ppid, started: '' }));
    removeAbandoned(systemDisk);
    expect(existsSync(path)).toBe(true);
  });

  it('keeps a directory that was opened by its path since: it is now the user’s', () => {
    const path = left('brokerdesk-kept00', deadOwner());
    new ClusterDirectory(systemDisk, path).release();
    removeAbandoned(systemDisk);
    expect(existsSync(join(path, 'node-1', 'records'))).toBe(true);
  });
});

describe('ClusterDirectory', () => {
  it('removes its temporary directory on release', () => {
    const directory = new ClusterDirectory(systemDisk);
    expect(modeOf(directory.path)).toBe('700');
    directory.release();
    expect(existsSync(directory.path)).toBe(false);
  });

  it('refuses a node directory that is not of this cluster, and leaves it as it is', () => {
    const directory = new ClusterDirectory(systemDisk, left('data'));
    for (const [id, name, file, content] of [
      [4, 'node-4', 'thesis.txt', 'two years of work'],
      [5, 'node-5', 'meta.properties', `version=1\ncluster.id=another\nnode.id=5\n`],
      [6, 'node-6', 'meta.properties', `version=1\ncluster.id=${CLUSTER_ID}\nnode.id=2\n`],
      [7, 'node-7.unsynced', 'thesis.txt', 'two years of work'],
    ] as const) {
      const path = join(directory.path, name);
      mkdirSync(path);
      writeFileSync(join(path, file), content);
      expect(() => directory.claimNodeDirectory(id, CLUSTER_ID)).toThrow(`${path} exists and does not belong to this cluster`);
      if (id !== 7) expect(directory.removeNodeDirectory(id, CLUSTER_ID)).toBe(false);
      expect(readFileSync(join(path, file), 'utf8')).toBe(content);
    }
    directory.release();
  });

  it('frees the directory of a node that has left, and accepts a missing or empty one', () => {
    const directory = new ClusterDirectory(systemDisk, left('data'));
    const own = directory.nodeDirectory(4);
    mkdirSync(own);
    mkdirSync(directory.undoDirectory(4));
    writeFileSync(join(own, 'meta.properties'), `#\nversion=1\ncluster.id=${CLUSTER_ID}\nnode.id=4\ndirectory.id=x\n`);
    directory.claimNodeDirectory(4, CLUSTER_ID);
    expect(existsSync(own) || existsSync(directory.undoDirectory(4))).toBe(false);
    directory.claimNodeDirectory(4, CLUSTER_ID);
    mkdirSync(own);
    directory.claimNodeDirectory(4, CLUSTER_ID);
    expect(directory.removeNodeDirectory(4, CLUSTER_ID)).toBe(true);
    directory.release();
  });

  it('revokes access of other users to the data of an earlier version', () => {
    const path = left('data');
    for (const [name, mode] of [
      ['', 0o755],
      ['node-1', 0o755],
      ['cluster.json', 0o644],
    ] as const) {
      chmodSync(join(path, name), mode);
    }
    new ClusterDirectory(systemDisk, path).release();
    expect([path, join(path, 'node-1'), join(path, 'cluster.json')].map(modeOf)).toEqual(['700', '700', '600']);
  });

  it('keeps the mode of a directory with other files, and restricts its own parts', () => {
    const path = left('shared');
    writeFileSync(join(path, 'notes.txt'), '');
    for (const name of ['', 'node-1']) chmodSync(join(path, name), 0o755);
    new ClusterDirectory(systemDisk, path).release();
    expect([modeOf(path), modeOf(join(path, 'node-1'))]).toEqual(['755', '700']);
  });

  it.each(['EPERM', 'ENOTSUP', 'EROFS'])('accepts a directory whose mode cannot be changed (%s), and reports it once', (code) => {
    const refuse = (): never => {
      throw Object.assign(new Error(`${code}: chmod`), { code });
    };
    const empty = join(root, 'empty');
    mkdirSync(empty);
    for (const path of [empty, left('data')]) {
      const directory = new ClusterDirectory(systemDisk, path, refuse);
      expect(directory.notices).toEqual([expect.stringMatching(`^Other users may be able to read ${path}: .*${code}`)]);
      directory.release();
    }
  });

  it('refuses a directory whose mode cannot be changed because its disk fails', () => {
    const fail = (): never => {
      throw Object.assign(new Error('EIO: chmod'), { code: 'EIO' });
    };
    expect(() => new ClusterDirectory(systemDisk, left('data'), fail)).toThrow('cannot be used: EIO: chmod');
  });

  it('makes new directories that other users cannot read', () => {
    const path = join(root, 'a', 'b');
    new ClusterDirectory(systemDisk, path).release();
    expect(modeOf(path)).toBe('700');
  });

  it.each([
    ['ENOSPC', /cluster\.json cannot be written: no space is left on its disk \(ENOSPC\)\. Free some space there/],
    ['EDQUOT', /cluster\.json cannot be written: the user's disk quota is exceeded/],
    ['EROFS', /cluster\.json cannot be written: its file system is read-only/],
    ['EIO', /cluster\.json cannot be written: write .*cluster\.json: EIO/],
  ])('names the path and advice when the disk fails with %s', (code, message) => {
    const disk: Disk = {
      ...systemDisk,
      writeFileAtomic: (path) => {
        throw new DiskError(code, path, 'write');
      },
    };
    const directory = new ClusterDirectory(disk, join(root, 'data'));
    expect(() => directory.write({ clusterId: CLUSTER_ID, nodes: [], voters: [] })).toThrow(message);
    directory.release();
  });
});
