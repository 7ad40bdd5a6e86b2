// @vitest-environment happy-dom
/** Loads that a lesson started end when Learn is left; those of the Lab do not. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory, type Router } from 'vue-router';
import App from '../../../renderer/App.vue';
import { LEARN_TOPIC } from '../../../renderer/learn/concept.ts';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let app: VueWrapper;
let router: Router;

const settle = async (): Promise<void> => {
  bridge.tick();
  await new Promise((resolve) => setTimeout(resolve, 4));
  await flushPromises();
};
const stopped = (): unknown[] => bridge.asked.filter(({ channel }) => channel === 'load/stop').map(({ payload }) => payload);
const idOf = (name: string): number | undefined => bridge.loads.rows.find(({ spec }) => spec.name === name)?.id;
async function press(label: string): Promise<void> {
  const found = (): HTMLButtonElement | undefined =>
    [...document.querySelectorAll<HTMLButtonElement>('main button')].find((one) => one.textContent.trim() === label);
  await vi.waitFor(() => expect(found()).toBeDefined(), { timeout: 10_000 });
  found()?.click();
  await settle();
}
async function go(path: string): Promise<void> {
  await router.push(path);
  await settle();
  await settle();
}

beforeEach(async () => {
  document.body.innerHTML = '';
  localStorage.clear();
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  await bridge.ask('topic/create', { name: LEARN_TOPIC, partitions: 3, replicationFactor: 3, configs: {}, validateOnly: false });
  await bridge.ask('load/start', {
    load: {
      kind: 'group',
      name: 'of-the-lab',
      topics: [LEARN_TOPIC],
      members: 1,
      perRecordMs: 0,
      from: 'oldest',
      sessionTimeoutMs: 6_000,
      crashEveryMs: null,
    },
  });
  router = createAppRouter(createMemoryHistory());
  void router.push('/learn/consumer');
  await router.isReady();
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await vi.waitFor(() => expect(document.querySelector('main h1')).not.toBeNull(), { timeout: 10_000 });
  await settle();
  await settle();
});
afterEach(() => app.unmount());

it('the loads of a lesson end when Learn is left, and a note says so', async () => {
  await press('Start a consumer');
  await press('Produce 5 records/s');
  const ids = bridge.loads.rows.filter(({ spec }) => spec.name !== 'of-the-lab').map(({ id }) => ({ id }));
  expect(ids).toHaveLength(2);
  await go('/learn/offset');
  await go('/learn');
  expect(stopped()).toEqual([]);
  await go('/overview');
  await vi.waitFor(() => expect(stopped()).toEqual(ids), { timeout: 10_000 });
  await vi.waitFor(() => expect(document.querySelector('[aria-label="Notifications"]')?.textContent).toContain('You left the lesson:'), {
    timeout: 10_000,
  });
  await go('/lab');
  expect(stopped()).toEqual(ids);
});

it('the loads of a lesson run on while a page that the lesson links to shows them', async () => {
  await press('Start a consumer');
  const name = bridge.loads.rows.find(({ spec }) => spec.name !== 'of-the-lab')?.spec.name ?? '';
  await go(`/groups/${name}`);
  expect(stopped()).toEqual([]);
  await go('/brokers');
  await vi.waitFor(() => expect(stopped()).toEqual([{ id: idOf(name) }]), { timeout: 10_000 });
});

it('nothing is ended, and nothing said, where the lesson started no load', async () => {
  await go('/overview');
  expect(stopped()).toEqual([]);
  expect(document.querySelector('[aria-label="Notifications"]')?.textContent ?? '').not.toContain('lesson');
});
