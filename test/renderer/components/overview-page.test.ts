// @vitest-environment happy-dom
/** The overview on fixture clusters: what it states, and the lists that its figures lead to. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory, type Router } from 'vue-router';
import { recordOf, type IncidentRecord } from '#shared/incidents/record';
import { deriveIncidents } from '#shared/incidents/reducer';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

// A canvas is not drawn in happy-dom.
vi.mock('../../../renderer/components/base/HistoryChart.vue', () => ({
  default: { props: ['range', 'lines'], template: '<i />', render: () => null },
}));

let app: VueWrapper | undefined;
let router: Router;
let bridge: FixtureBridge;

async function open(path: string, variant: Variant, storedIncidents: IncidentRecord[] = []): Promise<void> {
  bridge = new FixtureBridge(variant);
  bridge.storedIncidents = storedIncidents;
  useFixture(bridge);
  router = createAppRouter(createMemoryHistory());
  void router.push(path);
  await router.isReady();
  app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
}
beforeEach(() => {
  document.body.innerHTML = '';
  localStorage.clear();
});
afterEach(() => app?.unmount());

const text = (selector: string): string => (document.querySelector(selector)?.textContent ?? '').replace(/\s+/g, ' ').trim();
const status = (): string => text('[aria-label="Cluster status"]');
const panel = (title: string): Element | undefined =>
  [...document.querySelectorAll('section.panel')].find((one) => one.querySelector('h2')?.textContent.includes(title));
const figure = (label: string): HTMLAnchorElement | undefined =>
  [...document.querySelectorAll<HTMLAnchorElement>('[aria-label="Cluster status"] a')].find((one) =>
    one.textContent.trim().endsWith(label),
  );

describe('the overview', () => {
  it('states that a healthy cluster is healthy, with its figures', async () => {
    await open('/overview', 'healthy');
    expect(status()).toBe('Healthy3/3 brokers2 controller3/3 quorum102 partitions0 offline0 under-replicated');
    expect(panel('Brokers')?.textContent).toContain('Every partition is led by its preferred broker.');
  });

  it('states no leaders and replicas of brokers while no broker of a remote cluster answers, whatever metadata said last', async () => {
    await open('/overview', 'unreachable');
    const cards = (): string[] =>
      [...(panel('Brokers')?.querySelectorAll('li') ?? [])].map((card) => card.textContent.replace(/\s+/g, ' ').trim());
    expect(cards()).toHaveLength(3);
    for (const card of cards()) expect(card).toMatch(/\? leaders.*Replicas ?\? ?Not in sync ?\?/);
    // A broker that metadata listed as down before the last one became unreachable.
    const [first] = bridge.cluster.view().brokers;
    if (first === undefined) throw new Error('the fixture has three brokers');
    bridge.version += 1;
    bridge.emit('cluster/patched', {
      connectionId: bridge.selectedId,
      base: bridge.version - 1,
      version: bridge.version,
      scalars: {},
      brokers: { set: [{ ...first, state: 'down' }], removed: [] },
      topics: { set: [], removed: [] },
      groups: { set: [], removed: [] },
    });
    await flushPromises();
    expect(cards()[0]).toMatch(/down.*\? leaders.*Replicas ?\? ?Not in sync ?\?/);
  });

  it('counts the replicas of a broker that are not in sync as the Brokers page does', async () => {
    await open('/overview', 'remote');
    const [first] = bridge.cluster.view().brokers;
    if (first === undefined) throw new Error('the fixture has three brokers');
    bridge.version += 1;
    bridge.emit('cluster/patched', {
      connectionId: bridge.selectedId,
      base: bridge.version - 1,
      version: bridge.version,
      scalars: {},
      brokers: { set: [{ ...first, state: 'fenced', replicas: 21, inSync: 1 }], removed: [] },
      topics: { set: [], removed: [] },
      groups: { set: [], removed: [] },
    });
    await flushPromises();
    const [card] = panel('Brokers')?.querySelectorAll('li') ?? [];
    expect(card?.textContent.replace(/\s+/g, ' ')).toMatch(/Replicas ?21 ?Not in sync ?20/);
  });

  it('states what is used of the disk of each broker, "?" where the broker does not report it, and a disk that is nearly full', async () => {
    const disks = (): (string | undefined)[] =>
      [...(panel('Brokers')?.querySelectorAll('dl > div') ?? [])]
        .filter((pair) => pair.querySelector('dt')?.textContent === 'Disk')
        .map((pair) => pair.querySelector('dd')?.textContent.replace(/\s+/g, ' ').trim());
    await open('/overview', 'remote');
    expect(disks()).toEqual(['200 GBof 500 GB', '300 GBof 500 GB', '400 GBof 500 GB']);
    expect(document.body.textContent).not.toContain('% full');
    const view = bridge.cluster.view();
    const [first, second, third] = view.brokers;
    const disk = second?.disk ?? null;
    if (first === undefined || second === undefined || disk === null || third === undefined)
      throw new Error('the fixture has three brokers with disks');
    bridge.version += 1;
    bridge.emit('cluster/patched', {
      connectionId: bridge.selectedId,
      base: bridge.version - 1,
      version: bridge.version,
      scalars: {},
      brokers: {
        set: [
          { ...first, disk: null },
          { ...second, disk: { ...disk, usableBytes: '40000000000' } },
        ],
        removed: [],
      },
      topics: { set: [], removed: [] },
      groups: { set: [], removed: [] },
    });
    await flushPromises();
    expect(disks()).toEqual(['?', '460 GBof 500 GB', '400 GBof 500 GB']);
    expect(document.body.textContent).toContain('Broker 2: disk 92 % full');
  });

  it('does not state that a broker is silent where a log directory of it failed', async () => {
    await open('/overview', 'remote');
    const [first] = bridge.cluster.view().brokers;
    if (first === undefined) throw new Error('the fixture has brokers');
    bridge.version += 1;
    bridge.emit('cluster/patched', {
      connectionId: bridge.selectedId,
      base: bridge.version - 1,
      version: bridge.version,
      scalars: {},
      brokers: { set: [{ ...first, logBytes: null, disk: null }], removed: [] },
      topics: { set: [], removed: [] },
      groups: { set: [], removed: [] },
    });
    await flushPromises();
    const labels = (): (string | null)[] =>
      [...document.querySelectorAll('main .unknown')].map((button) => button.getAttribute('aria-label'));
    const size = 'Unknown. The broker does not answer DescribeLogDirs, refuses it, or cannot read one of its log directories.';
    const disk = 'Unknown. The broker does not report its volume: it does not answer DescribeLogDirs of version 4 or later, or refuses it.';
    expect(labels().filter((label) => label?.includes('DescribeLogDirs'))).toEqual([size, disk]);
    for (const path of ['/brokers', `/brokers/${first.id}`]) {
      await router.push(path);
      await flushPromises();
      expect(labels()).toEqual(expect.arrayContaining([size, disk]));
    }
  });

  it('leads from each figure to the list behind it, which has as many partitions', async () => {
    await open('/overview', 'broken');
    const count = Number.parseInt(figure('under-replicated')?.textContent ?? '', 10);
    expect(count).toBeGreaterThan(0);
    await router.push(figure('under-replicated')?.getAttribute('href') ?? '/nowhere');
    await flushPromises();
    expect(text('h1')).toContain('Topics');
    const concerned = [...bridge.cluster.topics.values()].filter(({ partitions }) =>
      partitions.some((one) => one.isr.length < one.replicas.length),
    );
    expect(document.querySelectorAll('main tbody tr:not([aria-hidden])')).toHaveLength(concerned.length);
    const clear = [...document.querySelectorAll('button')].find((one) => one.textContent.includes('Only under-replicated'));
    clear?.click();
    await flushPromises();
    expect(router.currentRoute.value.query['show']).toBeUndefined();
  });

  it('leads from attention to internal topics, too, where lists hide them', async () => {
    localStorage.setItem('brokerdesk.showInternal', 'false');
    await open('/topics?show=attention', 'broken');
    const names = [...document.querySelectorAll('main tbody tr:not([aria-hidden])')].map((row) => row.textContent);
    expect(names.some((name) => name.includes('__consumer_offsets'))).toBe(true);
    expect(names.length).toBeGreaterThan(1);
  });

  it('claims no leader, controller or lag of a cluster that does not answer', async () => {
    await open('/overview', 'unreachable');
    expect(status()).toMatch(/^Unknown since \d\d:\d\d:\d\d/);
    for (const label of ['controller', 'quorum', 'offline', 'under-replicated']) expect(figure(label)?.textContent).toContain('?');
    expect(text('main')).toContain('No broker of Staging answers.');
    expect(panel('Consumers at risk')?.textContent).toContain('lag is unknown');
    expect(panel('Brokers')?.textContent).not.toContain('controller');
  });

  it.each(['offline', 'under-replicated', 'attention'])('leads from an unknown figure to no claim: %s', async (show) => {
    await open(`/topics?show=${show}`, 'unreachable');
    expect(text('main')).toMatch(/The state of \d+ partitions is unknown: no broker answers for them/);
    expect(text('main')).not.toMatch(/No topic has|is in sync/);
  });

  it('shows glyphs of few topics, a heat map of many, and the glyphs of a filter', async () => {
    await open('/overview', 'large');
    expect(document.querySelector('[role=application]')).not.toBeNull();
    expect(document.querySelector('table[aria-rowcount]')).toBeNull();
    const filter = document.querySelector<HTMLInputElement>('[aria-label="Filter topics of the map"]');
    if (filter === null) throw new Error('no filter');
    filter.value = 'events-18';
    filter.dispatchEvent(new Event('input'));
    await flushPromises();
    expect(document.querySelector('[role=application]')).toBeNull();
    expect(Number(document.querySelector('table[aria-rowcount]')?.getAttribute('aria-rowcount'))).toBeGreaterThan(1);
  });

  it('keeps the focus in the panel when a tile is opened, and when all are shown', async () => {
    await open('/overview', 'large');
    const map = document.querySelector<HTMLElement>('[role=application]');
    map?.focus();
    map?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' }));
    await flushPromises();
    expect(document.querySelector('[role=application]')).toBeNull();
    expect(document.activeElement?.textContent).toContain('Show all');
    (document.activeElement as HTMLElement).click();
    await flushPromises();
    expect(document.querySelector('[role=application]')).not.toBeNull();
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Filter topics of the map');
  });

  it('names an open incident whose events are no longer kept, as its badge does', async () => {
    const root = { id: 900_000, type: 'lab/nodeFrozen', at: Date.now() - 3_600_000, node: null, broker: 9 } as const;
    const records = deriveIncidents([root]).map((incident) => recordOf(incident, 'fixture', Date.now()));
    await open('/overview', 'healthy', records);
    expect(text('nav[aria-label=Sections]')).toContain('Overview 1 open');
    expect(status()).toMatch(/^Broker 9 frozen/);
  });

  it('lists the last five incidents, those of earlier runs too', async () => {
    await open('/overview', 'broken');
    const rows = panel('Last incidents')?.querySelectorAll('li') ?? [];
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThanOrEqual(5);
    expect(rows[0]?.textContent).toContain('broker 3 killed');
    expect(rows[0]?.textContent).toContain('failed over in 3.1 s');
  });
});
