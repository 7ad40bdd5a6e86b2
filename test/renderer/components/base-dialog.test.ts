// @vitest-environment happy-dom
import { afterEach, describe, expect, it } from 'vitest';
import { mount, type VueWrapper } from '@vue/test-utils';
import { h } from 'vue';
import BaseDialog from '../../../renderer/components/base/BaseDialog.vue';

let dialog: VueWrapper;
afterEach(() => dialog.unmount());

async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
const timers = (): Promise<void> => new Promise((done) => setTimeout(done, 20));
const open = async (value: boolean): Promise<void> => {
  await dialog.setProps({ open: value });
  await settle();
};

describe('BaseDialog', () => {
  it('keeps the focus when it is opened again at once', async () => {
    const before = document.body.appendChild(document.createElement('button'));
    before.focus();
    dialog = mount(BaseDialog, {
      attachTo: document.body,
      props: { open: false, title: 'Delete orders' },
      slots: { default: () => h('input', { 'aria-label': 'Name' }) },
    });
    await open(true);
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Name');
    await open(false);
    // Before any timer of the dialog that was closed.
    await open(true);
    await timers();
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Name');
    await open(false);
    await timers();
    expect(document.querySelector('[role=dialog]')).toBeNull();
    before.remove();
  });
});
