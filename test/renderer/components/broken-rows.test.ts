// @vitest-environment happy-dom
/** One row that cannot be rendered is shown as such, with its reason; the rows beside it stay, in every list that has rows of its own. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mount, type VueWrapper } from '@vue/test-utils';
import { createPinia, setActivePinia } from 'pinia';
import { computed, nextTick, ref } from 'vue';
import ConfigPanel from '../../../renderer/components/configs/ConfigPanel.vue';
import ConnectionList from '../../../renderer/components/connections/ConnectionList.vue';
import FaultList from '../../../renderer/components/lab/FaultList.vue';
import { useConnectionsStore } from '../../../renderer/stores/connections.ts';
import type { ConfigEntry, Connection } from '../../../shared/models/cluster.ts';
import type { Fault } from '../../../shared/models/lab.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let mounted: VueWrapper;
let global: { plugins: ReturnType<typeof createPinia>[] };

/** The same row, except that reading the field throws, as with an unforeseen value. */
function breakField<T extends object>(row: T, field: keyof T): T {
  return Object.defineProperty({ ...row }, field, {
    enumerable: true,
    get: () => {
      throw new RangeError('Invalid time value');
    },
  });
}

beforeEach(() => {
  vi.stubGlobal('reportError', () => undefined);
  useFixture(new FixtureBridge('healthy'));
  const pinia = createPinia();
  setActivePinia(pinia);
  global = { plugins: [pinia] };
});
afterEach(() => {
  mounted.unmount();
  vi.unstubAllGlobals();
});

describe('a row that cannot be rendered', () => {
  const expectOneBroken = async (rows: string, whole: readonly string[]): Promise<void> => {
    await nextTick();
    const shown = mounted.findAll(rows).map((row) => row.text());
    expect(shown).toHaveLength(whole.length + 1);
    expect(shown[1]).toContain('cannot be shown: RangeError: Invalid time value');
    expect([shown[0], shown[2]]).toEqual(whole.map((text) => expect.stringContaining(text) as unknown));
  };

  it('of the faults leaves the others', async () => {
    const fault = (id: number, detail: string): Fault => ({ id, fault: { type: 'freeze', node: 1 }, since: 0, eventId: id, detail });
    const faults = [fault(1, 'first'), breakField(fault(2, 'second'), 'detail'), fault(3, 'third')];
    mounted = mount(FaultList, { props: { faults }, global });
    await expectOneBroken('li', ['first', 'third']);
  });

  it('of the connections leaves the others', async () => {
    const connection = (id: string): Connection => ({ id, name: id, kind: 'remote', bootstrap: `${id}:9092`, colour: 'flow' });
    useConnectionsStore().connections = [connection('a'), breakField(connection('b'), 'bootstrap'), connection('c')];
    mounted = mount(ConnectionList, { global });
    await expectOneBroken('li', ['a:9092', 'c:9092']);
  });

  it('of the settings leaves the others', async () => {
    const entry = (name: string): ConfigEntry => ({
      name,
      value: `value of ${name}`,
      source: 'default',
      readOnly: true,
      sensitive: false,
      type: 'string',
      documentation: null,
    });
    const all = [entry('a'), breakField(entry('b'), 'value'), entry('c')];
    const state = { state: ref('ready' as const), error: ref(null), text: ref(''), saving: ref(null) };
    const configs = {
      all: ref(all),
      entries: computed(() => all),
      ...state,
      load: () => Promise.resolve(),
      set: () => Promise.resolve(null),
    };
    mounted = mount(ConfigPanel, { props: { configs, subject: 'broker' }, global });
    await expectOneBroken('tbody tr', ['value of a', 'value of c']);
  });
});
