// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import TopicDeleteRecordsDialog from '../../../renderer/components/topics/TopicDeleteRecordsDialog.vue';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let dialog: VueWrapper;

beforeEach(() => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
});
afterEach(() => dialog.unmount());

const orders = () => {
  const topic = bridge.cluster.topics.get('orders');
  if (topic === undefined) throw new Error('there is no topic orders');
  return topic;
};
async function open(cleanupPolicy: string | null = 'delete'): Promise<void> {
  const pinia = createPinia();
  setActivePinia(pinia);
  const cluster = useClusterStore();
  cluster.start();
  await flushPromises();
  const row = cluster.topics.get('orders');
  if (row === undefined) throw new Error('the view has no topic orders');
  const props = { topic: { ...row, cleanupPolicy }, open: false };
  dialog = mount(TopicDeleteRecordsDialog, { attachTo: document.body, props, global: { plugins: [pinia] } });
  await dialog.setProps({ open: true });
  await flushPromises();
}
const text = (): string => document.body.textContent.replace(/\s+/g, ' ');
const submit = (): HTMLButtonElement => document.querySelector('button[type=submit]') as HTMLButtonElement;
const asked = (): unknown[] => bridge.asked.filter(({ channel }) => channel === 'topic/deleteRecords').map(({ payload }) => payload);
const field = (label: string): HTMLInputElement | HTMLSelectElement => {
  const found = [...document.querySelectorAll('label')].find((one) => one.textContent.trim() === label);
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement | HTMLSelectElement;
};
async function fill(label: string, value: string): Promise<void> {
  const input = field(label);
  input.value = value;
  input.dispatchEvent(new Event(input.tagName === 'SELECT' ? 'change' : 'input'));
  await flushPromises();
}
async function choose(label: string, option: string): Promise<void> {
  const found = [...(field(label) as HTMLSelectElement).options].find((one) => one.textContent.trim() === option);
  await fill(label, found?.value ?? '');
}
const confirm = (name: string): Promise<void> => fill('Type “orders” to confirm', name);

it('deletes the records that it listed, up to the end of each partition, after the name is typed', async () => {
  const ends = orders().partitions.map(({ end }) => end);
  await open();
  expect(text()).toMatch(/[\d,]+ records will be permanently deleted from all replicas/);
  await confirm('order');
  expect(submit().disabled).toBe(true);
  await confirm('orders');
  submit().click();
  await flushPromises();
  expect(asked()).toEqual([
    {
      name: 'orders',
      topicId: useClusterStore().topics.get('orders')?.id,
      places: ends.map((end, partition) => ({ partition, before: `${end}` })),
    },
  ]);
  expect(orders().partitions.map(({ start }) => start)).toEqual(ends);
});

it('deletes those before an offset of one partition', async () => {
  const [first] = orders().partitions;
  if (first === undefined) throw new Error('orders has no partition');
  const before = first.start + 3;
  await open();
  await choose('Partition', 'Partition 0');
  await choose('Records', 'those before an offset');
  await confirm('orders');
  await fill('Before offset', `${first.end + 1}`);
  expect(submit().disabled).toBe(true);
  expect(text()).toMatch(/A number from [\d,]+ to [\d,]+, the end\./);
  await fill('Before offset', `${before}`);
  expect(text()).toContain('3 records will be permanently deleted');
  submit().click();
  await flushPromises();
  expect(asked()).toEqual([
    { name: 'orders', topicId: useClusterStore().topics.get('orders')?.id, places: [{ partition: 0, before: `${before}` }] },
  ]);
});

it('says which partitions kept theirs, and stays open for it', async () => {
  await open();
  const [, second] = orders().partitions;
  if (second === undefined) throw new Error('orders has one partition');
  second.leader = null;
  await confirm('orders');
  submit().click();
  await flushPromises();
  expect(text()).toContain('Partition 1: It has no leader now.');
  expect(dialog.emitted('update:open')).toBeUndefined();
});

it('is refused, with the reason, where retention may not delete', async () => {
  await open('compact');
  await confirm('orders');
  expect(submit().disabled).toBe(true);
  expect(text()).toContain('cleanup.policy is compact');
});
