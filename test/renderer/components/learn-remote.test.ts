// @vitest-environment happy-dom
/** Learn on a remote cluster: it shows its state, breaks nothing, and creates its topic only on request. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../../renderer/App.vue';
import { CONCEPTS } from '../../../renderer/learn/concepts.ts';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let app: VueWrapper;

async function open(path: string): Promise<void> {
  bridge = new FixtureBridge('remote');
  useFixture(bridge);
  const router = createAppRouter(createMemoryHistory());
  await router.push(path);
  app = mount(App, { global: { plugins: [createPinia(), router] }, attachTo: document.body });
  await flushPromises();
  bridge.tick();
  await flushPromises();
}

beforeEach(() => {
  document.body.innerHTML = '';
  localStorage.clear();
});
afterEach(() => app.unmount());

it.each(CONCEPTS.map(({ id }) => id))('%s offers no outage, and says why', async (id) => {
  await open(`/learn/${id}`);
  const labels = app.findAll('main button').map((button) => button.text());
  expect(labels.filter((label) => /^(Kill|Stop|Freeze|Cut|Start) broker/.test(label))).toEqual([]);
  expect(app.text()).toContain('Brokerdesk injects faults into the embedded cluster only.');
  expect(
    bridge.asked.filter(({ channel }) => /^lab\/(kill|stop|inject)|^topic\/create|^message\/produce|^load\/start/.test(channel)),
  ).toEqual([]);
});

it.each([
  ['producer', true],
  ['offset', true],
  ['broker', false],
  ['zookeeper', false],
])('%s asks for a topic of these pages where it works with one: %s', async (id, asks) => {
  await open(`/learn/${id}`);
  expect(app.text().includes('This page uses the topic learn-orders')).toBe(asks);
});

it('shows a topic of that cluster, and sends nothing to it', async () => {
  await open('/learn/producer');
  expect(app.find('[data-partition]').attributes('data-partition')).not.toContain('learn-orders');
  const send = app.findAll('main button').find((button) => button.text() === 'Send');
  expect(send?.attributes('disabled')).toBeDefined();
  expect(app.text()).toContain('Create topic learn-orders');
});
