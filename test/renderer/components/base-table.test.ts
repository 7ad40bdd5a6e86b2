// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { h, nextTick, type DefineComponent } from 'vue';
import BaseTable from '../../../renderer/components/base/BaseTable.vue';
import { fittingColumns, type Column } from '../../../renderer/components/base/table.ts';

interface Row {
  name: string;
  lag: number;
}
const columns: Column<Row>[] = [
  { key: 'name', label: 'Name', compare: (a, b) => a.name.localeCompare(b.name) },
  { key: 'lag', label: 'Lag', align: 'end', width: 80, compare: (a, b) => a.lag - b.lag, downFirst: true },
  { key: 'note', label: 'Note' },
];
/** Mounted without its type parameter, which test-utils cannot carry. */
const AnyTable = BaseTable as unknown as DefineComponent<Record<string, unknown>>;
const make = (rows: Row[], more: Record<string, unknown> = {}): VueWrapper =>
  mount(AnyTable, {
    attachTo: document.body,
    props: { rows, columns, rowKey: (row: Row) => row.name, label: 'Groups', ...more },
    slots: { name: ({ row }: { row: Row }) => h('b', row.name), lag: ({ row }: { row: Row }) => `${row.lag}` },
  });
const names = (table: VueWrapper): string =>
  table
    .findAll('tbody b')
    .map((cell) => cell.text())
    .join('');
const rows: Row[] = [
  { name: 'b', lag: 5 },
  { name: 'a', lag: 9 },
  { name: 'c', lag: 1 },
];

describe('BaseTable', () => {
  afterEach(() => vi.restoreAllMocks());

  it('shows the whole text of a cell that is cut off to the pointer, and none where it fits', async () => {
    const table = make(rows);
    const cell = table.find('tbody td');
    let scrollWidth = 300;
    Object.defineProperty(cell.element, 'clientWidth', { get: () => 100 });
    Object.defineProperty(cell.element, 'scrollWidth', { get: () => scrollWidth });
    await cell.find('b').trigger('mouseover');
    expect(cell.attributes('title')).toBe('b');
    // Its text may change before the pointer returns.
    await cell.find('b').trigger('mouseout');
    expect(cell.attributes('title')).toBeUndefined();
    await cell.find('b').trigger('mouseover');
    scrollWidth = 100;
    await cell.find('b').trigger('mouseover');
    expect(cell.attributes('title')).toBeUndefined();
    table.unmount();
  });

  it('is a real table with a caption, and says how it is sorted', async () => {
    const table = make(rows, { initialSort: { key: 'name', direction: 'up' } });
    expect(table.find('caption').text()).toBe('Groups');
    const headers = table.findAll('th');
    expect(headers.map((header) => header.attributes('aria-sort'))).toEqual(['ascending', 'none', undefined]);
    expect(names(table)).toBe('abc');
    await headers[1]?.find('button').trigger('click');
    expect(headers[1]?.attributes('aria-sort')).toBe('descending');
    expect(names(table)).toBe('abc');
    await headers[1]?.find('button').trigger('click');
    expect(names(table)).toBe('cba');
    table.unmount();
  });

  it('does not move a row because its number changed', async () => {
    const table = make(rows, { initialSort: { key: 'lag', direction: 'down' } });
    expect(names(table)).toBe('abc');
    await table.setProps({ rows: [{ name: 'c', lag: 1_000 }, ...rows.slice(0, 2)] });
    expect(names(table)).toBe('abc');
    expect(table.findAll('tbody tr')[2]?.text()).toContain('1000');
    table.unmount();
  });

  it('walks rows by keys and opens one', async () => {
    const table = make(rows, { openable: true });
    const all = table.findAll('tbody tr');
    expect(all.map((row) => row.attributes('tabindex'))).toEqual(['0', '-1', '-1']);
    (all[0]?.element as HTMLElement).focus();
    await all[0]?.trigger('keydown', { key: 'ArrowDown' });
    await nextTick();
    expect(document.activeElement).toBe(all[1]?.element);
    await all[1]?.trigger('keydown', { key: 'End' });
    await nextTick();
    expect(document.activeElement).toBe(all[2]?.element);
    await all[2]?.trigger('keydown', { key: 'Enter' });
    expect(table.emitted('open')).toEqual([[rows[2]]]);
    table.unmount();
  });

  it('keeps only what is seen in the document above 200 rows, and says how many there are', async () => {
    // happy-dom lays nothing out: the scroller is given a height.
    vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(620);
    vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(900);
    const many = Array.from({ length: 2_000 }, (_, i) => ({ name: `g${i}`, lag: i }));
    const table = make(many);
    await flushPromises();
    await flushPromises();
    const shown = table.findAll('tbody tr:not([aria-hidden])').length;
    expect(shown).toBeGreaterThan(10);
    expect(shown).toBeLessThan(120);
    expect(table.find('table').attributes('aria-rowcount')).toBe('2001');
    table.unmount();
  });
});

describe('a table with too little room', () => {
  const wide: Column<Row>[] = [
    { key: 'name', label: 'Name', minWidth: 200 },
    { key: 'lag', label: 'Lag', width: 100, expendable: 2 },
    { key: 'note', label: 'Note', width: 100, expendable: 1 },
    { key: 'do', label: 'Actions', width: 100 },
  ];
  const kept = (width: number): string =>
    fittingColumns(wide, width)
      .map(({ key }) => key)
      .join(' ');

  it('leaves out the expendable columns, one rank after another, and never the others', () => {
    expect(kept(500)).toBe('name lag note do');
    expect(kept(499)).toBe('name lag do');
    expect(kept(399)).toBe('name do');
    expect(kept(10)).toBe('name do');
  });

  it('shows all while it has not been measured', () => {
    expect(kept(0)).toBe('name lag note do');
  });
});
