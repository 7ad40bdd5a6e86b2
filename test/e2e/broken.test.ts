/** Two of three brokers are gone: no majority, no controller, most partitions without a leader. The pages stay, and do not guess. */
import type { Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { observe } from '../helpers/observer.ts';
import { pagesOf } from '../helpers/pages.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { consumeOfEach, kafkaOf, standing } from './shop.ts';

const TOPIC = 'orders';
const GROUP = 'billing';
/** Within which a page shows itself: a second on an idle machine. */
const PAGE_MS = 15_000;

describeWith('a browser', hasBrowser, 'a cluster without its majority', () => {
  let desk: Desk;
  let admin: Admin;

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('broken');
    const kafka = kafkaOf(desk.web.brokers);
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
      messages: Array.from({ length: 60 }, (_, i) => ({ partition: i % 3, key: `${i}`, value: `${i}` })),
    });
    await producer.send({ topic: 'single', messages: [{ value: 'only copy' }] });
    await consumeOfEach(kafka, GROUP, TOPIC, 3, 10);
    await producer.disconnect();
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('two brokers are killed on the page', async () => {
    const { page } = desk;
    await desk.go('/topics');
    await expect.poll(async () => (await desk.row('Topics', 'single'))?.[4], { timeout: SOON_MS }).toBe('1');
    await desk.go('/brokers');
    for (const broker of [2, 3]) {
      await page.getByRole('button', { name: `Kill broker ${broker}` }).click();
      const dialog = page.getByRole('dialog', { name: `Kill broker ${broker}` });
      if (broker === 3) await dialog.getByText('1 of 3 voters would be left, 2 are needed.', { exact: false }).waitFor();
      await dialog.getByRole('button', { name: `Kill broker ${broker}` }).click();
      await page.getByRole('button', { name: `Start broker ${broker}` }).waitFor();
    }
    await page.getByText('1 of 3 online').first().waitFor();
  });

  test('every page loads by its address, quickly, and says "?" where nothing is known', async () => {
    const { page } = desk;
    for (const [path, title] of pagesOf(TOPIC, GROUP)) {
      await desk.load(path);
      const start = performance.now();
      await desk.title(title).waitFor({ timeout: PAGE_MS });
      await page
        .getByRole('link', { name: /^Brokers/ })
        .filter({ hasText: '1 of 3' })
        .waitFor({ timeout: PAGE_MS });
      expect(performance.now() - start, path).toBeLessThan(PAGE_MS);
      expect(await desk.nameless(), path).toEqual([]);
      await desk.picture(path === '/no/such/page' ? 'no-such-page' : path.slice(1).replaceAll('/', '-'), ['dark']);
    }
    expect(desk.complaints).toEqual([]);
  });

  test('what is not known is not 0', async () => {
    await desk.go('/coordination');
    // The remaining broker receives no messages: the controller that it knew is down.
    await expect.poll(() => desk.page.locator('.route').innerText(), { timeout: SOON_MS }).toMatch(/Controller\s*\?/);
    await desk.go('/topics/single/partitions');
    await expect.poll(async () => (await desk.row('Partitions', '0'))?.[5], { timeout: SOON_MS }).toBe('?');
    expect((await desk.row('Partitions', '0'))?.[2]).toBe('none');
    // Metadata, as the survivor remembers it, still names brokers that are gone as leaders and in sync.
    await desk.go(`/topics/${TOPIC}/partitions`);
    await expect
      .poll(async () => (await desk.rows('Partitions')).map((cells) => cells[3]), { timeout: SOON_MS })
      .toEqual(['1 of 3', '1 of 3', '1 of 3']);
    // The leaders depend on the time between the two kills: after a session timeout the leaders of the first one have moved.
    const [survivor] = await observe(desk.web.brokers, TOPIC);
    const leaders = [0, 1, 2].map((partition) => (survivor?.partitions.get(partition)?.leader === 1 ? 'broker 1' : 'none'));
    expect(leaders).toContain('broker 1');
    expect((await desk.rows('Partitions')).map((cells) => cells[2])).toEqual(leaders);
    await desk.go('/topics');
    await expect.poll(async () => (await desk.row('Topics', 'single'))?.[4], { timeout: SOON_MS }).toBe('?');
    await desk.picture('topics-unknown');
  });

  test('both are started again, and the page shows it whole', async () => {
    const { page } = desk;
    await desk.go('/brokers');
    for (const broker of [2, 3]) await page.getByRole('button', { name: `Start broker ${broker}` }).click();
    await page.getByText('3 brokers online').waitFor({ timeout: FAILOVER_MS });
    await desk.go(`/topics/${TOPIC}/partitions`);
    await expect
      .poll(async () => (await desk.rows('Partitions')).map((cells) => cells[3]), { timeout: FAILOVER_MS })
      .toEqual(['3 of 3', '3 of 3', '3 of 3']);
    await expect.poll(async () => (await standing(admin, TOPIC, 0)).isr, { timeout: SOON_MS }).toEqual([1, 2, 3]);
    const ends = await admin.fetchTopicOffsets('single');
    expect(ends[0]?.high).toBe('1');
    // Offsets are asked for in a round of their own.
    await expect
      .poll(async () => (await desk.rows('Partitions')).map((cells) => cells[5]), { timeout: FAILOVER_MS })
      .toEqual(['20', '20', '20']);
    await desk.picture('whole');
  });

  test('nothing was complained of', () => {
    expect(desk.complaints).toEqual([]);
  });
});
