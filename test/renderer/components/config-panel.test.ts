// @vitest-environment happy-dom
/** The settings of a topic: typed with units, and what a lower retention deletes said before it is saved. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { computed, ref } from 'vue';
import { createPinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../../renderer/App.vue';
import ConfigPanel from '../../../renderer/components/configs/ConfigPanel.vue';
import type { ConfigEntry } from '../../../shared/models/cluster.ts';
import type { Configs } from '../../../renderer/composables/useConfigs.ts';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let app: VueWrapper;

beforeEach(async () => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  const router = createAppRouter(createMemoryHistory());
  void router.push('/topics/orders/settings');
  await router.isReady();
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
});
afterEach(() => app.unmount());

const row = (name: string): HTMLElement => {
  const found = [...document.querySelectorAll<HTMLElement>('tbody tr')].find((one) => one.querySelector('th span')?.textContent === name);
  if (found === undefined) throw new Error(`no setting ${name}`);
  return found;
};
async function change(name: string, typed: string): Promise<void> {
  row(name).querySelector<HTMLElement>(`[data-change="${name}"]`)?.click();
  await flushPromises();
  const input = row(name).querySelector('input') as HTMLInputElement;
  input.value = typed;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  await flushPromises();
}
async function submit(name: string): Promise<void> {
  row(name)
    .querySelector('form')
    ?.dispatchEvent(new Event('submit', { cancelable: true }));
  await flushPromises();
}
const asked = (): unknown[] => bridge.asked.filter(({ channel }) => channel === 'topic/setConfigs').map(({ payload }) => payload);
const text = (name: string): string => row(name).textContent.replace(/\s+/g, ' ');

describe('the settings of a topic', () => {
  it('are shown with units, and opened with them', async () => {
    expect(text('retention.ms')).toMatch(/7 d.*604800000/);
    row('retention.ms').querySelector<HTMLElement>('[data-change]')?.click();
    await flushPromises();
    expect(row('retention.ms').querySelector('input')?.value).toBe('7 d');
  });

  it('are sent as plain numbers, once the deletion is said', async () => {
    await change('retention.ms', '1 h');
    expect(text('retention.ms')).toContain('Deletes all records of orders older than 1 h');
    expect(text('retention.ms')).toContain('Save and delete');
    await submit('retention.ms');
    expect(asked()).toMatchObject([{ name: 'orders', configs: { 'retention.ms': '3600000' } }]);
    expect(text('retention.ms')).toContain('1 h');
  });

  it('delete nothing when retention is raised', async () => {
    await change('retention.ms', '30 d');
    expect(text('retention.ms')).not.toContain('Deletes');
    expect(text('retention.ms')).toContain('2,592,000,000 ms (30 d)');
  });

  it('are not sent when they are no amount', async () => {
    await change('retention.ms', '5 bananas');
    await submit('retention.ms');
    expect(asked()).toEqual([]);
    expect(text('retention.ms')).toContain('“5 bananas” is not a duration.');
  });
});

describe('a setting without a value', () => {
  const set = vi.fn<Configs['set']>(() => Promise.resolve(null));
  let panel: VueWrapper;
  beforeEach(() => {
    set.mockClear();
    const entry: ConfigEntry = {
      name: 'secret',
      value: null,
      source: 'topic',
      sensitive: true,
      readOnly: false,
      type: 'PASSWORD',
      documentation: null,
    };
    const configs = {
      all: ref([entry]),
      entries: computed(() => [entry]),
      state: ref('ready' as const),
      error: ref(null),
      text: ref(''),
      saving: ref(null),
    };
    panel = mount(ConfigPanel, {
      props: { configs: { ...configs, load: () => Promise.resolve(), set }, editable: true, subject: 'topic' },
    });
  });
  afterEach(() => panel.unmount());

  it('is not changed when it is opened and saved, and takes what is typed', async () => {
    const open = async (): Promise<void> => panel.find('[data-change]').trigger('click');
    await open();
    await panel.find('form').trigger('submit');
    await flushPromises();
    expect(set).not.toHaveBeenCalled();
    await open();
    await panel.find('form input').setValue('x');
    await panel.find('form').trigger('submit');
    await flushPromises();
    expect(set.mock.calls).toEqual([['secret', 'x']]);
  });

  it('is reset', async () => {
    await panel.find('[title="Reset to the default"]').trigger('click');
    await flushPromises();
    expect(set.mock.calls).toEqual([['secret', null]]);
  });
});

describe('a reset that deletes records', () => {
  it('is done once it was confirmed, and not when it was cancelled', async () => {
    await change('retention.ms', '30 d');
    await submit('retention.ms');
    const before = asked().length;
    const press = async (label: string): Promise<void> => {
      const found = [...row('retention.ms').querySelectorAll<HTMLElement>('button')].find(
        (one) => one.textContent.trim() === label || one.title === label,
      );
      if (found === undefined) throw new Error(`no button ${label}`);
      found.click();
      await flushPromises();
    };
    await press('Reset to the default');
    expect(text('retention.ms')).toContain('May delete records of orders: the inherited value of retention.ms is not known.');
    await press('Cancel');
    expect(text('retention.ms')).not.toContain('May delete');
    expect(asked()).toHaveLength(before);
    await press('Reset to the default');
    await press('Reset and delete');
    expect(asked().slice(before)).toMatchObject([{ name: 'orders', configs: { 'retention.ms': null } }]);
  });
});
