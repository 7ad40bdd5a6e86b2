/** Every page by its address, the message browser, the keyboard, deleting, another cluster, a reload. */
import type { Admin, Kafka, Producer } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { LOOKS, pagesOf } from '../helpers/pages.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, SOON_MS } from './desk.ts';
import { consumeOfEach, kafkaOf } from './shop.ts';

const SMALL = LOOKS.find(({ width }) => width === 1024) ?? LOOKS[0];
const TOPIC = 'payments';
const GROUP = 'ledger';

describeWith('a browser', hasBrowser, 'the pages', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;
  let producer: Producer;

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('pages');
    kafka = kafkaOf(desk.web.brokers);
    admin = kafka.admin();
    producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await Promise.all([admin.connect(), producer.connect()]);
    await fill(admin, producer, TOPIC);
    await consumeOfEach(kafka, GROUP, TOPIC, 2, 10);
  });

  afterAll(async () => {
    await Promise.all([admin.disconnect(), producer.disconnect()]);
    await desk.close();
  });

  test('each opens by its address, has a name for every control, and complains of nothing', async () => {
    for (const [path, title] of pagesOf(TOPIC, GROUP)) {
      await desk.load(path);
      await desk.title(title).waitFor();
      // Past the skeletons: the figures of the side bar are there.
      await desk.page.getByRole('link', { name: /^Topics 1$/ }).waitFor();
      await desk.page.locator('.skeleton').first().waitFor({ state: 'hidden' });
      expect(await desk.nameless(), path).toEqual([]);
      await desk.pictures(path === '/no/such/page' ? 'no-such-page' : path.slice(1).replaceAll('/', '-'));
    }
    expect(desk.complaints).toEqual([]);
  });

  test('at the smallest width that is promised no column is out of sight', async () => {
    const wide: string[] = [];
    await desk.look(SMALL);
    for (const [path, title] of pagesOf(TOPIC, GROUP)) {
      await desk.go(path);
      await desk.title(title).waitFor();
      await desk.page.locator('.skeleton').first().waitFor({ state: 'hidden' });
      // Columns give way once the table has been measured.
      let tables = await desk.wideTables();
      for (const until = performance.now() + SOON_MS; tables.length > 0 && performance.now() < until;) {
        await desk.page.waitForTimeout(100);
        tables = await desk.wideTables();
      }
      wide.push(...tables.map((table) => `${path}: ${table}`));
    }
    await desk.look(LOOKS[0]);
    expect(wide).toEqual([]);
  });

  test('a reload keeps the token, and the address shows none', async () => {
    await desk.load(`/topics/${TOPIC}/partitions`);
    await desk.title(TOPIC).waitFor();
    await desk.page.reload();
    await expect.poll(() => desk.rows('Partitions'), { timeout: SOON_MS }).toHaveLength(2);
    expect(desk.page.url()).not.toContain(desk.web.line.token);
  });

  test('messages: newest first, from an offset, one record in full, one produced, and live', async () => {
    const { page } = desk;
    await desk.go(`/topics/${TOPIC}/messages?partition=0`);
    const ends = await admin.fetchTopicOffsets(TOPIC);
    const end = Number(ends.find(({ partition }) => partition === 0)?.high);
    const offsets = async (): Promise<(string | undefined)[]> => (await desk.rows('Records')).map((cells) => cells[2]);
    await expect.poll(async () => (await offsets())[0], { timeout: SOON_MS }).toBe(`${end - 1}`);
    expect(await offsets()).toEqual(Array.from({ length: end }, (_, i) => `${end - 1 - i}`));

    await page.getByLabel('Start position').selectOption({ label: 'From an offset' });
    await page.getByLabel('Offset', { exact: true }).fill('7');
    await page.getByRole('button', { name: 'Read', exact: true }).click();
    await expect.poll(async () => (await offsets())[0], { timeout: SOON_MS }).toBe('7');

    const [first] = await desk.rows('Records');
    await page.getByRole('table', { name: 'Records' }).locator('tbody tr').first().click();
    const drawer = page.getByRole('complementary', { name: 'Record' });
    await drawer.getByRole('heading', { name: '0 @ 7' }).waitFor();
    await drawer.getByText(first?.[3] ?? '?', { exact: true }).waitFor();
    await drawer.getByText('trace', { exact: true }).waitFor();
    expect(await desk.nameless()).toEqual([]);
    await desk.picture('record');
    await page.keyboard.press('ArrowRight');
    await drawer.getByRole('heading', { name: '0 @ 8' }).waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Produce…' }).click();
    const dialog = page.getByRole('dialog', { name: `Produce to ${TOPIC}` });
    await dialog.getByLabel('Key', { exact: true }).fill('by-hand');
    await dialog.getByLabel('Value', { exact: true }).fill('{"amount": 12}');
    await dialog.getByLabel('Partition').selectOption({ label: 'Partition 0' });
    await dialog.getByRole('button', { name: 'Produce', exact: true }).click();
    await dialog.getByText(`Written to partition 0, offset ${end}.`).waitFor();
    expect(await desk.nameless()).toEqual([]);
    await desk.picture('produced');
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
    const after = await admin.fetchTopicOffsets(TOPIC);
    expect(after.find(({ partition }) => partition === 0)?.high).toBe(`${end + 1}`);

    await page.getByLabel('Start position').selectOption({ label: 'Live tail' });
    await page.getByText('Waiting for records').waitFor();
    await producer.send({ topic: TOPIC, messages: [{ partition: 0, key: 'while-watching', value: 'seen' }] });
    await expect.poll(async () => (await desk.rows('Records')).map((cells) => cells[3]), { timeout: SOON_MS }).toEqual(['while-watching']);
    await desk.picture('live');
  });

  test('Ctrl+K finds a topic, F5 asks again', async () => {
    const { page } = desk;
    await desk.go('/overview');
    await desk.title('Overview').waitFor();
    await page.keyboard.press('Control+K');
    const search = page.getByRole('combobox', { name: 'Search' });
    await search.fill('paym');
    await page
      .getByRole('option', { name: /payments/ })
      .first()
      .waitFor();
    expect(await desk.nameless()).toEqual([]);
    await desk.picture('palette');
    await search.press('Enter');
    await desk.title(TOPIC).waitFor();

    let loads = 0;
    page.on('load', () => loads++);
    await desk.go('/topics');
    await desk.title('Topics').waitFor();
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'short-lived', numPartitions: 1, replicationFactor: 3 }] });
    await page.keyboard.press('F5');
    await expect.poll(() => desk.row('Topics', 'short-lived'), { timeout: SOON_MS }).toBeDefined();
    expect(loads).toBe(0);
  });

  test('a topic goes once its name is typed', async () => {
    const { page } = desk;
    await desk.go('/topics/short-lived/partitions');
    await page.getByRole('button', { name: 'Delete…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Delete short-lived' });
    const confirm = dialog.getByRole('button', { name: 'Delete topic' });
    await dialog.getByLabel(/^Type .* to confirm$/).fill('short-live');
    expect(await confirm.isDisabled()).toBe(true);
    await desk.picture('delete');
    await dialog.getByLabel(/^Type .* to confirm$/).fill('short-lived');
    await confirm.click();
    await desk.title('Topics').waitFor();
    await expect.poll(() => desk.row('Topics', 'short-lived'), { timeout: SOON_MS }).toBeUndefined();
    await expect.poll(() => admin.listTopics(), { timeout: SOON_MS }).not.toContain('short-lived');
  });

  test('records are deleted from a topic’s page: those before an offset, then all', async () => {
    const { page } = desk;
    const topic = 'deleted-in-dialog';
    await fill(admin, producer, topic);
    const log = async (): Promise<string[]> =>
      (await admin.fetchTopicOffsets(topic))
        .sort((a, b) => a.partition - b.partition)
        .map(({ partition, low, high }) => `${partition}: ${low} to ${high}`);
    await desk.go(`/topics/${topic}/partitions`);
    await page.getByRole('button', { name: 'Delete records…' }).click();
    const dialog = page.getByRole('dialog', { name: `Delete records of ${topic}` });
    const erase = dialog.getByRole('button', { name: 'Delete records', exact: true });
    await dialog.getByLabel('Partition', { exact: true }).selectOption({ label: 'Partition 0' });
    await dialog.getByLabel('Records', { exact: true }).selectOption({ label: 'those before an offset' });
    await dialog.getByLabel('Before offset').fill('20');
    await dialog.getByText('20 records will be permanently deleted').waitFor();
    expect(await erase.isDisabled()).toBe(true);
    await dialog.getByLabel(/^Type .* to confirm$/).fill(topic);
    expect(await desk.nameless()).toEqual([]);
    await desk.pictures('delete-records');
    await erase.click();
    await dialog.waitFor({ state: 'hidden' });
    expect(await log()).toEqual(['0: 20 to 50', '1: 0 to 50']);
    await expect.poll(async () => (await desk.row('Partitions', '0'))?.[4], { timeout: SOON_MS }).toBe('20');

    await page.getByRole('button', { name: 'Delete records…' }).click();
    await dialog.getByText('80 records will be permanently deleted').waitFor();
    await dialog.getByLabel(/^Type .* to confirm$/).fill(topic);
    await erase.click();
    await dialog.waitFor({ state: 'hidden' });
    expect(await log()).toEqual(['0: 50 to 50', '1: 50 to 50']);
  });

  test('preferred leaders are elected where another replica leads, and only then', async () => {
    const { page } = desk;
    const topic = 'deleted-in-dialog';
    const elect = page.getByRole('button', { name: 'Elect preferred leaders' });
    const leader = async (): Promise<number | undefined> =>
      (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.find(({ partitionId }) => partitionId === 0)?.leader;
    await desk.go(`/topics/${topic}/partitions`);
    await expect.poll(async () => (await desk.rows('Partitions')).length, { timeout: SOON_MS }).toBe(2);
    expect(await elect.count()).toBe(0);
    const before = (await leader()) ?? 0;
    const others = [1, 2, 3].filter((id) => id !== before);
    // Another one first among the same replicas: its leader stays who it is.
    await admin.alterPartitionReassignments({
      topics: [{ topic, partitionAssignment: [{ partition: 0, replicas: [...others, before] }] }],
    });
    await elect.waitFor();
    await desk.pictures('elect');
    expect(await leader()).toBe(before);
    await desk.expectNote(`1 partition of ${topic} is led by its preferred replica again.`, () => elect.click());
    await expect.poll(leader, { timeout: SOON_MS }).toBe(others[0]);
    await elect.waitFor({ state: 'hidden' });
  });

  test('a group that never read one partition is not said to lag by the rest alone', async () => {
    await admin.setOffsets({ groupId: 'partial', topic: TOPIC, partitions: [{ partition: 0, offset: '0' }] });
    const [end] = (await admin.fetchTopicOffsets(TOPIC)).filter(({ partition }) => partition === 0);
    await desk.go('/groups');
    await expect.poll(async () => (await desk.row('Consumer groups', 'partial'))?.at(-1), { timeout: SOON_MS }).toBe(`≥ ${end?.high}`);
    await desk.go('/groups/partial');
    await expect.poll(async () => (await desk.row('Assignment', `${TOPIC}-1`))?.[7], { timeout: SOON_MS }).toBe('never committed');
  });

  test('another cluster is added, and the same pages work for it, without the features of the embedded cluster', async () => {
    const { page } = desk;
    const other = await ClusterProcess.start(['--memory', '--brokers', '1']);
    try {
      const otherKafka = kafkaOf(other.bootstrap.split(','));
      const otherAdmin = otherKafka.admin();
      const otherProducer = otherKafka.producer();
      await Promise.all([otherAdmin.connect(), otherProducer.connect()]);
      await fill(otherAdmin, otherProducer, 'elsewhere', 1);
      await consumeOfEach(otherKafka, 'elsewhere-group', 'elsewhere', 2, 5);

      await desk.go('/connections');
      await page.getByLabel('Name').fill('Unreachable');
      await page.getByLabel('Bootstrap brokers').fill('127.0.0.1:9');
      await page.getByRole('button', { name: 'Add connection' }).click();
      await page.getByRole('alert').filter({ hasText: '127.0.0.1:9' }).waitFor();
      await desk.picture('unreachable');
      await page.getByLabel('Name').fill('Staging');
      await page.getByLabel('Bootstrap brokers').fill(other.bootstrap);
      await page.getByRole('button', { name: 'Add connection' }).click();
      const entry = page.getByRole('listitem').filter({ hasText: 'Staging' });
      await entry.waitFor();
      await entry.getByText('Active').waitFor();
      await desk.picture('added');

      for (const [path, title] of pagesOf('elsewhere', 'elsewhere-group')) {
        await desk.go(path);
        await desk.title(title).waitFor();
        await page.locator('.skeleton').first().waitFor({ state: 'hidden' });
        expect(await page.getByRole('button', { name: /^(Kill|Stop|Start)( broker|$)/ }).count(), path).toBe(0);
      }
      await desk.go('/topics');
      await expect.poll(async () => (await desk.row('Topics', 'elsewhere'))?.[4], { timeout: SOON_MS }).toBe('100');
      expect(await desk.row('Topics', TOPIC)).toBeUndefined();
      await desk.go('/brokers');
      await expect.poll(async () => (await desk.rows('Brokers')).length, { timeout: SOON_MS }).toBe(1);
      await desk.picture('brokers-elsewhere');
      await desk.go('/groups/elsewhere-group');
      await page.getByText('90 records behind').waitFor();

      await page.getByRole('button', { name: 'Reset offsets…' }).click();
      const reset = page.getByRole('dialog', { name: 'Reset offsets of elsewhere-group' });
      await reset.getByLabel('Reset to').selectOption({ label: 'Latest offset' });
      await reset.getByText('Skipped records stay in the topic').waitFor();
      await desk.picture('reset');
      await reset.getByRole('button', { name: 'Reset offsets' }).click();
      await reset.waitFor({ state: 'hidden' });
      const [committed] = await otherAdmin.fetchOffsets({ groupId: 'elsewhere-group', topics: ['elsewhere'] });
      expect(committed?.partitions.map(({ offset }) => offset)).toEqual(['50', '50']);
      await page.getByText('caught up').first().waitFor();
      // The strip of a remote cluster shows what was observed of it, and nothing of the embedded one.
      await otherAdmin.createTopics({ waitForLeaders: true, topics: [{ topic: 'observed' }] });
      const strip = page.locator('footer.strip');
      await expect.poll(() => strip.innerText(), { timeout: SOON_MS }).toContain('topic observed created');
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic: 'unseen' }] });
      expect(await strip.innerText()).not.toContain('unseen');
      await desk.go('/coordination');
      await desk.title('Quorum').waitFor();
      expect(await page.getByText('Recent elections').count()).toBe(0);

      await desk.go('/connections');
      await page.getByRole('listitem').filter({ hasText: 'Embedded cluster' }).getByRole('button', { name: 'Use' }).click();
      await desk.go('/topics');
      await expect.poll(() => desk.row('Topics', TOPIC), { timeout: SOON_MS }).toBeDefined();
      await Promise.all([otherAdmin.disconnect(), otherProducer.disconnect()]);
    } finally {
      expect(await other.stop()).toBe(0);
    }
  });

  test('nothing was complained of', () => {
    expect(desk.complaints).toEqual([]);
  });
});

/** A topic of two partitions with 50 records each. */
async function fill(admin: Admin, producer: Producer, topic: string, replicationFactor = 3): Promise<void> {
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 2, replicationFactor }] });
  await producer.send({
    topic,
    messages: Array.from({ length: 100 }, (_, i) => ({
      partition: i % 2,
      key: `payment-${i}`,
      value: JSON.stringify({ payment: i, amount: 10 + (i % 7), currency: 'EUR' }),
      headers: { trace: `trace-${i}` },
    })),
  });
}
