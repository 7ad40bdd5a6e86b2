// @vitest-environment happy-dom
/** The topics that need attention. */
import { afterEach, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let mounted: VueWrapper;
afterEach(() => mounted.unmount());

it('the topics page lists a topic whose acks=all writes wait for a stopped replica as one that needs attention', async () => {
  const bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  // Broker 3 leads nothing, and no leader has removed it from an ISR yet.
  for (const topic of bridge.cluster.topics.values())
    for (const partition of topic.partitions) if (partition.leader === 3) partition.leader = partition.isr.find((id) => id !== 3) ?? null;
  bridge.cluster.down(3);
  const router = createAppRouter(createMemoryHistory());
  void router.push('/topics?show=attention');
  await router.isReady();
  mounted = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
  const orders = mounted.findAll('tbody tr').find((row) => row.text().startsWith('orders'));
  expect(orders?.text()).toMatch(/\d+ with a stopped replica/);
});
