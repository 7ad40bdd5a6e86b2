/**
 * Access: the automated check with no violation on any page, in both themes, wide and narrow, whole and broken, with whatever
 * opens over a page open; and the keyboard, which reaches everything, closes what it opened, and is put back where it was.
 */
import type { Admin, Kafka } from 'kafkajs';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { LOOKS, pagesOf, type Look } from '../helpers/pages.ts';
import { describeWith } from '../helpers/tools.ts';
import { violations } from './axe.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { walk } from './keyboard.ts';
import { consumeOfEach, kafkaOf } from './shop.ts';

const TOPIC = 'orders';
const GROUP = 'billing';
const HEAVY = process.env['BROKERDESK_HEAVY'] === '1';
/** Each theme and each width once: what a theme breaks (contrast) and what a width breaks (layout) do not depend on each other. */
const DIAGONAL = LOOKS.filter(({ theme, width }) => (theme === 'dark') === (width === 1440));
const OTHER_DIAGONAL = LOOKS.filter((look) => !DIAGONAL.includes(look));
/** 1280 pixels at 400 % (WCAG 1.4.10), the narrowest; 1440 at 200 % lies between that and the widths of the looks. */
const ZOOMED = HEAVY ? ([[720, 450], [320, 640]] as const) : ([[320, 640]] as const); // prettier-ignore
/** More than a table keeps in the document. */
const RECORDS = 300;

