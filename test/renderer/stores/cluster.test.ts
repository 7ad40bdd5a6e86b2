// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import type { ClusterPatch } from '#shared/ipc';
import { openScope, showScope, type Scope } from '../../../renderer/scope.ts';
import type { GroupRow, TopicRow } from '../../../shared/models/cluster.ts';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe('cluster store', () => {
  let bridge: FixtureBridge;
  let scope: Scope;
  let stop: () => void;

  beforeEach(() => {
    setActivePinia(createPinia());
    bridge = new FixtureBridge('healthy');
    scope = useFixture(bridge);
    stop = useClusterStore().start();
  });
  afterEach(() => stop());

  const views = (): number => bridge.asked.filter((one) => one.channel === 'cluster/view').length;
  const patch = (base: number, change: Partial<ClusterPatch> = {}): ClusterPatch => ({
    connectionId: 'desk',
    base,
    version: base + 1,
    scalars: {},
    brokers: { set: [], removed: [] },
    topics: { set: [], removed: [] },
    groups: { set: [], removed: [] },
    ...change,
  });

  it('takes the view, then patches in order', async () => {
    const store = useClusterStore();
    await settle();
    expect(store.topics.size).toBe(12);
    const orders = store.topics.get('orders');
    if (orders === undefined) throw new Error('the fixture has no orders');
    bridge.emit(
      'cluster/patched',
      patch(1, { scalars: { controllerId: 1 }, topics: { set: [{ ...orders, records: '7' }], removed: ['emails'] } }),
    );
    expect(store.version).toBe(2);
    expect(store.topics.get('orders')?.records).toBe('7');
    expect(store.topics.has('emails')).toBe(false);
    expect(store.topicList.some((topic) => topic.name === 'emails')).toBe(false);
    expect(store.scalars?.controllerId).toBe(1);
    // A scalar that the patch does not name stayed.
    expect(store.scalars?.clusterId).toBe('4L6g3nShT-eMCtK--X86sw');
    expect(views()).toBe(1);
  });

  it('assesses topics by the brokers that answer, and keeps them where only a session age differs', async () => {
    const store = useClusterStore();
    await settle();
    const before = store.topics;
    const [first, ...others] = store.brokerList;
    if (first === undefined) throw new Error('the fixture has no broker');
    bridge.emit('cluster/patched', patch(1, { brokers: { set: [{ ...first, sessionAgeMs: 777 }], removed: [] } }));
    expect(store.brokers.get(first.id)?.sessionAgeMs).toBe(777);
    expect(store.topics).toBe(before);
    const led = (): (string | undefined)[] =>
      store.topicList.flatMap(({ partitions }) =>
        partitions.filter(({ leader }) => leader === first.id).map(({ leaderState }) => leaderState),
      );
    expect(new Set(led())).toEqual(new Set([undefined]));
    bridge.emit('cluster/patched', patch(2, { brokers: { set: [{ ...first, state: 'frozen' }], removed: [] } }));
    expect(new Set(led())).toEqual(new Set(['silent']));
    const silent = [first, ...others].map((row) => ({ ...row, state: 'unreachable' as const }));
    bridge.emit('cluster/patched', patch(3, { brokers: { set: silent, removed: [] } }));
    expect(new Set(led())).toEqual(new Set(['unknown']));
    expect(store.facts.reachable).toBe(false);
    bridge.emit('cluster/patched', patch(4, { brokers: { set: [first, ...others], removed: [] } }));
    expect(new Set(led())).toEqual(new Set([undefined]));
  });

  it('asks for the view again when a patch does not fit, and does not apply it', async () => {
    const store = useClusterStore();
    await settle();
    bridge.version = 9;
    bridge.emit('cluster/patched', patch(8, { topics: { set: [], removed: ['orders'] } }));
    expect(store.topics.has('orders')).toBe(true);
    await settle();
    expect(views()).toBe(2);
    expect(store.version).toBe(9);
  });

  it('applies what differs within rows, and keeps the parts that do not', async () => {
    const store = useClusterStore();
    await settle();
    const [before, [group]] = [store.topics.get('orders'), store.groupList];
    if (before === undefined || group === undefined) throw new Error('the fixture has no orders, or no group');
    const other = store.topics.get('emails');
    bridge.emit(
      'cluster/patched',
      patch(1, {
        topics: { set: [], changed: [['orders', { records: ['7'], partitions: { 1: { endOffset: ['99'] } } }]], removed: [] },
        groups: { set: [], changed: [[group.id, { asOf: [5] }]], removed: [] },
      }),
    );
    const after = store.topics.get('orders');
    expect(after).toEqual({
      ...before,
      records: '7',
      partitions: before.partitions.map((one) => (one.partition === 1 ? { ...one, endOffset: '99' } : one)),
    });
    expect(store.topics.get('emails')).toBe(other);
    expect(store.groups.get(group.id)).toEqual({ ...group, asOf: 5 });
    expect([store.version, views()]).toEqual([2, 1]);
  });

  it('asks for the view where a patch changes a row that it does not have, and applies nothing of that patch', async () => {
    const store = useClusterStore();
    await settle();
    bridge.version = 2;
    const records = store.topics.get('orders')?.records;
    bridge.emit(
      'cluster/patched',
      patch(1, {
        scalars: { controllerId: 77 },
        topics: {
          set: [],
          changed: [
            ['orders', { records: ['7'] }],
            ['absent', { records: ['7'] }],
          ],
          removed: [],
        },
      }),
    );
    expect([store.topics.get('orders')?.records, store.scalars?.controllerId]).not.toContain('7');
    expect(store.topics.get('orders')?.records).toBe(records);
    await settle();
    expect([store.version, views()]).toEqual([2, 2]);
    expect(store.topics.has('absent')).toBe(false);
  });

  it('ignores a patch that is older than what stands', async () => {
    const store = useClusterStore();
    await settle();
    bridge.emit('cluster/patched', patch(0, { version: 1, topics: { set: [], removed: ['orders'] } }));
    expect(store.topics.has('orders')).toBe(true);
    expect(views()).toBe(1);
  });

  it('keeps patches that come while the view is on its way', async () => {
    const store = useClusterStore();
    bridge.emit('cluster/patched', patch(1, { topics: { set: [], removed: ['orders'] } }));
    await settle();
    expect(store.version).toBe(2);
    expect(store.topics.has('orders')).toBe(false);
    expect(views()).toBe(1);
  });

  it('shows nothing of before once its connection was opened again', async () => {
    const store = useClusterStore();
    await settle();
    bridge.emit('connection/reopened', { connectionId: 'desk' });
    expect(store.scalars).toBeNull();
    expect(store.topics.size).toBe(0);
    await settle();
    expect(store.scalars?.connection.id).toBe('desk');
    expect(views()).toBe(2);
  });

  it('takes no patch of another connection', async () => {
    const store = useClusterStore();
    await settle();
    bridge.emit('cluster/patched', { ...patch(1, { topics: { set: [], removed: ['orders'] } }), connectionId: 'staging' });
    bridge.emit('connection/reopened', { connectionId: 'staging' });
    await settle();
    expect(store.topics.has('orders')).toBe(true);
    expect(views()).toBe(1);
  });

  it('is another one in another scope, and the former one is not changed any more', async () => {
    const former = useClusterStore();
    await settle();
    await bridge.invoke('connection/use', { id: 'staging' });
    scope.end();
    showScope(openScope(bridge.connection));
    const store = useClusterStore();
    expect(store).not.toBe(former);
    expect(store.scalars).toBeNull();
    await store.load();
    expect(store.scalars?.connection.id).toBe('staging');
    expect(former.scalars?.connection.id).toBe('desk');
  });

  it('has the age of the oldest reading that the page shows', async () => {
    const store = useClusterStore();
    await settle();
    const at = Date.now();
    const orders = store.topics.get('orders') as TopicRow;
    const scalars = { asOf: at, offsetsAsOf: at - 1_000, groupsAsOf: at - 500 };
    const old = { ...orders, offsetsAsOf: at - 90_000 };
    const billing = { ...(store.groups.get('billing') as GroupRow), asOf: at - 5_000 };
    const groups = [...store.groupList.filter(({ id }) => id !== 'billing').map((row) => ({ ...row, asOf: null })), billing];
    bridge.emit('cluster/patched', patch(1, { scalars, topics: { set: [old], removed: [] }, groups: { set: groups, removed: [] } }));
    const age = (topics: 'none' | 'all' | string[], shown: 'none' | 'all' | string[]): number => {
      store.watchOnly({ topics, groups: shown });
      return at - store.shownAsOf;
    };
    expect(age('none', 'none')).toBe(0);
    expect(age('all', 'none')).toBe(90_000);
    expect(age(['orders'], 'none')).toBe(90_000);
    expect(age(['payments'], 'none')).toBe(1_000);
    expect(age('none', ['billing'])).toBe(5_000);
    expect(age('none', 'all')).toBe(5_000);
    bridge.emit('cluster/patched', patch(2, { groups: { set: [{ ...billing, id: 'never-read', asOf: 0 }], removed: [] } }));
    expect(age('none', 'all')).toBe(5_000);
    bridge.emit('cluster/patched', patch(3, { groups: { set: [{ ...billing, error: 'COORDINATOR_NOT_AVAILABLE' }], removed: [] } }));
    expect(age('none', 'all')).toBe(500);
  });

  it('lets nothing be polled while its page is hidden, and all that the page shows once it is seen again', async () => {
    const store = useClusterStore();
    const seen = () => bridge.asked.filter(({ channel }) => channel === 'cluster/watch').map(({ payload }) => payload);
    const setVisibility = (state: DocumentVisibilityState): void => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    };
    const shown = { topics: ['orders'], groups: 'all' as const };
    try {
      setVisibility('hidden');
      expect(seen()).toEqual([]);
      setVisibility('visible');
      store.watchOnly(shown);
      setVisibility('hidden');
      setVisibility('visible');
      await settle();
      expect(seen()).toMatchObject([shown, { topics: 'none', groups: 'none' }, shown]);
      stop();
      setVisibility('hidden');
      expect(seen()).toHaveLength(3);
    } finally {
      Reflect.deleteProperty(document, 'visibilityState');
    }
  });

  it('draws no point for a total lag of which a part became unknown, and marks the figure as a lower bound', async () => {
    const store = useClusterStore();
    await settle();
    const whole = store.groupList.map((group) => ({
      ...group,
      unknown: 0,
      partitions: group.partitions.map((one) => ({ ...one, unknown: null })),
    }));
    const scalarsAt = (second: number) => {
      const at = (store.scalars?.asOf ?? 0) + second * 1_000;
      return { asOf: at, offsetsAsOf: at, groupsAsOf: at };
    };
    bridge.emit('cluster/patched', patch(1, { scalars: scalarsAt(2), groups: { set: whole, removed: [] } }));
    const all = store.allLag.known ?? -1n;
    expect(store.allLag.unknown).toBe(0);
    expect(store.rates.at(-1)?.lag).toBe(Number(all));
    const silent = { ...(whole[0] as GroupRow), error: 'COORDINATOR_NOT_AVAILABLE' };
    bridge.emit('cluster/patched', patch(2, { scalars: scalarsAt(2), groups: { set: [silent], removed: [] } }));
    expect(store.allLag.unknown).toBeGreaterThan(0);
    expect(store.allLag.known).toBe(all - BigInt(silent.lag ?? 0));
    expect(store.rates.at(-1)?.lag).toBeNull();
    // Lag that was read long before the rest is no point of this time.
    const stale = { ...scalarsAt(30), groupsAsOf: store.scalars?.groupsAsOf ?? 0 };
    bridge.emit('cluster/patched', patch(3, { scalars: stale, groups: { set: [whole[0] as GroupRow], removed: [] } }));
    expect(store.allLag.known).toBe(all);
    expect(store.rates.at(-1)?.lag).toBeNull();
  });
});
