// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from 'vitest';
import { mount, type VueWrapper } from '@vue/test-utils';
import { h } from 'vue';
import BaseMenu from '../../../renderer/components/base/BaseMenu.vue';

const ITEMS = [
  { key: 'svg', label: 'Picture' },
  { key: 'markdown', label: 'Text' },
];
let menu: VueWrapper;
afterEach(() => menu.unmount());

const trigger = (): HTMLElement => menu.get<HTMLElement>('button').element;
const items = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[role=menuitem]')];
const chosen = (): unknown[] => menu.emitted('choose') ?? [];
/** Everything that is due without a timer. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
const timers = (): Promise<void> => new Promise((done) => setTimeout(done, 20));
/** Goes to whatever has the focus, as a key does. */
async function press(key: string): Promise<void> {
  const code = key === ' ' ? 'Space' : key;
  document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, code, bubbles: true, cancelable: true }));
  await settle();
}
function make(): void {
  menu = mount(BaseMenu, { attachTo: document.body, props: { items: ITEMS }, slots: { default: () => h('button', 'Export') } });
}

describe('BaseMenu', () => {
  it('counts a click on an item as soon as the item is drawn', async () => {
    make();
    for (let round = 1; round <= 5; round++) {
      trigger().click();
      await settle();
      items()[1]?.click();
      await settle();
      expect(chosen()).toHaveLength(round);
      expect(items()).toEqual([]);
    }
    expect(chosen()).toEqual(Array.from({ length: 5 }, () => ['markdown']));
  });

  it('gives the focus back to its button at the choice', async () => {
    make();
    trigger().focus();
    await press('Enter');
    expect(document.querySelector('[role=menu]')?.contains(document.activeElement)).toBe(true);
    await press('Enter');
    expect(chosen()).toHaveLength(1);
    expect(document.activeElement).toBe(trigger());
    await timers();
    expect(document.activeElement).toBe(trigger());
  });

  it('keeps the focus when it is opened again at once', async () => {
    make();
    trigger().focus();
    await press('Enter');
    await press('Enter');
    // Typed while the page was blocked: the key is handled before any timer of the menu that was closed.
    trigger().focus();
    await press('Enter');
    await timers();
    expect(document.querySelector('[role=menu]')?.contains(document.activeElement)).toBe(true);
    await press('ArrowDown');
    await press('Enter');
    expect(chosen()).toEqual([['svg'], ['markdown']]);
  });

  it('leaves the focus where a click outside put it', async () => {
    make();
    const other = document.body.appendChild(document.createElement('input'));
    trigger().click();
    await settle();
    await timers();
    other.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true, button: 0 }));
    other.focus();
    await settle();
    await timers();
    expect(items()).toEqual([]);
    expect(document.activeElement).toBe(other);
    other.remove();
  });
});
