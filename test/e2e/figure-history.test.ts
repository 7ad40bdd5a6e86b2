/** Figures over time: the chart of a group's lag as a person uses it, and what was recorded is there after a restart of the app. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, SOON_MS } from './desk.ts';

const TOPIC = 'meter-readings';
const GROUP = 'meters';
const LAG = 40;

describeWith('a browser', hasBrowser, 'the history of figures', () => {
  const directory = mkdtempSync(join(tmpdir(), 'figure-history-e2e-'));
  const options = { brokers: 1, dataDirectory: join(directory, 'cluster'), env: { XDG_DATA_HOME: join(directory, 'user') } };
  const soon = { timeout: SOON_MS };
  let desk: Desk;

  const chart = () => desk.page.getByRole('slider', { name: /^Lag: / });
  const table = () => desk.page.getByRole('region', { name: 'Lag as a table' });
  const rows = (): Promise<string[]> => table().locator('tbody tr').allInnerTexts();
  const recordedSince = () => desk.page.getByText(/^Recorded since /).innerText();
  const showTable = async (): Promise<void> => {
    await desk.page.getByRole('region', { name: 'Lag', exact: true }).getByRole('button', { name: 'Table' }).click();
    await expect.poll(rows, soon).toContainEqual(expect.stringMatching(/\t40$/));
  };

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('figure-history', options);
    const kafka = new Kafka({ brokers: desk.web.brokers, clientId: 'history-e2e', logLevel: logLevel.NOTHING, retry: { retries: 60 } });
    const admin = kafka.admin();
    const producer = kafka.producer();
    await Promise.all([admin.connect(), producer.connect()]);
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: TOPIC, numPartitions: 1 }] });
    await producer.send({ topic: TOPIC, messages: Array.from({ length: LAG }, (_, i) => ({ value: `${i}` })) });
    await admin.setOffsets({ groupId: GROUP, topic: TOPIC, partitions: [{ partition: 0, offset: '0' }] });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  afterAll(async () => {
    await desk.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test('the chart is read with the keyboard, zoomed with the pointer, and shown as a table', async () => {
    const { page } = desk;
    await desk.go(`/groups/${GROUP}`);
    await chart().waitFor();
    await chart().focus();
    await expect
      .poll(async () => {
        await page.keyboard.press('End');
        return chart().getAttribute('aria-valuetext');
      }, soon)
      .toMatch(/^\d\d:\d\d:\d\d: meter-readings 40$/);
    await desk.pictures('chart');

    const box = await chart().boundingBox();
    if (box === null) throw new Error('the chart is not on the page');
    await page.mouse.move(box.x + box.width * 0.5, box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 90, { steps: 5 });
    await page.mouse.up();
    await page.getByRole('button', { name: 'Reset zoom' }).click();
    await expect.poll(() => page.getByRole('button', { name: 'Reset zoom' }).count(), soon).toBe(0);

    await page.getByRole('button', { name: TOPIC, exact: true }).click();
    expect(await page.getByRole('button', { name: TOPIC, exact: true }).getAttribute('aria-pressed')).toBe('false');
    await page.getByRole('button', { name: TOPIC, exact: true }).click();
    await showTable();
    expect(await desk.nameless()).toEqual([]);
    await desk.picture('table');
    // Longer ranges than the record say so.
    await expect
      .poll(() => page.getByLabel('Range of Lag').locator('option').allInnerTexts(), soon)
      .toContainEqual(expect.stringMatching(/^24 h \(.+ recorded\)$/));
  });

  test('after a restart of the app the chart begins where it began', async () => {
    const since = await recordedSince();
    const before = (await rows()).at(-1);
    await desk.close();
    // A process that has no time left for its last writes leaves the journal beside the database.
    const files = readdirSync(join(directory, 'user', 'Brokerdesk', 'history')).filter((name) => !/-(?:wal|shm)$/.test(name));
    expect(files).toEqual([expect.stringMatching(/^embedded-[0-9a-f]{16}\.sqlite$/)]);
    if (process.platform !== 'win32')
      expect(statSync(join(directory, 'user', 'Brokerdesk', 'history', files[0] ?? '')).mode & 0o777).toBe(0o600);

    desk = await Desk.start('figure-history', options);
    await desk.go(`/groups/${GROUP}`);
    await chart().waitFor();
    await expect.poll(recordedSince, soon).toBe(since);
    await showTable();
    expect((await rows()).at(-1)?.slice(0, 8)).toBe(before?.slice(0, 8));
    await desk.go('/overview');
    await desk.page.getByLabel('Figures').selectOption('bytes');
    await desk.page.getByRole('slider', { name: /^Throughput: / }).waitFor();
    await desk.pictures('overview');
    expect(desk.complaints).toEqual([]);
  });
});
