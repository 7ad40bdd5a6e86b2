/** The app in a browser tab, as a person sees it: pages by their address, tables by their names, pictures in both themes. */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Browser, Download, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Result } from '../../shared/errors.ts';
import type { ClientFrame, RequestChannel, Results } from '../../shared/ipc.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { EMBEDDED, onEmbedded, type TestPayload } from '../helpers/embedded-payload.ts';
import { LOOKS, type Look } from '../helpers/pages.ts';
import { WebProcess, type WebOptions } from '../helpers/web-process.ts';

const PICTURES = resolve(import.meta.dirname, '../../artifacts/e2e');

/** With `BROKERDESK_PICTURES=1`: pictures to look at. They take minutes, and no check reads them. */
export const TAKES_PICTURES = (process.env['BROKERDESK_PICTURES'] ?? '') !== '';

/** How long the page may take to show what is so: two rounds of polling and a loaded machine. */
export const SOON_MS = 30_000;
/** Until a killed broker's session has run out and its leaders have moved. */
export const FAILOVER_MS = 60_000;

/**
 * Chromium drops a page's download without a word when ten others started within the last second
 * (LocalFrame::ShouldThrottleDownload). A person does not export that fast; these tests do.
 */
const DOWNLOAD_BURST = 10;
const DOWNLOAD_WINDOW_MS = 2_000;

export class Desk {
  readonly web: WebProcess;
  readonly page: Page;
  /** What the page complained of: errors and warnings of its console, and what was thrown. */
  readonly complaints: string[] = [];
  private readonly browser: Browser;
  private readonly directory: string;
  private pictureCount = 0;
  /** When the latest downloads started, `DOWNLOAD_BURST` at most. */
  private readonly downloads: number[] = [];

  private constructor(web: WebProcess, browser: Browser, page: Page, name: string) {
    this.web = web;
    this.browser = browser;
    this.page = page;
    this.directory = join(PICTURES, name);
    if (TAKES_PICTURES) mkdirSync(this.directory, { recursive: true });
    this.listenTo(page);
  }

