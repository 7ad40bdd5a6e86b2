/**
 * The desktop app in a real Electron: an old one from a directory (BROKERDESK_OLD_ELECTRON, made by
 * build/get-old-electron.sh), as built and as packed by electron-builder; and a current one where the machine has it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { findElectron } from '../../build/electron-binary.ts';
import { ROOT } from '../../build/targets.ts';
import type { TopicRow } from '../../shared/models/cluster.ts';
import { startDisplay, type Display } from '../helpers/display.ts';
import { accepts, isRunning, processTree, until } from '../helpers/processes.ts';
import { run, runOk } from '../helpers/run.ts';
import { describeWith, onPath } from '../helpers/tools.ts';
import { buildForOldElectron, electronWithApp, packagingProject, packedExecutable } from './check-build/build.ts';
import { commandLine, DesktopApp, environment, type Installation } from './desktop-app.ts';
import { produceCompressed } from './zstd-producer.ts';

const OLD = process.env['BROKERDESK_OLD_ELECTRON'];
const hasOld = OLD !== undefined && existsSync(join(OLD, 'electron')) && onPath('Xvfb');
const current = findElectron();
const SHOTS = join(ROOT, 'artifacts', 'electron');

/** Address and heading of every page. */
const PAGES = [
  ['/overview', 'Overview'],
  ['/brokers', 'Brokers'],
  ['/brokers/1', 'Broker 1'],
  ['/topics', 'Topics'],
  ['/groups', 'Consumer groups'],
  ['/brokers/quorum', 'Quorum'],
  ['/connections', 'Connections'],
] as const;
const TOPIC = 'orders';
const TOPIC_PAGES = ['messages', 'partitions', 'consumers', 'settings'];

let display: Display;
let work: string;

beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'brokerdesk-electron-'));
  mkdirSync(SHOTS, { recursive: true });
  if (onPath('Xvfb')) display = await startDisplay();
});
afterAll(() => {
  if (onPath('Xvfb')) display.close();
  rmSync(work, { recursive: true, force: true });
});

describeWith('BROKERDESK_OLD_ELECTRON and Xvfb', hasOld, 'the app in Electron 22', () => {
  let built: string;
  beforeAll(async () => {
    built = await buildForOldElectron();
  }, 120_000);

  describe('as built', () => {
    appWorks('built', () => Promise.resolve({ executable: electronWithApp(OLD ?? '', built, join(work, 'built')), args: [] }));
  });

  describe('as packed by electron-builder', () => {
    appWorks('packed', async () => {
      const project = join(work, 'project');
      packagingProject(built, project);
      const builder = join(ROOT, 'node_modules', 'electron-builder', 'cli.js');
      const args = ['build', '--projectDir', project, '--publish', 'never', '--linux', 'dir'];
      await runOk(process.execPath, [builder, ...args, `-c.electronDist=${OLD}`, '-c.electronVersion=22.3.25'], { timeoutMs: 180_000 });
      return { executable: packedExecutable(project), args: [] };
    });
  });

  describe('when something is wrong', () => {
    let installation: Installation;
    beforeAll(() => {
      installation = { executable: electronWithApp(OLD ?? '', built, join(work, 'wrong')), args: [] };
    });

    test('a cluster that cannot start leaves a window that says so', async () => {
      const file = join(work, 'a-file');
      writeFileSync(file, 'not a directory');
      const app = await DesktopApp.start(installation, display.name, ['--data', file]);
      await until('the notice', 60_000, async () => (await app.ask('app/info', {})).notices.length > 0);
      expect((await app.ask('app/info', {})).notices.join()).toContain('did not start');
      await app.open('/connections');
      await app.page.getByText('did not start').first().waitFor();
      expect(await app.invoke('topic/configs', { name: 'x' })).toMatchObject({ ok: false, error: { code: 'NOT_CONNECTED' } });
      expect(await app.quit()).toBe(0);
    });

    test('a bad option is reported in one line, without a window, exit 2', async () => {
      const home = mkdtempSync(join(work, 'home-'));
      const { status, stderr } = spawnSync(installation.executable, [...commandLine(installation, home), '--brokers', '12'], {
        env: environment(display.name, home),
        encoding: 'utf8',
        timeout: 30_000,
      });
      expect(status).toBe(2);
      expect(stderr).toContain('--brokers takes a number from 1 to 9');
    });

    test.for([0, 300, 3_000])('SIGTERM %i ms after the cluster began to start ends it cleanly', async (delayMs) => {
      const home = mkdtempSync(join(work, 'home-'));
      // Not by Playwright: a process with a debugger waits for that to leave.
      const child = spawn(installation.executable, [...commandLine(installation, home), '--memory'], {
        env: { ...environment(display.name, home), TMPDIR: home },
        stdio: 'ignore',
      });
      await until('the cluster', 60_000, () => readdirSync(home).some((name) => name.startsWith('brokerdesk-')));
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      onTestFinished(() => void child.kill('SIGKILL'));
      const tree = processTree(child.pid ?? -1);
      const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
      child.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
      await until('the end of all processes', 60_000, () => tree.every((pid) => !isRunning(pid)));
      expect(readdirSync(home).filter((name) => name.startsWith('brokerdesk-'))).toEqual([]);
    });
  });
});

