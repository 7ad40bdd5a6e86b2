// @vitest-environment happy-dom
import { expect, it } from 'vitest';
import { mount, RouterLinkStub } from '@vue/test-utils';
import AttentionList from '../../../renderer/components/overview/AttentionList.vue';
import type { AttentionItem } from '../../../renderer/health/attention.ts';

const items = (count: number): AttentionItem[] =>
  Array.from({ length: count }, (_, i) => ({ key: `${i}`, tone: 'warn', what: `Problem ${i}`, why: `Reason ${i}.`, to: '/topics' }));
const make = (count: number) =>
  mount(AttentionList, { props: { items: items(count) }, global: { stubs: { RouterLink: RouterLinkStub } }, attachTo: document.body });

it('AttentionList: shows five problems, and all of them on request', async () => {
  const list = make(7);
  const whats = (): string[] => list.findAll('li b').map((what) => what.text());
  expect(whats()).toEqual(['Problem 0', 'Problem 1', 'Problem 2', 'Problem 3', 'Problem 4']);
  expect(list.text()).toContain('and 2 more');
  const button = list.find('button');
  expect(button.attributes('aria-expanded')).toBe('false');
  await button.trigger('click');
  expect(whats()).toHaveLength(7);
  expect(list.text()).toContain('Reason 6.');
  expect(button.attributes('aria-expanded')).toBe('true');
  await button.trigger('click');
  expect(whats()).toHaveLength(5);
  list.unmount();
});

it('AttentionList: lists a hundred of many problems on request, and counts the others', async () => {
  const list = make(2_005);
  await list.find('button').trigger('click');
  expect(list.findAll('li b')).toHaveLength(100);
  expect(list.text()).toContain('and 1,905 more');
  list.unmount();
});

it('AttentionList: has no button where all problems are shown', () => {
  const list = make(5);
  expect(list.findAll('li')).toHaveLength(5);
  expect(list.find('button').exists()).toBe(false);
  list.unmount();
});
