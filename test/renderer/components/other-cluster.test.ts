// @vitest-environment happy-dom
/** A broker at whose address another cluster answers: every page says so, once. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory, type Router } from 'vue-router';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let app: VueWrapper;
let router: Router;
let bridge: FixtureBridge;

beforeEach(async () => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  router = createAppRouter(createMemoryHistory());
  void router.push('/');
  await router.isReady();
});
afterEach(() => app.unmount());

async function open(otherCluster: string | null): Promise<void> {
  const scalars = bridge.cluster.scalars.bind(bridge.cluster);
  bridge.cluster.scalars = () => ({ ...scalars(), unreachable: [{ broker: 2, error: 'no answer', otherCluster }] });
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
}

async function countOn(path: string): Promise<number> {
  await router.push(path);
  await flushPromises();
  return app.text().split(/Broker 2 advertises \S+, where cluster B answers/).length - 1;
}

const PAGES = ['/', '/topics', '/topics/orders', '/groups', '/brokers', '/brokers/1', '/lab'];

it('is named on every page, once', async () => {
  await open('B');
  for (const path of PAGES) expect(await countOn(path), path).toBe(1);
});

it('is not named of a broker that only does not answer', async () => {
  await open(null);
  for (const path of PAGES) expect(await countOn(path), path).toBe(0);
});
