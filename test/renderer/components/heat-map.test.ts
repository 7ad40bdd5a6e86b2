// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { flushPromises, mount } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { createMemoryHistory, createRouter } from 'vue-router';
import HeatMap from '../../../renderer/components/overview/HeatMap.vue';
import ReplicaCountTable from '../../../renderer/components/overview/ReplicaCountTable.vue';
import { buildLanes } from '../../../renderer/matrix/heat-map.ts';
import { FixtureCluster } from '../fixtures/fixture-cluster.ts';

vi.mock('../../../renderer/matrix/heat-map.ts', { spy: true });
afterEach(() => vi.useRealTimers());

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
  return { wrapper, map, press, topics, brokers, reading: () => wrapper.get('[aria-live]').text() };
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

it('draws lists that come new with every patch once a second', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  const { wrapper, topics, brokers } = await mounted();
  vi.mocked(buildLanes).mockClear();
  for (let i = 0; i < 20; i += 1) await wrapper.setProps({ topics: [...topics], brokers: [...brokers] });
  expect(vi.mocked(buildLanes).mock.calls.length).toBeLessThanOrEqual(1);
  vi.advanceTimersByTime(1_500);
  expect(vi.mocked(buildLanes).mock.calls.length).toBeGreaterThan(0);
  // Another number of topics is another map.
  vi.mocked(buildLanes).mockClear();
  await wrapper.setProps({ topics: topics.slice(0, 900) });
  expect(buildLanes).toHaveBeenCalled();
  wrapper.unmount();
});

it('reads out and opens the topics that are drawn until it is drawn again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  const { wrapper, map, press, topics, reading } = await mounted();
  await map.trigger('focus');
  const first = reading();
  const later = [...topics.slice(1), ...topics.slice(0, 1)];
  // The first change within a second is drawn at once.
  await wrapper.setProps({ topics: [...topics] });
  await wrapper.setProps({ topics: later });
  expect(reading()).toBe(first);
  await press('Enter');
  expect(wrapper.emitted<[typeof topics]>('open')?.[0]?.[0][0]?.name).toBe(topics[0]?.name);
  vi.advanceTimersByTime(1_500);
  await flushPromises();
  expect(reading()).not.toBe(first);
  wrapper.unmount();
});

it('scrolls to the lane that the keys pick', async () => {
  const { wrapper, map, press } = await mounted();
  const box = wrapper.get('.lanes').element;
  Object.defineProperty(box, 'clientHeight', { value: 100 });
  await map.trigger('focus');
  for (let i = 0; i < 200; i += 1) await press('ArrowDown');
  expect(box.scrollTop).toBeGreaterThan(100);
  for (let i = 0; i < 200; i += 1) await press('ArrowUp');
  expect(box.scrollTop).toBe(0);
  wrapper.unmount();
});

it('the table names the worst topics and counts the others', () => {
  const cluster = new FixtureCluster('huge');
  const shrunk = [...cluster.topics.values()].slice(0, 31).map((topic) => {
    const row = cluster.topicRow(topic);
    return { ...row, partitions: row.partitions.map((partition) => ({ ...partition, isr: partition.isr.slice(0, 1) })) };
  });
  const wrapper = mount(ReplicaCountTable, { props: { topics: shrunk, brokers: [] }, global: { stubs: { RouterLink: true } } });
  expect(wrapper.findAll('li')).toHaveLength(21);
  expect(wrapper.findAll('li').at(-1)?.text()).toBe('and 11 more topics');
  wrapper.unmount();
});
