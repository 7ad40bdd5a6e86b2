/**
 * `npm run screenshots`: takes the pictures of the README. Starts web mode with clients, kills a broker, uses Learn and load, and writes
 * `build/pictures/`. With a directory as argument: writes pictures of every page in each theme and width, in nine states of a cluster, there.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { HELP_LINE, integerOption, parsing, runCommand, UsageError } from '../electron/cli/command.ts';
import { launchBrowser } from '../test/helpers/browser.ts';
import { LOOKS } from '../test/helpers/pages.ts';
import { WebProcess } from '../test/helpers/web-process.ts';
import { pause } from '../shared/waiting.ts';
import { Camera } from './screenshots-camera.ts';
import { startClients } from './screenshots-clients.ts';
import { shootStates } from './screenshots-states.ts';

const PICTURES = resolve(import.meta.dirname, 'pictures');
const BROKER = 2;
const TOPIC = 'orders';
const GROUP = 'billing';
const [LARGE] = LOOKS;
const USAGE = `Usage: npm run screenshots [-- DIRECTORY] [options]

Writes the pictures of the README to build/pictures/. With a directory: writes every page in each theme and width, in nine states of a
cluster, there; exit 1 when a page was wider than its window, cut off or covered a text, or showed a missing value.

  --settle SECONDS how long clients run before the first picture (45)
  --states NAME,…  only these states: empty, whole, broker-killed, leader-frozen, follower-cut-off, no-majority, all-down,
                   remote, remote-gone
  --pages PREFIX   only pages whose path has this prefix: /topics
${HELP_LINE}`;

interface Choice {
  directory: string | undefined;
  settleMs: number;
  states: readonly string[] | undefined;
  prefix: string;
}

function readChoice(args: readonly string[]): Choice {
  const { values, positionals } = parsing(() =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { settle: { type: 'string' }, states: { type: 'string' }, pages: { type: 'string' } },
    }),
  );
  const [directory, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`Only one directory can be given: remove ${more.join(' ')}.`);
  return {
    directory,
    settleMs: (integerOption('settle', values.settle, 0, 3_600) ?? 45) * 1_000,
    states: values.states?.split(','),
    prefix: values.pages ?? '/',
  };
}

const report = (line: string): void => void process.stderr.write(`${line}\n`);

async function shoot({ directory, ...choice }: Choice): Promise<number> {
  const browser = await launchBrowser();
  try {
    if (directory === undefined) return await shootReadme(browser, choice.settleMs);
    const faults = await shootStates(browser, { directory, report, ...choice });
    for (const fault of faults) report(fault);
    return faults.length === 0 ? 0 : 1;
  } finally {
    await browser.close();
  }
}

async function shootReadme(browser: Browser, settleMs: number): Promise<number> {
  const web = await WebProcess.start();
  let clients: Awaited<ReturnType<typeof startClients>> | undefined;
  try {
    const camera = new Camera({ browser, url: web.line.url, report });
    clients = await startClients(web.brokers);

    // One page stays open all the time, as its sparklines show the data since it was opened.
    const watch = await camera.open('/overview', LARGE);
    report(`Clients run for ${settleMs / 1_000} s.`);
    await pause(settleMs);
    await camera.take(watch, join(PICTURES, 'overview.png'));

    const group = await coordinatedBy(camera, BROKER);
    const page = await camera.open('/brokers', LARGE);
    await page.getByRole('button', { name: `Kill broker ${BROKER}` }).click();
    await page
      .getByRole('dialog')
      .getByRole('button', { name: `Kill broker ${BROKER}` })
      .click();
    // Until its session has expired and its partitions have failed over.
    await pause(9_000);
    await page.context().close();
    await camera.take(watch, join(PICTURES, 'outage.png'));
    // Until the group has caught up.
    await pause(45_000);
    await camera.shoot(`/groups/${group}`, LARGE, join(PICTURES, 'lag.png'));

    const lab = await camera.open('/lab', LARGE);
    await lab.getByRole('button', { name: /^Heal all/ }).click();
    await pause(15_000);

    const learn = await camera.open('/learn/producer', LARGE);
    await learn.getByRole('button', { name: 'Create topic' }).click();
    for (const key of ['customer-17', 'customer-4', 'customer-9', 'customer-2', 'customer-17']) {
      await learn.getByLabel('Key', { exact: true }).fill(key);
      await learn.getByRole('button', { name: 'Send', exact: true }).click();
      await pause(1_500);
    }
    await camera.take(learn, join(PICTURES, 'learn.png'));

    await addLoad(lab, 'Steady producer');
    await addLoad(lab, 'Slow consumers');
    await pause(20_000);
    await camera.go(lab, '/lab?at=broker-3');
    await lab.locator('.side').getByRole('button', { name: 'Kill' }).click();
    // Until it is fenced, its partitions have failed over, and the group has found its coordinator.
    await pause(30_000);
    await camera.take(lab, join(PICTURES, 'lab.png'));
  } finally {
    await clients?.stop();
    await web.stop();
  }
  return 0;
}

async function addLoad(page: Page, preset: string): Promise<void> {
  await page.getByRole('button', { name: 'Add load' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add load' });
  await dialog.getByLabel('Template').selectOption({ label: preset });
  await dialog.getByLabel('Topic').selectOption(TOPIC);
  await dialog.getByRole('button', { name: 'Start' }).click();
  await dialog.waitFor({ state: 'detached' });
}

/** Finds a group id whose coordinator is the broker; the id determines the coordinator. */
async function coordinatedBy(camera: Camera, broker: number): Promise<string> {
  const page = await camera.open('/groups', LARGE);
  const rows = page
    .getByRole('table', { name: 'Consumer groups' })
    .locator('tbody tr')
    .filter({ hasText: `broker ${broker}` });
  const group = (await rows.count()) === 0 ? GROUP : await rows.first().locator('td').first().innerText();
  await page.context().close();
  return group.trim();
}

const code = await runCommand({ usage: USAGE, run: (args) => shoot(readChoice(args)) }, process.argv.slice(2));
// A kafkajs consumer that crashed while a broker was down keeps retrying after its disconnect, so the process ends here.
process.exit(code);