if (current !== null && onPath('Xvfb')) {
  describe('the app in the installed Electron', () => {
    beforeAll(async () => {
      await runOk(process.execPath, [join(ROOT, 'build', 'build.ts')], { timeoutMs: 120_000 });
    }, 120_000);
    appWorks('current', () => Promise.resolve({ executable: current, args: [ROOT] }));
  });
}

/** One life of the app, in order: each test stands on what the ones before it did. */
function appWorks(name: string, install: () => Promise<Installation>): void {
  let installation: Installation;
  let app: DesktopApp;

  beforeAll(async () => {
    installation = await install();
    app = await DesktopApp.start(installation, display.name, ['--memory']);
  }, 240_000);
  afterAll(() => {
    // A failed test leaves it running.
    if (isRunning(app.child.pid ?? -1)) app.child.kill('SIGKILL');
    app.forget();
  });

  async function topic(): Promise<TopicRow | undefined> {
    return (await app.ask('cluster/view', {})).view.topics.find((one) => one.name === TOPIC);
  }

  test('the window opens, and three brokers come up behind it', async () => {
    expect(app.page.url()).toMatch(/^app:\/\/brokerdesk\/index\.html/);
    const servedAfterMs = await until('three brokers', 60_000, async () => {
      const { view } = await app.ask('cluster/view', {});
      return view.brokers.length === 3 && view.brokers.every(({ state }) => state === 'online') && view.controllerId !== null;
    });
    console.log(`${name}: window after ${app.openedAfterMs.toFixed(0)} ms, three brokers ${servedAfterMs.toFixed(0)} ms later`);
    await app.page.screenshot({ path: join(SHOTS, `${name}-overview.png`) });
  }, 90_000);

  test('the page has the bridge and nothing else of Electron or Node', async () => {
    const found = await app.page.evaluate(() =>
      ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer', 'brokerdesk'].filter((one) => one in globalThis),
    );
    expect(found).toEqual(['brokerdesk']);
    expect(await app.page.evaluate('Object.keys(brokerdesk).sort().join()')).toBe('invoke,on');
  });

  test('every page shows, without a complaint', async () => {
    for (const [path, title] of PAGES) {
      await app.open(path);
      await app.page.getByRole('heading', { level: 1, name: new RegExp(`^${title}`) }).waitFor({ timeout: 30_000 });
    }
    expect(app.complaints).toEqual([]);
  });

  test('a request that succeeds, those that fail, and an event cross over', async () => {
    const info = await app.ask('app/info', {});
    expect(info).toMatchObject({ mode: 'desktop', platform: 'linux' });
    expect(info.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await app.invoke('unknown/channel' as never, {} as never)).toMatchObject({ ok: false, error: { code: 'INVALID_PAYLOAD' } });
    expect(await app.invoke('lab/kill', { node: 'one' } as never)).toMatchObject({
      ok: false,
      error: { code: 'INVALID_PAYLOAD', field: 'node' },
    });
    expect(await app.invoke('connection/use', { id: 'gone' })).toMatchObject({ ok: false, error: { code: 'NOT_FOUND' } });
    const commanded = await app.nextEvent('app/commanded', () =>
      app.electron.evaluate(({ Menu }) => {
        const go = Menu.getApplicationMenu()?.items.find(({ label }) => label === 'Go');
        go?.submenu?.items.find(({ label }) => label === 'Topics')?.click();
      }),
    );
    expect(commanded).toEqual({ command: 'navigate', path: '/topics' });
    await app.page.getByRole('heading', { level: 1, name: 'Topics' }).waitFor();
  });

  test('a topic is created in the window', async () => {
    await app.open('/overview');
    await app.page.getByRole('button', { name: 'Create topic' }).first().click();
    const dialog = app.page.getByRole('dialog', { name: 'Create topic' });
    await dialog.getByLabel('Name').fill(TOPIC);
    await dialog.getByLabel('Partitions').fill('3');
    await dialog.getByLabel('Replication factor').fill('3');
    await dialog.getByRole('button', { name: 'Create', exact: true }).click();
    await until('leaders of the new topic', 60_000, async () => {
      const partitions = (await topic())?.partitions ?? [];
      return partitions.length === 3 && partitions.every(({ leader, isr }) => leader !== null && isr.length === 3);
    });
    for (const page of TOPIC_PAGES) {
      await app.open(`/topics/${TOPIC}/${page}`);
      await app.page.getByRole('heading', { level: 1, name: TOPIC }).waitFor({ timeout: 30_000 });
    }
    expect(app.complaints).toEqual([]);
  }, 240_000);

  test('its leader is killed in the window; another takes over and the acknowledged record is there', async () => {
    const text = (value: string) => ({ encoding: 'utf8', text: value }) as const;
    const produce = (value: string) =>
      app.ask('message/produce', { topic: TOPIC, partition: 0, key: text('k'), value: text(value), headers: [], acks: -1 });
    await produce('before');
    const leader = (await topic())?.partitions[0]?.leader ?? -1;
    await app.open('/brokers');
    await app.page.getByRole('button', { name: `Kill broker ${leader}` }).click();
    await app.page
      .getByRole('dialog')
      .getByRole('button', { name: `Kill broker ${leader}` })
      .click();
    const electedAfterMs = await until('another leader', 60_000, async () => {
      const now = (await topic())?.partitions[0]?.leader ?? null;
      return now !== null && now !== leader;
    });
    console.log(`${name}: another leader after ${electedAfterMs.toFixed(0)} ms`);
    await app.page.screenshot({ path: join(SHOTS, `${name}-killed.png`) });
    await produce('after');
    const { records } = await app.ask('message/browse', { topic: TOPIC, partitions: [0], from: { kind: 'oldest' }, limit: 10 });
    expect(records.map(({ value }) => value.text)).toEqual(['before', 'after']);
    const { events } = await app.ask('timeline/list', { sinceId: 0 });
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['lab/nodeKilled', 'cluster/brokerFenced']));
    expect((await app.ask('cluster/view', {})).view.brokers.find(({ id }) => id === leader)?.state).toBe('down');
    await app.ask('lab/start', { node: leader });
    await until('all in sync again', 60_000, async () => (await topic())?.partitions.every(({ isr }) => isr.length === 3) ?? false);
  }, 240_000);

  test('a codec that this runtime lacks is refused by name, and nothing breaks', async () => {
    const { bootstrap } = (await app.ask('cluster/view', {})).view.connection;
    const canDecompress = await app.electron
      .evaluate(() => 'zstdDecompressSync' in process.getBuiltinModule('node:zlib'))
      .catch(() => false);
    const produced = produceCompressed(bootstrap, TOPIC, 1, 'squeezed');
    if (canDecompress) {
      await produced;
      const answer = await app.invoke('message/browse', { topic: TOPIC, partitions: [1], from: { kind: 'oldest' }, limit: 10 });
      expect(answer).toMatchObject({ ok: true, value: { records: [{ value: { text: 'squeezed' } }] } });
      // A leader checks each record before it appends, so it takes no batch that it cannot decompress.
    } else await expect(produced).rejects.toMatchObject({ type: 'UNSUPPORTED_COMPRESSION_TYPE' });
    await until('every broker is online', 60_000, async () =>
      (await app.ask('cluster/view', {})).view.brokers.every(({ state }) => state === 'online'),
    );
  }, 120_000);

  test('a second start brings the first window to the front and ends', async () => {
    await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide());
    const second = await runSecond(installation, app.home);
    expect(second).toBe(0);
    await until('the first window', 30_000, () =>
      app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.isVisible() ?? false),
    );
  }, 120_000);

  // The last thing done in the page: Playwright waits for navigations that were refused.
  test('the page cannot leave, open windows, load from elsewhere or get a permission', async () => {
    const url = app.page.url();
    expect(await app.page.evaluate("window.open('http://127.0.0.1:9/') === null")).toBe(true);
    await app.page.evaluate("location.href = 'file:///etc/passwd'");
    await app.page.evaluate("location.href = 'http://127.0.0.1:9/'");
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(app.page.url()).toBe(url);
    expect(await app.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'loaded', () => 'refused')")).toBe('refused');
    expect(await app.page.evaluate("fetch('app://brokerdesk/../main/main.cjs').then((r) => r.status)")).toBe(404);
    expect(await app.page.evaluate("fetch('app://brokerdesk/%2e%2e%2fmain%2fmain.cjs').then((r) => r.status)")).toBe(404);
    expect(await app.page.evaluate("navigator.permissions.query({ name: 'geolocation' }).then((p) => p.state)")).toBe('denied');
    expect(await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });

  test('a script opens no address in the browser of the system, a click opens one, and only over HTTPS', async () => {
    await app.electron.evaluate(({ shell }) => {
      const opened: string[] = [];
      Object.assign(globalThis, { opened });
      shell.openExternal = (url) => {
        opened.push(url);
        return Promise.resolve();
      };
    });
    const opened = (): Promise<string[]> => app.electron.evaluate(() => (globalThis as unknown as { opened: string[] }).opened);
    await app.page.evaluate("window.open('https://127.0.0.1:9/script')");
    expect(await opened()).toEqual([]);
    await app.page.evaluate(`(() => {
      const button = document.createElement('button');
      button.textContent = 'for a test';
      button.style.cssText = 'position:fixed;top:0;left:0;z-index:9999;width:200px;height:80px';
      button.onclick = () => {
        window.open('http://127.0.0.1:9/plain');
        window.open('https://user:word@127.0.0.1:9/');
        window.open('https://127.0.0.1:9/first');
        window.open('https://127.0.0.1:9/second');
      };
      document.body.append(button);
    })()`);
    await app.electron.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents;
      contents?.sendInputEvent({ type: 'mouseDown', x: 50, y: 40, button: 'left', clickCount: 1 });
      contents?.sendInputEvent({ type: 'mouseUp', x: 50, y: 40, button: 'left', clickCount: 1 });
    });
    await until('a click', 30_000, async () => (await opened()).length > 0);
    expect(await opened()).toEqual(['https://127.0.0.1:9/first']);
  });

  test('an empty page leads back to the app', async () => {
    const url = (): Promise<string> =>
      app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.webContents.getURL() ?? '');
    await app.electron.evaluate(
      ({ BrowserWindow }) =>
        void BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript("window.left = true; location = 'about:blank'"),
    );
    // The app is loaded again: its document is not the one that was left.
    const isNew = (): Promise<unknown> =>
      app.electron.evaluate(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()[0]?.webContents.executeJavaScript(`window.left === undefined && location.protocol === 'app:'`),
      );
    await until('the app', 60_000, async () => (await url()).startsWith('app://brokerdesk/') && (await isNew()) === true);
    await app.page.locator('h1').first().waitFor();
  });

  test('after quitting nothing is left: no process, no port, no temporary data', async () => {
    const { view } = await app.ask('cluster/view', {});
    const { dataDirectory } = await app.ask('app/info', {});
    const ports = view.brokers.flatMap(({ lab }) => (lab === null ? [] : [lab.port, lab.controllerPort]));
    expect(ports).toHaveLength(6);
    expect(await accepts('127.0.0.1', ports[0] ?? 0)).toBe(true);
    const tree = app.processes();
    expect(tree.length).toBeGreaterThan(1);
    const start = performance.now();
    expect(await app.quit()).toBe(0);
    console.log(`${name}: quit in ${(performance.now() - start).toFixed(0)} ms`);
    await until('the end of all processes', 30_000, () => tree.every((pid) => !isRunning(pid)));
    for (const port of ports) expect(await accepts('127.0.0.1', port)).toBe(false);
    expect(existsSync(dataDirectory ?? '')).toBe(false);
    expect(app.stderr.join('')).not.toMatch(/unhandled|UnhandledPromise|Uncaught/);
  }, 120_000);

  async function runSecond(kind: Installation, home: string): Promise<number | null> {
    const variables = Object.entries(environment(display.name, home)).map(([key, value]) => `${key}=${value}`);
    return (await run('env', [...variables, kind.executable, ...commandLine(kind, home), '--memory'], { timeoutMs: 60_000 })).code;
  }
}
