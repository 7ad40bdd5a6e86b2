// @vitest-environment happy-dom
/** One record by hand: what the dialog keeps from one opening to the next, and that headers are sent as they were typed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import ProduceDialog from '../../../renderer/components/messages/ProduceDialog.vue';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

/** As the contract carries it. */
const NULL = { encoding: 'null', text: '' };
let bridge: FixtureBridge;
let dialog: VueWrapper;

beforeEach(async () => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  const props = { topic: 'orders', partitions: [0, 1], open: false };
  dialog = mount(ProduceDialog, { attachTo: document.body, props, global: { plugins: [createPinia()] } });
  await openAgain();
});
afterEach(() => dialog.unmount());

async function openAgain(): Promise<void> {
  await dialog.setProps({ open: false });
  await flushPromises();
  await dialog.setProps({ open: true });
  await flushPromises();
}

function labelled(label: string): HTMLInputElement | HTMLSelectElement {
  const found = document.querySelector<HTMLInputElement>(`[aria-label="${label}"]`);
  if (found === null) throw new Error(`no field ${label}`);
  return found;
}
const valueField = (): HTMLTextAreaElement => document.querySelector('textarea') as HTMLTextAreaElement;

async function fill(field: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, value: string): Promise<void> {
  field.value = value;
  field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }));
  await flushPromises();
}
async function choose(label: string, option: string): Promise<void> {
  const field = labelled(label) as HTMLSelectElement;
  await fill(field, [...field.options].find(({ textContent }) => textContent.trim() === option)?.value ?? '');
}
async function addHeader(key: string, value: string, encoding = 'Text'): Promise<void> {
  [...document.querySelectorAll<HTMLElement>('button')].find(({ textContent }) => textContent.trim() === 'Header')?.click();
  await flushPromises();
  const index = document.querySelectorAll('.header').length;
  await fill(labelled(`Header ${index} name`), key);
  await choose(`Header ${index} encoding`, encoding);
  if (encoding !== 'Null') await fill(labelled(`Header ${index} value`), value);
}
async function produce(): Promise<Record<string, unknown>> {
  document.querySelector('form')?.dispatchEvent(new Event('submit', { cancelable: true }));
  await flushPromises();
  const sent = bridge.asked.findLast(({ channel }) => channel === 'message/produce');
  if (sent === undefined) throw new Error('nothing was produced');
  return sent.payload as Record<string, unknown>;
}

describe('a value that is null', () => {
  it('is chosen for one record and not kept for the next opening', async () => {
    await choose('Value encoding', 'Null (a tombstone)');
    expect(valueField().disabled).toBe(true);
    expect((await produce())['value']).toEqual(NULL);
    await openAgain();
    expect(valueField().disabled).toBe(false);
    await fill(valueField(), 'next');
    expect((await produce())['value']).toEqual({ encoding: 'utf8', text: 'next' });
  });

  it('is not kept either where the dialog was closed without producing', async () => {
    await choose('Value encoding', 'Null (a tombstone)');
    await openAgain();
    expect((await produce())['value']).not.toEqual(NULL);
  });
});

describe('headers', () => {
  it('are sent in the order typed, with repeated, empty and inherited names, null and binary values', async () => {
    await addHeader('a', '1');
    await addHeader('b', '2');
    await addHeader('a', '3');
    await addHeader('', 'no name');
    await addHeader('constructor', 'x');
    await addHeader('__proto__', '', 'Null');
    await addHeader('binary', '00fffe', 'Hexadecimal');
    expect((await produce())['headers']).toEqual([
      { key: 'a', value: { encoding: 'utf8', text: '1' } },
      { key: 'b', value: { encoding: 'utf8', text: '2' } },
      { key: 'a', value: { encoding: 'utf8', text: '3' } },
      { key: '', value: { encoding: 'utf8', text: 'no name' } },
      { key: 'constructor', value: { encoding: 'utf8', text: 'x' } },
      { key: '__proto__', value: NULL },
      { key: 'binary', value: { encoding: 'hex', text: '00fffe' } },
    ]);
  });
});
