/** The main story: a topic is made, written and read; its leader is killed; nothing that was acknowledged is lost. */
import type { Admin, Kafka } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { SteadyProducer, consumeOfEach, kafkaOf, readAll, standing } from './shop.ts';

const TOPIC = 'orders-v2';
const GROUP = 'billing';
const PARTITIONS = 4;
const RECORDS = 1_000;

describeWith('a browser', hasBrowser, 'create, produce, consume, kill, heal', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;
  let steady: SteadyProducer | undefined;
  let killed = -1;

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('story');
    kafka = kafkaOf(desk.web.brokers);
    admin = kafka.admin();
    await admin.connect();
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('the dialog says what is wrong with a topic, and creates it', async () => {
    const { page } = desk;
    await desk.go('/topics');
    await page.getByRole('button', { name: 'Create topic' }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Create topic' });
    const name = dialog.getByLabel('Name');
    const create = dialog.getByRole('button', { name: 'Create', exact: true });

    await name.fill('orders v2');
    await dialog.getByRole('alert').filter({ hasText: 'A space is not allowed' }).waitFor();
    expect(await create.isDisabled()).toBe(true);
    await desk.picture('bad-name');
    await dialog.getByRole('button', { name: TOPIC }).click();
    expect(await name.inputValue()).toBe(TOPIC);
    expect(await create.isEnabled()).toBe(true);

    await dialog.getByLabel('Partitions').fill(`${PARTITIONS}`);
    await dialog.getByRole('button', { name: /more settings/ }).click();
    const largest = dialog.getByLabel('Largest record batch');
    await largest.fill('-5');
    await create.click();
    // Kafka's own words, where they belong.
    const field = dialog.locator('.field').filter({ has: page.getByText('Largest record batch', { exact: true }) });
    await field.getByRole('alert').filter({ hasText: 'max.message.bytes' }).waitFor();
    expect(await largest.getAttribute('aria-invalid')).toBe('true');
    expect(await admin.listTopics()).not.toContain(TOPIC);
    await desk.picture('refused-setting');
    await largest.fill('');
    await create.click();

    await desk.title(TOPIC).waitFor();
    await expect.poll(() => desk.rows('Partitions'), { timeout: SOON_MS }).toHaveLength(PARTITIONS);
    await expect
      .poll(async () => (await desk.rows('Partitions')).map((cells) => cells[3]), { timeout: SOON_MS })
      .toEqual(Array<string>(PARTITIONS).fill('3 of 3'));
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const known = await standing(admin, TOPIC, partition);
      expect(known.isr).toEqual([1, 2, 3]);
      expect((await desk.row('Partitions', `${partition}`))?.[2]).toBe(`broker ${known.leader}`);
    }
    await desk.picture('created');
  });

  test('1,000 records are on the page, offset by offset', async () => {
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    await producer.send({
      topic: TOPIC,
      acks: -1,
      messages: Array.from({ length: RECORDS }, (_, i) => ({ key: `order-${i}`, value: JSON.stringify({ order: i, total: i * 1.5 }) })),
    });
    await producer.disconnect();
    const ends = await admin.fetchTopicOffsets(TOPIC);
    expect(ends.reduce((sum, { high }) => sum + Number(high), 0)).toBe(RECORDS);
    const expected = [...ends].sort((a, b) => a.partition - b.partition).map(({ high }) => high);
    await expect.poll(async () => (await desk.rows('Partitions')).map((cells) => cells[5]), { timeout: SOON_MS }).toEqual(expected);
    await desk.picture('written');
    await desk.go('/topics');
    await expect.poll(async () => (await desk.row('Topics', TOPIC))?.[4], { timeout: SOON_MS }).toBe('1,000');
  });

  test('a group reads half and stops: its page says 500', async () => {
    await consumeOfEach(kafka, GROUP, TOPIC, PARTITIONS, RECORDS / 2 / PARTITIONS);
    const committed = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] });
    const read = committed[0]?.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    expect(read).toBe(RECORDS / 2);

    await desk.go('/groups');
    await expect.poll(async () => (await desk.row('Consumer groups', GROUP))?.join(' | '), { timeout: SOON_MS }).toMatch(/\b500\b/);
    await desk.go(`/groups/${GROUP}`);
    await desk.title(GROUP).waitFor();
    const lag = async (): Promise<number> => {
      const rows = await desk.rows('Assignment');
      return rows.reduce((sum, cells) => sum + number(cells[7]), 0);
    };
    await expect.poll(lag, { timeout: SOON_MS }).toBe(RECORDS / 2);
    await desk.page.getByText('500 records behind').waitFor();
    const chart = desk.page.getByRole('slider', { name: /^Lag: / });
    await chart.waitFor();
    await expect.poll(() => chart.locator('canvas').count(), { timeout: SOON_MS }).toBe(1);
    await desk.picture('lag');
  });

  test('a leader that is killed on the page is replaced; producers continue, and no acknowledged record is missing', async () => {
    const { page } = desk;
    steady = await SteadyProducer.start(kafka, TOPIC, PARTITIONS);
    await expect.poll(() => steady?.acknowledged.length, { timeout: SOON_MS }).toBeGreaterThan(30);
    killed = (await standing(admin, TOPIC, 0)).leader;

    await desk.go('/brokers');
    await page.getByRole('button', { name: `Kill broker ${killed}` }).click();
    const dialog = page.getByRole('dialog', { name: `Kill broker ${killed}` });
    await dialog.getByText(/Leads \d+ partition/).waitFor();
    await desk.picture('kill-dialog');
    await dialog.getByRole('button', { name: `Kill broker ${killed}` }).click();
    await page.getByRole('button', { name: `Start broker ${killed}` }).waitFor();

    await desk.go(`/topics/${TOPIC}/partitions`);
    const leader = async (): Promise<string | undefined> => (await desk.row('Partitions', '0'))?.[2];
    const others = [1, 2, 3].filter((id) => id !== killed).map((id) => `broker ${id}`);
    await expect.poll(async () => others.includes((await leader()) ?? ''), { timeout: FAILOVER_MS }).toBe(true);
    const differs = async (): Promise<string> => {
      const [shown, returned] = [await leader(), `broker ${(await standing(admin, TOPIC, 0)).leader}`];
      return shown === returned ? '' : `shown: ${shown}; returned: ${returned}`;
    };
    await expect.poll(differs, { timeout: SOON_MS }).toBe('');
    await expect
      .poll(async () => (await desk.rows('Partitions')).map((cells) => cells[3]), { timeout: FAILOVER_MS })
      .toEqual(Array<string>(PARTITIONS).fill('2 of 3'));
    await desk.picture('leader-moved');

    const before = steady.acknowledged.length;
    await expect.poll(() => steady?.acknowledged.length, { timeout: FAILOVER_MS }).toBeGreaterThan(before + 30);
  });

  test('the strip shows the events in order with their causes', async () => {
    await desk.go('/overview');
    await expect.poll(async () => (await desk.strip()).join('\n'), { timeout: SOON_MS }).toMatch(/leaders? .*moved/);
    await desk.picture('outage');
    // The strip shows the latest of a chain; the whole of it is in the timeline above it.
    await desk.page.getByRole('button', { name: 'Timeline' }).click();
    const timeline = desk.page.getByRole('region', { name: 'Timeline' });
    await timeline.getByLabel('Filter the timeline').fill(`broker ${killed}`);
    await timeline.getByText(`broker ${killed} fenced`).first().waitFor();
    await timeline.getByLabel('Filter the timeline').fill('');
    const events = (await timeline.locator('li').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ')).reverse();
    // Each after the one before it: a slow machine may have fenced a broker earlier, and moved leaders.
    const places: number[] = [];
    for (const text of [`broker ${killed} killed`, `broker ${killed} fenced`, 'moved'])
      places.push(events.findIndex((event, index) => index > (places.at(-1) ?? -1) && event.includes(text)));
    expect(
      places.every((place) => place >= 0),
      `${places.join()} in\n${events.join('\n')}`,
    ).toBe(true);
    expect(events[places[1] ?? -1]).toMatch(/session|heartbeat/i);
    expect(events[places[2] ?? -1]).toMatch(new RegExp(`after broker ${killed}|fenced|broker ${killed}`));
    await desk.picture('timeline');
    await timeline.getByRole('button', { name: 'Close the timeline' }).click();
  });

  test('started again from the page, it comes back into every ISR; all that was acknowledged is there', async () => {
    await desk.go('/brokers');
    await desk.page.getByRole('button', { name: `Start broker ${killed}` }).click();
    try {
      await desk.page.getByRole('button', { name: `Kill broker ${killed}` }).waitFor({ timeout: FAILOVER_MS });
    } catch (cause) {
      throw new Error(`broker ${killed} did not start:\n${desk.web.stderr}`, { cause });
    }
    await desk.go(`/topics/${TOPIC}/partitions`);
    await expect
      .poll(async () => (await desk.rows('Partitions')).map((cells) => cells[3]), { timeout: FAILOVER_MS })
      .toEqual(Array<string>(PARTITIONS).fill('3 of 3'));
    await expect.poll(async () => (await standing(admin, TOPIC, 0)).isr, { timeout: SOON_MS }).toEqual([1, 2, 3]);
    await desk.picture('healed');
    await steady?.stop();
    const acknowledged = steady?.acknowledged ?? [];
    expect(acknowledged.length).toBeGreaterThan(60);
    const there = await readAll(kafka, TOPIC);
    expect(acknowledged.filter((value) => !there.has(value))).toEqual([]);
    expect(there.size).toBeGreaterThanOrEqual(RECORDS + acknowledged.length);
  });

  test('nothing was complained of', () => {
    expect(desk.complaints).toEqual([]);
  });
});

const number = (text: string | undefined): number => Number((text ?? '').replaceAll(',', ''));
