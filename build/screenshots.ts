/**
 * `npm run screenshots`: the README's pictures, taken of the real thing. Starts web mode, lets clients live on it, kills a
 * broker, and writes `build/pictures/`. With a directory as its argument, every page in both themes and two widths goes there.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../test/helpers/browser.ts';
import { WebProcess } from '../test/helpers/web-process.ts';
import { startLife } from './screenshots-life.ts';

const PICTURES = resolve(import.meta.dirname, 'pictures');
const BROKER = 2;
const PAGES: readonly [string, string][] = [
  ['overview', '/overview'],
  ['brokers', '/brokers'],
  ['broker', `/brokers/${BROKER}`],
  ['broker-settings', '/brokers/1/settings'],
  ['topics', '/topics'],
  ['messages', '/topics/orders/messages'],
  ['partitions', '/topics/orders/partitions'],
  ['consumers', '/topics/orders/consumers'],
  ['settings', '/topics/orders/settings'],
  ['groups', '/groups'],
  ['group', '/groups/billing'],
  ['coordination', '/coordination'],
  ['tree', '/coordination/tree?path=/brokers/ids/1'],
  ['lab', '/lab?at=broker-2'],
  ['connections', '/connections'],
];

interface Look {
  theme: 'dark' | 'light';
  width: number;
  height: number;
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { settle: { type: 'string', default: '45' } } });
const everything = positionals[0];
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

const web = await WebProcess.start();
const life = await startLife(web.brokers);
const browser = await launchBrowser();
try {
  // One page stays open all the while: its small curves are of what it has seen.
  const watch = await open(browser, '/overview', { theme: 'dark', width: 1440, height: 900 });
  say(`Letting the clients live for ${values.settle} s.`);
  await sleep(Number(values.settle) * 1_000);
  await take(watch, join(PICTURES, 'overview.png'));
  if (everything !== undefined) await shootAll(browser, join(everything, 'healthy'));

  const page = await open(browser, '/brokers', { theme: 'dark', width: 1440, height: 900 });
  await page.getByRole('button', { name: `Kill broker ${BROKER}` }).click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Kill broker ${BROKER}` })
    .click();
  // Until its session is over, its leaders have moved and the groups have gone on.
  await sleep(9_000);
  await page.context().close();
  await take(watch, join(PICTURES, 'outage.png'));
  await sleep(20_000);
  await shoot(browser, '/groups/billing', { theme: 'dark', width: 1440, height: 900 }, join(PICTURES, 'lag.png'));
  if (everything !== undefined) await shootAll(browser, join(everything, 'broken'));
} finally {
  await browser.close();
  await life.stop();
  await web.stop();
}

async function open(from: Browser, path: string, look: Look): Promise<Page> {
  const context = await from.newContext({ viewport: { width: look.width, height: look.height }, reducedMotion: 'reduce' });
  await context.addInitScript(
    `localStorage.setItem('brokerdesk.theme', '${look.theme}'); localStorage.setItem('brokerdesk.tour', 'skipped')`,
  );
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') say(`${path}: ${message.text()}`);
  });
  page.on('pageerror', (error) => say(`${path}: ${error.message}`));
  await page.goto(web.line.url);
  // A change of address before the first page stands is lost to the router.
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate('document.fonts.ready.then(() => undefined)');
  // Skeletons give way, the first lag samples come.
  await sleep(2_500);
  return page;
}

async function take(page: Page, file: string): Promise<void> {
  mkdirSync(resolve(file, '..'), { recursive: true });
  await page.screenshot({ path: file });
  say(file);
}

async function shoot(from: Browser, path: string, look: Look, file: string): Promise<void> {
  const page = await open(from, path, look);
  await take(page, file);
  await page.context().close();
}

async function shootAll(from: Browser, directory: string): Promise<void> {
  for (const [theme, width, height] of [
    ['dark', 1024, 768],
    ['light', 1920, 1080],
  ] as const) {
    for (const [name, path] of PAGES) await shoot(from, path, { theme, width, height }, join(directory, `${name}-${theme}-${width}.png`));
  }
}
