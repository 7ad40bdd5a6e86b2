/** The desktop app as a test sees it: its window, its bridge, its processes. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import type { Result } from '../../shared/errors.ts';
import type { Bridge, EventChannel, Events, RequestChannel, Results } from '../../shared/ipc.ts';
import { onEmbedded, type TestPayload } from '../helpers/embedded-payload.ts';
import { processTree } from '../helpers/processes.ts';

/** How to start one kind of installation. */
export interface Installation {
  executable: string;
  /** Stand before the app's own. */
  args: readonly string[];
}

interface PageGlobals {
  brokerdesk: Bridge;
  received: unknown[];
}

const SELECTION_TIMEOUT_MS = 20_000;

export class DesktopApp {
  readonly electron: ElectronApplication;
  readonly page: Page;
  readonly child: ChildProcess;
  /** What the page complained of. */
  readonly complaints: string[] = [];
  readonly stderr: string[] = [];
  readonly home: string;
  readonly openedAfterMs: number;

  private constructor(electron: ElectronApplication, page: Page, home: string, openedAfterMs: number) {
    this.electron = electron;
    this.page = page;
    this.child = electron.process();
    this.home = home;
    this.openedAfterMs = openedAfterMs;
    this.child.stderr?.on('data', (chunk: Buffer) => this.stderr.push(chunk.toString()));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error.stack ?? error)));
  }

  static async start(installation: Installation, display: string, own: readonly string[]): Promise<DesktopApp> {
    const home = mkdtempSync(join(tmpdir(), 'brokerdesk-desktop-'));
    const start = performance.now();
    const electron = await _electron.launch({
      executablePath: installation.executable,
      args: [...commandLine(installation, home), ...own],
      env: environment(display, home),
      timeout: 120_000,
    });
    const page = await electron.firstWindow({ timeout: 60_000 });
    return new DesktopApp(electron, page, home, performance.now() - start);
  }

  /** As the page would ask. A page that has just opened selects its connection first, and until then others are refused. */
  async invoke<C extends RequestChannel>(channel: C, payload: TestPayload<C>): Promise<Result<Results[C]>> {
    const deadline = performance.now() + SELECTION_TIMEOUT_MS;
    for (;;) {
      const result = await this.invokeOnce(channel, payload);
      if (result.ok || result.error.code !== 'CONNECTION_NOT_SELECTED' || performance.now() > deadline) return result;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private invokeOnce<C extends RequestChannel>(channel: C, payload: TestPayload<C>): Promise<Result<Results[C]>> {
    return this.page.evaluate(([name, body]) => (globalThis as unknown as PageGlobals).brokerdesk.invoke(name, body as never), [
      channel,
      onEmbedded(payload),
    ] as const) as Promise<Result<Results[C]>>;
  }

  /** The value, or an error with what was answered. */
  async ask<C extends RequestChannel>(channel: C, payload: TestPayload<C>): Promise<Results[C]> {
    const result = await this.invoke(channel, payload);
    if (!result.ok) throw new Error(`${channel}: ${JSON.stringify(result.error)}`);
    return result.value;
  }

  /** The payload of the next such event that `cause` brings about. */
  async nextEvent<E extends EventChannel>(event: E, cause: () => Promise<unknown>): Promise<Events[E]> {
    await this.page.evaluate((name) => {
      const globals = globalThis as unknown as PageGlobals;
      globals.received = [];
      const stop = globals.brokerdesk.on(name, (payload) => {
        globals.received.push(payload);
        stop();
      });
    }, event);
    await cause();
    await this.page.waitForFunction(() => (globalThis as unknown as PageGlobals).received.length > 0, undefined, { timeout: 60_000 });
    return (await this.page.evaluate(() => (globalThis as unknown as PageGlobals).received[0])) as Events[E];
  }

  /** As a link in the app would, once the app stands. */
  async open(path: string): Promise<void> {
    await this.page.locator('h1').first().waitFor();
    await this.page.evaluate((hash) => {
      (globalThis as unknown as { location: { hash: string } }).location.hash = hash;
    }, path);
  }

  processes(): number[] {
    return processTree(this.child.pid ?? -1);
  }

  /** Quits as a person does; resolves with the exit code. */
  async quit(): Promise<number | null> {
    const { child } = this;
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    await this.electron.close();
    const code = child.exitCode ?? (await ended);
    this.forget();
    return code;
  }

  forget(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Everything up to the app's own arguments. */
export function commandLine(installation: Installation, home: string): string[] {
  const asRoot = process.getuid?.() === 0;
  return [...(asRoot ? ['--no-sandbox'] : []), '--disable-gpu', `--user-data-dir=${join(home, 'electron')}`, ...installation.args, '--'];
}

/** A home of its own, so that nothing of the user's is read or written. */
export function environment(display: string, home: string): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  delete kept['ELECTRON_RUN_AS_NODE'];
  return { ...kept, DISPLAY: display, HOME: home, XDG_DATA_HOME: join(home, 'data'), XDG_CONFIG_HOME: join(home, 'config') };
}
