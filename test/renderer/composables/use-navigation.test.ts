// @vitest-environment happy-dom
import { afterEach, expect, it } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import { useNavigation } from '../../../renderer/composables/useNavigation.ts';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { useIncidentsStore } from '../../../renderer/stores/incidents.ts';
import { useLabStore } from '../../../renderer/stores/lab.ts';
import { useTimelineStore } from '../../../renderer/stores/timeline.ts';
import { useTopicsStore } from '../../../renderer/stores/topics.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let stops: (() => void)[] = [];
afterEach(() => stops.forEach((stop) => stop()));

async function badges(variant: Variant): Promise<Record<string, string>> {
  setActivePinia(createPinia());
  useFixture(new FixtureBridge(variant));
  const { sections } = useNavigation();
  stops = [useClusterStore().start(), useTimelineStore().start(), useIncidentsStore().start(), useLabStore().watchFaults()];
  await new Promise((resolve) => setTimeout(resolve, 0));
  return Object.fromEntries(
    sections.value.flat().map(({ label, count, tone }) => [label, tone === undefined ? count : `${count} (${tone})`]),
  );
}

it('lists the pages in the order of the questions that they answer, with counts', async () => {
  expect(await badges('healthy')).toEqual({
    Overview: '',
    Topics: '11',
    Consumers: '4',
    Brokers: '3',
    Lab: '',
    Scenarios: '',
    Learn: expect.any(String) as string,
    Connections: '',
  });
});

it('has badges of the same incidents and sums as the pages', async () => {
  expect(await badges('broken')).toMatchObject({ Overview: '1 open (warn)', Consumers: '1 unknown (warn)', Brokers: '2 of 3 (bad)' });
  expect(useIncidentsStore().all.filter(({ closedAt }) => closedAt === null)).toHaveLength(1);
  const noQuorum = await badges('noquorum');
  expect(noQuorum).toMatchObject({ Overview: '2 open (warn)', Brokers: '1 of 3 (bad)' });
  expect(noQuorum['Topics']).toBe(`${useTopicsStore().totals.offline} not served (bad)`);
});

it('claims nothing of topics and groups of a cluster that does not answer', async () => {
  expect(await badges('unreachable')).toMatchObject({ Topics: '11', Consumers: '4', Brokers: '0 of 3 (bad)' });
});
