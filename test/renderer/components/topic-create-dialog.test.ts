// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { createMemoryHistory, createRouter } from 'vue-router';
import TopicCreateDialog from '../../../renderer/components/topics/TopicCreateDialog.vue';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { useDialogsStore } from '../../../renderer/stores/dialogs.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';

describe('Create topic', () => {
  let bridge: FixtureBridge;
  let dialog: VueWrapper;

  async function open(variant: Variant = 'healthy'): Promise<void> {
    vi.useFakeTimers();
    bridge = new FixtureBridge(variant);
    useFixture(bridge);
    // No pages: what is tested is the dialog.
    const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: { render: () => null } }] });
    const pinia = createPinia();
    setActivePinia(pinia);
    useClusterStore().start();
    await flushPromises();
    dialog = mount(TopicCreateDialog, { attachTo: document.body, global: { plugins: [pinia, router] } });
    useDialogsStore().creatingTopic = true;
    await flushPromises();
  }
  beforeEach(() => {
    document.body.innerHTML = '';
  });
  afterEach(() => {
    dialog.unmount();
    vi.useRealTimers();
  });

  const labelled = (label: string): HTMLInputElement => {
    const found = [...document.querySelectorAll('label')].find((one) => one.textContent.trim() === label);
    return document.getElementById(found?.getAttribute('for') ?? '') as HTMLInputElement;
  };
  async function type(label: string, text: string): Promise<void> {
    const field = labelled(label);
    field.value = text;
    field.dispatchEvent(new Event('input'));
    await vi.advanceTimersByTimeAsync(300);
    await flushPromises();
  }
  const text = (): string => document.body.textContent.replace(/\s+/g, ' ');
  const submit = (): HTMLButtonElement => document.querySelector('button[type=submit]') as HTMLButtonElement;
  const created = () =>
    bridge.asked.filter((one) => one.channel === 'topic/create').map((one) => one.payload as { name: string; validateOnly: boolean });

  it('opens without reproach, and cannot be sent without a name', async () => {
    await open();
    expect(document.querySelector('[role=alert]')).toBeNull();
    expect(submit().disabled).toBe(true);
  });

  it('says what is wrong with a name as one types, and takes a suggestion', async () => {
    await open();
    await type('Name', 'orders v2');
    expect(text()).toContain('A space is not allowed.');
    expect(labelled('Name').getAttribute('aria-invalid')).toBe('true');
    const suggestion = [...document.querySelectorAll('button')].find((button) => button.textContent === 'orders-v2');
    suggestion?.click();
    await flushPromises();
    expect(labelled('Name').value).toBe('orders-v2');
    expect(labelled('Name').getAttribute('aria-invalid')).toBeNull();
    expect(submit().disabled).toBe(false);
  });

  it('knows the names that are taken', async () => {
    await open();
    await type('Name', 'orders');
    expect(text()).toContain('A topic of that name exists.');
  });

  it('shows the replica placement, also while the name is invalid', async () => {
    await open();
    await type('Name', 'orders v2');
    await type('Partitions', '4');
    expect(document.querySelectorAll('.preview tbody tr')).toHaveLength(4);
    expect(document.querySelectorAll('.preview [aria-label=leader]')).toHaveLength(4);
    expect(created().every((payload) => payload.validateOnly)).toBe(true);
    expect(created().some((payload) => payload.name === 'orders v2')).toBe(false);
    expect(text()).toContain('Tolerates 1 broker failure with writes, 2 with reads only.');
  });

  it('describes the effect of a replication factor in this cluster', async () => {
    await open('broken');
    expect(text()).toContain('3 brokers, 2 online: starts under-replicated.');
    await type('Replication factor', '4');
    expect(text()).toContain('Only 3 brokers: 3 is the most.');
    expect(submit().disabled).toBe(true);
  });

  it("puts the cluster's refusal at its field", async () => {
    await open();
    await type('Name', 'fresh');
    bridge.invoke = () =>
      Promise.resolve({ ok: false, error: { code: 'POLICY_VIOLATION', message: 'No more than 3 partitions.', field: 'partitions' } });
    submit().click();
    document.querySelector('form')?.dispatchEvent(new Event('submit'));
    await flushPromises();
    const note = document.getElementById(labelled('Partitions').getAttribute('aria-describedby') ?? '');
    expect(note?.textContent).toContain('No more than 3 partitions.');
    expect(useDialogsStore().creatingTopic).toBe(true);
  });

  it('creates it once and closes', async () => {
    await open();
    await type('Name', 'fresh');
    document.querySelector('form')?.dispatchEvent(new Event('submit'));
    document.querySelector('form')?.dispatchEvent(new Event('submit'));
    await flushPromises();
    const real = created().filter((payload) => !payload.validateOnly);
    expect(real).toHaveLength(1);
    expect(real[0]).toMatchObject({
      name: 'fresh',
      partitions: 6,
      replicationFactor: 3,
      configs: { 'cleanup.policy': 'delete', 'retention.ms': '604800000', 'min.insync.replicas': '2' },
    });
    expect(useDialogsStore().creatingTopic).toBe(false);
  });
});
