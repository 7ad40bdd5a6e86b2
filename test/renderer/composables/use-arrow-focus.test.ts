// @vitest-environment happy-dom
import { beforeEach, expect, it } from 'vitest';
import { useArrowFocus } from '../../../renderer/composables/useArrowFocus.ts';

let picture: HTMLElement;

beforeEach(() => {
  document.body.innerHTML =
    '<a id="outside" href="#"></a><div id="picture"><svg><a id="one" href="#"></a><g></g><a id="two" href="#"></a></svg><a id="three" href="#"></a></div>';
  picture = document.querySelector('#picture') as HTMLElement;
  picture.addEventListener(
    'keydown',
    useArrowFocus(() => picture, 'a'),
  );
});

const focus = (id: string): void => document.getElementById(id)?.focus();
/** Whether the key was handled; if not, the page handles it. */
function press(key: string): boolean {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
  picture.dispatchEvent(event);
  return event.defaultPrevented;
}
const focused = (): string | undefined => document.activeElement?.id;

it.each([
  ['ArrowRight', 'one', 'two'],
  ['ArrowDown', 'two', 'three'],
  ['ArrowLeft', 'three', 'two'],
  ['ArrowUp', 'two', 'one'],
  ['ArrowRight', 'three', 'one'],
  ['ArrowLeft', 'one', 'three'],
])('%s goes from %s to %s', (key, from, to) => {
  focus(from);
  expect(press(key)).toBe(true);
  expect(focused()).toBe(to);
});

it('leaves other keys alone, and the arrows while nothing in it is focused', () => {
  focus('one');
  expect(press('Home')).toBe(false);
  focus('outside');
  expect(press('ArrowRight')).toBe(false);
  expect(focused()).toBe('outside');
});

it('goes by what stands there now', () => {
  focus('one');
  document.getElementById('two')?.remove();
  press('ArrowRight');
  expect(focused()).toBe('three');
});

it('does nothing before there is a picture', () => {
  const event = new KeyboardEvent('keydown', { key: 'ArrowRight', cancelable: true });
  useArrowFocus(() => null, 'a')(event);
  expect(event.defaultPrevented).toBe(false);
});
