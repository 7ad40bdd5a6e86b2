// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import type { IncidentRecord } from '#shared/incidents/record';
import { recordOf } from '#shared/incidents/record';
import { deriveIncidents } from '#shared/incidents/reducer';
import { useIncidentsStore } from '../../../renderer/stores/incidents.ts';
import { useMomentStore } from '../../../renderer/stores/moment.ts';
import { useTimelineStore } from '../../../renderer/stores/timeline.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let stops: (() => void)[];
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

const storedAt = (startedAt: number, more: Partial<IncidentRecord>): IncidentRecord => {
  const [incident] = deriveIncidents([{ id: 1, type: 'lab/nodeKilled', at: startedAt, node: null, broker: 2 }]);
  if (incident === undefined) throw new Error('no incident');
  return { ...recordOf(incident, 'earlier', startedAt), ...more };
};

beforeEach(() => {
  setActivePinia(createPinia());
  bridge = new FixtureBridge('broken');
  useFixture(bridge);
  stops = [];
});
afterEach(() => stops.forEach((stop) => stop()));

async function start(): Promise<ReturnType<typeof useIncidentsStore>> {
  const store = useIncidentsStore();
  stops = [useMomentStore().start(), useTimelineStore().start(), store.start()];
  await settle();
  return store;
}

test('lists stored incidents of earlier runs before those of this run', async () => {
  const at = Date.now() - 86_400_000;
  bridge.storedIncidents = [storedAt(at, { unobservedAfter: at + 5_000 }), storedAt(Date.now() - 90 * 86_400_000, { closedAt: 1 })];
  const store = await start();
  const live = useTimelineStore().incidents;
  expect(live.length).toBeGreaterThan(0);
  expect(store.all).toMatchObject([{ startedAt: at, unobservedAfter: at + 5_000 }, ...live.map(({ id }) => ({ id }))]);
});

test('shows an incident of this run once, from its events', async () => {
  const [first] = deriveIncidents(bridge.cluster.events);
  if (first === undefined) throw new Error('no incident');
  bridge.storedIncidents = [{ ...recordOf(first, 'fixture', 0), closedAt: null, lasts: true }];
  const store = await start();
  expect(store.all.filter(({ id }) => id === first.id)).toEqual([useTimelineStore().incidents.find(({ id }) => id === first.id)]);
});

test('reads the incidents again when the connection was opened again', async () => {
  const store = await start();
  const before = store.all.length;
  bridge.storedIncidents = [storedAt(Date.now() - 3_600_000, { closedAt: Date.now() - 3_500_000 })];
  bridge.emit('connection/reopened', { connectionId: bridge.selectedId });
  await settle();
  expect(store.all).toHaveLength(before + 1);
});
