import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OpenConnections } from '../../electron/services/open-connections.ts';
import type { Connection } from '../../shared/models/cluster.ts';

class Opened {
  closed = false;
  readonly bootstrap: string;

  constructor(bootstrap: string) {
    this.bootstrap = bootstrap;
  }

  close(): void {
    if (this.closed) throw new Error('closed twice');
    this.closed = true;
  }
}

const connection = (id: string, bootstrap = 'a:1'): Connection => ({ id, name: id, kind: 'remote', bootstrap, colour: 'flow' });
const GRACE_MS = 1_000;
let registry: OpenConnections<Opened>;
let opened: number;

beforeEach(() => {
  vi.useFakeTimers();
  opened = 0;
  registry = new OpenConnections<Opened>({
    open: ({ bootstrap }) => {
      opened++;
      return new Opened(bootstrap);
    },
    keeps: (id) => id === 'embedded',
    graceMs: GRACE_MS,
  });
});
afterEach(() => vi.useRealTimers());

describe('OpenConnections', () => {
  test('opens a connection once for all its clients', () => {
    const first = registry.acquire(connection('a'), 'tab 1');
    expect(registry.acquire(connection('a'), 'tab 2')).toBe(first);
    expect(registry.acquire(connection('b'), 'tab 3')).not.toBe(first);
    expect(opened).toBe(2);
  });

  test('closes a connection when its last client has left and the grace time has passed', () => {
    const open = registry.acquire(connection('a'), 'tab 1');
    registry.acquire(connection('a'), 'tab 2');
    registry.release('a', 'tab 1');
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(open.closed).toBe(false);
    registry.release('a', 'tab 2');
    vi.advanceTimersByTime(GRACE_MS - 1);
    expect(open.closed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(open.closed).toBe(true);
    expect(registry.get('a')).toBeUndefined();
  });

  test('keeps a connection, with its history, for a client that comes back within the grace time', () => {
    const open = registry.acquire(connection('a'), 'tab 1');
    registry.release('a', 'tab 1');
    vi.advanceTimersByTime(GRACE_MS - 1);
    expect(registry.acquire(connection('a'), 'tab 1 reloaded')).toBe(open);
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(open.closed).toBe(false);
  });

  test('counts a client once, and ignores the release of one that holds nothing', () => {
    const open = registry.acquire(connection('a'), 'tab 1');
    registry.acquire(connection('a'), 'tab 1');
    registry.release('a', 'tab 2');
    registry.release('b', 'tab 1');
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(open.closed).toBe(false);
    registry.release('a', 'tab 1');
    registry.release('a', 'tab 1');
    vi.advanceTimersByTime(GRACE_MS);
    expect(open.closed).toBe(true);
  });

  test('never closes the embedded connection for want of a client', () => {
    const open = registry.ensure(connection('embedded'));
    registry.acquire(connection('embedded'), 'tab 1');
    registry.release('embedded', 'tab 1');
    vi.advanceTimersByTime(100 * GRACE_MS);
    expect(open.closed).toBe(false);
  });

  test('reopens a connection with its present address; its clients stay', () => {
    const former = registry.acquire(connection('a'), 'tab 1');
    const open = registry.reopen(connection('a', 'b:2'));
    expect([former.closed, open?.closed, open?.bootstrap]).toEqual([true, false, 'b:2']);
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(registry.get('a')).toBe(open);
    registry.release('a', 'tab 1');
    vi.advanceTimersByTime(GRACE_MS);
    expect(open?.closed).toBe(true);
    expect(registry.reopen(connection('a'))).toBeUndefined();
  });

  test('closes a removed connection at once while a client holds it, and cancels its grace time', () => {
    const open = registry.acquire(connection('a'), 'tab 1');
    registry.close('a');
    expect([open.closed, registry.get('a')]).toEqual([true, undefined]);
    const waiting = registry.acquire(connection('b'), 'tab 1');
    registry.release('b', 'tab 1');
    registry.closeAll();
    vi.advanceTimersByTime(10 * GRACE_MS);
    expect(waiting.closed).toBe(true);
  });
});
