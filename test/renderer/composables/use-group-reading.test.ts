// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import { useGroupReading } from '../../../renderer/composables/useGroupReading.ts';
import { outagesOfGroup } from '../../../renderer/incidents/incidents.ts';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { useIncidentsStore } from '../../../renderer/stores/incidents.ts';
import { useTimelineStore } from '../../../renderer/stores/timeline.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let stops: (() => void)[] = [];
afterEach(() => stops.forEach((stop) => stop()));

async function openBands(variant: Variant, group: string): Promise<string[]> {
  setActivePinia(createPinia());
  useFixture(new FixtureBridge(variant));
  const reading = useGroupReading(() => group);
  stops = [useClusterStore().start(), useTimelineStore().start(), useIncidentsStore().start()];
  await vi.waitUntil(() => useClusterStore().ready && useIncidentsStore().all.length > 0, 60_000);
  return outagesOfGroup(reading.value, useIncidentsStore().all).flatMap(({ label, until }) => (until === null ? [label] : []));
}

it('marks the outage of each broker without which a group has no leader, where no majority of voters can report it', async () => {
  expect(await openBands('noquorum', 'billing')).toEqual(['broker 2 killed', 'broker 3 killed']);
  expect(await openBands('noquorum', 'no-such-group')).toEqual([]);
  expect(await openBands('healthy', 'billing')).toEqual([]);
});