describeWith('a browser', hasBrowser, 'access', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;

  const pages = (): [string, string][] => [
    ...pagesOf(TOPIC, GROUP),
    ['/lab?at=link-1-2', 'Lab'],
    ['/brokers/zookeeper?path=/brokers/ids', 'ZooKeeper'],
  ];

  async function open(path: string, title: string): Promise<void> {
    await desk.go(path);
    await desk.title(title).waitFor();
    await desk.page.locator('.skeleton').first().waitFor({ state: 'hidden' });
  }

  /** The pages in these looks. */
  async function sweep(looks: readonly Look[], paths = pages()): Promise<string[]> {
    const found = new Map<string, string>();
    for (const [path, title] of paths) {
      await open(path, title);
      for (const look of looks) {
        await desk.look(look);
        for (const line of await violations(desk.page)) found.set(line, `${path}, ${look.theme}, ${look.width}`);
      }
    }
    await desk.look(LOOKS[0]);
    return [...found].map(([line, where]) => `${where}: ${line}`);
  }

  /** What is open now, in both themes. */
  async function clean(what: string): Promise<void> {
    for (const look of LOOKS.filter(({ width }) => width === 1440)) {
      await desk.look(look);
      expect.soft(await violations(desk.page), `${what}, ${look.theme}`).toEqual([]);
    }
  }

  const focusIsOn = (control: Locator): Promise<boolean> => control.evaluate((element) => element === element.ownerDocument.activeElement);
  const byKey = async (control: Locator): Promise<void> => {
    await control.focus();
    await desk.page.keyboard.press('Enter');
  };
  /** Opened by key, checked, closed by Escape: the focus is where it was. */
  async function opens(
    what: string,
    control: Locator,
    opened: Locator,
    inside?: (opened: Locator, page: Page) => Promise<void>,
  ): Promise<void> {
    await byKey(control);
    await opened.waitFor();
    await inside?.(opened, desk.page);
    await clean(what);
    await desk.page.keyboard.press('Escape');
    await opened.waitFor({ state: 'hidden' });
    await expect.poll(() => focusIsOn(control), { message: `${what}: focus returns`, timeout: SOON_MS }).toBe(true);
  }
  const button = (name: string | RegExp): Locator =>
    desk.page
      .locator('.app')
      .getByRole('button', typeof name === 'string' ? { name, exact: true } : { name })
      .first();
  const dialog = (): Locator => desk.page.getByRole('dialog');

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('access');
    kafka = kafkaOf(desk.web.brokers);
    admin = kafka.admin();
    const producer = kafka.producer();
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        { topic: TOPIC, numPartitions: 3, replicationFactor: 3 },
        { topic: 'single', replicaAssignment: [{ partition: 0, replicas: [2] }] },
      ],
    });
    await producer.send({
      topic: TOPIC,
      messages: Array.from({ length: RECORDS }, (_, i) => ({
        partition: i % 3,
        key: `order-${i}`,
        value: JSON.stringify({ order: i, paid: i % 2 === 0 }),
      })),
    });
    await producer.disconnect();
    await consumeOfEach(kafka, GROUP, TOPIC, 3, 10);
    await desk.page.getByRole('link', { name: /^Topics 2$/ }).waitFor();
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('the check finds what is wrong when something is', async () => {
    await desk.go('/overview');
    await desk.page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<button id="planted" class="faint">' + '</button>')`);
    expect((await violations(desk.page)).join('\n')).toMatch(/^button-name: #planted/m);
    await desk.page.evaluate(`document.querySelector('#planted').remove()`);
    // The same of the walk: a control that shows no focus, and one that hides behind another.
    await desk.page.evaluate(`(() => {
      const [first, second] = document.querySelectorAll('nav.side a');
      first.style.outline = 'none';
      const { left, top, width, height } = second.getBoundingClientRect();
      const cover = document.body.appendChild(document.createElement('div'));
      Object.assign(cover.style, { position: 'fixed', left: left + 'px', top: top + 'px', width: width + 'px', height: height + 'px' });
    })()`);
    const report = (await walk(desk.page)).join('\n');
    expect(report).toMatch(/^Overview <a> has the focus and does not show it$/m);
    expect(report).toMatch(/^Topics \d+ <a> has the focus where it is not seen/m);
    await desk.load('/overview');
    await desk.title('Overview').waitFor();
  });

  test('every page, both themes, wide and narrow: no violation', async () => {
    expect(await sweep(HEAVY ? LOOKS : DIAGONAL)).toEqual([]);
  });

  test('what opens over a page has none either, closes with Escape, and gives the focus back', async () => {
    const { page } = desk;
    await open('/overview', 'Overview');
    await opens('connections', button(/^Connection/), page.getByRole('menu'));
    await opens('appearance', button('Appearance'), page.getByRole('menu'));
    await opens('palette', button(/^Search/), dialog());
    await opens('palette, nothing found', button(/^Search/), dialog(), (opened) => opened.getByRole('combobox').fill('no such thing'));
    await opens('create', button('Create topic'), dialog(), async (opened) => {
      await opened.getByLabel('Name').fill('orders v2');
      await opened.getByRole('button', { name: /more settings/ }).click();
    });
    await opens('timeline', button('Timeline'), page.locator('#timeline'));
    await opens('timeline, lanes', button('Timeline'), page.locator('#timeline'), (opened) =>
      opened.getByRole('button', { name: 'Lanes' }).click(),
    );

    await open('/brokers', 'Brokers');
    await opens('kill', button('Kill broker 2'), dialog());
    await open(`/topics/${TOPIC}/messages`, TOPIC);
    await opens('delete a topic', button('Delete…'), dialog());
    await opens('produce', button('Produce…'), dialog(), (opened) => opened.getByRole('button', { name: 'Header' }).click());
    await opens(
      'a record',
      page.getByRole('table', { name: 'Records' }).locator('tbody tr').first(),
      page.getByRole('complementary', { name: 'Record' }),
    );
    await open(`/topics/${TOPIC}/partitions`, TOPIC);
    await opens('add partitions', button('Add partitions…'), dialog());
    await opens('delete records', button('Delete records…'), dialog());
    await open(`/topics/${TOPIC}/settings`, TOPIC);
    await opens('a setting', button('Change retention.ms'), page.getByRole('textbox', { name: 'retention.ms' }));
    await open(`/groups/${GROUP}`, GROUP);
    await opens('reset a group', button('Reset offsets…'), dialog());
    await opens('delete a group', button('Delete…'), dialog());
    await open('/lab?at=broker-2', 'Lab');
    for (const [name, form] of [
      ['Slow disk…', 'Slow the disk'],
      ['Corrupt log…', 'Corrupt a replica'],
      ['Cut links…', 'Cut links'],
      ['Slow links…', 'Slow links'],
    ] as const)
      await opens(name, button(name), page.getByRole('form', { name: form }));
    await opens('remove a broker', button('Remove broker 2…'), dialog());
    await open('/lab?at=link-1-2', 'Lab');
    await opens('slow a link', button('Slow…'), page.getByRole('form', { name: 'Slow links' }));
  });

  test('a refused request is reported on the page without violations', async () => {
    const { page } = desk;
    await open('/connections', 'Connections');
    await page.getByLabel('Name').fill('Unreachable');
    await page.getByLabel('Bootstrap brokers').fill('127.0.0.1:9');
    await page.getByRole('button', { name: 'Add connection' }).click();
    await page.getByRole('alert').filter({ hasText: '127.0.0.1:9' }).waitFor();
    await clean('a connection that was refused');
  });

  test('Tab reaches all that can be used, in order, and is seen', async () => {
    for (const [path, title] of pages()) {
      await open(path, title);
      expect.soft(await walk(desk.page), path).toEqual([]);
    }
  });

  test('in a window of a quarter of the width, nothing is out of reach', async () => {
    for (const [width, height] of ZOOMED) {
      await desk.page.setViewportSize({ width, height });
      for (const [path, title] of pages()) {
        await open(path, title);
        expect.soft(await walk(desk.page), `${path} at ${width}`).toEqual([]);
        // What is wider than the window scrolls by itself; the page does not.
        expect
          .soft(
            await desk.page.evaluate<number[]>(`[document.querySelector('main'), document.documentElement]
              .map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)`),
            `${path} at ${width}`,
          )
          .toEqual([0, 0]);
      }
    }
    await desk.look(LOOKS[0]);
  });

  test('rows that are not in the document are counted', async () => {
    await open(`/topics/${TOPIC}/messages`, TOPIC);
    await desk.page.getByLabel('Number of records').selectOption({ label: '500 records' });
    const table = desk.page.getByRole('table', { name: 'Records' });
    await expect.poll(() => table.getAttribute('aria-rowcount'), { timeout: SOON_MS }).toBe(`${RECORDS + 1}`);
    const row = table.locator('tbody tr[aria-rowindex]');
    expect(await row.count()).toBeLessThan(RECORDS);
    expect(await row.first().getAttribute('aria-rowindex')).toBe('2');
    await row.first().focus();
    await desk.page.keyboard.press('End');
    await expect.poll(() => desk.page.evaluate(`document.activeElement.getAttribute('aria-rowindex')`)).toBe(`${RECORDS + 1}`);
    await clean('a long table');
  });

  test('every page of a cluster that lost a broker: no violation', async () => {
    const { page } = desk;
    await open('/brokers', 'Brokers');
    await page.getByRole('button', { name: 'Kill broker 2' }).click();
    await dialog().getByRole('button', { name: 'Kill broker 2' }).click();
    await desk.go('/overview');
    await page.getByText('1 partition has no leader').first().waitFor({ timeout: FAILOVER_MS });
    // Each theme and each width again: a broken cluster has colours of its own. The diagrams of Learn are drawn by the same components:
    // one of its pages stands for them.
    const concepts = pages().filter(([path]) => path.startsWith('/learn/'));
    const paths = HEAVY ? pages() : pages().filter((page) => !concepts.slice(1).some(([path]) => path === page[0]));
    expect(await sweep(OTHER_DIAGONAL, paths)).toEqual([]);
    for (const path of ['/overview', '/brokers', '/lab?at=broker-2']) {
      await desk.go(path);
      expect.soft(await walk(page), path).toEqual([]);
    }
  });

  test('nothing was complained of', () => {
    expect(desk.complaints).toEqual([]);
  });
});
