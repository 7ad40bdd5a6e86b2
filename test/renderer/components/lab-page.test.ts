// @vitest-environment happy-dom
/** The Lab page and the tree on a fixture cluster: what is pressed is asked for, what is typed wrong is not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory, type Router } from 'vue-router';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';

let bridge: FixtureBridge;
let router: Router;
let app: VueWrapper;

async function open(path: string, variant: Variant = 'healthy'): Promise<void> {
  document.body.innerHTML = '';
  bridge = new FixtureBridge(variant);
  useFixture(bridge);
  router = createAppRouter(createMemoryHistory());
  void router.push(path);
  await router.isReady();
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
}

const all = (selector: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(selector)];
const named = (name: string | RegExp, within = 'main'): HTMLElement => {
  const fits = (text: string): boolean => (typeof name === 'string' ? text === name : name.test(text));
  const found = all(`${within} :is(button, [role=button], [role=treeitem])`).find(
    (one) => fits(one.getAttribute('aria-label') ?? '') || fits(one.textContent.trim()),
  );
  if (found === undefined) throw new Error(`nothing to press is named ${String(name)}`);
  return found;
};
async function press(name: string | RegExp): Promise<void> {
  named(name).dispatchEvent(new MouseEvent('click', { bubbles: true }));
  await flushPromises();
}
async function key(on: Element | null, name: string): Promise<void> {
  on?.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true, cancelable: true }));
  await flushPromises();
}
async function type(selector: string, text: string): Promise<void> {
  const input = document.querySelector<HTMLInputElement>(selector);
  if (input === null) throw new Error(`there is no ${selector}`);
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  await flushPromises();
}
const asked = (channel: string): unknown[] => bridge.asked.filter((one) => one.channel === channel).map(({ payload }) => payload);

afterEach(() => app.unmount());

describe('the Lab page', () => {
  beforeEach(() => open('/lab?at=broker-2'));

  it('freezes at once, lists the fault with what ends it, and counts it in the side bar', async () => {
    await press('Freeze');
    expect(asked('lab/inject')).toEqual([{ fault: { type: 'freeze', node: 2 } }]);
    expect(document.querySelector('nav')?.textContent).toContain('1 fault');
    bridge.tick();
    await flushPromises();
    expect(named(/^Broker 2, frozen/)).toBeDefined();
    await press('Thaw: broker 2 frozen');
    expect(asked('lab/heal')).toEqual([{ id: 1 }]);
    expect(document.body.textContent).toContain('None. Select a broker or a link');
  });

  it('keeps every action at its place, whatever the state of the broker', async () => {
    const verbs = (): string[] => all('[data-verb]').map((one) => one.dataset['verb'] ?? '');
    const before = verbs();
    expect(before.slice(0, 5)).toEqual(['start', 'stop', 'kill', 'powerCut', 'freeze']);
    await press('Kill');
    bridge.tick();
    await flushPromises();
    expect(verbs()).toEqual(before);
    expect((named('Kill') as HTMLButtonElement).disabled).toBe(true);
    await press('Start');
    bridge.tick();
    await flushPromises();
    await press('Freeze');
    bridge.tick();
    await flushPromises();
    expect(verbs()).toEqual(before.with(4, 'thaw'));
    // What grows with the faults stands below what is pressed.
    const panels = all('.side section h2').map((one) => one.textContent.trim());
    expect(panels).toEqual(['Broker 2', 'Faults in force', 'Load']);
  });

  it('says what an action will do before it is done', async () => {
    named('Kill').dispatchEvent(new FocusEvent('focus'));
    await flushPromises();
    expect(document.querySelector('#lab-says')?.textContent).toMatch(
      /Leadership moves after 3 s without a heartbeat\. Leads \d+ partitions\./,
    );
  });

  it('asks for figures in place, refuses what is none, and gives the focus back', async () => {
    await press('Slow disk…');
    await type('form input', 'soon');
    expect(document.querySelector('form [role=alert]')?.textContent).toContain('is not a number');
    document.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await flushPromises();
    expect(asked('lab/inject')).toEqual([]);
    await type('form input', '120');
    document.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await flushPromises();
    expect(asked('lab/inject')).toEqual([{ fault: { type: 'slowDisk', node: 2, latencyMs: 120, bytesPerSecond: 0 } }]);
    expect(document.querySelector('form')).toBeNull();
    expect(document.activeElement?.getAttribute('data-verb')).toBe('slowDisk');
    await press('Disk at full speed');
    expect(asked('lab/heal')).toEqual([{ id: 1 }]);
  });

  it('cuts a link one way, from the list of links', async () => {
    await press('Link 2 ↔ 3, whole');
    expect(router.currentRoute.value.query['at']).toBe('link-2-3');
    await press('Cut 3 → 2');
    expect(asked('lab/inject')).toEqual([{ fault: { type: 'partition', between: [2, 3], direction: 'in' } }]);
    expect(document.querySelector('main')?.textContent).toContain('cut one way: broker 2 receives nothing from broker 3');
  });

  it('picks brokers with the keyboard', async () => {
    const card = named(/^Broker 3, online/);
    await key(card, 'Enter');
    expect(router.currentRoute.value.query['at']).toBe('broker-3');
    expect(card.getAttribute('aria-pressed')).toBe('true');
    card.focus();
    await key(card, 'ArrowRight');
    expect(document.activeElement?.getAttribute('aria-label')).toMatch(/^Broker 1, /);
  });

  it('shows a refusal of the cluster and leaves the form open', async () => {
    await press('Kill');
    await press('Slow disk…');
    document.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await flushPromises();
    expect(document.body.textContent).toContain('Broker 2 is down.');
    expect(document.querySelector('form')).not.toBeNull();
  });

  it('removes a broker only when it is named', async () => {
    await press('Remove broker 2…');
    const submit = all('[role=dialog] button').find((one) => one.textContent === 'Remove broker') as HTMLButtonElement;
    expect(submit.disabled).toBe(true);
    await type('[role=dialog] input', 'broker 2');
    expect(submit.disabled).toBe(false);
    document.querySelector('[role=dialog] form')?.dispatchEvent(new Event('submit', { cancelable: true }));
    await flushPromises();
    expect(asked('lab/removeNode')).toEqual([{ node: 2 }]);
  });
});

describe('the skew of leaders', () => {
  it('is said once a broker is back, and ended by an election', async () => {
    await open('/lab?at=broker-2');
    const topic = [...bridge.cluster.topics.values()].find(({ partitions }) => partitions.some(({ replicas }) => replicas.length > 1));
    const partition = topic?.partitions.find(({ replicas }) => replicas.length > 1);
    if (topic === undefined || partition === undefined) throw new Error('no topic with replicas');
    partition.leader = partition.replicas[1] ?? null;
    bridge.tick();
    await flushPromises();
    expect(document.querySelector('.skew')?.textContent).toMatch(
      /Broker \d leads \d+ of \d+ partitions, and is the preferred leader of 1 more\./,
    );
    await press('Elect preferred leaders');
    expect(asked('topic/electPreferred')).toEqual([{ name: topic.name }]);
  });
});

describe('elsewhere', () => {
  it('refuses to inject faults into a remote cluster', async () => {
    await open('/lab', 'remote');
    expect(document.querySelector('main')?.textContent).toContain('does not stop, freeze or cut off brokers that it did not start');
    expect(all('main svg [role=button]')).toEqual([]);
  });

  it('heals all at once', async () => {
    await open('/lab', 'faulty');
    await press('Heal all 6');
    expect(asked('lab/healAll')).toHaveLength(1);
    expect(document.body.textContent).toContain('None. Select a broker or a link');
  });
});

describe('the tree', () => {
  const active = (): Element | null => document.querySelector('[role=treeitem][tabindex="0"]');

  it('opens down to the path in the address, and is walked with the arrows', async () => {
    await open('/coordination/tree?path=/brokers/ids/1');
    await flushPromises();
    expect(active()?.getAttribute('data-path')).toBe('/brokers/ids/1');
    expect(active()?.getAttribute('aria-level')).toBe('4');
    expect(document.querySelector('pre')?.textContent).toContain('"port": 9092');
    expect(document.body.textContent).toContain('as long as session 0x100001d9c2a0003');
    expect(document.body.textContent).toContain('answered by broker 1');
    await key(active(), 'ArrowLeft');
    expect(active()?.getAttribute('data-path')).toBe('/brokers/ids');
    expect(active()?.getAttribute('aria-expanded')).toBe('true');
    await key(active(), 'ArrowLeft');
    expect(active()?.getAttribute('aria-expanded')).toBe('false');
    await key(active(), 'ArrowRight');
    await key(active(), 'ArrowRight');
    expect(active()?.getAttribute('data-path')).toBe('/brokers/ids/1');
    await key(active(), 'Home');
    await key(active(), 'c');
    expect(active()?.getAttribute('data-path')).toBe('/cluster');
    await key(active(), 'Enter');
    expect(router.currentRoute.value.query['path']).toBe('/cluster');
  });

  it('states that a znode is missing, and shows it when it exists after a reload', async () => {
    await open('/coordination/tree?path=/brokers/ids/7');
    expect(document.querySelector('.details, main')?.textContent).toContain('There is no node /brokers/ids/7.');
    bridge.lab.addNode();
    for (let i = 0; i < 3; i += 1) bridge.lab.addNode();
    await press('Reload');
    expect(document.querySelector('pre')?.textContent).toContain('"port": 9098');
  });
});
