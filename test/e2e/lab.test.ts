/** Every fault from the Lab page: seen on the cluster by a real client that knows nothing of the page, and undone from the page. */
import type { Admin, Kafka } from 'kafkajs';
import { Kafka as Client, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { readAll, standing } from './shop.ts';

const TOPIC = 'orders';
const STAMPED = 'stamped';
const ALL = [1, 2, 3];

describeWith('a browser', hasBrowser, 'the lab, fault by fault', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;

  /** Gives up on a broker that does not answer, and asks another. */
  const client = (brokers: readonly string[], retries: number): Kafka =>
    new Client({
      brokers: [...brokers],
      clientId: 'lab-e2e',
      logLevel: logLevel.NOTHING,
      connectionTimeout: 1_000,
      requestTimeout: 2_000,
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries },
    });

  /** Milliseconds until one record, acknowledged by all in sync. */
  async function produce(partition: number, topic = TOPIC): Promise<number> {
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    try {
      // The first one looks up the leader.
      await producer.send({ topic, acks: -1, messages: [{ partition, value: 'first' }] });
      const start = performance.now();
      await producer.send({ topic, acks: -1, messages: [{ partition, value: 'timed' }] });
      return performance.now() - start;
    } finally {
      await producer.disconnect();
    }
  }

  const stands = (partition: number): Promise<{ leader: number; isr: number[] }> => standing(admin, TOPIC, partition);
  /** Whether the broker neither leads the partition nor is in sync: of one answer, since two may come from two brokers. */
  const isWithout = async (partition: number, broker: number): Promise<boolean> => {
    const { leader, isr } = await stands(partition);
    return leader !== broker && !isr.includes(broker);
  };
  const pick = async (at: string): Promise<void> => {
    await desk.go(`/lab?at=${at}`);
    const title = at.startsWith('broker-') ? `Broker ${at.slice(7)}` : at.endsWith('clients') ? 'Clients ↔' : 'Link';
    await desk.page.getByRole('heading', { level: 2, name: new RegExp(`^${title}`) }).waitFor();
  };
  const press = (name: string): Promise<void> => desk.page.locator('.side').getByRole('button', { name, exact: true }).click();
  const form = (name: string) => desk.page.getByRole('form', { name });
  const inForce = (): Promise<string[]> => desk.page.getByRole('list', { name: 'Faults in force' }).locator('.what').allInnerTexts();
  async function inForceSoon(words: string): Promise<void> {
    await expect.poll(async () => (await inForce()).join('\n'), { timeout: SOON_MS }).toContain(words);
  }
  /** By the button beside it. */
  async function undo(words: string, verb = 'Heal'): Promise<void> {
    await desk.page.getByRole('button', { name: `${verb}: ${words}` }).click();
    await expect.poll(async () => (await inForce().catch(() => [])).join('\n'), { timeout: FAILOVER_MS }).not.toContain(words);
  }
  const wholeAgain = async (): Promise<void> => {
    for (const partition of [0, 1, 2]) await expect.poll(async () => (await stands(partition)).isr, { timeout: FAILOVER_MS }).toEqual(ALL);
  };

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('lab');
    kafka = client(desk.web.brokers, 60);
    admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic: TOPIC,
          replicaAssignment: [
            { partition: 0, replicas: [1, 2, 3] },
            { partition: 1, replicas: [2, 3, 1] },
            { partition: 2, replicas: [3, 1, 2] },
          ],
          configEntries: [{ name: 'min.insync.replicas', value: '2' }],
        },
        {
          topic: STAMPED,
          replicaAssignment: [{ partition: 0, replicas: [2, 3, 1] }],
          configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
        },
      ],
    });
    await desk.go('/lab');
    await desk.page.getByText('No acknowledged write is at risk.').waitFor();
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('freeze: fenced, its leaders move; thawed, it is in sync again', async () => {
    await pick('broker-3');
    await press('Freeze');
    await inForceSoon('broker 3 frozen');
    await desk.page.getByRole('button', { name: /^Broker 3, frozen/ }).waitFor();
    await expect.poll(() => isWithout(2, 3), { timeout: FAILOVER_MS }).toBe(true);
    await desk.picture('frozen');
    await undo('broker 3 frozen', 'Thaw');
    await wholeAgain();
  });

  test('stop hands over first, kill and power cut do not: each is started again', async () => {
    for (const [action, words] of [
      ['Stop', 'broker 2 stopped'],
      ['Kill', 'broker 2 killed'],
      ['Power cut', 'power of broker 2 cut'],
    ] as const) {
      await pick('broker-2');
      await press(action);
      await inForceSoon(words);
      await expect.poll(() => isWithout(1, 2), { timeout: FAILOVER_MS }).toBe(true);
      await undo(words, 'Start');
      await wholeAgain();
    }
  });

  test('clients cut off from a broker do not reach it, until it is healed', async () => {
    const third = desk.web.brokers[2] ?? '';
    const reach = async (): Promise<boolean> => {
      const alone = client([third], 0).admin();
      try {
        await alone.connect();
        await alone.describeCluster();
        return true;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return false;
      } finally {
        await alone.disconnect();
      }
    };
    // kafkajs does not retry: a broker that has not received the newest metadata may return the previous controller.
    await expect.poll(reach, { timeout: FAILOVER_MS }).toBe(true);
    await pick('link-3-clients');
    await press('Cut');
    await inForceSoon('link 3 ↔ clients cut');
    expect(await reach()).toBe(false);
    await desk.page.getByText('Clients do not reach broker 3').waitFor();
    await undo('link 3 ↔ clients cut');
    await expect.poll(reach, { timeout: SOON_MS }).toBe(true);
  });

  test('brokers without a link to each other leave the ISR', async () => {
    let controller: number | null = null;
    // Of one answer: the next one may come from a broker that does not know the controller.
    await expect.poll(async () => ({ controller } = await admin.describeCluster()).controller, { timeout: FAILOVER_MS }).toBeGreaterThan(0);
    const other = ALL.find((id) => id !== controller) ?? 2;
    await pick(`broker-${other}`);
    await press('Cut links…');
    await form('Cut links').getByRole('button', { name: 'Cut', exact: true }).click();
    await inForceSoon(`link ${other} ↔ ${controller} cut`);
    await expect.poll(inForce, { timeout: SOON_MS }).toHaveLength(2);
    await expect.poll(async () => (await stands(0)).isr, { timeout: FAILOVER_MS }).not.toContain(other);
    await desk.page.getByRole('button', { name: 'Heal all 2' }).click();
    await desk.page.getByText('None. Select a broker or a link').waitFor();
    await wholeAgain();
  });

  test('a slow link is as slow as was asked for', async () => {
    const { leader } = await stands(0);
    await expect.poll(() => produce(0), { timeout: SOON_MS }).toBeLessThan(400);
    await pick(`link-${leader}-clients`);
    await press('Slow…');
    const figures = form('Slow links');
    await figures.getByLabel('Latency').fill('soon');
    await figures.getByText('“soon” is not a number.').waitFor();
    await figures.getByLabel('Latency').fill('400');
    await figures.getByRole('button', { name: 'Slow', exact: true }).click();
    await inForceSoon('slow: 400 ms');
    expect(await produce(0)).toBeGreaterThan(400);
    await undo(`link ${leader} ↔ clients slow: 400 ms`);
    await expect.poll(() => produce(0), { timeout: SOON_MS }).toBeLessThan(400);
  });

  test('a slow disk makes acks=all wait', async () => {
    const { leader } = await stands(1);
    await pick(`broker-${leader}`);
    await press('Slow disk…');
    await form('Slow the disk').getByLabel('Each write waits').fill('350');
    await form('Slow the disk').getByRole('button', { name: 'Slow it' }).click();
    await inForceSoon('slow: 350 ms');
    await expect.poll(() => produce(1), { timeout: SOON_MS }).toBeGreaterThan(350);
    await press('Disk at full speed');
    await desk.page.getByText('None. Select a broker or a link').waitFor();
    await expect.poll(() => produce(1), { timeout: SOON_MS }).toBeLessThan(350);
  });

  test('a clock that runs ahead stamps what it appends', async () => {
    const stampedAt = async (): Promise<number> => {
      const producer = kafka.producer({ allowAutoTopicCreation: false });
      await producer.connect();
      const [answer] = await producer.send({ topic: STAMPED, acks: -1, messages: [{ partition: 0, value: 'when' }] });
      await producer.disconnect();
      return Number(answer?.logAppendTime ?? Number.NaN);
    };
    const { leader } = await standing(admin, STAMPED, 0);
    await pick(`broker-${leader}`);
    await press('Skew clock…');
    await form('Skew the clock').getByLabel('Ahead by').fill('3600');
    await form('Skew the clock').getByRole('button', { name: 'Skew it' }).click();
    await inForceSoon(`clock of broker ${leader}: 1 h ahead`);
    expect((await stampedAt()) - Date.now()).toBeGreaterThan(3_000_000);
    await press('Set clock right');
    await desk.page.getByText('None. Select a broker or a link').waitFor();
    expect(Math.abs((await stampedAt()) - Date.now())).toBeLessThan(60_000);
  });

  test('corruption of one replica loses nothing, and is undone', async () => {
    const { leader } = await stands(0);
    const follower = ALL.find((id) => id !== leader) ?? 2;
    await pick(`broker-${follower}`);
    await press('Corrupt log…');
    await form('Corrupt a replica').getByLabel('Replica').selectOption(`${TOPIC}-0`);
    await form('Corrupt a replica').getByRole('button', { name: 'Flip bits' }).click();
    await inForceSoon(`${TOPIC}-0 on broker ${follower} corrupted, last batch`);
    expect((await readAll(kafka, TOPIC)).has('timed')).toBe(true);
    await undo(`${TOPIC}-0 on broker ${follower} corrupted`);
  });

  test('a full disk: its log directory fails, what it led moves; with room again it starts', async () => {
    const { leader } = await stands(2);
    await pick(`broker-${leader}`);
    await press('Fill disk');
    await inForceSoon(`disk of broker ${leader} full`);
    await produce(2);
    await expect.poll(async () => (await stands(2)).leader, { timeout: FAILOVER_MS }).not.toBe(leader);
    await undo(`disk of broker ${leader} full`);
    // Its only log directory has failed, so it has left, as Apache Kafka's does; with room again it is started with the healing.
    await wholeAgain();
  });

  test('a broker is added, and removed once it is named', async () => {
    const { page } = desk;
    const ids = async (): Promise<number[]> => (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId).sort();
    await page.getByRole('button', { name: 'Add broker' }).click();
    await page.getByRole('button', { name: /^Broker 4, online/ }).waitFor({ timeout: FAILOVER_MS });
    await expect.poll(ids, { timeout: FAILOVER_MS }).toEqual([...ALL, 4]);
    await desk.picture('four');
    await press('Remove broker 4…');
    const dialog = page.getByRole('dialog', { name: 'Remove broker 4' });
    await dialog.getByLabel(/^Type .* to confirm$/).fill('broker 4');
    await dialog.getByRole('button', { name: 'Remove broker' }).click();
    await expect.poll(ids, { timeout: FAILOVER_MS }).toEqual(ALL);
    // The list leaves out who is fenced; before it is gone for good its registration is taken back and its data deleted.
    await dialog.waitFor({ state: 'hidden', timeout: FAILOVER_MS });
    await page.getByRole('button', { name: /^Broker 1, / }).waitFor();
    await expect.poll(() => page.getByRole('button', { name: /^Broker 4, / }).count(), { timeout: FAILOVER_MS }).toBe(0);
  });

  test('the timeline has it in lanes, and by keyboard', async () => {
    const { page } = desk;
    const lanes = page.getByRole('listbox', { name: /^Events in lanes/ });
    await lanes.focus();
    await page.keyboard.press('End');
    const option = lanes.getByRole('option');
    const last = await option.textContent();
    expect(last).not.toBe('No event selected');
    await page.keyboard.press('ArrowLeft');
    expect(await option.textContent()).not.toBe(last);
    const download = await desk.download(() => page.getByRole('button', { name: 'Export' }).click());
    expect(download.suggestedFilename()).toMatch(/^brokerdesk-timeline-.*\.json$/);
    await desk.picture('after');
  });

  test('the tree shows the brokers, by address', async () => {
    await desk.load('/coordination/tree?path=/brokers/ids/1');
    const tree = desk.page.getByRole('tree', { name: 'Znodes' });
    await tree.getByRole('treeitem', { name: /^1 ephemeral/ }).waitFor();
    await desk.page.getByText('"host": "127.0.0.1"').waitFor();
    await tree.getByRole('treeitem', { name: /^1 ephemeral/ }).focus();
    await desk.page.keyboard.press('ArrowLeft');
    await desk.page.keyboard.press('Enter');
    await expect.poll(() => desk.page.url()).toContain('path=/brokers/ids');
    expect(await desk.nameless()).toEqual([]);
    await desk.picture('tree');
  });

  test('nothing was complained of', () => {
    expect(desk.complaints).toEqual([]);
  });
});
