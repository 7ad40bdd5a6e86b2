/** Load from the Lab page: begun, broken and ended there, and held to what a client of the cluster sees that knows nothing of the page. */
import type { Admin, Kafka } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { kafkaOf, standing } from './shop.ts';

const TOPIC = 'orders';

describeWith('a browser', hasBrowser, 'load from the lab', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;

  const load = (name: string) => desk.page.getByRole('list', { name: 'Loads' }).locator(`li[data-load="${name}"]`);
  const text = async (name: string): Promise<string> => (await load(name).innerText()).replace(/\s+/g, ' ');
  /** A number that the panel shows before that word; null where it does not. */
  async function figure(name: string, word: string): Promise<number | null> {
    const found = new RegExp(`([\\d,]+) ${word}`).exec(await text(name));
    return found === null ? null : Number((found[1] as string).replaceAll(',', ''));
  }
  const stored = async (): Promise<number> =>
    (await admin.fetchTopicOffsets(TOPIC)).reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const committed = async (group: string): Promise<number> =>
    (await admin.fetchOffsets({ groupId: group, topics: [TOPIC] }))
      .flatMap(({ partitions }) => partitions)
      .reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  const membersOf = async (group: string): Promise<number> => (await admin.describeGroups([group])).groups[0]?.members.length ?? 0;
  async function begin(preset: string, change: Record<string, string> = {}): Promise<void> {
    await desk.page.getByRole('button', { name: 'Add load' }).click();
    const dialog = desk.page.getByRole('dialog', { name: 'Add load' });
    await dialog.getByLabel('Template').selectOption({ label: preset });
    await dialog.getByLabel('Topic').selectOption(TOPIC);
    for (const [label, value] of Object.entries(change)) await dialog.getByLabel(label).fill(value);
    await dialog.getByRole('button', { name: 'Start' }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('load');
    kafka = kafkaOf(desk.web.brokers);
    admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: TOPIC, numPartitions: 6, replicationFactor: 3, configEntries: [{ name: 'min.insync.replicas', value: '2' }] }],
    });
    await desk.go('/lab');
    await desk.page.getByText('No acknowledged write is at risk.').waitFor();
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('a writer and a group are begun, and the cluster has what they say', async () => {
    await desk.page.getByText('Real clients produce and consume here').waitFor();
    await desk.picture('empty', ['dark']);
    await begin('Steady producer', { 'Records per second': '300' });
    await begin('Two consumers');
    await expect.poll(() => figure('steady', 'acked ·'), { timeout: SOON_MS }).toBeGreaterThan(600);
    expect(await stored()).toBeGreaterThan(600);
    await expect.poll(() => membersOf('readers'), { timeout: SOON_MS }).toBe(2);
    await expect.poll(() => figure('readers', 'consumed'), { timeout: SOON_MS }).toBeGreaterThan(600);
    await expect.poll(() => committed('readers'), { timeout: SOON_MS }).toBeGreaterThan(600);
    const picture = desk.page.getByRole('list', { name: 'Load on the cluster' });
    await expect.poll(() => picture.innerText(), { timeout: SOON_MS }).toMatch(/producer steady\s+\d+\/s acked\s+acks=all, 0 lost/);
    await expect.poll(() => picture.innerText(), { timeout: SOON_MS }).toMatch(/group readers\s+lag [\d,]+\s+2 members/);
    expect(await desk.nameless()).toEqual([]);
    await desk.picture('running');
  });

  test('a leader is killed: records flow again, none that was acknowledged is lost, and the counters agree', async () => {
    const { leader } = await standing(admin, TOPIC, 0);
    await desk.go(`/lab?at=broker-${leader}`);
    await desk.page.getByRole('heading', { level: 2, name: `Broker ${leader}` }).waitFor();
    await desk.page.locator('.side').getByRole('button', { name: 'Kill', exact: true }).click();
    await expect.poll(async () => (await standing(admin, TOPIC, 0)).leader, { timeout: FAILOVER_MS }).not.toBe(leader);
    const before = (await figure('steady', 'acked ·')) ?? 0;
    await expect.poll(() => figure('steady', 'acked ·'), { timeout: FAILOVER_MS }).toBeGreaterThan(before + 600);
    await desk.picture('leader-killed');
    await desk.page.getByRole('button', { name: /^Heal all/ }).click();
    await expect.poll(async () => (await standing(admin, TOPIC, 0)).isr, { timeout: FAILOVER_MS }).toEqual([1, 2, 3]);

    await desk.page.getByRole('button', { name: 'Stop steady' }).click();
    await expect.poll(() => text('steady'), { timeout: SOON_MS }).toContain('ended');
    await desk.page.getByRole('button', { name: 'More for steady' }).click();
    await desk.expectNote(/steady: of [\d,]+ acknowledged records [\d,]+ found, 0 lost\./, () =>
      desk.page.getByRole('menuitem', { name: 'Read the log again' }).click(),
    );
    const acked = (await figure('steady', 'acked ·')) ?? 0;
    const extra = ((await figure('steady', 'duplicated')) ?? 0) + ((await figure('steady', 'failed')) ?? 0);
    const there = await stored();
    expect(there).toBeGreaterThanOrEqual(acked);
    expect(there).toBeLessThanOrEqual(acked + extra);
    // Without redelivered records, the number of consumed records is that of the stored ones.
    await expect
      .poll(async () => ((await figure('readers', 'consumed')) ?? 0) - ((await figure('readers', 'redelivered')) ?? 0), {
        timeout: FAILOVER_MS,
      })
      .toBe(there);
    await expect.poll(() => committed('readers'), { timeout: SOON_MS }).toBe(there);
  });

  test('a member that is paused loses its session, and the timeline says why', async () => {
    const pause = desk.page.getByRole('button', { name: /^Pause member \d+ of readers/ });
    const name = (await pause.first().getAttribute('aria-label')) ?? '';
    const button = desk.page.getByRole('button', { name, exact: true });
    await button.click();
    const isPaused = async (): Promise<boolean> => (await text('readers')).includes('paused');
    const deadline = performance.now() + SOON_MS / 2;
    while (!(await isPaused()) && performance.now() < deadline) await desk.page.waitForTimeout(100);
    if (!(await isPaused())) {
      // Seen once in some fifteen runs, cause unknown: this is what shows where the click was lost.
      console.log(
        `${name} had no effect. Loads: ${JSON.stringify(await desk.ask('load/list', {}))}. Page: ${await desk.page.innerText('body')}`,
      );
      await button.press('Enter');
    }
    await expect.poll(isPaused, { timeout: SOON_MS }).toBe(true);
    await expect.poll(() => membersOf('readers'), { timeout: FAILOVER_MS }).toBe(1);
    // Not in the strip: it shows the latest chain of events, and another one may follow.
    await desk.go('/overview');
    await desk.title('Overview').waitFor();
    await desk.page.getByRole('button', { name: 'Timeline' }).click();
    const timeline = desk.page.getByRole('region', { name: 'Timeline' });
    await timeline.getByLabel('Filter the timeline').fill('readers');
    const events = async (): Promise<string> => (await timeline.locator('li').allInnerTexts()).join('\n').replace(/[^\S\n]+/g, ' ');
    await expect.poll(events, { timeout: SOON_MS }).toMatch(/group readers: member \d+ was paused/);
    await expect.poll(events, { timeout: SOON_MS }).toMatch(/group readers rebalanced\s*,?\s*member load-readers-\d+ sent no heartbeat/);
    await desk.picture('paused');
    await timeline.getByRole('button', { name: 'Close the timeline' }).click();
    await desk.go('/lab');
    await desk.page.getByRole('button', { name: /^Resume member \d+ of readers/ }).click();
    await expect.poll(() => membersOf('readers'), { timeout: FAILOVER_MS }).toBe(2);
    await desk.page
      .getByRole('button', { name: /^Crash member \d+ of readers/ })
      .first()
      .click();
    await expect.poll(() => membersOf('readers'), { timeout: FAILOVER_MS }).toBe(1);
    await desk.page.getByRole('button', { name: 'More for readers' }).click();
    await desk.page.getByRole('menuitem', { name: 'Add a member' }).click();
    await expect.poll(() => membersOf('readers'), { timeout: FAILOVER_MS }).toBe(2);
    await desk.page.getByRole('button', { name: 'Stop readers' }).click();
    await expect.poll(() => membersOf('readers'), { timeout: FAILOVER_MS }).toBe(0);
    await desk.page.getByRole('button', { name: 'Remove readers from the list' }).click();
    await expect.poll(() => load('readers').count(), { timeout: SOON_MS }).toBe(0);
    expect(desk.complaints).toEqual([]);
  });
});
