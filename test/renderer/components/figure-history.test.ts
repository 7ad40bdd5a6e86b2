// @vitest-environment happy-dom
/** The legend of Overview's history, on a fixture cluster. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { createMemoryHistory } from 'vue-router';
import App from '../../../renderer/App.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

// A canvas is not drawn in happy-dom.
vi.mock('../../../renderer/components/base/HistoryChart.vue', () => ({
  default: { props: ['range', 'lines'], template: '<i />', render: () => null },
}));

let app: VueWrapper;
afterEach(() => app.unmount());

const legend = (): string[] =>
  app.findAll('[role=group][aria-label^="Series of"] button').map((one) => `${one.text()} ${one.attributes('aria-pressed') ?? ''}`);

describe('the history of figures', () => {
  test('shows the lines of another subject, whichever of the former one were switched off', async () => {
    const bridge = new FixtureBridge('healthy');
    useFixture(bridge);
    const router = createAppRouter(createMemoryHistory());
    void router.push('/overview');
    await router.isReady();
    app = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
    await flushPromises();
    await app.find('select[aria-label="Figures"]').setValue('bytes');
    // Not every one of them takes a sample.
    for (let i = 0; i < 20; i++) bridge.tick();
    await vi.waitFor(() => expect(legend()).toEqual(['in true', 'out true']), { timeout: 30_000 });
    await app.findAll('[role=group][aria-label^="Series of"] button')[0]?.trigger('click');
    expect(legend()).toEqual(['in false', 'out true']);
    await app.find('select[aria-label="Figures"]').setValue('lag');
    await vi.waitFor(() => expect(legend()).toEqual(['lag true']), { timeout: 30_000 });
  });
});
