// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import GroupResetDialog from '../../../renderer/components/groups/GroupResetDialog.vue';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let dialog: VueWrapper;

beforeEach(() => {
  document.body.innerHTML = '';
});
afterEach(() => {
  dialog.unmount();
});

async function open(empty: boolean): Promise<void> {
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  const billing = bridge.cluster.groups.get('billing');
  if (billing === undefined) throw new Error('there is no group billing');
  if (empty) billing.members.splice(0);
  const pinia = createPinia();
  setActivePinia(pinia);
  const cluster = useClusterStore();
  cluster.start();
  await flushPromises();
  const group = cluster.groups.get('billing');
  if (group === undefined) throw new Error('the view has no group billing');
  dialog = mount(GroupResetDialog, { attachTo: document.body, props: { group, open: false }, global: { plugins: [pinia] } });
  await dialog.setProps({ open: true });
  await flushPromises();
}
const text = (): string => document.body.textContent.replace(/\s+/g, ' ');
const submit = (): HTMLButtonElement => document.querySelector('button[type=submit]') as HTMLButtonElement;
const asked = (): unknown[] => bridge.asked.filter(({ channel }) => channel === 'group/reset').map(({ payload }) => payload);
const rows = (): (string | undefined)[][] =>
  [...document.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()));

it('is not possible while the group has members, and says why', async () => {
  await open(false);
  expect(text()).toMatch(/it has \d members\. Stop its consumers first\./);
  expect(submit().disabled).toBe(true);
  document.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
  await flushPromises();
  expect(asked()).toEqual([]);
});

it('shows what becomes of each partition, and asks for just that', async () => {
  await open(true);
  const topic = bridge.cluster.topics.get('orders');
  if (topic === undefined) throw new Error('there is no topic orders');
  expect(rows().map(([, , becomes]) => becomes)).toEqual(topic.partitions.map(({ start }) => start.toLocaleString('en-US')));
  expect(text()).toMatch(/They reprocess up to [\d,]+ records\./);
  expect(submit().disabled).toBe(false);
  submit().click();
  await flushPromises();
  expect(asked()).toEqual([{ group: 'billing', shown: { state: 'Stable', members: 0 }, topic: 'orders', to: { kind: 'earliest' } }]);
  expect(dialog.emitted('update:open')?.at(-1)).toEqual([false]);
});

it('takes no offset that is none', async () => {
  await open(true);
  const kind = document.querySelectorAll('select')[1] as HTMLSelectElement;
  kind.selectedIndex = 2;
  kind.dispatchEvent(new Event('change'));
  await flushPromises();
  const offset = document.querySelector('input') as HTMLInputElement;
  offset.value = 'end';
  offset.dispatchEvent(new Event('input'));
  await flushPromises();
  expect(text()).toContain('A number: 0 or more.');
  expect(submit().disabled).toBe(true);
});
