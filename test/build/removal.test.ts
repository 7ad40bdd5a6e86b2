import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeBuilt } from '../../build/removal.ts';

const ROOT = resolve(import.meta.dirname, '../..');

let out: string;
beforeEach(() => {
  out = join(mkdtempSync(join(tmpdir(), 'removal-test-')), 'out');
  mkdirSync(join(out, 'main', 'deep'), { recursive: true });
  writeFileSync(join(out, '..', 'thesis.txt'), '');
});
afterEach(() => rmSync(join(out, '..'), { recursive: true, force: true }));

describe('removeBuilt', () => {
  it('removes what lies below the output directory, and accepts what is absent', () => {
    removeBuilt(out, join(out, 'main'));
    removeBuilt(out, join(out, 'main'));
    expect(readdirSync(out)).toEqual([]);
  });

  it.each(['', '.', '..', '../thesis.txt', 'main/../..', '../out-of-reach', '/'])('refuses %j', (path) => {
    const target = path === '/' ? '/nowhere/brokerdesk' : join(out, path);
    expect(() => removeBuilt(out, target)).toThrow('is not removed');
    expect(existsSync(join(out, '..', 'thesis.txt'))).toBe(true);
  });

  it('takes away a link, not what it leads to', () => {
    symlinkSync(join(out, '..'), join(out, 'link'));
    removeBuilt(out, join(out, 'link'));
    expect(existsSync(join(out, '..', 'thesis.txt'))).toBe(true);
  });
});

describe('recursive removal', () => {
  it('is written in the files that hold its rule, and nowhere else', () => {
    const found = ['electron', 'build'].flatMap((top) =>
      readdirSync(join(ROOT, top), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .filter((file) => /\brm(Sync)?\([^;]*recursive/.test(readFileSync(file, 'utf8')))
        .map((file) => file.slice(ROOT.length + 1)),
    );
    expect(found.sort()).toEqual(['build/removal.ts', 'electron/cluster/lib/system-disk.ts']);
  });

  it('is asked of the disk by the supervisor in the files that hold its rule, and nowhere else', () => {
    const found = readdirSync(join(ROOT, 'electron/cluster'))
      .filter((name) => /^cluster.*\.ts$/.test(name))
      .filter((name) => /\bdisk\.remove\(/.test(readFileSync(join(ROOT, 'electron/cluster', name), 'utf8')));
    expect(found.sort()).toEqual(['cluster-directory.ts', 'cluster-removal.ts']);
  });
});
