/** Two tabs of one app on two clusters at once: each shows its own, and what is prepared for one never reaches the other. */
import type { Admin } from 'kafkajs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, SOON_MS } from './desk.ts';
import { kafkaOf } from './shop.ts';

const TOPIC = 'orders';

describeWith('a browser', hasBrowser, 'two tabs on two clusters', () => {
  let desk: Desk;
  let remote: ClusterProcess;
  let second: Page;
  let here: Admin;
  let there: Admin;

  const soon = { timeout: SOON_MS };
  const topicsOn = async (admin: Admin): Promise<string[]> => (await admin.listTopics()).filter((name) => !name.startsWith('__')).sort();
  const cellsIn = (page: Page, name: string) =>
    page.getByRole('table', { name: 'Topics', exact: true }).locator('tbody tr', { hasText: name });
  const connectionIn = (page: Page) => page.locator('button.card b').innerText();
  const select = async (page: Page, name: string): Promise<void> => {
    await page.locator('button.card').click();
    await page.getByRole('menuitem', { name }).click();
    await expect.poll(() => connectionIn(page), soon).toBe(name);
  };

  beforeAll(async () => {
    setUpKafkajs();
    [desk, remote] = await Promise.all([Desk.start('connections', { brokers: 1 }), ClusterProcess.start(['--memory', '--brokers', '1'])]);
    here = kafkaOf(desk.web.brokers).admin();
    there = kafkaOf(remote.bootstrap.split(',')).admin();
    await Promise.all([here.connect(), there.connect()]);
    await here.createTopics({
      topics: [
        { topic: TOPIC, numPartitions: 2 },
        { topic: 'only-here', numPartitions: 1 },
      ],
    });
    await there.createTopics({
      topics: [
        { topic: TOPIC, numPartitions: 5 },
        { topic: 'only-there', numPartitions: 1 },
      ],
    });
    second = await desk.openTab();
  });
  afterAll(async () => {
    await Promise.all([here.disconnect(), there.disconnect()]);
    await desk.close();
    await remote.stop();
  });

  test('the second tab adds the other cluster and is on it; the first stays where it is', async () => {
    await desk.go('/topics');
    await cellsIn(desk.page, 'only-here').waitFor();
    await second.evaluate(`location.hash = '/connections'`);
    await second.getByLabel('Name', { exact: true }).fill('Other');
    await second.getByLabel('Bootstrap brokers').fill(remote.bootstrap);
    await second.getByRole('button', { name: 'Add connection' }).click();
    await expect.poll(() => connectionIn(second), soon).toBe('Other');
    await second.evaluate(`location.hash = '/topics'`);
    await cellsIn(second, 'only-there').waitFor();
    expect(await cellsIn(second, 'only-here').count()).toBe(0);
    expect(await connectionIn(desk.page)).not.toBe('Other');
    await cellsIn(desk.page, 'only-here').waitFor();
    expect(await cellsIn(desk.page, 'only-there').count()).toBe(0);
  });

  test('each tab shows what happens on its own cluster, and both ages are those of now', async () => {
    await Promise.all([
      here.createTopics({ topics: [{ topic: 'new-here', numPartitions: 1 }] }),
      there.createTopics({ topics: [{ topic: 'new-there', numPartitions: 1 }] }),
    ]);
    await Promise.all([cellsIn(desk.page, 'new-here').waitFor(), cellsIn(second, 'new-there').waitFor()]);
    expect([await cellsIn(desk.page, 'new-there').count(), await cellsIn(second, 'new-here').count()]).toEqual([0, 0]);
  });

  test('a tab comes back to its connection when it is loaded again', async () => {
    await second.reload();
    await expect.poll(() => connectionIn(second), soon).toBe('Other');
    await cellsIn(second, 'only-there').waitFor();
  });

  test('an address leads to its cluster in a new tab, and so do Back and Forward', async () => {
    const address = String(await second.evaluate('location.hash'));
    expect(address).toContain('connection=');
    const third = await desk.openTab();
    const own = await connectionIn(third);
    expect(own).not.toBe('Other');
    await third.evaluate(`location.hash = ${JSON.stringify(address)}`);
    await cellsIn(third, 'only-there').waitFor();
    expect(await connectionIn(third)).toBe('Other');
    await third.goBack();
    await expect.poll(() => connectionIn(third), soon).toBe(own);
    await third.goForward();
    await cellsIn(third, 'only-there').waitFor();
    expect(await connectionIn(third)).toBe('Other');
    await third.close();
  });

  test('a deletion prepared in one tab stays on its cluster while the other tab switches back and forth', async () => {
    const before = await topicsOn(here);
    await second.evaluate(`location.hash = '/topics/${TOPIC}/partitions'`);
    await second.getByRole('button', { name: 'Delete…', exact: true }).first().click();
    const dialog = second.getByRole('dialog', { name: `Delete ${TOPIC}` });
    await dialog.getByRole('textbox').fill(TOPIC);
    const own = await connectionIn(desk.page);
    await select(desk.page, 'Other');
    await cellsIn(desk.page, 'only-there').waitFor();
    await select(desk.page, own);
    await cellsIn(desk.page, 'only-here').waitFor();
    expect(await cellsIn(desk.page, 'only-there').count()).toBe(0);
    await dialog.getByRole('button', { name: 'Delete topic' }).click();
    await expect.poll(async () => (await topicsOn(there)).includes(TOPIC), soon).toBe(false);
    expect(await topicsOn(here)).toEqual(before);
  });

  test('a topic that was re-created while its dialog was open is not deleted', async () => {
    await second.evaluate(`location.hash = '/topics/only-there/partitions'`);
    await second.getByRole('button', { name: 'Delete…', exact: true }).first().click();
    const dialog = second.getByRole('dialog', { name: 'Delete only-there' });
    await dialog.getByRole('textbox').fill('only-there');
    await there.deleteTopics({ topics: ['only-there'] });
    await expect.poll(async () => (await topicsOn(there)).includes('only-there'), soon).toBe(false);
    await there.createTopics({ topics: [{ topic: 'only-there', numPartitions: 3 }] });
    await dialog.getByRole('button', { name: 'Delete topic' }).click();
    await dialog.getByText('it is not the topic that was shown', { exact: false }).waitFor();
    expect(await topicsOn(there)).toContain('only-there');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
  });

  test('a connection that is removed in one tab is said to be so in the other, which moves to no other cluster', async () => {
    await desk.go('/connections');
    const remove = async (): Promise<void> => {
      await desk.page.getByRole('button', { name: 'Remove Other' }).click();
      await desk.page.getByRole('dialog').getByRole('button', { name: 'Remove connection' }).click();
      await second.getByText('The connection Other was removed').first().waitFor();
    };
    await remove();
    await desk.page.getByRole('button', { name: 'Undo' }).click();
    // The other tab has its cluster again.
    await expect.poll(() => connectionIn(second), soon).toBe('Other');
    await second.evaluate(`location.hash = '/topics'`);
    await cellsIn(second, 'only-there').waitFor();
    await remove();
    expect(await connectionIn(desk.page)).not.toBe('Other');
    await second.getByRole('link', { name: 'Connections', exact: true }).last().click();
    await second.getByRole('heading', { level: 1, name: 'Connections' }).waitFor();
    await second.getByRole('button', { name: 'Use' }).click();
    await second.evaluate(`location.hash = '/topics'`);
    await cellsIn(second, 'only-here').waitFor();
  });

  test('and no page complained', () => {
    expect(desk.complaints).toEqual([]);
  });
});
