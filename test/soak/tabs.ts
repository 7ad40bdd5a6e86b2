/** Browser tabs on different pages, which navigate now and then. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { Random } from '../../electron/cluster/lib/random.ts';
import { launchBrowser } from '../helpers/browser.ts';
import { pagesOf } from '../helpers/pages.ts';
import { GROUP, TOPICS } from './loads.ts';

const FIRST_PAGES = ['/overview', `/topics/${TOPICS.orders}/messages`, `/groups/${GROUP}`] as const;

export class Tabs {
  readonly counts = { navigations: 0, reloads: 0, errors: 0 };
  private readonly browser: Browser;
  private readonly url: string;
  private readonly everyMs: number;
  private readonly random: Random;
  private readonly stopping = new AbortController();
  private work: Promise<unknown> = Promise.resolve();

  private constructor(browser: Browser, url: string, everyMs: number, random: Random) {
    this.browser = browser;
    this.everyMs = everyMs;
    this.url = url;
    this.random = random;
  }

  /** `everyMs`: the shortest time that a tab stays on a page; twice that is the longest. */
  static async open(url: string, everyMs: number, random: Random): Promise<Tabs> {
    const tabs = new Tabs(await launchBrowser(), url, everyMs, random);
    tabs.work = Promise.all(FIRST_PAGES.map((path) => tabs.run(path)));
    // A failure shows where `close` awaits it.
    tabs.work.catch(() => undefined);
    return tabs;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.browser.close();
    await this.work;
  }

  private isRunning(): boolean {
    return !this.stopping.signal.aborted;
  }

  private async run(first: string): Promise<void> {
    const page = await this.browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
    await page.addInitScript(`if (location.protocol === 'http:') localStorage.setItem('brokerdesk.tour', 'skipped')`);
    await page.goto(this.url);
    await navigate(page, first);
    const paths = pagesOf(TOPICS.orders, GROUP).map(([path]) => path);
    while (this.isRunning()) {
      try {
        await sleep(this.everyMs + this.random.int(this.everyMs), undefined, { signal: this.stopping.signal });
        await this.visit(page, paths[this.random.int(paths.length)] ?? first);
      } catch (error) {
        // The browser is closed while a page loads.
        if (!this.isRunning()) return;
        this.counts.errors++;
        if (page.isClosed()) throw error;
      }
    }
  }

  private async visit(page: Page, path: string): Promise<void> {
    if (this.random.int(6) === 0) {
      await page.reload();
      this.counts.reloads++;
    }
    await navigate(page, path);
    if (path.endsWith('/messages') && this.random.int(2) === 0)
      await page.getByLabel('Start position').selectOption({ label: 'Live tail' }, { timeout: 10_000 });
    this.counts.navigations++;
  }
}

async function navigate(page: Page, path: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
}
