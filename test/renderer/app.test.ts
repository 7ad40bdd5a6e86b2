// @vitest-environment happy-dom
/** Every page, on every kind of cluster: mounts without a complaint of Vue's, and names whatever can be clicked or filled in. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../renderer/App.vue';
import { createAppRouter } from '../../renderer/router.ts';
import { CONCEPTS } from '../../renderer/learn/concepts.ts';
import { FixtureBridge } from './fixtures/fixture-bridge.ts';
import { useFixture } from './fixtures/use-fixture.ts';
import type { Variant } from './fixtures/fixture-cluster.ts';

// A canvas is not drawn in happy-dom; the chart's own arithmetic is looked at in the gallery.
vi.mock('../../renderer/components/base/HistoryChart.vue', () => ({
  default: { props: ['range', 'lines'], template: '<i />', render: () => null },
}));

const PATHS: [string, string][] = [
  ['/overview', 'Overview'],
  ['/brokers', 'Brokers'],
  ['/brokers/2', 'Broker 2'],
  ['/brokers/2/settings', 'Broker 2'],
  ['/brokers/77', 'Broker 77'],
  ['/topics', 'Topics'],
  ['/topics/orders/messages', 'orders'],
  ['/topics/orders/partitions', 'orders'],
  ['/topics/orders/consumers', 'orders'],
  ['/topics/orders/settings', 'orders'],
  ['/topics/no-such', 'no-such'],
  ['/groups', 'Consumer groups'],
  ['/groups/billing', 'billing'],
  ['/brokers/quorum', 'Quorum'],
  ['/brokers/zookeeper?path=/controller', 'ZooKeeper'],
  ['/coordination', 'Quorum'],
  ['/coordination/tree?path=/controller', 'ZooKeeper'],
  ['/incidents', 'Incidents'],
  ['/scenarios/leader-killed', 'Scenarios'],
  ['/lab/scenarios/leader-killed', 'Scenarios'],
  ['/lab', 'Lab'],
  ['/lab?at=link-1-2', 'Lab'],
  ['/learn', 'Learn'],
  ...CONCEPTS.map(({ id, title }): [string, string] => [`/learn/${id}`, title]),
  ['/learn/nothing', 'No such page'],
  ['/connections', 'Connections'],
  ['/nowhere', 'No such page'],
];

function nameOf(element: Element): string {
  const labelled = element.getAttribute('aria-labelledby');
  const label = element.id === '' ? null : document.querySelector(`label[for="${element.id}"]`);
  return [
    element.getAttribute('aria-label'),
    labelled === null ? null : document.getElementById(labelled)?.textContent,
    label?.textContent,
    element.closest('label')?.textContent,
    element.getAttribute('title'),
    element.textContent,
  ]
    .filter((one) => one !== null && one !== undefined)
    .join('')
    .trim();
}

const LEARN = CONCEPTS.map(({ id }) => `/learn/${id}`);
const of = (...paths: string[]): [string, string][] => PATHS.filter(([path]) => paths.includes(path));
const CASES: [Variant, [string, string][]][] = [
  ['broken', PATHS],
  ['empty', of('/learn', ...LEARN, '/overview', '/topics', '/groups', '/coordination', '/lab')],
  ['faulty', of(...LEARN, '/overview', '/brokers', '/brokers/2', '/coordination', '/lab', '/lab?at=link-1-2')],
  ['nine', of('/lab')],
  ['remote', of(...LEARN, '/overview', '/brokers', '/coordination', '/coordination/tree?path=/controller', '/connections', '/lab')],
];

describe.each(CASES)('on a cluster that is %s', (variant, paths) => {
  let complaints: string[];

  beforeEach(() => {
    document.body.innerHTML = '';
    complaints = [];
    for (const kind of ['warn', 'error'] as const)
      vi.spyOn(console, kind).mockImplementation((...words: unknown[]) => void complaints.push(words.join(' ')));
  });
  afterEach(() => vi.restoreAllMocks());

  it.each(paths)('%s', async (path, title) => {
    const bridge = new FixtureBridge(variant);
    useFixture(bridge);
    const router = createAppRouter(createMemoryHistory());
    void router.push(path);
    await router.isReady();
    const app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
    await flushPromises();
    bridge.tick();
    await flushPromises();

    expect(document.querySelector('h1')?.textContent).toContain(title);
    const nameless = [...document.querySelectorAll('button, a, input, select, textarea, [role=img], table')].filter(
      (element) => nameOf(element) === '',
    );
    expect(nameless.map((element) => element.outerHTML.slice(0, 120))).toEqual([]);
    for (const table of document.querySelectorAll('table')) expect(table.querySelector('caption, thead')).not.toBeNull();
    expect(document.body.textContent).not.toMatch(/undefined|NaN|\[object/);
    app.unmount();
    expect(complaints).toEqual([]);
  });
});
