// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import type { IncidentRecord } from '#shared/incidents/record';
import { endObservation, recordOf } from '#shared/incidents/record';
import { deriveIncidents } from '#shared/incidents/reducer';
import type { TimelineEvent } from '#shared/models/timeline';
import { useIncidentsStore } from '../../../renderer/stores/incidents.ts';
import { useTimeTravelStore } from '../../../renderer/stores/time-travel.ts';
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
afterEach(() => {
  stops.forEach((stop) => stop());
  vi.useRealTimers();
});

async function start(): Promise<ReturnType<typeof useIncidentsStore>> {
  const store = useIncidentsStore();
  stops = [useTimeTravelStore().start(), useTimelineStore().start(), store.start()];
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

test('lists an incident once that another process observed too, with its earlier start and the id of this run', async () => {
  const [live] = deriveIncidents(bridge.cluster.events);
  if (live === undefined) throw new Error('no incident');
  const startedAt = live.startedAt - 1_500;
  const other = { ...recordOf(live, 'another process', live.startedAt + 500), eventId: 4_711, startedAt };
  bridge.storedIncidents = [endObservation(other)];
  const store = await start();
  const count = useTimelineStore().incidents.length;
  expect(store.all).toHaveLength(count);
  expect(store.all.find(({ id }) => id === live.id)).toMatchObject({ startedAt, closedAt: live.closedAt, unobservedAfter: null });
  // At a time at which this run had not observed it yet.
  useTimeTravelStore().at = startedAt + 1_000;
  expect(store.all.filter(({ subject }) => JSON.stringify(subject) === JSON.stringify(live.subject))).toMatchObject([
    { id: live.id, startedAt, closedAt: null },
  ]);
});

test('reads the incidents again when the connection was opened again', async () => {
  const store = await start();
  const before = store.all.length;
  bridge.storedIncidents = [storedAt(Date.now() - 3_600_000, { closedAt: Date.now() - 3_500_000 })];
  bridge.emit('connection/reopened', { connectionId: bridge.selectedId });
  await settle();
  expect(store.all).toHaveLength(before + 1);
});

test('reads a history again that was not available, and not after its end', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const ask = vi.spyOn(bridge, 'invoke');
  const asked = (): number => ask.mock.calls.filter(([channel]) => channel === 'incident/list').length;
  ask.mockImplementation(() => Promise.resolve({ ok: false, error: { code: 'HISTORY_UNAVAILABLE', message: 'slow' } } as never));
  const store = useIncidentsStore();
  expect(store.loaded).toBe(false);
  stops = [store.start()];
  await vi.advanceTimersByTimeAsync(0);
  expect([store.loaded, store.problem, asked()]).toEqual([true, 'slow', 1]);
  ask.mockReset();
  bridge.storedIncidents = [storedAt(Date.now() - 3_600_000, { closedAt: Date.now() - 3_500_000 })];
  await vi.advanceTimersByTimeAsync(30_000);
  expect(store.problem).toBeNull();
  expect([store.all.length, asked()]).toEqual([1, 1]);
  await vi.advanceTimersByTimeAsync(90_000);
  expect(asked()).toBe(1);

  ask.mockImplementation(() => Promise.resolve({ ok: false, error: { code: 'HISTORY_UNAVAILABLE', message: 'slow' } } as never));
  await store.load();
  stops.forEach((stop) => stop());
  await vi.advanceTimersByTimeAsync(90_000);
  expect(asked()).toBe(2);
});

/** Freezes, each thawed before the next; the ids follow those of the fixture. */
const freezes = (count: number, from: number): TimelineEvent[] =>
  Array.from({ length: count }, (_, i): TimelineEvent[] => {
    const at = from + i * 1_000;
    return [
      { id: 10_000 + 2 * i, type: 'lab/nodeFrozen', at, node: null, broker: 2 },
      { id: 10_001 + 2 * i, type: 'lab/nodeThawed', at: at + 500, node: null, broker: 2, causeId: 10_000 + 2 * i },
    ];
  }).flat();

test('keeps incidents of a long run of which the reducer keeps the newest, now and at a past time, each once', async () => {
  const store = await start();
  const before = store.all.length;
  const [timeline, from] = [useTimelineStore(), Date.now()];
  // As they arrive: in one batch the reducer would drop the first before they are seen here.
  for (const event of freezes(260, from)) timeline.append([event]);
  expect(timeline.live.length).toBeLessThan(260);
  const idsOf = (): number[] => store.all.map(({ id }) => id);
  expect(store.all).toHaveLength(before + 260);
  expect(new Set(idsOf()).size).toBe(before + 260);

  useTimeTravelStore().at = from + 100_600;
  expect(new Set(idsOf()).size).toBe(store.all.length);
  expect(store.all).toHaveLength(before + 101);
  expect(store.all.at(-1)).toMatchObject({ startedAt: from + 100_000, closedAt: from + 100_500 });
});

test('shows at a past time an incident whose first event is no longer kept', async () => {
  const store = await start();
  const [timeline, from] = [useTimelineStore(), Date.now()];
  timeline.append([{ id: 10_000, type: 'lab/nodeFrozen', at: from, node: null, broker: 2 }]);
  timeline.append(
    Array.from({ length: 5_000 }, (_, i): TimelineEvent => ({
      id: 10_001 + i,
      type: 'topic/created',
      at: from + 1 + i,
      node: 1,
      topic: 'x',
    })),
  );
  useTimeTravelStore().at = from + 4_000;
  expect(store.all.filter(({ id }) => id === 10_000)).toMatchObject([{ startedAt: from, closedAt: null }]);
});
