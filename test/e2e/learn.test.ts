/** Learn: whatever a page offers to try is really done. Each is seen on the cluster by a client that knows nothing of the page. */
import { readFile } from 'node:fs/promises';
import { ConfigResourceTypes, type Admin, type Kafka } from 'kafkajs';
import type { Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { CONCEPTS } from '../../renderer/learn/concepts.ts';
import { LEARN_GROUP, LEARN_TOPIC } from '../../renderer/learn/concept.ts';
import { partitionOfKey } from '../../renderer/messages/murmur2.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { observe } from '../helpers/observer.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS, TAKES_PICTURES } from './desk.ts';
import { kafkaOf, readAll, standing } from './shop.ts';

const ALL = [1, 2, 3];

interface Stored {
  partition: number;
  offset: string;
  key: string | null;
  value: string;
}

describeWith('a browser', hasBrowser, 'learn, page by page', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;

  const open = async (id: string): Promise<void> => {
    await desk.go(`/learn/${id}`);
    await desk.title(CONCEPTS.find((concept) => concept.id === id)?.title ?? id).waitFor();
  };
  const section = (name: string): Locator => desk.page.getByRole('region', { name, exact: true });
  const press = (name: string | RegExp): Promise<void> => desk.page.locator('main').getByRole('button', { name, exact: true }).click();
  const done = (text: string | RegExp): Promise<void> => section('Check yourself').getByText(text).waitFor({ timeout: FAILOVER_MS });
  const box = (partition: number): Locator => desk.page.locator(`[data-partition="${LEARN_TOPIC}-${partition}"]`).first();
  /** By a client of its own: kafkajs keeps the number of partitions that it read first. */
  const offsets = async (): ReturnType<Admin['fetchTopicOffsets']> => {
    const reader = kafka.admin();
    await reader.connect();
    try {
      return await reader.fetchTopicOffsets(LEARN_TOPIC);
    } finally {
      await reader.disconnect();
    }
  };
  const ends = async (): Promise<Record<number, bigint>> =>
    Object.fromEntries((await offsets()).map(({ partition, high }) => [partition, BigInt(high)]));
  const total = async (): Promise<bigint> => Object.values(await ends()).reduce((sum, end) => sum + end, 0n);
  /** A member that ends in the middle of a rebalance is removed when its session expires. */
  const noMembers = (groupId: string): Promise<void> =>
    expect
      .poll(async () => (await admin.describeGroups([groupId])).groups[0]?.members.length, { timeout: FAILOVER_MS, message: groupId })
      .toBe(0);
  const wholeAgain = async (): Promise<void> => {
    for (const { partition } of await offsets())
      await expect.poll(async () => (await standing(admin, LEARN_TOPIC, partition)).isr, { timeout: FAILOVER_MS }).toEqual(ALL);
  };

  /** Every page as it looks now, on a large and on a small screen. */
  async function pictures(what: string): Promise<void> {
    if (!TAKES_PICTURES) return;
    for (const [width, height] of [
      [1440, 900],
      [1024, 720],
    ] as const) {
      await desk.page.setViewportSize({ width, height });
      for (const { id } of CONCEPTS) {
        await open(id);
        await desk.page.locator('svg.diagram [data-box]').first().waitFor();
        await desk.page.waitForTimeout(500);
        await desk.picture(`${what}-${id}-${width}`);
      }
    }
    await desk.page.setViewportSize({ width: 1440, height: 900 });
  }

  /** Every record of the topic, in each partition's order. */
  async function stored(): Promise<Stored[]> {
    const left = new Map((await offsets()).flatMap(({ partition, low, high }) => (low === high ? [] : [[partition, BigInt(high) - 1n]])));
    const records: Stored[] = [];
    if (left.size === 0) return records;
    const consumer = kafka.consumer({ groupId: `observer-${Date.now()}`, maxWaitTimeInMs: 200 });
    await consumer.connect();
    try {
      await consumer.subscribe({ topic: LEARN_TOPIC, fromBeginning: true });
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('the topic was not read within 60 s')), 60_000);
        consumer
          .run({
            autoCommit: false,
            eachMessage: ({ partition, message }) => {
              records.push({
                partition,
                offset: message.offset,
                key: message.key?.toString() ?? null,
                value: message.value?.toString() ?? '',
              });
              const last = left.get(partition);
              if (last !== undefined && BigInt(message.offset) >= last) left.delete(partition);
              if (left.size === 0) {
                clearTimeout(timer);
                resolve();
              }
              return Promise.resolve();
            },
          })
          .catch(reject);
      });
    } finally {
      await consumer.disconnect();
    }
    return records;
  }

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('learn');
    kafka = kafkaOf(desk.web.brokers);
    admin = kafka.admin();
    await admin.connect();
  });

  // A test that failed half-way leaves nothing broken to the next.
  afterEach(async () => {
    expect((await desk.ask('lab/healAll', {})).failed).toEqual([]);
  });

  afterAll(async () => {
    await admin.disconnect();
    await desk.close();
  });

  test('the topic of these pages is made by one button, as it says', async () => {
    await desk.go('/learn');
    await desk.picture('index');
    await open('producer');
    await desk.picture('without-topic', ['dark']);
    await press(`Create topic ${LEARN_TOPIC}`);
    await box(2).waitFor();
    // Any broker may be asked, also one that applies the creation later than the one that the page asked.
    const replicas = async (): Promise<number[] | undefined> =>
      (await admin.fetchTopicMetadata({ topics: [LEARN_TOPIC] })).topics[0]?.partitions.map((one) => one.replicas.length);
    await expect.poll(replicas).toEqual([3, 3, 3]);
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: LEARN_TOPIC }],
    });
    expect(resources[0]?.configEntries.find(({ configName }) => configName === 'min.insync.replicas')?.configValue).toBe('2');
    await desk.page.getByRole('button', { name: `Create topic ${LEARN_TOPIC}` }).waitFor({ state: 'detached' });
  });

  test('Producer: a record goes where the page said, and is stored as it was sent', async () => {
    await open('producer');
    const keys = ['customer-17', 'customer-4', 'Ünïcode-漢字', ''];
    for (const key of keys) {
      const before = await ends();
      await desk.page.getByLabel('Key').fill(key);
      await desk.page.getByLabel('Value').fill(`of ${key}`);
      const said = key === '' ? null : Number(await section('Try it').locator('b').innerText());
      expect(said).toBe(key === '' ? null : partitionOfKey(key, 3));
      await press('Send');
      await expect
        .poll(async () => Object.values(await ends()).reduce((sum, end) => sum + end, 0n))
        .toBe(Object.values(before).reduce((sum, end) => sum + end, 1n));
      const after = await ends();
      const grown = [0, 1, 2].filter((partition) => after[partition] !== before[partition]);
      expect(grown).toHaveLength(1);
      if (said !== null) expect(grown).toEqual([said]);
      await expect.poll(() => box(grown[0] ?? 0).getAttribute('data-end'), { timeout: SOON_MS }).toBe(`${after[grown[0] ?? 0]}`);
      await desk.page
        .locator('.steps')
        .getByText(`stored at offset ${(after[grown[0] ?? 0] ?? 1n) - 1n}`)
        .waitFor();
    }
    expect((await stored()).map(({ key, value }) => [key, value]).sort()).toEqual(
      keys.map((key) => [key === '' ? null : key, `of ${key}`]).sort(),
    );
    await done('Done: customer-17 and customer-4 both went to partition 1.');
    expect(await desk.page.locator('.travel').count()).toBe(0);
  });

  test('Producer: a record travels once where motion is wanted, and is gone', async () => {
    await desk.page.emulateMedia({ reducedMotion: 'no-preference' });
    await open('producer');
    await desk.page.getByLabel('Key').fill('customer-17');
    // It is in the document for half a second, which is shorter than this process may be suspended: the page itself records it.
    await desk.page.evaluate(`(() => {
      window.__travels = [];
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes)
          for (const node of addedNodes) if (node instanceof Element && node.matches('.travel')) window.__travels.push(node.textContent);
      }).observe(document.querySelector('svg.diagram'), { childList: true, subtree: true });
    })()`);
    await press('Send');
    await expect.poll(() => desk.page.evaluate('window.__travels')).toEqual(['customer-17']);
    await desk.page.locator('svg.diagram .travel').waitFor({ state: 'detached' });
    expect(await desk.page.evaluate('window.__travels')).toEqual(['customer-17']);
    await desk.page.emulateMedia({ reducedMotion: 'reduce' });
  });

  test('Producer: its leader is killed, the next record is taken by the new one', async () => {
    await open('producer');
    await desk.page.getByLabel('Key').fill('customer-17');
    const sent = await total();
    await press('Send');
    await expect.poll(total, { timeout: SOON_MS }).toBe(sent + 1n);
    // Answered too: the steps of this record must not be taken for those of the next.
    const send = desk.page.locator('main').getByRole('button', { name: 'Send', exact: true });
    await expect.poll(() => send.isEnabled(), { timeout: SOON_MS }).toBe(true);
    const { leader } = await standing(admin, LEARN_TOPIC, 1);
    await press(`Kill broker ${leader}`);
    // Not before it is dead, or it would still take the record.
    await desk.page
      .locator('main')
      .getByRole('button', { name: `Start broker ${leader}`, exact: true })
      .waitFor({ timeout: SOON_MS });
    await desk.page.getByLabel('Value').fill('after the kill');
    await desk.picture('producer-killed', ['dark']);
    // Sent at once, while there may be no leader: the client asks for metadata until there is one.
    await press('Send');
    const others = ALL.filter((id) => id !== leader).join('');
    const step = desk.page.locator('.steps').getByText(new RegExp(`sent to broker [${others}], the leader of partition 1`));
    const taker = async (): Promise<number> => Number(/broker (\d)/.exec(await step.innerText({ timeout: FAILOVER_MS }))?.[1]);
    const next = await taker();
    // The broker that kafkajs asks may apply the election later than the new leader.
    await expect.poll(async () => (await standing(admin, LEARN_TOPIC, 1)).leader, { timeout: SOON_MS }).toBe(next);
    expect((await readAll(kafka, LEARN_TOPIC)).has('after the kill')).toBe(true);
    await press(`Start broker ${leader}`);
    await wholeAgain();
  });

  test('Producer: an answer is lost; the repeat is stored once where it is numbered, twice where it is not', async () => {
    await open('producer');
    await desk.page.getByLabel('Key').fill('customer-17');
    const send = desk.page.locator('main').getByRole('button', { name: 'Send', exact: true });
    const numbered = desk.page.getByLabel('Idempotent: a retry is stored once');
    /** How often the record is stored after its answer was lost; and whether the client still retried when the link was healed. */
    const sendToSilentLeader = async (value: string): Promise<{ times: number; retried: boolean }> => {
      const { leader } = await standing(admin, LEARN_TOPIC, 1);
      // Once before: it is connected to the leader then.
      await desk.page.getByLabel('Value').fill(`before ${value}`);
      await press('Send');
      await expect.poll(() => send.isEnabled(), { timeout: FAILOVER_MS, interval: 20 }).toBe(true);
      const fault = await desk.ask('lab/inject', { fault: { type: 'partition', between: [leader, 'clients'], direction: 'out' } });
      await desk.page.getByLabel('Value').fill(value);
      await press('Send');
      // Longer than a client waits for an answer: it ends the connection, and with it what was still on its way.
      await desk.page.waitForTimeout(12_000);
      // It gives up after 15 s, which a slow machine may reach before the link is healed.
      const retried = await send.isDisabled();
      await desk.ask('lab/heal', { id: fault.id });
      await expect.poll(() => send.isEnabled(), { timeout: FAILOVER_MS }).toBe(true);
      return { times: (await stored()).filter((record) => record.value === value).length, retried };
    };
    await numbered.uncheck();
    // On a slow machine the client may ask the silent leader for metadata first and has no request to retry: another attempt.
    let times = 1;
    for (let attempt = 1; times === 1 && attempt <= 4; attempt++) times = (await sendToSilentLeader(`plain ${attempt}`)).times;
    expect(times).toBeGreaterThan(1);
    await numbered.check();
    let retried = false;
    for (let attempt = 1; !retried && attempt <= 4; attempt++) {
      const outcome = await sendToSilentLeader(`numbered ${attempt}`);
      expect(outcome.times).toBe(1);
      ({ retried } = outcome);
    }
    expect(retried).toBe(true);
    await desk.page.getByLabel('Acks', { exact: true }).selectOption({ label: 'acks=1: the leader has stored it' });
    expect(await numbered.isDisabled()).toBe(true);
    expect(await numbered.isChecked()).toBe(false);
    await desk.pictures('producer-idempotent');
  });

  test('Kafka: an event is written once and read twice', async () => {
    await open('kafka');
    const before = await stored();
    await press('Send an event');
    await desk.page.getByText(/Written: “ordered/).waitFor();
    await press('Read it');
    await desk.page.getByText(/Read once/).waitFor();
    await press('Read it');
    await done(/^Done: offset \d+ of partition \d was read twice and still exists\.$/);
    const after = await stored();
    expect(after).toHaveLength(before.length + 1);
  });

  test('Topic: how long it keeps is set, two groups read it all, another is made', async () => {
    await open('topic');
    await desk.page.getByLabel(`Retention of ${LEARN_TOPIC}`).selectOption({ label: '1 hour (delete)' });
    await press('Set');
    const retention = async (): Promise<string | undefined> => {
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: LEARN_TOPIC }],
      });
      return resources[0]?.configEntries.find(({ configName }) => configName === 'retention.ms')?.configValue;
    };
    await expect.poll(retention, { timeout: SOON_MS }).toBe('3600000');
    await desk.page
      .getByRole('row', { name: /^retention\.ms/ })
      .getByText('1 h')
      .waitFor();

    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    await producer.send({ topic: LEARN_TOPIC, acks: -1, messages: [0, 1, 2].map((partition) => ({ partition, value: 'to be read' })) });
    await producer.disconnect();
    await press('Start two groups');
    const all = await ends();
    for (const groupId of [LEARN_GROUP, 'learn-audit'])
      await expect
        .poll(
          async () => {
            const [answer] = await admin.fetchOffsets({ groupId, topics: [LEARN_TOPIC] });
            return Object.fromEntries((answer?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)]));
          },
          { timeout: FAILOVER_MS },
        )
        .toEqual(all);
    await pictures('whole');
    await open('topic');
    await press('Stop both groups');
    // A member that still reads would take the records of the next test.
    for (const groupId of [LEARN_GROUP, 'learn-audit']) await noMembers(groupId);

    await press('Create a topic…');
    const dialog = desk.page.getByRole('dialog', { name: 'Create topic' });
    await dialog.getByLabel('Name').fill('my-own');
    await dialog.getByLabel('Partitions', { exact: true }).fill('4');
    await dialog.getByRole('button', { name: 'Create', exact: true }).click();
    await desk.title('my-own').waitFor();
    await expect.poll(() => admin.listTopics()).toContain('my-own');
    await open('topic');
    await done('Done: my-own has 4 partitions and replication factor 3.');
  });

  test('Offset: the end moves while the place stays; a group reads, and its lag is gone', async () => {
    await open('offset');
    await desk.page.getByLabel('Partition', { exact: true }).selectOption({ label: 'partition 2' });
    const before = (await ends())[2] ?? 0n;
    await press('Send 5 records');
    await expect.poll(async () => (await ends())[2], { timeout: SOON_MS }).toBe(before + 5n);
    const group = desk.page.locator(`[data-group="${LEARN_GROUP}"]`);
    const committed = async (): Promise<string | undefined> => {
      const [answer] = await admin.fetchOffsets({ groupId: LEARN_GROUP, topics: [LEARN_TOPIC] });
      return answer?.partitions.find(({ partition }) => partition === 2)?.offset;
    };
    expect(await committed()).toBe(`${before}`);
    await expect.poll(() => group.getAttribute('data-lag'), { timeout: SOON_MS }).toBe('5');
    await desk.picture('offset');
    await press(`Consume as ${LEARN_GROUP}`);
    await expect.poll(committed, { timeout: FAILOVER_MS }).toBe(`${before + 5n}`);
    await expect.poll(() => group.getAttribute('data-committed'), { timeout: SOON_MS }).toBe(`${before + 5n}`);
    await done(/^Done: learn-readers had a lag of \d+ records and has caught up\.$/);
    await press(`Stop ${LEARN_GROUP}`);
    await noMembers(LEARN_GROUP);
  });

  test('Offset: the oldest records are deleted; a group with an offset among them starts at auto.offset.reset', async () => {
    await open('offset');
    await desk.page.getByLabel('Partition', { exact: true }).selectOption({ label: 'partition 2' });
    const committed = (await ends())[2] ?? 0n;
    await press('Send 5 records');
    await expect.poll(async () => (await ends())[2], { timeout: SOON_MS }).toBe(committed + 5n);
    const log = async (): Promise<{ low: string; high: string } | undefined> => {
      const found = (await offsets()).find(({ partition }) => partition === 2);
      return found === undefined ? undefined : { low: found.low, high: found.high };
    };
    const [end, before] = [committed + 5n, committed + 3n];
    const topicId = (await desk.ask('cluster/view', {})).view.topics.find(({ name }) => name === LEARN_TOPIC)?.id ?? null;
    const beyond = await desk.ask('topic/deleteRecords', { name: LEARN_TOPIC, topicId, places: [{ partition: 2, before: `${end + 1n}` }] });
    expect(beyond.partitions).toMatchObject([{ partition: 2, startOffset: null, error: { code: 'OFFSET_OUT_OF_RANGE' } }]);
    expect(await log()).toEqual({ low: '0', high: `${end}` });

    await desk.page.locator(`[data-group="${LEARN_GROUP}"][data-lag="5"]`).waitFor();
    await desk.page.getByLabel('Delete records of partition 2 before offset').fill(`${before}`);
    await press('Delete records');
    await expect.poll(log, { timeout: SOON_MS }).toEqual({ low: `${before}`, high: `${end}` });
    await expect.poll(() => box(2).getAttribute('data-start'), { timeout: SOON_MS }).toBe(`${before}`);
    const kept = (await stored()).filter(({ partition }) => partition === 2).map(({ offset }) => offset);
    expect(kept).toEqual([`${before}`, `${before + 1n}`]);
    await desk.page.getByText(`${LEARN_GROUP} has committed ${committed}, and that record is deleted.`).waitFor();
    await desk.pictures('offset-deleted');

    await press(`Consume as ${LEARN_GROUP}`);
    const place = async (): Promise<string | undefined> => {
      const [answer] = await admin.fetchOffsets({ groupId: LEARN_GROUP, topics: [LEARN_TOPIC] });
      return answer?.partitions.find(({ partition }) => partition === 2)?.offset;
    };
    await expect.poll(place, { timeout: FAILOVER_MS }).toBe(`${end}`);
    const consumed = async (): Promise<number | undefined> =>
      (await desk.ask('load/list', {})).loads.findLast(({ spec }) => spec.name === LEARN_GROUP)?.consumed?.consumed;
    // The two that were left, of the five that it had not read. The count arrives by another way than the commit.
    await expect.poll(consumed, { timeout: SOON_MS }).toBe(2);
    await press(`Stop ${LEARN_GROUP}`);
    await noMembers(LEARN_GROUP);
  });

  test('Partitions: order within one, a hot one, and keys that go elsewhere once there are more', async () => {
    await open('partitions');
    let before = await total();
    await press('Send 10 records');
    await expect.poll(total, { timeout: SOON_MS }).toBe(before + 10n);
    const first = (await stored()).filter(({ value }) => value.startsWith('round 1'));
    for (const key of ['ann', 'bob', 'cay', 'dan']) {
      const mine = first.filter((record) => record.key === key);
      expect(new Set(mine.map(({ partition }) => partition))).toEqual(new Set([partitionOfKey(key, 3)]));
      expect(mine.map(({ value }) => value)).toEqual([...mine.map(({ value }) => value)].sort());
    }
    before = await total();
    await press('Send 20 with the key bob');
    await expect.poll(total, { timeout: SOON_MS }).toBe(before + 20n);
    expect(new Set((await stored()).filter(({ value }) => value.startsWith('hot')).map(({ partition }) => partition))).toEqual(
      new Set([partitionOfKey('bob', 3)]),
    );
    await desk.picture('partitions-hot');
    await press('Increase to 6 partitions');
    await expect
      .poll(async () => (await admin.fetchTopicMetadata({ topics: [LEARN_TOPIC] })).topics[0]?.partitions.length, { timeout: SOON_MS })
      .toBe(6);
    await box(5).waitFor();
    // Every broker, since the client of the app asks any of them before it chooses a partition.
    const sizes = async (): Promise<number[]> => (await observe(desk.web.brokers, LEARN_TOPIC)).map(({ partitions }) => partitions.size);
    await expect.poll(sizes, { timeout: SOON_MS }).toEqual([6, 6, 6]);
    await press('Send 10 records');
    await done(/^Done: (cay|dan) went to partition \d with 3 partitions, and to \d with 6\.$/);
    await desk.picture('partitions-added');
    const moved = (await stored()).filter(({ key, value }) => key === 'cay' && value.startsWith('round 2'));
    expect(moved.map(({ partition }) => partition)).toContain(partitionOfKey('cay', 6));
  });

  test('Partitions: after an outage leaders stay away, until the preferred are elected', async () => {
    await open('partitions');
    const leaders = async (): Promise<{ partition: number; leader: number; preferred: number | undefined }[]> => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [LEARN_TOPIC] });
      return (topics[0]?.partitions ?? [])
        .map(({ partitionId, leader, replicas }) => ({ partition: partitionId, leader, preferred: replicas[0] }))
        .sort((a, b) => a.partition - b.partition);
    };
    const { leader } = await standing(admin, LEARN_TOPIC, 0);
    await press(`Kill broker ${leader}`);
    await expect.poll(async () => (await leaders()).some((one) => one.leader === leader), { timeout: FAILOVER_MS }).toBe(false);
    await press(`Start broker ${leader}`);
    await wholeAgain();
    const table = desk.page.getByRole('table', { name: 'Partitions without their preferred leader' });
    let away: Awaited<ReturnType<typeof leaders>> = [];
    // Both are read each time: the broker that kafkajs asks may apply an election later than the one that the page asks.
    const differs = async (): Promise<string> => {
      away = (await leaders()).filter((one) => one.leader !== one.preferred);
      const shown = (await table.locator('tbody tr').allInnerTexts()).map((line) => line.replace(/\s+/g, ' '));
      const returned = away.map((one) => `${one.partition} broker ${one.preferred} broker ${one.leader}`);
      return shown.join() === returned.join() ? '' : `shown: ${shown.join()}; returned: ${returned.join()}`;
    };
    await expect.poll(differs, { timeout: SOON_MS }).toBe('');
    expect(away.map(({ preferred }) => preferred)).toContain(leader);
    await desk.pictures('partitions-led-elsewhere');

    await press('Elect preferred leaders');
    await expect.poll(async () => (await leaders()).filter((one) => one.leader !== one.preferred), { timeout: SOON_MS }).toEqual([]);
    for (const one of away)
      await desk.page
        .getByText(`Partition ${one.partition}: leader changed from broker ${one.leader} to broker ${one.preferred}.`)
        .waitFor();
    await desk.page.getByText('Each partition is led by its preferred replica.').waitFor();
    expect(await desk.page.getByRole('button', { name: 'Elect preferred leaders' }).isDisabled()).toBe(true);
    await desk.pictures('partitions-brought-back');
  });

  test('Broker: stopped it hands over, killed it is missed; frozen it is fenced and thawed', async () => {
    await open('broker');
    // Asked of every broker by itself: kafkajs would wait half a minute for one that is frozen.
    const without = async (broker: number): Promise<boolean> => {
      const [observation] = await observe(desk.web.brokers, LEARN_TOPIC);
      return (
        observation !== undefined &&
        [...observation.partitions.values()].every(({ leader, isr }) => leader !== broker && !isr.includes(broker))
      );
    };
    for (const verb of ['Stop', 'Kill', 'Freeze']) {
      await desk.page.getByLabel('Select broker').selectOption({ label: 'broker 2' });
      await press(`${verb} broker 2`);
      await expect.poll(() => without(2), { timeout: FAILOVER_MS }).toBe(true);
      const followed = verb === 'Stop' ? 'broker 2 hands over its leaders' : 'broker 2 fenced';
      await desk.page.getByRole('list', { name: 'Recorded events' }).getByText(followed).first().waitFor({ timeout: SOON_MS });
      if (verb === 'Kill') await pictures('killed');
      else await desk.picture(`broker-${verb.toLowerCase()}`, ['dark']);
      await open('broker');
      await press(verb === 'Freeze' ? 'Thaw broker 2' : 'Start broker 2');
      await wholeAgain();
    }
    await done(/^Done: broker 2 shut down gracefully; broker \d was fenced \d.* after it failed\.$/);
  });

  test('every page: named controls, a picture in words, a file that stands by itself, the keyboard', async () => {
    for (const { id, title } of CONCEPTS) {
      await open(id);
      await desk.page.locator('svg.diagram [data-box]').first().waitFor();
      expect(await desk.nameless()).toEqual([]);
      const steps = await desk.page.locator('details li').allTextContents();
      expect(steps.length, id).toBeGreaterThan(1);

      const take = async (kind: string): Promise<string> => {
        const file = await desk.download(async () => {
          await press('Export');
          await desk.page.getByRole('menuitem', { name: kind }).click();
        });
        return readFile(await file.path(), 'utf8');
      };
      const svg = await take('Picture SVG');
      // The browser's own parser judges it.
      const problem: string = await desk.page.evaluate(
        `new DOMParser().parseFromString(${JSON.stringify(svg)}, 'image/svg+xml').querySelector('parsererror')?.textContent ?? ''`,
      );
      expect(problem, id).toBe('');
      expect(svg).not.toContain('var(');
      const text = await take('Text Markdown');
      expect(text).toContain(`# ${title}\n`);
      expect(text).toContain('| Setting | Value | Effect |');
      const html = await take('Picture and text HTML');
      expect(html).toContain('<svg xmlns=');

      const links = desk.page.locator('svg.diagram a');
      if ((await links.count()) > 1) {
        await links.first().focus();
        await desk.page.keyboard.press('ArrowRight');
        const focused: string = await desk.page.evaluate(`document.activeElement?.dataset?.box ?? ''`);
        expect(focused, id).toBe(await links.nth(1).getAttribute('data-box'));
      }
    }
    expect(desk.complaints).toEqual([]);
  });

  test('checks that are done are remembered', async () => {
    await desk.load('/learn');
    await desk.page.getByRole('list', { name: 'Concepts' }).waitFor();
    for (const id of ['Kafka', 'Producer', 'Topic', 'Partitions', 'Offset', 'Broker'])
      await desk.page.getByRole('link', { name: new RegExp(`${id} .*checked`) }).waitFor();
    await desk.picture('index-done');
  });
});
