// @vitest-environment happy-dom
/** Time travel on a fixture: what pages read is the moment's, the present goes on underneath, nothing can be changed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import { openScope, showScope, type Scope } from '../../../renderer/scope.ts';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { useLabStore } from '../../../renderer/stores/lab.ts';
import { useMomentStore } from '../../../renderer/stores/moment.ts';
import { useTimelineStore } from '../../../renderer/stores/timeline.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

const settle = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('the moment', () => {
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
    stops = [useClusterStore().start(), useLabStore().watchFaults(), useMomentStore().start(), useTimelineStore().start()];
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
    useMomentStore().goLive();
    for (const stop of stops) stop();
  });

  const third = (): string | undefined => useClusterStore().brokers.get(3)?.state;
  const asked = (channel: string): number => bridge.asked.filter((one) => one.channel === channel).length;

  it('shows what stood then, and the present again', async () => {
    const moment = useMomentStore();
    expect(third()).toBe('frozen');
    expect(await moment.goTo(before)).toBeNull();
    expect(third()).toBe('online');
    expect(useLabStore().faults).toEqual([]);
    expect(useTimelineStore().seen.some(({ type }) => type === 'lab/nodeFrozen')).toBe(false);
    await moment.goTo(after);
    expect(third()).toBe('frozen');
    expect(useLabStore().faults).toHaveLength(1);
    moment.goLive();
    expect(third()).toBe('frozen');
    expect(moment.at).toBeNull();
  });

  it('takes patches meanwhile and shows them once it is live', async () => {
    const cluster = useClusterStore();
    const moment = useMomentStore();
    await moment.goTo(before);
    const views = asked('cluster/view');
    const { version } = cluster;
    bridge.lab.healAll();
    bridge.tick();
    bridge.tick();
    expect(cluster.version).toBe(version);
    expect(third()).toBe('online');
    expect(useLabStore().faults).toEqual([]);
    moment.goLive();
    expect(cluster.version).toBe(bridge.version);
    expect(useLabStore().faults).toEqual([]);
    // Nothing had to be asked for anew: no patch was missed.
    expect(asked('cluster/view')).toBe(views);
  });

  it('refuses what would change the cluster, unasked, from the first moment on', async () => {
    const moment = useMomentStore();
    const going = moment.goTo(before);
    const kill = await scope.request('lab/kill', { node: 1 });
    expect(kill).toMatchObject({ ok: false, error: { message: 'You are looking at the past.', advice: 'Go live first.' } });
    await going;
    expect((await useLabStore().inject('freeze:1', { type: 'freeze', node: 1 }))?.code).toBe('READ_ONLY');
    expect(asked('lab/kill')).toBe(0);
    expect(asked('lab/inject')).toBe(1);
    expect((await scope.request('timeline/list', { sinceId: 0 })).ok).toBe(true);
    moment.goLive();
    expect((await scope.request('lab/kill', { node: 1 })).ok).toBe(true);
  });

  it('asks for one moment at a time and ends at the last that was wished for', async () => {
    const moment = useMomentStore();
    const count = asked('history/at');
    const journeys = Array.from({ length: 20 }, (_, i) => moment.goTo(i % 2 === 0 ? before : after));
    await Promise.all(journeys);
    await settle();
    expect(moment.at).toBe(after);
    expect(third()).toBe('frozen');
    expect(asked('history/at') - count).toBeLessThan(20);
    expect(asked('history/range')).toBe(1);
  });

  it('goes no further back than the record, nor beyond now', async () => {
    const moment = useMomentStore();
    await moment.goTo(0);
    expect(moment.at).toBe(moment.range?.from);
    await moment.goTo(Number.MAX_SAFE_INTEGER);
    expect(moment.at).toBeLessThanOrEqual(Date.now());
  });

  it('belongs to its connection: another one is shown as it is now, and can be changed', async () => {
    await useMomentStore().goTo(before);
    const former = scope;
    former.end();
    await bridge.invoke('connection/use', { id: 'staging' });
    scope = openScope(bridge.connection);
    showScope(scope);
    const moment = useMomentStore();
    stops = [useClusterStore().start()];
    await settle();
    expect(moment.at).toBeNull();
    expect(useClusterStore().scalars?.connection.id).toBe('staging');
    expect((await moment.goTo(before))?.message).toBe('Nothing has been recorded yet.');
    expect(moment.at).toBeNull();
    expect((await scope.request('topic/delete', { name: 'x', topicId: null, typedName: 'x' })).ok).toBe(true);
    expect(await former.request('topic/delete', { name: 'x', topicId: null, typedName: 'x' })).toMatchObject({
      ok: false,
      error: { code: 'CONNECTION_NOT_SELECTED' },
    });
    expect(asked('topic/delete')).toBe(1);
  });
});
