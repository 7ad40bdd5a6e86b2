// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebBridge, takeToken } from '../../renderer/bridge-web.ts';

class FakeSocket extends EventTarget {
  readyState = 0;
  readonly sent: string[] = [];
  send(frame: string): void {
    this.sent.push(frame);
  }
  close(): void {
    this.fail(1000);
  }
  open(): void {
    this.dispatchEvent(new Event('open'));
  }
  receive(frame: unknown): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data: JSON.stringify(frame) }));
  }
  fail(code: number): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code }));
  }
}

describe('WebSocket bridge', () => {
  let sockets: FakeSocket[];
  let bridge: WebBridge;
  const states: string[] = [];
  const last = (): FakeSocket => sockets.at(-1) as FakeSocket;

  beforeEach(() => {
    vi.useFakeTimers();
    sockets = [];
    states.length = 0;
    bridge = new WebBridge(() => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    });
    bridge.onLink((state) => states.push(state));
  });
  afterEach(() => vi.useRealTimers());

  it('keeps requests until the line stands, and matches answers by id', async () => {
    const first = bridge.invoke('app/info', {});
    const second = bridge.invoke('connection/list', {});
    expect(last().sent).toEqual([]);
    last().open();
    expect(last().sent.map((frame) => (JSON.parse(frame) as { channel: string }).channel)).toEqual(['app/info', 'connection/list']);
    last().receive({ id: 2, result: { ok: true, value: 'b' } });
    last().receive({ id: 1, result: { ok: true, value: 'a' } });
    expect(await first).toEqual({ ok: true, value: 'a' });
    expect(await second).toEqual({ ok: true, value: 'b' });
  });

  it('hands events to those that listen, until they stop', () => {
    const seen: unknown[] = [];
    const stop = bridge.on('timeline/appended', (payload) => seen.push(payload));
    last().open();
    last().receive({ event: 'timeline/appended', payload: { events: [] } });
    stop();
    last().receive({ event: 'timeline/appended', payload: { events: [] } });
    expect(seen).toHaveLength(1);
  });

  it('says that the line is lost, fails what was under way, and never repeats it', async () => {
    last().open();
    const asked = bridge.invoke('lab/kill', { connectionId: 'embedded', node: 1 });
    last().fail(1006);
    expect(await asked).toMatchObject({ ok: false, error: { code: 'NOT_CONNECTED' } });
    expect(states.at(-1)).toBe('lost');
    expect(await bridge.invoke('lab/kill', { connectionId: 'embedded', node: 1 })).toMatchObject({ ok: false });
    await vi.advanceTimersByTimeAsync(300);
    expect(sockets).toHaveLength(2);
    last().open();
    expect(states.at(-1)).toBe('open');
    expect(last().sent).toEqual([]);
  });

  it('tries again ever more slowly, but not when the token was refused', async () => {
    last().open();
    last().fail(1006);
    await vi.advanceTimersByTimeAsync(250);
    last().fail(1006);
    await vi.advanceTimersByTimeAsync(400);
    expect(sockets).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(200);
    expect(sockets).toHaveLength(3);
    last().fail(1008);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(sockets).toHaveLength(3);
    expect(states.at(-1)).toBe('refused');
  });
});

describe('token', () => {
  beforeEach(() => sessionStorage.clear());
  const take = (hash: string): { token: string | null; left: string } => {
    history.replaceState(null, '', `/${hash}`);
    const token = takeToken(location, history, sessionStorage);
    return { token, left: location.hash };
  };

  it('moves from the address to this tab', () => {
    expect(take('#token=abc')).toEqual({ token: 'abc', left: '' });
    expect(take('#/topics?token=d%2Fe')).toEqual({ token: 'd/e', left: '#/topics' });
    expect(take('#/topics?token=f&q=x')).toEqual({ token: 'f', left: '#/topics?q=x' });
    expect(take('#/topics')).toEqual({ token: 'f', left: '#/topics' });
  });
});
