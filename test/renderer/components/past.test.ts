// @vitest-environment happy-dom
/** The past on the page: the bar that says so, the keys, the slider, the story of an event. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, type Pinia } from 'pinia';
import { createMemoryHistory, type Router } from 'vue-router';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { useTimeTravelStore } from '../../../renderer/stores/time-travel.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let router: Router;
/** Of the app that is mounted: an action of one that is gone may yet end, and would make its own the active one. */
let pinia: Pinia;
let app: VueWrapper;

const settle = async (ms = 4): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  await flushPromises();
};

beforeEach(async () => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  router = createAppRouter(createMemoryHistory());
  void router.push('/lab?at=broker-3');
  await router.isReady();
  pinia = createPinia();
  app = mount(App, { attachTo: document.body, global: { plugins: [pinia, router] } });
  // The page is loaded when it is first asked for, which takes as long as it takes.
  await vi.waitFor(() => expect(third()).toMatch(/^Broker 3, online/), { timeout: 10_000 });
  bridge.tick();
  await settle(20);
  await bridge.ask('lab/inject', { fault: { type: 'freeze', node: 3 } });
  bridge.tick();
  await settle(20);
  bridge.tick();
  await settle();
});
afterEach(() => {
  useTimeTravelStore(pinia).goLive();
  app.unmount();
});

const find = (selector: string): HTMLElement => {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`there is no ${selector}`);
  return found;
};
const slider = (): HTMLElement => find('[role=slider]');
const text = (): string => document.body.textContent;
async function key(on: EventTarget, name: string, more: KeyboardEventInit = {}): Promise<void> {
  on.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true, ...more }));
  await settle();
}
async function press(label: string): Promise<void> {
  find(`[aria-label="${label}"]`).click();
  await settle();
}
const third = (): string => document.querySelector('svg [role=button][aria-label^="Broker 3"]')?.getAttribute('aria-label') ?? '';

describe('the past on the page', () => {
  it('is entered by a key on the slider, said at the top, and left by Escape', async () => {
    expect(slider().getAttribute('aria-valuetext')).toBe('live');
    expect(third()).toMatch(/^Broker 3, frozen/);
    await key(slider(), 'Home');
    expect(text()).toContain('Viewing');
    expect(third()).toMatch(/^Broker 3, online/);
    expect(slider().getAttribute('aria-valuetext')).toMatch(/ ago$/);
    await key(slider(), 'Escape');
    expect(text()).not.toContain('Viewing');
    expect(third()).toMatch(/^Broker 3, frozen/);
  });

  it('goes by tenths of a second, seconds and ten seconds; its end is the present', async () => {
    await key(slider(), 'Home');
    const first = Number(slider().getAttribute('aria-valuenow'));
    const timeTravel = useTimeTravelStore(pinia);
    expect(timeTravel.at).toBe(first);
    await key(slider(), 'PageDown');
    expect(timeTravel.at).toBe(first);
    await key(slider(), 'End');
    expect(timeTravel.at).toBeNull();
    await key(slider(), 'ArrowLeft');
    expect(timeTravel.at).not.toBeNull();
    await key(slider(), 'PageUp');
    expect(timeTravel.at).toBeNull();
  });

  it('refuses an action with the reason, and does not ask', async () => {
    await key(slider(), 'Home');
    const kill = [...document.querySelectorAll<HTMLElement>('.side button')].find((one) => one.textContent.trim() === 'Kill');
    kill?.click();
    await settle();
    expect(text()).toContain('Time travel shows the past, which cannot be changed.');
    expect(bridge.asked.filter(({ channel }) => channel === 'lab/inject')).toHaveLength(1);
  });

  it('moves from event to event, and shows the cause and the effects of each', async () => {
    await press('Previous event');
    const story = find('section.story');
    expect(story.textContent).toContain('broker 3 frozen');
    expect(story.textContent).toContain('No recorded cause.');
    // The letter keys are of the timeline alone.
    const at = useTimeTravelStore(pinia).at;
    await key(document.body, '[');
    expect(useTimeTravelStore(pinia).at).toBe(at);
    await key(find('[role=listbox]'), '[');
    expect(useTimeTravelStore(pinia).at).not.toBe(at);
  });

  it('says on a page that reads the cluster itself that this is of the present', async () => {
    await key(slider(), 'Home');
    await router.push('/coordination');
    await settle();
    expect(text()).toContain('Viewing');
    expect(text()).not.toContain('as it is now');
    await router.push('/coordination/tree');
    await settle();
    expect(text()).toContain('Znodes are read from the cluster as it is now.');
  });

  it('Escape in a dialog closes the dialog and stays in the past', async () => {
    await key(slider(), 'Home');
    const remove = [...document.querySelectorAll<HTMLElement>('.side button')].find((one) => one.textContent.includes('Remove broker'));
    remove?.click();
    await settle(20);
    expect(useTimeTravelStore(pinia).at).not.toBeNull();
    await key(find('[role=dialog] input'), 'Escape');
    expect(useTimeTravelStore(pinia).at).not.toBeNull();
  });
});
