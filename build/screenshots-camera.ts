/** Takes pictures of pages of web mode in a browser, and detects obvious faults of a page. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import type { Look } from '../test/helpers/pages.ts';
import { TEXT_FAULTS } from './screenshots-text.ts';
import { pause } from '../shared/waiting.ts';

/** Time until skeletons are replaced and the first lag samples are shown. */
const SETTLE_MS = 2_500;
/** Time until charts and the Lab's picture are redrawn for a new width. */
const REDRAW_MS = 200;
/** Texts that a page shows by mistake for a missing value. */
const NO_VALUE = /\b(?:undefined|NaN|null|Infinity)\b|\[object /;

export class Camera {
  private readonly browser: Browser;
  private readonly url: string;
  private readonly report: (line: string) => void;

  /** `url` of web mode with its token. `report` receives a line for each picture and for each error of a page. */
  constructor(options: { browser: Browser; url: string; report: (line: string) => void }) {
    this.browser = options.browser;
    this.url = options.url;
    this.report = options.report;
  }

  async open(path: string, look: Look): Promise<Page> {
    const context = await this.browser.newContext({
      viewport: { width: look.width, height: look.height },
      colorScheme: look.theme,
      reducedMotion: 'reduce',
    });
    await context.addInitScript(`localStorage.setItem('brokerdesk.tour', 'skipped')`);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.report(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.report(`${page.url()}: ${error.message}`));
    await page.goto(this.url);
    // The router ignores a change of the address before the first page is drawn.
    await page.getByRole('heading', { level: 1 }).waitFor();
    await this.go(page, path);
    await page.evaluate('document.fonts.ready.then(() => undefined)');
    return page;
  }

  async go(page: Page, path: string): Promise<void> {
    await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await pause(SETTLE_MS);
  }

  async take(page: Page, file: string): Promise<void> {
    mkdirSync(resolve(file, '..'), { recursive: true });
    await page.screenshot({ path: file });
    this.report(file);
  }

  async shoot(path: string, look: Look, file: string): Promise<void> {
    const page = await this.open(path, look);
    await this.take(page, file);
    await page.context().close();
  }

  /**
   * The page in each look, as `FILE-theme-width.png`. Resolves to its faults: a page wider than the window, a text that is cut off or
   * covered, a missing value.
   */
  async takeLooks(page: Page, looks: readonly Look[], file: string): Promise<string[]> {
    const faults = new Set<string>();
    for (const look of looks) {
      await page.setViewportSize({ width: look.width, height: look.height });
      await page.emulateMedia({ colorScheme: look.theme });
      await pause(REDRAW_MS);
      await this.take(page, `${file}-${look.theme}-${look.width}.png`);
      const excess: number = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
      if (excess > 0) faults.add(`${file}: ${excess} px wider than a window of ${look.width} px`);
      const texts: string[] = await page.evaluate(TEXT_FAULTS);
      for (const fault of texts) faults.add(`${file}: in a window of ${look.width} px ${fault}`);
    }
    const text = await page.locator('body').innerText();
    for (const line of text.split('\n')) if (NO_VALUE.test(line)) faults.add(`${file}: shows "${line.trim()}"`);
    return [...faults];
  }
}
