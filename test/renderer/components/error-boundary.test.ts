// @vitest-environment happy-dom
/** An error while a row or a panel is rendered shows there, and nowhere else. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mount, type VueWrapper } from '@vue/test-utils';
import { defineComponent, h, nextTick, ref, type DefineComponent } from 'vue';
import BasePanel from '../../../renderer/components/base/BasePanel.vue';
import BaseTable from '../../../renderer/components/base/BaseTable.vue';
import ErrorBoundary from '../../../renderer/components/base/ErrorBoundary.vue';
import { isRenderFailure } from '../../../renderer/components/base/error-boundary.ts';

interface Row {
  name: string;
  at: number;
}
const AnyTable = BaseTable as unknown as DefineComponent<Record<string, unknown>>;
const rows: Row[] = [
  { name: 'a', at: 1 },
  { name: 'b', at: Number.NaN },
  { name: 'c', at: 3 },
];
let mounted: VueWrapper;
const table = (): VueWrapper =>
  mount(AnyTable, {
    attachTo: document.body,
    props: {
      rows,
      columns: [
        { key: 'name', label: 'Name' },
        { key: 'at', label: 'At' },
      ],
      rowKey: (row: Row) => row.name,
      label: 'Rows',
      openable: true,
    },
    slots: { name: ({ row }: { row: Row }) => h('b', row.name), at: ({ row }: { row: Row }) => new Date(row.at).toISOString() },
  });

describe('an error while something is rendered', () => {
  const logged = vi.fn<(error: unknown) => void>();
  beforeEach(() => {
    logged.mockClear();
    vi.stubGlobal('reportError', logged);
  });
  afterEach(() => {
    mounted.unmount();
    vi.unstubAllGlobals();
  });

  it('is logged once', async () => {
    mounted = table();
    await nextTick();
    expect(logged.mock.calls).toEqual([[expect.objectContaining({ name: 'RangeError', message: 'Invalid time value' })]]);
  });

  it('shows its row as broken, with the reason, and all others', async () => {
    mounted = table();
    await nextTick();
    const shown = mounted.findAll('tbody tr');
    expect(shown.map((row) => row.text())).toEqual([
      'a1970-01-01T00:00:00.001Z',
      expect.stringContaining('This row cannot be shown: RangeError: Invalid time value'),
      'c1970-01-01T00:00:00.003Z',
    ]);
    expect(shown[1]?.find('td').attributes('colspan')).toBe('2');
    expect(shown[1]?.attributes('data-index')).toBe('1');
  });

  it('shows the row again once it has another value', async () => {
    mounted = table();
    await mounted.setProps({ rows: [rows[0], { name: 'b', at: 2 }, rows[2]] });
    await nextTick();
    expect(mounted.text()).not.toContain('cannot be shown');
    expect(mounted.findAll('tbody tr')[1]?.text()).toBe('b1970-01-01T00:00:00.002Z');
    await mounted.setProps({ rows: [rows[0], { name: 'b', at: Number.NaN }, rows[2]] });
    await nextTick();
    expect(mounted.findAll('tbody tr')[1]?.text()).toContain('This row cannot be shown');
  });

  it('renders the row again when asked, where the cause is not in the row', async () => {
    const broken = ref(true);
    const Page = defineComponent(() => () => {
      const renderCell = () => {
        if (broken.value) throw new RangeError('Invalid time value');
        return h('td', 'whole');
      };
      return h('table', h('tbody', h(ErrorBoundary, { what: 'row', columns: 1, subject: rows[0] }, renderCell)));
    });
    mounted = mount(Page, { attachTo: document.body });
    await nextTick();
    expect(mounted.text()).toContain('This row cannot be shown');
    broken.value = false;
    await nextTick();
    const again = mounted.findAll('td.broken button').find((button) => button.text() === 'Try again');
    await again?.trigger('click');
    expect(mounted.text()).toBe('whole');
  });

  it('copies the reason', async () => {
    mounted = table();
    await nextTick();
    await mounted.find('td.broken button').trigger('click');
    await expect.poll(() => navigator.clipboard.readText(), { timeout: 10_000 }).toBe('RangeError: Invalid time value');
    // The click is no click on the row.
    expect(mounted.emitted('open')).toBeUndefined();
  });

  it('leaves the panel and what is beside it, and renders it again when asked', async () => {
    const broken = ref(true);
    const Page = defineComponent(() => () => [
      h(BasePanel, { title: 'First' }, { default: () => (broken.value ? h('i', (null as unknown as Row).name) : h('i', 'whole')) }),
      h(BasePanel, { title: 'Second' }, { default: () => h('i', 'second') }),
    ]);
    mounted = mount(
      defineComponent(() => () => h('div', h(Page))),
      { attachTo: document.body },
    );
    await nextTick();
    expect(mounted.text()).toMatch(/First.*This panel cannot be shown: TypeError: .*Second.*second/);
    broken.value = false;
    const again = mounted.findAll('button').find((button) => button.text() === 'Try again');
    await again?.trigger('click');
    expect(mounted.text()).toBe('FirstwholeSecondsecond');
  });

  it('shows an error of the set-up of a component, and one of a later update', async () => {
    const fails = ref(false);
    const Later = defineComponent(() => () => {
      if (fails.value) throw new Error('too late');
      return h('i', 'fine');
    });
    const Early = defineComponent({ setup: () => expect.fail('no set-up') });
    mounted = mount(
      defineComponent(
        () => () => h('div', [h(ErrorBoundary, { what: 'panel' }, () => h(Later)), h(ErrorBoundary, { what: 'page' }, () => h(Early))]),
      ),
    );
    await nextTick();
    expect(mounted.text()).toMatch(/^fineThis page cannot be shown: .*no set-up/);
    fails.value = true;
    await nextTick();
    await nextTick();
    expect(mounted.text()).toContain('This panel cannot be shown: Error: too late');
  });

  it('leaves what is shown when an event handler fails', () => {
    mounted = mount(() => h('i'));
    for (const info of ['native event handler', 'watcher callback', 'https://vuejs.org/error-reference/#runtime-5'])
      expect(isRenderFailure(info)).toBe(false);
    for (const info of ['render function', 'setup function', 'https://vuejs.org/error-reference/#runtime-1'])
      expect(isRenderFailure(info)).toBe(true);
  });
});
