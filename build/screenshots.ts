/**
 * `npm run screenshots`: the README's pictures, taken of the real thing. Starts web mode, lets clients live on it, kills a
 * broker, learns and loads, and writes `build/pictures/`. With a directory as its argument, every page in every look goes
 * there as well: of an empty cluster, of a whole one, with a broker down, and of a moment that is past.
 */
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { HELP_LINE, integerOption, parsing, runCommand, UsageError } from '../electron/cli/command.ts';
import { launchBrowser } from '../test/helpers/browser.ts';
import { LOOKS, pagesOf, type Look } from '../test/helpers/pages.ts';
import { WebProcess } from '../test/helpers/web-process.ts';
import { startLife } from './screenshots-life.ts';

const PICTURES = resolve(import.meta.dirname, 'pictures');
const BROKER = 2;
const TOPIC = 'orders';
const GROUP = 'billing';
const [LARGE] = LOOKS;
/** Also what opens on a page by its address. */
const ALL: readonly string[] = [
  ...pagesOf(TOPIC, GROUP).map(([path]) => path),
  '/lab?at=broker-2',
  '/lab?at=link-1-3',
  '/coordination/tree?path=/brokers/ids/1',
];

const USAGE = `Usage: npm run screenshots [-- DIRECTORY] [--settle SECONDS]

Takes the README's pictures into build/pictures/. With a directory, every page in every look goes there as well.

  --settle SECONDS how long clients run before the first picture (45)
${HELP_LINE}`;

interface Choice {
  everything: string | undefined;
  settleSeconds: number;
}

function readChoice(args: readonly string[]): Choice {
  const { values, positionals } = parsing(() =>
    parseArgs({ args: [...args], allowPositionals: true, options: { settle: { type: 'string' } } }),
  );
  const [everything, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`One directory at a time: ${more.join(' ')} is too much.`);
  return { everything, settleSeconds: integerOption('settle', values.settle, 0, 3_600) ?? 45 };
}

const fileName = (path: string): string => path.slice(1).replaceAll(/\W+/g, '-');
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

let web: WebProcess;

async function shootReadme({ everything, settleSeconds }: Choice): Promise<number> {
  web = await WebProcess.start();
  const browser = await launchBrowser();
  let life: Awaited<ReturnType<typeof startLife>> | undefined;
  try {
    if (everything !== undefined) await shootAll(browser, join(everything, 'empty'));
    life = await startLife(web.brokers);

    // One page stays open all the while: its small curves are of what it has seen.
    const watch = await open(browser, '/overview', LARGE);
    say(`Letting the clients run for ${settleSeconds} s.`);
    await sleep(settleSeconds * 1_000);
    await take(watch, join(PICTURES, 'overview.png'));
    if (everything !== undefined) await shootAll(browser, join(everything, 'whole'));

    const group = await coordinatedBy(browser, BROKER);
    const page = await open(browser, '/brokers', LARGE);
    await page.getByRole('button', { name: `Kill broker ${BROKER}` }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: `Kill broker ${BROKER}` })
      .click();
    // Until its session is over, its leaders have moved and the groups have gone on.
    await sleep(9_000);
    await page.context().close();
    await take(watch, join(PICTURES, 'outage.png'));
    // Until the group has caught up.
    await sleep(45_000);
    await shoot(browser, `/groups/${group}`, LARGE, join(PICTURES, 'lag.png'));
    if (everything !== undefined) {
      await shootAll(browser, join(everything, 'broken'));
      await shootPast(browser, join(everything, 'past'));
    }

    const bench = await open(browser, '/lab', LARGE);
    await bench.getByRole('button', { name: /^Heal all/ }).click();
    await sleep(15_000);

    const learn = await open(browser, '/learn/producer', LARGE);
    await learn.getByRole('button', { name: 'Make the topic' }).click();
    for (const key of ['customer-17', 'customer-4', 'customer-9', 'customer-2', 'customer-17']) {
      await learn.getByLabel('Key', { exact: true }).fill(key);
      await learn.getByRole('button', { name: 'Send', exact: true }).click();
      await sleep(1_500);
    }
    await take(learn, join(PICTURES, 'learn.png'));

    await addLoad(bench, 'Steady writer');
    await addLoad(bench, 'Slow readers');
    await sleep(20_000);
    if (everything !== undefined) await shootAll(browser, join(everything, 'load'), ['/lab']);
    await go(bench, '/lab?at=broker-3');
    await bench.locator('.side').getByRole('button', { name: 'Kill' }).click();
    // Until it is fenced, the others lead in its place, and the group has found its coordinator.
    await sleep(30_000);
    await take(bench, join(PICTURES, 'lab.png'));
  } finally {
    await browser.close();
    await life?.stop();
    await web.stop();
  }
  return 0;
}

async function open(from: Browser, path: string, look: Look): Promise<Page> {
  const context = await from.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.theme,
    reducedMotion: 'reduce',
  });
  await context.addInitScript(`localStorage.setItem('brokerdesk.tour', 'skipped')`);
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') say(`${page.url()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => say(`${page.url()}: ${error.message}`));
  await page.goto(web.line.url);
  // A change of address before the first page stands is lost to the router.
  await page.getByRole('heading', { level: 1 }).waitFor();
  await go(page, path);
  await page.evaluate('document.fonts.ready.then(() => undefined)');
  return page;
}

async function go(page: Page, path: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  // Skeletons give way, the first lag samples come.
  await sleep(2_500);
}

async function addLoad(page: Page, preset: string): Promise<void> {
  await page.getByRole('button', { name: 'Add load' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add load' });
  await dialog.getByLabel('Begin with').selectOption({ label: preset });
  await dialog.getByLabel('Topic').selectOption(TOPIC);
  await dialog.getByRole('button', { name: 'Start' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** A group that feels it when that broker goes; which one it is the cluster decides by the group's name. */
async function coordinatedBy(from: Browser, broker: number): Promise<string> {
  const page = await open(from, '/groups', LARGE);
  const rows = page
    .getByRole('table', { name: 'Consumer groups' })
    .locator('tbody tr')
    .filter({ hasText: `broker ${broker}` });
  const group = (await rows.count()) === 0 ? GROUP : await rows.first().locator('td').first().innerText();
  await page.context().close();
  return group.trim();
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

/** What the page shows, in every look. */
async function takeLooks(page: Page, directory: string, name: string): Promise<void> {
  for (const { theme, width, height } of LOOKS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: theme });
    // Charts and the lab's picture are drawn for their new width a moment later.
    await sleep(200);
    await take(page, join(directory, `${name}-${theme}-${width}.png`));
  }
  await page.setViewportSize({ width: LARGE.width, height: LARGE.height });
}

async function shootAll(from: Browser, directory: string, paths = ALL): Promise<void> {
  const page = await open(from, '/overview', LARGE);
  for (const path of paths) {
    await go(page, path);
    await takeLooks(page, directory, fileName(path));
  }
  await page.context().close();
}

/** The Lab, the overview and a group as they were at the last event. */
async function shootPast(from: Browser, directory: string): Promise<void> {
  const page = await open(from, '/lab', LARGE);
  await page.getByRole('button', { name: 'To the event before' }).click();
  for (const path of ['/lab', '/overview', `/groups/${GROUP}`]) {
    await go(page, path);
    await takeLooks(page, directory, fileName(path));
  }
  await page.context().close();
}

const code = await runCommand({ usage: USAGE, run: (args) => shootReadme(readChoice(args)) }, process.argv.slice(2));
// A kafkajs consumer that gave up while a broker was down keeps retrying after its disconnect, so the process is ended here.
process.exit(code);
