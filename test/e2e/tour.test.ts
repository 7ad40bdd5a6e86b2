/** The tour of the first start, walked to its end in a real browser; each of its steps is what a real client finds on the cluster. */
import type { Admin, Kafka } from 'kafkajs';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { LOOKS } from '../helpers/pages.ts';
import { describeWith } from '../helpers/tools.ts';
import { violations } from './axe.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { kafkaOf, standing } from './shop.ts';

const TOPIC = 'first-topic';
const GROUP = `${TOPIC}-readers`;
const PARTITIONS = 6;
/** Lag to grow, or to be read up, at a few dozen records a second on a loaded machine. */
const LAG_MS = 60_000;

describeWith('a browser', hasBrowser, 'the tour', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;

  const card = (): Locator => desk.page.getByRole('complementary', { name: 'Tour' });
  const press = (name: string): Promise<void> => card().getByRole('button', { name, exact: true }).click();
  const step = (number: number, timeout = SOON_MS): Promise<void> => card().getByText(`Step ${number} of 6`).waitFor({ timeout });
  const focused = (): Promise<string | null> =>
    desk.page.evaluate(`document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()`);
  const written = async (): Promise<number> => (await admin.fetchTopicOffsets(TOPIC)).reduce((sum, { high }) => sum + Number(high), 0);
  /** Records that the group has not committed, of the partitions of which it has committed any. */
  async function lag(): Promise<number> {
    const [ends, [committed]] = await Promise.all([
      admin.fetchTopicOffsets(TOPIC),
      admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] }),
    ]);
    return ends.reduce((sum, { partition, high }) => {
      const at = Number(committed?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
      return at < 0 ? sum : sum + Number(high) - at;
    }, 0);
  }
  const members = async (): Promise<number> => (await admin.describeGroups([GROUP])).groups[0]?.members.length ?? 0;
  /** In every look, with no violation. */
  async function clean(what: string): Promise<void> {
    for (const look of LOOKS) {
      await desk.look(look);
      expect.soft(await violations(desk.page), `${what}, ${look.theme}, ${look.width}`).toEqual([]);
    }
    await desk.pictures(what);
  }

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('tour', { firstStart: true });
    kafka = kafkaOf(desk.web.brokers);
    admin = kafka.admin();
    await admin.connect();
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('is offered at the first start, takes no focus, and comes again when it was put off', async () => {
    await card().getByRole('heading', { name: 'New here?' }).waitFor();
    expect(await desk.page.evaluate('document.activeElement === document.body')).toBe(true);
    await clean('offered');
    await press('Later');
    await card().waitFor({ state: 'detached' });
    await desk.load('/brokers');
    await card().getByRole('heading', { name: 'New here?' }).waitFor();
    await press('Skip');
    await desk.load('/overview');
    await desk.page.getByRole('link', { name: /^Brokers 3$/ }).waitFor();
    expect(await card().count()).toBe(0);
    await desk.page.getByRole('button', { name: 'Appearance' }).click();
    await desk.page.getByRole('menuitem', { name: 'Take the tour' }).click();
    await step(1);
  });

  test('a topic: shown where, created in its dialog', async () => {
    const { page } = desk;
    await clean('topic');
    await press('Show me');
    await desk.title('Topics').waitFor();
    await expect.poll(focused, { timeout: SOON_MS }).toBe('Create topic');
    expect(await page.locator('[data-shown]').first().innerText()).toBe('Create topic');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Create topic' });
    await dialog.getByLabel('Name').fill(TOPIC);
    await dialog.getByRole('button', { name: 'Create', exact: true }).click();
    await step(2);
    // Any broker may be asked, also one that applies the creation later than the one that the page asked.
    await expect.poll(() => admin.listTopics()).toContain(TOPIC);
  });

  test('lag: a real producer and a real group, which falls back', async () => {
    await clean('clients');
    await press('Start both');
    await step(3, FAILOVER_MS);
    await expect.poll(members, { timeout: FAILOVER_MS }).toBe(1);
    const before = await written();
    await expect.poll(written, { timeout: SOON_MS }).toBeGreaterThan(before);
    await press('Show me');
    await desk.title(GROUP).waitFor();
    await desk.picture('lag-grows');
    await step(4, LAG_MS);
    expect(await lag()).toBeGreaterThan(60);
  });

  test('with more members it catches up', async () => {
    await press('Add 3 members');
    await expect.poll(members, { timeout: LAG_MS }).toBe(4);
    await clean('catching-up');
    await step(5, LAG_MS);
    await desk.picture('caught-up');
  });

  test('the outage: the leader is killed in its dialog, leadership moves, and the producer continues', async () => {
    const { page } = desk;
    const leader = (await standing(admin, TOPIC, 0)).leader;
    await press('Show me');
    await desk.title('Brokers').waitFor();
    await expect.poll(focused, { timeout: SOON_MS }).toBe(`Kill broker ${leader}`);
    await desk.picture('kill');
    await page.keyboard.press('Enter');
    await page
      .getByRole('dialog', { name: `Kill broker ${leader}` })
      .getByRole('button', { name: `Kill broker ${leader}` })
      .click();
    await card().getByText(`broker ${leader} is down`).waitFor();
    await desk.picture('broker-down');
    await step(6, FAILOVER_MS);
    for (let partition = 0; partition < PARTITIONS; partition++)
      await expect.poll(async () => (await standing(admin, TOPIC, partition)).leader, { timeout: SOON_MS }).not.toBe(leader);
    const before = await written();
    await expect.poll(written, { timeout: SOON_MS }).toBeGreaterThan(before);
    await clean('outage');

    await press('Show me');
    await expect.poll(focused, { timeout: SOON_MS }).toBe(`Start broker ${leader}`);
    await page.keyboard.press('Enter');
    await card()
      .getByRole('heading', { name: 'An outage survived' })
      .waitFor({ timeout: 2 * FAILOVER_MS });
    await expect.poll(async () => (await standing(admin, TOPIC, 0)).isr, { timeout: SOON_MS }).toEqual([1, 2, 3]);
    const said = /^([\d,]+) records were acknowledged while broker (\d) was down; none of them is lost\.$/.exec(
      await card()
        .getByText(/were acknowledged while/)
        .innerText(),
    );
    expect(Number(said?.[2])).toBe(leader);
    expect(number(said?.[1])).toBeGreaterThanOrEqual(50);
    // The producer is stopped, so what it says is final: as many as there are, since it is idempotent and alone.
    const all = /in all ([\d,]+) acknowledged, ([\d,]+) found, 0 lost/.exec(await card().innerText());
    expect(number(all?.[1])).toBe(await written());
    expect(number(all?.[2])).toBe(await written());
    expect(number(said?.[1])).toBeLessThan(await written());
    await clean('end');
  });

  test('finished, nothing of it runs on, and it is not offered again', async () => {
    await desk.expectNote(`The producer and the group of the tour are stopped. The topic ${TOPIC} stays.`, () => press('Finish'));
    await card().waitFor({ state: 'detached' });
    // A member that ends in the middle of a rebalance is waited for by the others, and by its session.
    await expect.poll(members, { timeout: LAG_MS }).toBe(0);
    expect(await admin.listTopics()).toContain(TOPIC);
    await desk.load('/overview');
    await desk.page.getByRole('link', { name: /^Topics 1$/ }).waitFor();
    expect(await card().count()).toBe(0);
  });

  test('taken again, it asks before it writes to what holds records; ended midway, it stops what it started', async () => {
    const { page } = desk;
    await page.keyboard.press('Control+K');
    await page.getByRole('combobox', { name: 'Search' }).fill('take the tour');
    await page.keyboard.press('Enter');
    await step(1);
    const before = await written();
    await press(`Use ${TOPIC}`);
    await step(2);
    expect(await written()).toBe(before);
    await press('Start both');
    await step(3, FAILOVER_MS);
    // It is remembered over a reload, which the load outlives.
    await desk.load('/topics');
    await step(3);
    await press('Fold the tour');
    await desk.picture('folded', ['dark']);
    await press('End the tour');
    await card().waitFor({ state: 'detached' });
    await expect.poll(members, { timeout: LAG_MS }).toBe(0);
    await expect.poll(async () => (await desk.ask('load/list', {})).loads.map(({ state }) => state), { timeout: LAG_MS }).toEqual([]);
    const end = await written();
    expect(end).toBeGreaterThan(before);
    await page.waitForTimeout(1_000);
    expect(await written()).toBe(end);
  });

  test('nothing was complained of', () => {
    expect(desk.complaints).toEqual([]);
  });
});

const number = (text: string | undefined): number => Number((text ?? '').replaceAll(',', ''));
