/** Starts that cannot work say why, name what is in the way, overwrite nothing; and an end at any moment leaves a directory that starts again. */
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { ClusterProcess, somePort } from '../helpers/cluster-process.ts';
import { run } from '../helpers/run.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const LAUNCH = join(ROOT, 'build/launch.mjs');

let scratch: string;
/** A directory that was used and left in order. */
let used: string;
let running: ClusterProcess | undefined;
const servers: Server[] = [];

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'brokerdesk-bad-start-'));
  used = join(scratch, 'used');
  const first = await ClusterProcess.start(['--data', used]);
  expect(await first.stop()).toBe(0);
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function copyOf(name: string): string {
  const path = join(scratch, name);
  cpSync(used, path, { recursive: true });
  return path;
}

/** Every file with its content, to see that nothing was touched. */
function contents(directory: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, name);
    if (statSync(path).isFile()) found.set(name, readFileSync(path).toString('base64'));
  }
  return found;
}

const start = (...args: readonly string[]) => run(process.execPath, [LAUNCH, 'cluster', '--json', ...args], { timeoutMs: 30_000 });

function occupy(port: number): Promise<void> {
  const server = createServer();
  servers.push(server);
  return new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(port, '127.0.0.1', done);
  });
}

describe('ports', () => {
  test('a port in use: takes the next free one, prints it and adds a notice', async () => {
    const port = somePort();
    await occupy(port);
    running = await ClusterProcess.start(['--memory', '--port', String(port)]);
    expect(running.bootstrap.split(',')).toEqual([1, 2, 3].map((more) => `127.0.0.1:${port + more}`));
    expect(running.stderr).toContain(`Port ${port} is in use; broker 1 has ${port + 1} for clients instead.`);
  });
});

describe('data directories', () => {
  test('in use by another process: named, with its process id; it is not disturbed', async () => {
    const data = copyOf('in-use');
    running = await ClusterProcess.start(['--data', data]);
    const { code, stdout, stderr } = await start('--data', data);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`${data} is in use by process ${running.line.pid}`);
    expect((await running.nodes()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
  });

  test.each([
    ['a file where a directory should be', (data: string): void => writeFileSync(data, 'something else'), ''],
    [
      'a cluster.json of a later version',
      (data: string): void => edit(join(copied(data), 'cluster.json'), (text) => text.replace('"version": 1', '"version": 99')),
      'later version',
    ],
    [
      'a cluster.json that is cut off',
      (data: string): void => edit(join(copied(data), 'cluster.json'), (text) => text.slice(0, 40)),
      'cluster.json',
    ],
    ['a cluster.json that is gone', (data: string): void => rmSync(join(copied(data), 'cluster.json')), 'no cluster.json'],
  ] as const)('%s: refused by name, exit 1', async (_what, prepare, says) => {
    const data = join(scratch, `refused-${somePort()}`);
    prepare(data);
    const before = statSync(data).isFile() ? readFileSync(data, 'utf8') : undefined;
    const files = before === undefined ? contents(data) : undefined;
    const { code, stdout, stderr } = await start('--data', data);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(data);
    expect(stderr).toContain(says);
    expect(stderr).not.toMatch(/at .*\.(c?js|ts):\d+/);
    if (before !== undefined) expect(readFileSync(data, 'utf8')).toBe(before);
    for (const [name, content] of files ?? []) expect(contents(data).get(name), name).toBe(content);
  });

  test.each([
    [
      "a broker's directory of a later version",
      (data: string): void => edit(join(copied(data), 'node-2/meta.properties'), (text) => text.replace('version=1', 'version=2')),
      'node-2/meta.properties is of version 2',
      2,
    ],
    [
      "another cluster's broker in it",
      (data: string): void =>
        edit(join(copied(data), 'node-3/meta.properties'), (text) => text.replace(/cluster\.id=.*/, 'cluster.id=AAAAAAAAAAAAAAAAAAAAAA')),
      'node-3/meta.properties says cluster.id=AAAAAAAAAAAAAAAAAAAAAA',
      3,
    ],
    [
      'foreign files in the directory of a broker',
      (data: string): void => {
        rmSync(join(copied(data), 'node-1'), { recursive: true });
        mkdirSync(join(data, 'node-1'));
        writeFileSync(join(data, 'node-1', 'thesis.txt'), 'three years of work');
      },
      'thesis.txt',
      1,
    ],
  ] as const)('%s: named, and that broker alone stays down', async (_what, prepare, says, node) => {
    const data = join(scratch, `minority-${somePort()}`);
    prepare(data);
    const before = contents(data);
    running = await ClusterProcess.start(['--data', data]);
    const states = (await running.nodes()).map(({ id, state }) => [id, state]);
    expect(states).toEqual([1, 2, 3].map((id) => [id, id === node ? 'failed' : 'running']));
    expect(running.stderr).toContain(data);
    expect(running.stderr).toContain(says);
    expect(running.stderr).toContain('The other brokers serve without it.');
    // What is in the way stays as it was.
    for (const [name, content] of before) {
      if (name.startsWith(`node-${node}/`)) expect(contents(data).get(name), name).toBe(content);
    }
  });

  test('one that does not exist yet is made, with the directories above it', async () => {
    running = await ClusterProcess.start(['--data', join(scratch, 'a/b/c'), '--brokers', '1']);
    expect(readdirSync(join(scratch, 'a/b/c')).sort()).toEqual(['brokerdesk.lock', 'cluster.json', 'node-1', 'node-1.unsynced']);
  });
});

function copied(data: string): string {
  cpSync(used, data, { recursive: true });
  return data;
}

function edit(file: string, change: (text: string) => string): void {
  const text = readFileSync(file, 'utf8');
  const changed = change(text);
  expect(changed).not.toBe(text);
  writeFileSync(file, changed);
}

test('Ctrl-C at any moment leaves a directory that starts again', { timeout: 180_000 }, async () => {
  const data = join(scratch, 'interrupted');
  const seed = Math.floor(Math.random() * 1e9);
  const random = seededRandom(seed);
  const port = String(somePort());
  const ends: string[] = [];
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [LAUNCH, 'cluster', '--json', '--data', data, '--port', port], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const exited = new Promise<string>((done) => child.once('exit', (code, signal) => done(String(code ?? signal))));
    const afterMs = random.int(1_500);
    await sleep(afterMs);
    const from = performance.now();
    child.kill('SIGINT');
    const end = await exited;
    ends.push(`${afterMs} ms: ${end}`);
    // Before the program has set itself up, the signal itself ends it.
    expect(['0', 'SIGINT'], `seed ${seed}, ${afterMs} ms: ${out}`).toContain(end);
    expect(performance.now() - from).toBeLessThan(20_000);
  }
  console.log(`seed ${seed}:`, ends.join(', '));
  running = await ClusterProcess.start(['--data', data, '--port', port]);
  expect((await running.nodes()).map(({ state }) => state)).toEqual(['running', 'running', 'running']);
});
