// @vitest-environment happy-dom
/** What a copy button writes to the clipboard is the whole value, and "Copied" means that it is there. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import type { Result } from '#shared/errors';
import type { RecordRow, RecordValue } from '#shared/models/cluster';
import CopyLine from '../../../renderer/components/base/CopyLine.vue';
import MessageDrawer from '../../../renderer/components/messages/MessageDrawer.vue';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

/** As a list holds it: at most 64 KiB of text, or 32 KiB of bytes as hexadecimal. */
const LISTED = 65_536;

interface Sample {
  encoding: 'utf8' | 'hex';
  text: string;
}
const bytes = (count: number): Sample => ({ encoding: 'hex', text: 'ff'.repeat(count) });
const text = (whole: string): Sample => ({ encoding: 'utf8', text: whole });

const listed = ({ encoding, text: whole }: Sample): RecordValue => ({
  encoding,
  text: whole.slice(0, LISTED),
  truncated: whole.length > LISTED,
  sizeBytes: encoding === 'hex' ? whole.length / 2 : new TextEncoder().encode(whole).length,
});

const record = (offset: string, value: Sample, more: Partial<RecordRow> = {}): RecordRow => ({
  partition: 0,
  offset,
  timestamp: 1,
  timestampType: 'create',
  key: listed(text('key')),
  value: listed(value),
  headers: [],
  headerCount: 0,
  sizeBytes: 1,
  compression: 'none',
  ...more,
});

let bridge: FixtureBridge;
let mounted: VueWrapper;
let clipboard: string | null;
/** Answers of main by offset and part. */
let whole: Map<string, Result<Sample> | Promise<Result<Sample>>>;
let canWrite: boolean;

beforeEach(() => {
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  const invoke = bridge.invoke.bind(bridge);
  whole = new Map();
  vi.spyOn(bridge, 'invoke').mockImplementation(((channel: string, payload: { offset: string; part: { kind: string; index?: number } }) => {
    if (channel !== 'message/value') return invoke(channel as never, payload as never);
    const answer = whole.get(`${payload.offset} ${payload.part.kind}${payload.part.index ?? ''}`);
    return answer === undefined ? Promise.reject(new Error('no such part')) : Promise.resolve(answer);
  }) as typeof bridge.invoke);
  clipboard = null;
  canWrite = true;
  vi.spyOn(navigator.clipboard, 'writeText').mockImplementation((written) => {
    if (!canWrite) return Promise.reject(new DOMException('refused', 'NotAllowedError'));
    clipboard = written;
    return Promise.resolve();
  });
  // As a browser that refuses: the command fires no event.
  Object.assign(document, { execCommand: () => false });
});
afterEach(() => {
  mounted.unmount();
  vi.restoreAllMocks();
});

function open(shown: RecordRow): void {
  const props = { topic: 'orders', record: shown, first: true, last: true };
  mounted = mount(MessageDrawer, { attachTo: document.body, props, global: { plugins: [createPinia()] } });
}

const labels = (): string[] =>
  mounted.findAll('button').flatMap((button) => {
    const label = button.attributes('aria-label') ?? '';
    return /cop/i.test(label) ? [label] : [];
  });
async function click(label: string): Promise<void> {
  await mounted.find(`button[aria-label="${label}"]`).trigger('click');
  await flushPromises();
}

