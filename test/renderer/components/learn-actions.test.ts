// @vitest-environment happy-dom
/** What pages of Learn ask for, asked as it says; while a moment of the past is shown, nothing is asked. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, type Pinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../../renderer/App.vue';
import { LEARN_GROUP, LEARN_TOPIC } from '../../../renderer/learn/concept.ts';
import { createAppRouter } from '../../../renderer/router.ts';
import { useTimeTravelStore } from '../../../renderer/stores/time-travel.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let app: VueWrapper;
let pinia: Pinia;

const settle = async (): Promise<void> => {
  bridge.tick();
  await new Promise((resolve) => setTimeout(resolve, 4));
  await flushPromises();
};
const asked = (channel: string): unknown[] => bridge.asked.filter((one) => one.channel === channel).map(({ payload }) => payload);
const button = (label: string): HTMLButtonElement => {
  const found = [...document.querySelectorAll<HTMLButtonElement>('main button')].find((one) => one.textContent.trim() === label);
  if (found === undefined) throw new Error(`there is no button ${label}`);
  return found;
};
const whyOf = (label: string): string =>
  document.getElementById(button(label).getAttribute('aria-describedby') ?? '')?.textContent.trim() ?? '';

async function open(id: string): Promise<void> {
  const router = createAppRouter(createMemoryHistory());
  void router.push(`/learn/${id}`);
  await router.isReady();
  pinia = createPinia();
  app = mount(App, { attachTo: document.body, global: { plugins: [pinia, router] } });
  await vi.waitFor(() => expect(document.querySelector('main h1')).not.toBeNull(), { timeout: 10_000 });
  await settle();
  await settle();
}

beforeEach(async () => {
  document.body.innerHTML = '';
  localStorage.clear();
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  await bridge.ask('topic/create', { name: LEARN_TOPIC, partitions: 3, replicationFactor: 3, configs: {}, validateOnly: false });
});
afterEach(() => {
  useTimeTravelStore(pinia).goLive();
  app.unmount();
});

const partition = (index: number) => {
  const found = bridge.cluster.topics.get(LEARN_TOPIC)?.partitions[index];
  if (found === undefined) throw new Error(`there is no partition ${index}`);
  return found;
};
async function type(input: HTMLInputElement, text: string): Promise<void> {
  input.value = text;
  input.dispatchEvent(new Event('input'));
  await flushPromises();
}
function submit(form: string): void {
  document.querySelector(`form[aria-label="${form}"]`)?.dispatchEvent(new Event('submit', { cancelable: true }));
}

it('deletes records before the offset that was typed, and no other', async () => {
  partition(0).end = 10;
  await open('offset');
  const input = document.querySelector<HTMLInputElement>('form[aria-label="Delete records"] input');
  if (input === null) throw new Error('there is no field');
  expect(button('Delete records').disabled).toBe(true);
  await type(input, '999999');
  expect(button('Delete records').disabled).toBe(true);
  submit('Delete records');
  await settle();
  expect(asked('topic/deleteRecords')).toEqual([]);
  await type(input, '4');
  submit('Delete records');
  await settle();
  expect(asked('topic/deleteRecords')).toEqual([
    {
      name: LEARN_TOPIC,
      topicId: bridge.cluster.view().topics.find(({ name }) => name === LEARN_TOPIC)?.id,
      places: [{ partition: 0, before: '4' }],
    },
  ]);
  expect(app.text()).toContain('Partition 0: log start offset 0 → 4');
});

it('elects preferred leaders where one leads elsewhere, and says why not where none does', async () => {
  await open('partitions');
  expect(button('Elect preferred leaders').disabled).toBe(true);
  expect(whyOf('Elect preferred leaders')).toMatch(/^Each partition is led by its preferred replica\./);
  const [preferred, second = 0] = partition(1).replicas;
  partition(1).leader = second;
  await settle();
  expect(button('Elect preferred leaders').disabled).toBe(false);
  button('Elect preferred leaders').click();
  await settle();
  expect(asked('topic/electPreferred')).toEqual([{ name: LEARN_TOPIC }]);
  expect(app.text()).toContain(`Partition 1: leader changed from broker ${second} to broker ${preferred}.`);
});

it('sets a place only for a group without members', async () => {
  const group = {
    id: LEARN_GROUP,
    topics: [LEARN_TOPIC],
    members: ['consumer-1'],
    committed: new Map([[`${LEARN_TOPIC}-0`, 3]]),
    speed: 0,
    state: 'Stable' as const,
    coordinator: 2,
    protocol: 'range',
  };
  bridge.cluster.groups.set(LEARN_GROUP, group);
  await open('consumer-groups');
  expect(button('Reset').disabled).toBe(true);
  expect(whyOf('Reset')).toContain('has 1 member.');
  submit('Reset offsets of the group');
  await settle();
  expect(asked('group/reset')).toEqual([]);
  group.members = [];
  await settle();
  submit('Reset offsets of the group');
  await settle();
  expect(asked('group/reset')).toEqual([
    { group: LEARN_GROUP, shown: { state: expect.any(String) as string, members: 0 }, topic: LEARN_TOPIC, to: { kind: 'earliest' } },
  ]);
  expect(app.text()).toContain('Partition 0: 3 → 0');
});

it('asks for nothing while it shows the past, and says so', async () => {
  partition(1).leader = partition(1).replicas[1] ?? null;
  await open('partitions');
  await settle();
  await useTimeTravelStore(pinia).goTo(Date.now() - 1);
  await flushPromises();
  button('Elect preferred leaders').click();
  await flushPromises();
  expect(asked('topic/electPreferred')).toEqual([]);
  expect(document.body.textContent).toContain('Time travel shows the past, which cannot be changed.');
});