  private listenTo(page: Page): void {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${String(error.stack ?? error)}`));
  }

  /** One more tab of the same app, at its start page. */
  async openTab(): Promise<Page> {
    const page = await this.browser.newPage({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', colorScheme: 'dark' });
    page.setDefaultTimeout(SOON_MS);
    this.listenTo(page);
    await page.addInitScript(`if (location.protocol === 'http:') localStorage.setItem('brokerdesk.tour', 'skipped')`);
    await page.goto(this.web.line.url);
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    return page;
  }

  /** `name` is the directory of its pictures. With `firstStart` the tour is offered, as at the first start of the app. */
  static async start(name: string, options: WebOptions & { motion?: boolean; firstStart?: boolean } = {}): Promise<Desk> {
    const web = await WebProcess.start(options);
    try {
      const browser = await launchBrowser();
      const page = await browser.newPage({
        viewport: { width: 1440, height: 900 },
        reducedMotion: options.motion === true ? 'no-preference' : 'reduce',
        colorScheme: 'dark',
      });
      page.setDefaultTimeout(SOON_MS);
      // On every page but the blank one in between, which has no storage.
      if (options.firstStart !== true)
        await page.addInitScript(`if (location.protocol === 'http:') localStorage.setItem('brokerdesk.tour', 'skipped')`);
      const desk = new Desk(web, browser, page, name);
      await page.goto(web.line.url);
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
      return desk;
    } catch (error) {
      await web.stop();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
    expect(await this.web.stop()).toBe(0);
    expect(this.web.stderr).not.toMatch(/Uncaught|unhandled/i);
  }

  /** As a link in the app would. */
  async go(path: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(path)}`);
  }

  /** As typed into the address bar: the page is reloaded, and the token was stored. */
  async load(path: string): Promise<void> {
    const url = new URL(this.web.line.url);
    url.hash = path;
    await this.page.goto('about:blank');
    await this.page.goto(url.href);
  }

  title(text: string): Locator {
    return this.page.getByRole('heading', { level: 1 }).filter({ hasText: text });
  }

  /** The file that `action` (a click, say) downloads. Waits first where the browser would drop it. */
  async download(action: () => Promise<unknown>): Promise<Download> {
    if (this.downloads.length === DOWNLOAD_BURST) {
      const wait = (this.downloads.shift() ?? 0) + DOWNLOAD_WINDOW_MS - performance.now();
      if (wait > 0) await this.page.waitForTimeout(wait);
    }
    this.downloads.push(performance.now());
    const [download] = await Promise.all([this.page.waitForEvent('download'), action()]);
    return download;
  }

  /** Runs an action that the page answers with a note. A note disappears after 6 s, so the wait for it starts before the action. */
  async expectNote(text: string | RegExp, action: () => Promise<unknown>): Promise<void> {
    const note = this.page.getByRole('region', { name: 'Notifications' }).getByText(text).first();
    await Promise.all([note.waitFor({ timeout: FAILOVER_MS }), action()]);
  }

  /** The text of each cell of a table's body. */
  async rows(table: string): Promise<string[][]> {
    const lines = await this.page.getByRole('table', { name: table, exact: true }).locator('tbody tr').all();
    const rows = await Promise.all(lines.map((line) => line.locator('td').allInnerTexts()));
    return rows.map((cells) =>
      cells.map((cell) =>
        cell
          .replace(/\s+/g, ' ')
          .replace(/(?<=\d)of /, ' of ')
          .trim(),
      ),
    );
  }

  /** The row that begins with that text. */
  async row(table: string, first: string): Promise<string[] | undefined> {
    return (await this.rows(table)).find(([cell]) => cell === first);
  }

  /** What the strip says, step by step. */
  async strip(): Promise<string[]> {
    return (await this.page.locator('footer.strip li').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());
  }

  /** Kept under artifacts/e2e, in both themes unless one is enough. */
  async picture(what: string, themes: readonly ('light' | 'dark')[] = ['light', 'dark']): Promise<void> {
    if (!TAKES_PICTURES) return;
    const number = String(++this.pictureCount).padStart(2, '0');
    for (const colorScheme of themes) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.waitForTimeout(250);
      await this.page.screenshot({ path: join(this.directory, `${number}-${what}-${colorScheme}.png`) });
    }
  }

  /** As `picture`, in every look that a page is to be good in. */
  async pictures(what: string): Promise<void> {
    if (!TAKES_PICTURES) return;
    const number = String(++this.pictureCount).padStart(2, '0');
    for (const look of LOOKS) {
      await this.look(look);
      // Charts and the lab's picture are drawn for their new width a moment later.
      await this.page.waitForTimeout(120);
      await this.page.screenshot({ path: join(this.directory, `${number}-${what}-${look.theme}-${look.width}.png`) });
    }
    await this.look(LOOKS[0]);
  }

  /** Resolves once the page has been laid out for it. */
  async look({ theme, width, height }: Look): Promise<void> {
    await this.page.setViewportSize({ width, height });
    await this.page.emulateMedia({ colorScheme: theme });
    await this.page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    await this.page.locator(`html[data-theme="${theme}"]`).waitFor({ state: 'attached' });
  }

  /** Asks the app's main process, over a line of its own, what a page could ask; rejects where it refuses. */
  async ask<C extends RequestChannel>(channel: C, payload: TestPayload<C>): Promise<Results[C]> {
    const url = new URL('/ipc', this.web.line.url);
    const address = `ws://${url.host}/ipc?token=${encodeURIComponent(this.web.line.token)}`;
    const use: ClientFrame = { id: 0, channel: 'connection/use', payload: { id: EMBEDDED } };
    const frame: ClientFrame = { id: 1, channel, payload: onEmbedded(payload) };
    // As text: these tests know no document.
    const answer: string = await this.page.evaluate(`new Promise((resolve, reject) => {
      const line = new WebSocket(${JSON.stringify(address)});
      line.onopen = () => { for (const frame of ${JSON.stringify([use, frame])}) line.send(JSON.stringify(frame)); };
      line.onerror = () => reject(new Error('the line to the app broke'));
      line.onmessage = ({ data }) => {
        if (JSON.parse(data).id !== 1) return;
        resolve(data);
        line.close();
      };
    })`);
    const { result } = JSON.parse(answer) as { result: Result<Results[C]> };
    if (!result.ok) throw new Error(`${channel}: ${result.error.message}`);
    return result.value;
  }

  /** Names of tables that are wider than what is seen of them. */
  async wideTables(): Promise<string[]> {
    return this.page.evaluate(`[...document.querySelectorAll('table')]
      .filter(({ parentElement }) => parentElement.scrollWidth > parentElement.clientWidth)
      .map((table) => table.caption?.textContent.trim() ?? 'a table without a name')`);
  }

  /** Named by their role: what a screen reader would have no word for. */
  async nameless(): Promise<string[]> {
    const snapshot = await this.page.locator('body').ariaSnapshot();
    return snapshot.split('\n').filter((line) => NAMELESS.test(line));
  }
}

/** A control's line in Playwright's accessibility snapshot without a name in quotes after its role. */
const NAMELESS = /^\s*- (?:button|link|textbox|searchbox|combobox|checkbox|radio|switch|slider|spinbutton|tab|menuitem)\b(?! ["/])/;
