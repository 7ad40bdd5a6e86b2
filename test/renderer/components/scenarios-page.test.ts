// @vitest-environment happy-dom
/** The scenarios' page on a fixture: what is shown of a run, what is asked for. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';
import { fixtureRun } from '../fixtures/fixture-scenarios.ts';

let bridge: FixtureBridge;
let app: VueWrapper;

async function open(path: string, set: (bridge: FixtureBridge) => void = () => undefined): Promise<void> {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  set(bridge);
  useFixture(bridge);
  const router = createAppRouter(createMemoryHistory());
  void router.push(path);
  await router.isReady();
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
}

const text = (selector: string): string => document.querySelector(selector)?.textContent.replace(/\s+/g, ' ').trim() ?? '';
const button = (name: string): HTMLButtonElement => {
  const found = [...document.querySelectorAll<HTMLButtonElement>('main button, [role=dialog] button')].find(
    (one) => one.textContent.trim() === name,
  );
  if (found === undefined) throw new Error(`no button ${name}`);
  return found;
};
const asked = (channel: string): unknown[] => bridge.asked.filter((one) => one.channel === channel).map(({ payload }) => payload);

afterEach(() => app.unmount());

describe('the scenarios page', () => {
  it('opens the first of the library, with its steps and what has to hold', async () => {
    await open('/lab/scenarios');
    await vi.waitFor(() => expect(text('[aria-label="Steps"]')).toContain('The leader is killed.'), { timeout: 30_000 });
    expect(text('[aria-label="Steps"]')).toContain('kill leader of orders-0');
    expect(text('[aria-label="Expectations"]')).toContain('No acknowledged write of writer is lost');
  });

  it('runs what is in front, by its text', async () => {
    await open('/lab/scenarios/leader-killed');
    button('Run').click();
    await flushPromises();
    expect(asked('scenario/run')).toEqual([{ text: 'name: leader-killed\n' }]);
  });

  it('shows a run as it goes, and cancels it', async () => {
    const run = fixtureRun();
    Object.assign(run.expectations[0] ?? {}, { verdict: 'failed', measured: '3 of 10 acknowledged are missing' });
    await open('/lab/scenarios/leader-killed', (fixture) => (fixture.scenarioRun = run));
    expect(document.querySelector('[data-verdict=failed] [role=img]')?.getAttribute('aria-label')).toBe('failed');
    expect(text('[data-verdict=failed]')).toContain('3 of 10 acknowledged are missing');
    button('Cancel').click();
    await flushPromises();
    expect(asked('scenario/cancel')).toHaveLength(1);
  });

  it('says what is wrong in a text, with its line, and cannot run it', async () => {
    await open('/lab/scenarios/own');
    const area = document.querySelector('textarea');
    if (area === null) throw new Error('no editor');
    area.value = 'name: x\n  nothing\n';
    area.dispatchEvent(new Event('input', { bubbles: true }));
    await vi.waitFor(() => expect(text('[aria-label="Problems"]')).toContain('line 2'), { timeout: 30_000 });
    expect(text('[aria-label="Problems"]')).toContain('steps: Required.');
    expect([...document.querySelectorAll('main button')].some((one) => one.textContent.trim() === 'Run')).toBe(false);
    document.querySelector<HTMLButtonElement>('[aria-label="Problems"] button')?.click();
    expect(area.selectionStart).toBe('name: x\n'.length + 2);
  });

  it('offers a copy to edit', async () => {
    await open('/lab/scenarios/leader-killed');
    button('Duplicate and edit').click();
    await vi.waitFor(() => expect(document.querySelector('textarea')?.value).toBe('name: leader-killed\n'), { timeout: 30_000 });
  });

  it('says which scenario there is not', async () => {
    await open('/lab/scenarios/nonsense');
    expect(text('.main')).toContain('The library has no scenario nonsense.');
  });

  it('records from the Lab and opens the file among the scenarios', async () => {
    await open('/lab');
    button('Save as scenario').click();
    await vi.waitFor(() => expect(text('[role=dialog]')).toContain('No producer ran.'), { timeout: 30_000 });
    expect(asked('scenario/record')).toEqual([{ sinceAt: null }]);
    button('Open').click();
    await vi.waitFor(() => expect(document.querySelector('textarea')?.value).toBe('name: leader-killed\n'), { timeout: 30_000 });
    await vi.waitFor(() => expect(text('[aria-label="Steps"]')).toContain('The leader is killed.'), { timeout: 30_000 });
  });
});
