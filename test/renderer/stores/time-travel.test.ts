// @vitest-environment happy-dom
/** Time travel on a fixture: pages read the selected point in time, the present is still followed, no change is possible. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import { openScope, showScope, type Scope } from '../../../renderer/scope.ts';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { useLabStore } from '../../../renderer/stores/lab.ts';
import { useTimeTravelStore } from '../../../renderer/stores/time-travel.ts';
import { useTimelineStore } from '../../../renderer/stores/timeline.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

const settle = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('time travel', () => {
  let bridge: FixtureBridge;
  let scope: Scope;
  let stops: (() => void)[];
  /** Before broker 3 was frozen, and after. */
  let before: number;
  let after: number;

  beforeEach(async () => {
    setActivePinia(createPinia());
    bridge = new FixtureBridge('healthy');
    scope = useFixture(bridge);
    stops = [useClusterStore().start(), useLabStore().watchFaults(), useTimeTravelStore().start(), useTimelineStore().start()];
    await settle();
    bridge.tick();
    before = Date.now();
    await settle(5);
    await bridge.ask('lab/inject', { fault: { type: 'freeze', node: 3 } });
    bridge.tick();
    after = Date.now();
    await settle(5);
  });
  afterEach(() => {
    useTimeTravelStore().goLive();
    for (const stop of stops) stop();
  });

  const third = (): string | undefined => useClusterStore().brokers.get(3)?.state;
  const asked = (channel: string): number => bridge.asked.filter((one) => one.channel === channel).length;

  it('shows the state of that time, and the present again', async () => {
    const timeTravel = useTimeTravelStore();
    expect(third()).toBe('frozen');
    expect(await timeTravel.goTo(before)).toBeNull();
    expect(third()).toBe('online');
    expect(useLabStore().faults).toEqual([]);
    expect(useTimelineStore().seen.some(({ type }) => type === 'lab/nodeFrozen')).toBe(false);
    await timeTravel.goTo(after);
    expect(third()).toBe('frozen');
    expect(useLabStore().faults).toHaveLength(1);
    timeTravel.goLive();
    expect(third()).toBe('frozen');
    expect(timeTravel.at).toBeNull();
  });

  it('takes patches meanwhile and shows them once it is live', async () => {
    const cluster = useClusterStore();
    const timeTravel = useTimeTravelStore();
    await timeTravel.goTo(before);
    const views = asked('cluster/view');
    const { version } = cluster;
    bridge.lab.healAll();
    bridge.tick();
    bridge.tick();
    expect(cluster.version).toBe(version);
    expect(third()).toBe('online');
    expect(useLabStore().faults).toEqual([]);
    timeTravel.goLive();
    expect(cluster.version).toBe(bridge.version);
    expect(useLabStore().faults).toEqual([]);
    // Nothing was requested again: no patch was missed.
    expect(asked('cluster/view')).toBe(views);
  });

  it('refuses what would change the cluster, unasked, from the first moment on', async () => {
    const timeTravel = useTimeTravelStore();
    const going = timeTravel.goTo(before);
    const kill = await scope.request('lab/kill', { node: 1 });
    expect(kill).toMatchObject({
      ok: false,
      error: { message: 'Time travel shows the past, which cannot be changed.', advice: 'Go live first.' },
    });
    await going;
    expect((await useLabStore().inject('freeze:1', { type: 'freeze', node: 1 }))?.code).toBe('READ_ONLY');
    expect(asked('lab/kill')).toBe(0);
    expect(asked('lab/inject')).toBe(1);
    expect((await scope.request('timeline/list', { sinceId: 0 })).ok).toBe(true);
    timeTravel.goLive();
    expect((await scope.request('lab/kill', { node: 1 })).ok).toBe(true);
  });

  it('asks for one moment at a time and ends at the last that was wished for', async () => {
    const timeTravel = useTimeTravelStore();
    const count = asked('history/at');
    const journeys = Array.from({ length: 20 }, (_, i) => timeTravel.goTo(i % 2 === 0 ? before : after));
    await Promise.all(journeys);
    await settle();
    expect(timeTravel.at).toBe(after);
    expect(third()).toBe('frozen');
    expect(asked('history/at') - count).toBeLessThan(20);
    expect(asked('history/range')).toBe(1);
  });

  it('goes no further back than the record, nor beyond now', async () => {
    const timeTravel = useTimeTravelStore();
    await timeTravel.goTo(0);
    expect(timeTravel.at).toBe(timeTravel.range?.from);
    await timeTravel.goTo(Number.MAX_SAFE_INTEGER);
    expect(timeTravel.at).toBeLessThanOrEqual(Date.now());
  });

  it('belongs to its connection: another one is shown as it is now, and can be changed', async () => {
    await useTimeTravelStore().goTo(before);
    const former = scope;
    former.end();
    await bridge.invoke('connection/use', { id: 'staging' });
    scope = openScope(bridge.connection);
    showScope(scope);
    const timeTravel = useTimeTravelStore();
    stops = [useClusterStore().start()];
    await settle();
    expect(timeTravel.at).toBeNull();
    expect(useClusterStore().scalars?.connection.id).toBe('staging');
    expect((await timeTravel.goTo(before))?.message).toBe('Nothing has been recorded yet.');
    expect(timeTravel.at).toBeNull();
    expect((await scope.request('topic/delete', { name: 'x', topicId: null, typedName: 'x' })).ok).toBe(true);
    expect(await former.request('topic/delete', { name: 'x', topicId: null, typedName: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'CONNECTION_NOT_SELECTED' },
    });
    expect(asked('topic/delete')).toBe(1);
  });
});
