/** Time travel as a person does it: break, heal, go back and see it broken, find out why, be refused, go live. */
import { readFileSync } from 'node:fs';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { standing } from './shop.ts';

const TOPIC = 'orders';

describeWith('a browser', hasBrowser, 'the past', () => {
  let desk: Desk;
  let admin: Admin;
  const banner = () => desk.page.getByRole('status').filter({ hasText: 'Viewing' });
  const card = (words: RegExp) => desk.page.getByRole('button', { name: words });
  const slider = () => desk.page.getByRole('slider', { name: 'Point in time' });
  const press = (name: string): Promise<void> => desk.page.locator('.side').getByRole('button', { name, exact: true }).click();

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('past');
    admin = new Kafka({ brokers: desk.web.brokers, clientId: 'past-e2e', logLevel: logLevel.NOTHING, retry: { retries: 60 } }).admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: TOPIC, replicaAssignment: [{ partition: 0, replicas: [3, 1, 2] }] }],
    });
    await desk.go('/lab?at=broker-3');
    await desk.page.getByText('No acknowledged write is at risk.').waitFor();
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('broken and healed, then seen broken again: the picture, the faults, the promise and their ages', async () => {
    const { page } = desk;
    const killedAt = performance.now();
    await press('Kill');
    await card(/^Broker 3, down/).waitFor();
    await expect.poll(async () => (await standing(admin, TOPIC, 0)).leader, { timeout: FAILOVER_MS }).not.toBe(3);
    // The leader moves when the broker is fenced.
    const fencedWithinSeconds = (performance.now() - killedAt) / 1_000;
    await page.getByRole('button', { name: 'Start: broker 3 killed' }).click();
    await expect.poll(async () => (await standing(admin, TOPIC, 0)).isr, { timeout: FAILOVER_MS }).toEqual([1, 2, 3]);
    await card(/^Broker 3, online/).waitFor();
    await page.getByText('None. Select a broker or a link').waitFor();

    // From event to event, back to the one that broke it.
    const back = page.getByRole('button', { name: 'Previous event' });
    const story = page.getByRole('region', { name: 'Selected event' });
    await page.getByLabel('Filter the timeline').fill('broker 3');
    const fenced = story.getByRole('heading', { name: 'broker 3 fenced' });
    const picked = async (): Promise<string> => {
      if ((await slider().getAttribute('aria-valuetext')) === 'live') return 'live';
      return `${await story.getByRole('heading').first().innerText()} at ${await slider().getAttribute('aria-valuenow')}`;
    };
    for (let i = 0; i < 40 && !(await fenced.isVisible()); i++) {
      const before = await picked();
      await back.click();
      // The next click counts from what is shown.
      await expect.poll(picked).not.toBe(before);
    }
    await fenced.waitFor();
    await banner().waitFor();
    await card(/^Broker 3, down/).waitFor();
    await expect.poll(() => page.getByRole('list', { name: 'Faults in force' }).innerText()).toContain('broker 3 killed');
    // The card shows for how long it was down at that time, and not for how long it is by now.
    // Until that view has arrived the card shows the one of the event that was picked before, which is later.
    const down = async (): Promise<number> =>
      Number(/^down (\d+(?:\.\d)?) s$/.exec((await page.locator('g.card.down .status').textContent()) ?? '')?.[1]);
    await expect.poll(down).toBeLessThan(fencedWithinSeconds + 0.1);
    expect(await down()).toBeGreaterThan(1);
    await desk.picture('fenced');
  });

  test('from an event to its cause and on to what that led to', async () => {
    const { page } = desk;
    const story = page.getByRole('region', { name: 'Selected event' });
    await story.getByRole('button', { name: 'broker 3 killed' }).click();
    await story.getByRole('heading', { name: 'broker 3 killed' }).waitFor();
    await story.getByRole('button', { name: 'broker 3 fenced' }).first().click();
    await story.getByRole('heading', { name: 'broker 3 fenced' }).waitFor();
    await story
      .getByRole('button', { name: /leaders? .*moved/ })
      .first()
      .waitFor();
  });

  test('every page shows that moment', async () => {
    const { page } = desk;
    await desk.go('/overview');
    await desk.title('Overview').waitFor();
    await banner().waitFor();
    await page.getByText('Broker 3 is down').first().waitFor();
    await desk.picture('overview');
    await desk.go('/brokers');
    await expect.poll(async () => (await desk.row('Brokers', '3'))?.join(' ')).toMatch(/down/);
    await desk.go('/lab?at=broker-1');
  });

  test('nothing can be changed there, and it says so', async () => {
    const { page } = desk;
    await card(/^Broker 3, down/).waitFor();
    await press('Kill');
    await page.getByText('Time travel shows the past, which cannot be changed.').waitFor();
    await page.getByText('Go live first.').waitFor();
    expect((await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId).sort()).toEqual([1, 2, 3]);
    const dismiss = page.getByRole('button', { name: 'Dismiss' });
    await expect
      .poll(async () => {
        // One may end by itself between the look and the click.
        if ((await dismiss.count()) > 0)
          await dismiss
            .first()
            .click({ timeout: 2_000 })
            .catch(() => undefined);
        return dismiss.count();
      })
      .toBe(0);
  });

  test('the slider goes by keys, and by dragging; its value is spoken', async () => {
    const { page } = desk;
    await slider().focus();
    const value = async (): Promise<number> => Number(await slider().getAttribute('aria-valuenow'));
    const at = await value();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(value).toBe(at - 100);
    await page.keyboard.press('ArrowUp');
    await expect.poll(value).toBe(at + 900);
    expect(await slider().getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d\.\d{3}, .* ago$/);
    await page.keyboard.press('Home');
    await expect.poll(value).toBeLessThan(at - 1_000);
    // The record starts while the cluster does: broker 3 comes online in it, seconds before it is killed.
    // A moment is on the picture a little after its time is on the slider.
    const isOnline = (): Promise<boolean> =>
      card(/^Broker 3, online/)
        .waitFor({ timeout: 1_000 })
        .then(
          () => true,
          () => false,
        );
    for (let i = 0; i < 30 && (await value()) < at && !(await isOnline()); i++) {
      const before = await value();
      await page.keyboard.press('ArrowUp');
      await expect.poll(value).not.toBe(before);
    }
    await card(/^Broker 3, online/).waitFor();
    expect(await value()).toBeLessThan(at);
    const box = await slider().boundingBox();
    if (box === null) throw new Error('the slider is not drawn');
    await page.mouse.move(box.x + box.width * 0.95, box.y + 6);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 6, { steps: 5 });
    await page.mouse.up();
    const middle = await value();
    const [from, until] = [Number(await slider().getAttribute('aria-valuemin')), Number(await slider().getAttribute('aria-valuemax'))];
    expect(middle).toBeGreaterThan(from);
    expect(middle).toBeLessThan(until);
  });

  test('what is exported has the chain of each event', async () => {
    const { page } = desk;
    const download = await desk.download(() => page.getByRole('button', { name: 'Export' }).click());
    const file = JSON.parse(readFileSync(await download.path(), 'utf8')) as {
      cluster: { id: string };
      filter: unknown;
      events: { id: number; type: string; because: number[] }[];
    };
    expect(file.cluster.id).not.toBe('');
    expect(file.filter).toEqual({ kind: 'all', text: 'broker 3' });
    const fenced = file.events.find(({ type }) => type === 'cluster/brokerFenced');
    const killed = file.events.find(({ type }) => type === 'lab/nodeKilled');
    expect(fenced?.because).toContain(killed?.id);
  });

  test('Escape goes live; then the lab works again', async () => {
    const { page } = desk;
    await slider().focus();
    await page.keyboard.press('Escape');
    await expect.poll(() => banner().count()).toBe(0);
    await card(/^Broker 3, online/).waitFor();
    expect(await slider().getAttribute('aria-valuetext')).toBe('live');
    await press('Freeze');
    await page.getByRole('button', { name: 'Thaw: broker 1 frozen' }).click();
    await expect.poll(() => card(/^Broker 1, online/).count(), { timeout: SOON_MS }).toBe(1);
    expect(await desk.nameless()).toEqual([]);
    expect(desk.complaints).toEqual([]);
  });
});
