// @vitest-environment happy-dom
import { afterEach, expect, test } from 'vitest';
import { computed, nextTick } from 'vue';
import { createPinia, setActivePinia } from 'pinia';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { useGroupTrendsStore } from '../../../renderer/stores/group-trends.ts';
import { useTimeTravelStore } from '../../../renderer/stores/time-travel.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let stops: (() => void)[] = [];
afterEach(() => stops.forEach((stop) => stop()));
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test('takes a point of each group with every round that was read, and none while a past time is shown', async () => {
  setActivePinia(createPinia());
  const bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  const trends = useGroupTrendsStore();
  const [cluster, timeTravel] = [useClusterStore(), useTimeTravelStore()];
  stops = [cluster.start(), timeTravel.start(), trends.start()];
  const counts = computed(() => ['fraud-scoring', 'billing', 'no-such'].map((id) => trends.pointsOf(id).length));
  await settle();
  await nextTick();
  expect(counts.value).toEqual([1, 1, 0]);
  // A partition of billing was never committed: its sum is a lower bound.
  expect(trends.pointsOf('billing')[0]?.lag).toBeNull();
  expect(trends.pointsOf('fraud-scoring')[0]?.lag).toEqual(expect.any(Number));
  bridge.tick();
  const at = Date.now();
  await timeTravel.goTo(at);
  await nextTick();
  expect(counts.value).toEqual([0, 0, 0]);
  timeTravel.goLive();
  await nextTick();
  expect(counts.value).toEqual([1, 1, 0]);
});
