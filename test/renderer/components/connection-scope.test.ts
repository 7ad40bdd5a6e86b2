// @vitest-environment happy-dom
/** One tab and its connection: what is shown and prepared belongs to it, and ends with it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, type Pinia } from 'pinia';
import { createMemoryHistory, type Router } from 'vue-router';
import type { Result } from '../../../shared/errors.ts';
import type { Payload, RequestChannel, Results } from '../../../shared/ipc.ts';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { useScope } from '../../../renderer/scope.ts';
import { useConnectionsStore } from '../../../renderer/stores/connections.ts';
import { useDialogsStore } from '../../../renderer/stores/dialogs.ts';
import { useTopicsStore } from '../../../renderer/stores/topics.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

const KEY = 'brokerdesk.connection';
let bridge: FixtureBridge;
let app: VueWrapper;
let pinia: Pinia;
let router: Router;

async function open(path: string): Promise<void> {
  router = createAppRouter(createMemoryHistory());
  void router.push(path);
  await router.isReady();
  pinia = createPinia();
  app = mount(App, { attachTo: document.body, global: { plugins: [pinia, router] } });
  await vi.waitFor(() => expect(document.querySelector('main h1')).not.toBeNull(), { timeout: 10_000 });
  await flushPromises();
}

beforeEach(() => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
});
afterEach(() => app.unmount());

const text = (): string => document.body.textContent.replace(/\s+/g, ' ');
const asked = (channel: string) => bridge.asked.filter((one) => one.channel === channel);
const dialog = (): HTMLElement | null => document.querySelector('[role=dialog]');
const store = () => useConnectionsStore(pinia);

describe('the connection of a tab', () => {
  it('is the first in a new tab, and kept for a reload', async () => {
    await open('/topics');
    expect(asked('connection/use').map(({ payload }) => payload)).toEqual([{ id: 'desk' }]);
    await store().use('staging');
    await flushPromises();
    expect(window.sessionStorage.getItem(KEY)).toBe('staging');
    app.unmount();
    bridge.asked.length = 0;
    await open('/topics');
    expect(store().activeId).toBe('staging');
    expect(new Set(bridge.asked.flatMap(({ connectionId }) => connectionId ?? []))).toEqual(new Set(['staging']));
  });

  it('is named by every request about a cluster', async () => {
    await open('/topics/orders/messages');
    const unnamed = bridge.asked.filter(({ channel, connectionId }) => !/^(app|connection)\//.test(channel) && connectionId !== 'desk');
    expect(unnamed).toEqual([]);
    expect(asked('cluster/watch').length).toBeGreaterThan(0);
  });

  it('is selected again before any other request when a lost line returns', async () => {
    const links: ((state: 'open' | 'lost') => void)[] = [];
    useFixture(
      bridge,
      Object.assign(Object.create(bridge) as FixtureBridge, {
        invoke: bridge.invoke.bind(bridge),
        on: bridge.on.bind(bridge),
        onLink: (listener: (state: 'open' | 'lost') => void) => {
          links.push(listener);
          listener('open');
          return () => undefined;
        },
      }),
    );
    await open('/topics');
    bridge.asked.length = 0;
    links[0]?.('lost');
    links[0]?.('open');
    expect(bridge.asked[0]).toMatchObject({ channel: 'connection/use', payload: { id: 'desk' } });
    await flushPromises();
    expect(text()).not.toContain('Connection removed');
  });
});

describe('another connection', () => {
  it('closes the dialogs of the former one, and a deletion prepared there is never sent', async () => {
    await open('/topics');
    const dialogs = useDialogsStore(pinia);
    const topics = useTopicsStore(pinia);
    const scope = useScope();
    dialogs.deletingTopic = 'orders';
    await flushPromises();
    const input = dialog()?.querySelector('input');
    if (!input) throw new Error('there is no dialog with a field');
    input.value = 'orders';
    input.dispatchEvent(new Event('input'));
    await flushPromises();
    const confirm = [...document.querySelectorAll<HTMLButtonElement>('[role=dialog] button')].find((one) =>
      one.textContent.includes('Delete topic'),
    );
    expect(confirm?.disabled).toBe(false);

    await store().use('staging');
    await flushPromises();
    expect(dialog()).toBeNull();
    expect(useDialogsStore(pinia).deletingTopic).toBeNull();
    // What the former page still holds sends nothing: not by its button, store or scope.
    confirm?.click();
    document.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    expect(await topics.remove('orders', null, 'orders')).toMatchObject({ ok: false, error: { code: 'CONNECTION_NOT_SELECTED' } });
    expect(await scope.request('lab/kill', { node: 1 })).toMatchObject({ ok: false, error: { code: 'CONNECTION_NOT_SELECTED' } });
    await flushPromises();
    expect([asked('topic/delete'), asked('lab/kill')]).toEqual([[], []]);
    expect(useScope().connectionId).toBe('staging');
  });

  it('shows nothing of the former one', async () => {
    await open('/topics');
    expect(text()).toContain('orders');
    const views = asked('cluster/view').length;
    await store().use('staging');
    expect(useDialogsStore(pinia).palette).toBe(false);
    await flushPromises();
    expect(
      asked('cluster/view')
        .slice(views)
        .map(({ connectionId }) => connectionId),
    ).toEqual(['staging']);
    expect(store().active?.name).toBe('Staging');
    expect(Object.keys(pinia.state.value).filter((key) => key.includes('@desk#'))).toEqual([]);
  });
});

describe('a connection that is removed elsewhere', () => {
  it('is said so in place of the page, with a way to the others, and no other is taken', async () => {
    await open('/topics');
    await store().use('staging');
    useDialogsStore(pinia).deletingTopic = 'orders';
    await flushPromises();
    bridge.asked.length = 0;
    bridge.removeConnection('staging');
    await flushPromises();
    expect(document.querySelector('main h1')?.textContent).toBe('The connection Staging was removed');
    expect(dialog()).toBeNull();
    expect(bridge.asked.filter(({ channel }) => !channel.startsWith('app/'))).toEqual([]);
    expect(document.querySelector('main a[href$="/connections"]')).not.toBeNull();
    expect(await useTopicsStore(pinia).remove('orders', null, 'orders')).toMatchObject({
      ok: false,
      error: { message: 'The connection Staging was removed.' },
    });

    await router.push('/connections');
    await vi.waitFor(() => expect(document.querySelector('main h1')?.textContent).toContain('Connections'), { timeout: 10_000 });
    await store().use('desk');
    await flushPromises();
    await router.push('/topics');
    await vi.waitFor(() => expect(text()).toContain('orders'), { timeout: 10_000 });
  });

  it('is said so after a reload too', async () => {
    window.sessionStorage.setItem(KEY, 'long-gone');
    await open('/topics');
    expect(document.querySelector('main h1')?.textContent).toBe('No connection is named long-gone');
    expect(asked('connection/use')).toEqual([]);
    expect(store().activeId).toBe('long-gone');
  });
});

describe('the address', () => {
  const address = (): string => router.currentRoute.value.fullPath;
  const shows = (id: string) => vi.waitFor(() => expect(store().activeId).toBe(id), { timeout: 10_000 });
  const leadsTo = (path: string) => vi.waitFor(() => expect(address()).toBe(path), { timeout: 10_000 });

  it('selects the connection that it names, whatever the tab had before', async () => {
    window.sessionStorage.setItem(KEY, 'desk');
    await open('/topics?connection=staging');
    expect(asked('connection/use').map(({ payload }) => payload)).toEqual([{ id: 'staging' }]);
    expect(address()).toBe('/topics?connection=staging');
  });

  it('follows the selection, keeps the name from page to page, and has none for the embedded cluster', async () => {
    await open('/topics?filter=a');
    await store().use('staging');
    await leadsTo('/topics?filter=a&connection=staging');
    await router.push('/groups');
    expect(address()).toBe('/groups?connection=staging');
    await router.push('/topics/orders');
    expect(address()).toBe('/topics/orders/messages?connection=staging');
    await store().use('desk');
    await leadsTo('/topics/orders/messages');
  });

  it('leads to another cluster without a moment of the former one in its place', async () => {
    await open('/topics');
    await router.push('/groups?connection=staging');
    await shows('staging');
    expect(address()).toBe('/groups?connection=staging');
    await router.push('/topics?connection=staging');
    bridge.asked.length = 0;
    await router.push('/topics?connection=desk');
    await shows('desk');
    await leadsTo('/topics');
    expect(asked('cluster/view').map(({ connectionId }) => connectionId)).toEqual(['desk']);
  });

  /** Answers requests to use a connection only as the returned function decides. */
  function holdUses(): (index: number, how: 'passes' | 'fails') => Promise<void> {
    const invoke = bridge.invoke.bind(bridge);
    const held: ((how: 'passes' | 'fails') => void)[] = [];
    bridge.invoke = async <C extends RequestChannel>(channel: C, payload: Payload<C>): Promise<Result<Results[C]>> => {
      if (channel !== 'connection/use') return invoke(channel, payload);
      const how = await new Promise<'passes' | 'fails'>((resolve) => held.push(resolve));
      if (how === 'passes') return invoke(channel, payload);
      return { ok: false, error: { code: 'CONNECTION_REMOVED', message: 'The connection was removed.' } };
    };
    return async (index, how) => {
      await vi.waitFor(() => expect(held.length).toBeGreaterThan(index), { timeout: 10_000 });
      held[index]?.(how);
      await flushPromises();
    };
  }

  it('leads from page to page after a connection could not be selected', async () => {
    await open('/topics?connection=staging');
    const answer = holdUses();
    const refused = router.push('/groups?connection=desk');
    await answer(0, 'fails');
    await refused;
    expect([address(), store().activeId]).toEqual(['/topics?connection=staging', 'staging']);
    await router.push('/groups');
    expect(address()).toBe('/groups?connection=staging');
    await router.push('/brokers?connection=staging');
    expect(address()).toBe('/brokers?connection=staging');
  });

  it('names the cluster that is shown when a navigation is replaced by another while its connection is selected', async () => {
    await open('/topics');
    const answer = holdUses();
    const first = router.push('/groups?connection=staging');
    await vi.waitFor(() => expect(store().busy).toBe('staging'), { timeout: 10_000 });
    await router.push('/brokers');
    expect(address()).toBe('/brokers');
    await answer(0, 'passes');
    await first;
    await shows('staging');
    await leadsTo('/brokers?connection=staging');
  });

  it('says so where it names a connection that does not exist', async () => {
    await open('/topics?connection=long-gone');
    expect(document.querySelector('main h1')?.textContent).toBe('No connection is named long-gone');
    expect(asked('cluster/view')).toEqual([]);
    await router.push('/topics?connection=staging');
    await shows('staging');
    await vi.waitFor(() => expect(text()).toContain('orders'), { timeout: 10_000 });
  });
});
