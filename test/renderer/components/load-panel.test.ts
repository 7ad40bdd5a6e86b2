// @vitest-environment happy-dom
/** Load on the Lab page, on a fixture cluster: what is pressed is asked for, what is typed wrong is not. */
import { afterEach, describe, expect, it } from 'vitest';
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
  bridge = new FixtureBridge(variant);
  useFixture(bridge);
  const router = createAppRouter(createMemoryHistory());
  void router.push('/lab');
  await router.isReady();
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
}

afterEach(() => app.unmount());

const all = (selector: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(selector)];
async function press(name: string): Promise<void> {
  const found = all('button').find((one) => one.getAttribute('aria-label') === name || one.textContent.trim() === name);
  if (found === undefined) throw new Error(`nothing to press is named ${name}`);
  found.dispatchEvent(new MouseEvent('click', { bubbles: true }));
  await flushPromises();
}
function field(label: string): HTMLInputElement {
  const found = all('[role=dialog] label').find((one) => one.textContent.trim() === label) as HTMLLabelElement | undefined;
  return document.getElementById(found?.htmlFor ?? '') as HTMLInputElement;
}
async function type(label: string, text: string): Promise<void> {
  field(label).value = text;
  field(label).dispatchEvent(new Event('input', { bubbles: true }));
  await flushPromises();
}
async function submit(): Promise<void> {
  document.querySelector('[role=dialog] form')?.dispatchEvent(new Event('submit', { cancelable: true }));
  await flushPromises();
}
const asked = (channel: string): unknown[] => bridge.asked.filter((one) => one.channel === channel).map(({ payload }) => payload);
const panel = (): string => document.querySelector('[aria-label="Loads"]')?.textContent.replace(/\s+/g, ' ') ?? '';

describe('the load panel', () => {
  it('invites, and starts what was chosen and changed', async () => {
    await open('healthy');
    expect(document.body.textContent).toContain('None. Real clients produce and consume here');
    await press('Firehose');
    await type('Records per second', 'lots');
    expect(document.querySelector('[role=dialog]')?.textContent).toContain('From 0.1 to 50,000.');
    await submit();
    expect(asked('load/start')).toEqual([]);
    await type('Records per second', '2,500');
    await submit();
    expect(asked('load/start')).toEqual([
      {
        load: {
          kind: 'producer',
          name: 'firehose',
          topic: 'load-firehose',
          clients: 4,
          recordsPerSecond: 2_500,
          valueBytes: 100,
          acks: 'all',
          idempotent: true,
          keys: { kind: 'even', distinct: 100 },
          records: null,
        },
      },
    ]);
    expect(document.querySelector('[role=dialog]')).toBeNull();
    expect(asked('topic/create')).toEqual([
      { name: 'load-firehose', partitions: 6, replicationFactor: 3, configs: { 'min.insync.replicas': '2' }, validateOnly: false },
    ]);
    expect(panel()).toContain('firehose→ load-firehose');
  });

  it('says at the form what was refused, and keeps it open', async () => {
    await open('healthy');
    await press('Two consumers');
    bridge.cluster.topics.delete('audit');
    await submit();
    expect(document.querySelector('[role=dialog]')?.textContent).toContain('There is no such topic.');
  });

  it('shows what was counted, lost and read, in the panel and in the picture', async () => {
    await open('faulty');
    expect(panel()).toContain('1,284 lost');
    expect(panel()).toContain('214 failed');
    expect(panel()).toContain('1,284 records from 8,214 to 9,744, partition 2, acknowledged at offset 1,402');
    const picture = document.querySelector('[aria-label="Load on the cluster"]')?.textContent.replace(/\s+/g, ' ');
    expect(picture).toContain('producer steady4,980/s ackedacks=all, 0 lost');
    expect(picture).toMatch(/group billinglag ≥ [\d,]+3 members, 1 paused/);
  });

  it('crashes, pauses and resumes members, stops and removes', async () => {
    await open('faulty');
    await press('Crash member 1 of billing');
    await press('Resume member 2 of billing');
    await press('Pause member 3 of billing');
    expect(asked('load/member')).toEqual([
      { id: 3, number: 1, action: 'crash' },
      { id: 3, number: 2, action: 'resume' },
      { id: 3, number: 3, action: 'pause' },
    ]);
    expect(panel()).toContain('by 2 members');
    expect(panel()).toContain('1 crash');
    await press('Stop steady');
    expect(asked('load/stop')).toEqual([{ id: 1 }]);
    expect(panel()).toContain('ended');
    await press('Remove steady from the list');
    expect(asked('load/remove')).toEqual([{ id: 1 }]);
    expect(panel()).not.toContain('steady');
  });
});
