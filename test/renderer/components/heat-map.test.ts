// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import { flushPromises, mount } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { createMemoryHistory, createRouter } from 'vue-router';
import HeatMap from '../../../renderer/components/overview/HeatMap.vue';
import { FixtureCluster } from '../fixtures/fixture-cluster.ts';

async function mounted() {
  setActivePinia(createPinia());
  const cluster = new FixtureCluster('huge');
  const topics = [...cluster.topics.values()].map((topic) => cluster.topicRow(topic));
  const brokers = cluster.brokers.map((broker) => cluster.brokerRow(broker));
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: { template: '<i />' } }] });
  const wrapper = mount(HeatMap, { props: { topics, brokers, theme: 'dark' }, global: { plugins: [router] }, attachTo: document.body });
  await flushPromises();
  const map = wrapper.get('[role=application]');
  const press = async (key: string): Promise<void> => map.trigger('keydown', { key });
  return { wrapper, map, press, topics, reading: () => wrapper.get('[aria-live]').text() };
}

it('reads out the tile that the arrow keys pick, and stays inside of the map', async () => {
  const { wrapper, map, press, topics, reading } = await mounted();
  expect(map.attributes('tabindex')).toBe('0');
  expect(map.attributes('aria-label')).toContain('2000 topics on 6 brokers');
  await map.trigger('focus');
  const first = reading();
  expect(first).toMatch(/^Broker 1, .*\d+ (leaders?|in sync)/);
  await press('ArrowRight');
  expect(reading()).not.toBe(first);
  await press('ArrowLeft');
  await press('ArrowLeft');
  await press('ArrowUp');
  expect(reading()).toBe(first);
  // Down through all lines of all lanes.
  for (let i = 0; i < 200; i += 1) await press('ArrowDown');
  await press('End');
  expect(reading()).toMatch(/^Broker 6, /);
  expect(reading()).toContain(topics.at(-1)?.name);
  for (let i = 0; i < 200; i += 1) await press('ArrowUp');
  await press('Home');
  expect(reading()).toBe(first);
  wrapper.unmount();
});

it('opens the topics of the picked tile, all of them once', async () => {
  const { wrapper, map, press, topics } = await mounted();
  await map.trigger('focus');
  await press('Enter');
  await press('End');
  await press('Enter');
  const opened = wrapper.emitted<[typeof topics]>('open')?.map(([list]) => list.map(({ name }) => name)) ?? [];
  expect(opened).toHaveLength(2);
  expect(opened[0]?.[0]).toBe(topics[0]?.name);
  expect(opened[1]?.at(-1)).toBe(topics.at(-1)?.name);
  wrapper.unmount();
});
