// @vitest-environment happy-dom
/** Removing a connection asks first, and is undone from the note that follows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';

let bridge: FixtureBridge;
let app: VueWrapper;

async function open(variant: Variant): Promise<void> {
  document.body.innerHTML = '';
  window.sessionStorage.clear();
  bridge = new FixtureBridge(variant);
  useFixture(bridge);
  const router = createAppRouter(createMemoryHistory());
  void router.push('/connections');
  await router.isReady();
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
}
beforeEach(() => open('healthy'));
afterEach(() => app.unmount());

async function press(name: string): Promise<void> {
  const found = [...document.querySelectorAll('button')].find(
    (one) => one.getAttribute('aria-label') === name || one.textContent.trim() === name,
  );
  if (found === undefined) throw new Error(`no button ${name}`);
  found.click();
  await flushPromises();
}
async function confirm(): Promise<void> {
  document.querySelector('[role=dialog] form')?.dispatchEvent(new Event('submit', { cancelable: true }));
  await flushPromises();
}
const asked = (channel: string): unknown[] => bridge.asked.filter((one) => one.channel === channel).map(({ payload }) => payload);
const main = (): string => document.querySelector('main')?.textContent ?? '';

describe('removing a connection', () => {
  it('asks first', async () => {
    await press('Remove Staging');
    expect(document.querySelector('[role=dialog]')?.textContent).toContain('The cluster does not change.');
    await press('Cancel');
    expect(asked('connection/remove')).toEqual([]);
    expect(main()).toContain('Staging');
  });

  it('is undone from its note', async () => {
    await press('Remove Staging');
    await confirm();
    expect(asked('connection/remove')).toEqual([{ id: 'staging' }]);
    expect(main()).not.toContain('Staging');
    expect(document.querySelector('[aria-label="Notifications"]')?.textContent).toContain('Connection Staging removed.');
    await press('Undo');
    expect(asked('connection/restore')).toEqual([{ id: 'staging' }]);
    expect(main()).toContain('Staging');
    expect(document.querySelector('[aria-label="Notifications"]')?.textContent).not.toContain('Undo');
  });

  it('selects it again where it was the selected one, before anything of it is asked', async () => {
    app.unmount();
    await open('remote');
    await press('Remove Staging');
    await confirm();
    const from = bridge.asked.length;
    await press('Undo');
    const after = bridge.asked.slice(from).map(({ channel }) => channel);
    expect(after.slice(0, 2)).toEqual(['connection/restore', 'connection/use']);
    expect(after).toContain('cluster/view');
    expect(document.body.textContent).not.toContain('was removed.Select');
  });
});
