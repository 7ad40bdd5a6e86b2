// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import EmbeddedListeners from '../../../renderer/components/connections/EmbeddedListeners.vue';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let panel: VueWrapper;

beforeEach(async () => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  const pinia = createPinia();
  setActivePinia(pinia);
  panel = mount(EmbeddedListeners, { attachTo: document.body, global: { plugins: [pinia] } });
  await flushPromises();
});
afterEach(() => panel.unmount());

const text = (): string => document.body.textContent.replace(/\s+/g, ' ');
const button = (name: string): HTMLButtonElement =>
  [...document.querySelectorAll('button')].find((one) => one.textContent.trim() === name) as HTMLButtonElement;
const asked = (): unknown[] => bridge.asked.filter(({ channel }) => channel === 'embedded/saveListeners').map(({ payload }) => payload);

async function open(): Promise<void> {
  button('Change network access').click();
  await flushPromises();
}
async function choose(value: string): Promise<void> {
  const radio = document.querySelector(`input[value=${value}]`) as HTMLInputElement;
  radio.checked = true;
  radio.dispatchEvent(new Event('change'));
  await flushPromises();
}

it('shows loopback as the default, without a warning', async () => {
  expect(text()).toContain('This machine only (127.0.0.1)');
  expect(text()).not.toContain('authentication');
  await open();
  expect(text()).not.toContain('authentication');
  expect((document.querySelector('input[value=local]') as HTMLInputElement).checked).toBe(true);
});

it('warns before other machines may connect, names the missing host at its field, and says when the change applies', async () => {
  await open();
  await choose('network');
  expect(text()).toContain('There is no authentication yet');
  button('Save').click();
  await flushPromises();
  expect(text()).toContain('Clients need an address that they can reach');
  const host = document.querySelector('input:not([type=radio])') as HTMLInputElement;
  host.value = 'desk.example';
  host.dispatchEvent(new Event('input'));
  await flushPromises();
  button('Save').click();
  await flushPromises();
  expect(asked()).toEqual([
    { bindHost: '0.0.0.0', advertisedHost: null },
    { bindHost: '0.0.0.0', advertisedHost: 'desk.example' },
  ]);
  expect(document.querySelector('[role=dialog]')).toBeNull();
  expect(text()).toContain('Restart Brokerdesk to apply: All IPv4 addresses (0.0.0.0), advertised as desk.example.');
  // What runs has not changed, and is shown as it is.
  expect(text()).toContain('This machine only (127.0.0.1)');
});

it('closes the network again', async () => {
  await open();
  await choose('network');
  await choose('local');
  button('Save').click();
  await flushPromises();
  expect(asked()).toEqual([{ bindHost: null, advertisedHost: null }]);
  expect(text()).not.toContain('Restart Brokerdesk');
});