describe('the copy button of a record', () => {
  it.each([
    ['100,000 characters', text('x'.repeat(100_000))],
    ['1 MB of binary', bytes(1_000_000)],
    ['a byte order mark before 100,000 characters', text(`\ufeff${'é'.repeat(100_000)}`)],
    ['a short value with a byte order mark, line ends of both kinds and a NUL', text('\ufeffa\r\nb\nc\u0000d')],
    ['an empty value', text('')],
    ['exactly what the list holds', text('y'.repeat(LISTED))],
  ])('copies %s whole', async (_what, value) => {
    whole.set('7 value', { ok: true, value });
    open(record('7', value));
    await click('Copy the value');
    expect(clipboard === value.text).toBe(true);
    expect(labels()).toContain('Copied the value');
    expect(labels()).toContain('Copy the key');
  });

  it('copies a long key and a long header by their own part', async () => {
    const [key, header] = [text('k'.repeat(90_000)), bytes(90_000)];
    whole.set('7 key', { ok: true, value: key });
    whole.set('7 header1', { ok: true, value: header });
    const headers = [
      { key: 'a', value: listed(text('short')) },
      { key: 'b', value: listed(header) },
    ];
    open(record('7', text('v'), { key: listed(key), headers, headerCount: 2 }));
    await click('Copy the header b');
    expect([clipboard === header.text, labels().filter((label) => label.startsWith('Copied'))]).toEqual([true, ['Copied the header b']]);
    await click('Copy the key');
    expect([clipboard === key.text, labels().filter((label) => label.startsWith('Copied'))]).toEqual([true, ['Copied the key']]);
  });

  it('offers nothing to copy where the value is null', () => {
    open(record('7', text('v'), { value: { encoding: 'null', text: '', truncated: false, sizeBytes: 0 } }));
    expect(labels()).toEqual(['Copy the key']);
  });

  it('copies nothing where the record cannot be read in full, and shows why', async () => {
    whole.set('7 value', { ok: false, error: { code: 'NOT_FOUND', message: 'no record has this offset now.' } });
    open(record('7', text('x'.repeat(100_000))));
    await click('Copy the value');
    expect([clipboard, labels()]).toEqual([null, ['Copy the key', 'Copy the value']]);
    expect(mounted.text()).toContain('no record has this offset now.');
  });

  it('does not show "Copied" where the browser refuses, and shows why', async () => {
    canWrite = false;
    open(record('7', text('v')));
    await click('Copy the value');
    expect(labels()).toEqual(['Copy the key', 'Copy the value']);
    expect(mounted.text()).toContain('Nothing was copied: the browser refused access to the clipboard.');
    canWrite = true;
    await click('Copy the value');
    expect([clipboard, mounted.text().includes('Nothing was copied')]).toEqual(['v', false]);
  });

  it('gives the text itself to the copy event where there is no Clipboard API', async () => {
    canWrite = false;
    let given: string | null = null;
    Object.assign(document, {
      execCommand: () => {
        const event = new Event('copy', { bubbles: true, cancelable: true });
        Object.assign(event, { clipboardData: { setData: (_type: string, data: string) => (given = data) } });
        (document.activeElement ?? document.body).dispatchEvent(event);
        return true;
      },
    });
    open(record('7', text('a\r\nb')));
    await click('Copy the value');
    expect([given, labels().includes('Copied the value')]).toEqual(['a\r\nb', true]);
  });

  it('drops what was read of a record that is no longer shown: neither the clipboard nor the next record has it', async () => {
    let answer: (result: Result<Sample>) => void = () => undefined;
    whole.set('7 value', new Promise((resolve) => (answer = resolve)));
    open(record('7', text('x'.repeat(100_000))));
    await click('Copy the value');
    await mounted.setProps({ record: record('8', text('next')) });
    await click('Copy the value');
    expect(clipboard).toBe('next');
    answer({ ok: true, value: text('x'.repeat(100_000)) });
    await flushPromises();
    expect([clipboard, labels()]).toEqual(['next', ['Copy the key', 'Copied the value']]);
  });

  it('drops what was read of a record whose drawer was closed: what was copied since stays on the clipboard', async () => {
    let answer: (result: Result<Sample>) => void = () => undefined;
    whole.set('7 value', new Promise((resolve) => (answer = resolve)));
    open(record('7', text('x'.repeat(100_000))));
    await click('Copy the value');
    mounted.unmount();
    open(record('8', text('next')));
    await click('Copy the value');
    answer({ ok: true, value: text('x'.repeat(100_000)) });
    await flushPromises();
    expect([clipboard, labels()]).toEqual(['next', ['Copy the key', 'Copied the value']]);
  });
});

describe('a line that can be copied', () => {
  it('shows "Copied" only where it was', async () => {
    mounted = mount(CopyLine, { attachTo: document.body, props: { text: 'kcat -L' } });
    canWrite = false;
    await click('Copy command');
    expect([clipboard, labels()]).toEqual([null, ['Not copied: the browser refused the clipboard']]);
    canWrite = true;
    await click('Not copied: the browser refused the clipboard');
    expect([clipboard, labels()]).toEqual(['kcat -L', ['Copied']]);
  });
});
