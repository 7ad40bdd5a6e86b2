import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionsFile } from '../../electron/services/connections-file.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import type { StoredConnection } from '../../shared/connections-schema.ts';

const ROOT = resolve(import.meta.dirname, '../..');

let directory: string;
let path: string;
let problems: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'connections-test-'));
  path = join(directory, 'data', 'connections.json');
  problems = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function opened(): ConnectionsFile {
  return new ConnectionsFile(path, (problem) => problems.push(problem));
}

function row(id: string): StoredConnection {
  return { id, name: `Cluster ${id}`, kind: 'remote', bootstrap: '127.0.0.1:9092', colour: 'flow' };
}

function written(content: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
}

function ids(file: ConnectionsFile): string[] {
  return file.read().map(({ id }) => id);
}

function aside(): string[] {
  return readdirSync(join(path, '..')).filter((name) => name.startsWith('connections.json.broken-'));
}

describe('ConnectionsFile', () => {
  it('keeps what was added, for its user alone', () => {
    opened().change(() => [row('a')]);
    opened().change((others) => [...others, row('b')]);
    expect(ids(opened())).toEqual(['a', 'b']);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    expect((statSync(join(path, '..')).mode & 0o777).toString(8)).toBe('700');
    expect(readdirSync(join(path, '..'))).toEqual(['connections.json']);
  });

  it('makes changes to what another process has stored meanwhile, and shows it', () => {
    const desktop = opened();
    const web = opened();
    expect([ids(desktop), ids(web)]).toEqual([[], []]);
    desktop.change((others) => [...others, row('a')]);
    web.change((others) => [...others, row('b')]);
    expect([ids(desktop), ids(web)]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    desktop.change((others) => others.filter(({ id }) => id !== 'b'));
    expect(ids(web)).toEqual(['a']);
  });

  it('loses no change of several processes that write at the same time', async () => {
    const program = `
      import { ConnectionsFile } from ${JSON.stringify(join(ROOT, 'electron/services/connections-file.ts'))};
      const file = new ConnectionsFile(${JSON.stringify(path)}, (problem) => { throw new Error(problem); });
      for (let i = 0; i < 20; i++) file.change((others) => [...others,
        { id: process.argv[1] + i, name: 'x', kind: 'remote', bootstrap: 'h:1', colour: 'flow' }]);`;
    const writers = ['a', 'b', 'c'].map(
      (name) =>
        new Promise<string>((done) => {
          const child = spawn(process.execPath, ['--input-type=module', '-e', program, name], { cwd: ROOT });
          let stderr = '';
          child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
          child.once('close', (code) => done(code === 0 ? '' : stderr));
        }),
    );
    expect(await Promise.all(writers)).toEqual(['', '', '']);
    expect(opened().read()).toHaveLength(60);
  });

  it.each([
    ['no JSON', '{"version":1,"connec', 'JSON'],
    ['an empty file', '', 'JSON'],
    ['another value', '[]', 'no version'],
    ['no list', '{"version":1,"connections":{}}', 'no list'],
    ['far too much', ' '.repeat(4 * 1024 * 1024 + 1), 'more than'],
  ])('keeps a file that is broken (%s) under another name, reports it, and takes new connections', (_what, content, why) => {
    written(content);
    const file = opened();
    expect(ids(file)).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(why);
    const [kept = ''] = aside();
    expect(problems[0]).toContain(kept);
    expect(readFileSync(join(path, '..', kept), 'utf8')).toBe(content);
    file.change((others) => [...others, row('a')]);
    expect(ids(opened())).toEqual(['a']);
    expect(problems).toHaveLength(1);
  });

  it('leaves out rows that are no connections, keeps the file as it was, and the other rows', () => {
    const rows: unknown[] = [{ id: 'x' }, row('a'), null, { ...row('b'), bootstrap: 7 }, row('a'), { ...row('c'), kind: 'embedded' }];
    const content = JSON.stringify({ version: 1, connections: rows });
    written(content);
    const file = opened();
    expect(file.read()).toEqual([row('a')]);
    expect(problems).toEqual([expect.stringMatching(/^5 stored connections were not understood and left out\./)]);
    expect(readFileSync(join(path, '..', aside()[0] ?? ''), 'utf8')).toBe(content);
    expect(ids(opened())).toEqual(['a']);
    expect(problems).toHaveLength(1);
  });

  it('leaves a file of a newer version as it is', () => {
    const content = '{"version":2,"connections":[{"id":"new"}],"more":true}';
    written(content);
    const file = opened();
    expect(ids(file)).toEqual([]);
    file.change((others) => [...others, row('a')]);
    expect(ids(file)).toEqual(['a']);
    expect(readFileSync(path, 'utf8')).toBe(content);
    expect(problems).toEqual([expect.stringContaining('newer version')]);
  });

  it('reports a path that is no file, and keeps connections for the run', () => {
    mkdirSync(path, { recursive: true });
    const file = opened();
    expect(ids(file)).toEqual([]);
    file.change(() => [row('a')]);
    expect(ids(file)).toEqual(['a']);
    expect(problems).toEqual([expect.stringContaining('kept for this run only')]);
  });

  it('changes nothing where the file cannot be written, and says which and what to do', () => {
    written(JSON.stringify({ version: 1, connections: [row('a')] }));
    const file = opened();
    expect(ids(file)).toEqual(['a']);
    // A directory has the name that the new file is written under first.
    mkdirSync(`${path}.${process.pid}.tmp`);
    let refusal: unknown;
    try {
      file.change((others) => [...others, row('b')]);
    } catch (error) {
      refusal = error;
    }
    if (!(refusal instanceof AdminError)) throw new Error('no AdminError');
    expect(refusal.app).toMatchObject({ code: 'DATA_DIRECTORY', message: expect.stringContaining(path), advice: expect.any(String) });
    expect(ids(file)).toEqual(['a']);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('takes over the lock of a process that has ended', () => {
    written(JSON.stringify({ version: 1, connections: [] }));
    writeFileSync(`${path}.lock`, String(spawnSync(process.execPath, ['-e', '']).pid));
    opened().change(() => [row('a')]);
    expect(ids(opened())).toEqual(['a']);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('takes over the lock that an earlier process with the same process id left', () => {
    written(JSON.stringify({ version: 1, connections: [] }));
    writeFileSync(`${path}.lock`, String(process.pid));
    opened().change(() => [row('a')]);
    expect(ids(opened())).toEqual(['a']);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('takes over an old lock that has no process id, and leaves a new one', () => {
    written(JSON.stringify({ version: 1, connections: [] }));
    writeFileSync(`${path}.lock`, '');
    expect(() => opened().change(() => [row('a')])).toThrow('Another process has held');
    const minuteAgo = new Date(Date.now() - 60_000);
    utimesSync(`${path}.lock`, minuteAgo, minuteAgo);
    opened().change(() => [row('a')]);
    expect(ids(opened())).toEqual(['a']);
    expect(readdirSync(join(path, '..'))).toEqual(['connections.json']);
  });

  it.skipIf(process.platform === 'win32')('removes its lock when the disk has no room for the process id', () => {
    written(JSON.stringify({ version: 1, connections: [] }));
    // The file size limit of the shell: every write fails with EFBIG, while files can be created.
    const program = `
      import { ConnectionsFile } from ${JSON.stringify(join(ROOT, 'electron/services/connections-file.ts'))};
      process.on('SIGXFSZ', () => undefined);
      new ConnectionsFile(${JSON.stringify(path)}, () => undefined).change(() => []);`;
    const command = 'ulimit -f 0; exec "$0" --input-type=module -e "$1"';
    const { stderr } = spawnSync('sh', ['-c', command, process.execPath, program], { cwd: ROOT, encoding: 'utf8' });
    expect(stderr).toContain('The connections were not saved');
    expect(stderr).toContain('EFBIG');
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('does not wait for ever for the lock of a process that runs', () => {
    written(JSON.stringify({ version: 1, connections: [] }));
    writeFileSync(`${path}.lock`, String(process.ppid));
    expect(() => opened().change(() => [row('a')])).toThrow(`Process ${process.ppid} has held`);
    expect(readFileSync(`${path}.lock`, 'utf8')).toBe(String(process.ppid));
  });
});
