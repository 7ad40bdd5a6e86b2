// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import type { RecordRow } from '#shared/models/cluster';
import type { LinkState } from '../../../renderer/bridge-web.ts';
import { useMessagesStore } from '../../../renderer/stores/messages.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

class LinkedFixture extends FixtureBridge {
  say: (state: LinkState) => void = () => undefined;
  onLink(listener: (state: LinkState) => void): () => void {
    this.say = listener;
    listener('open');
    return () => undefined;
  }
}
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe('live tail', () => {
  let bridge: LinkedFixture;
  let stop: () => void;
  let store: ReturnType<typeof useMessagesStore>;
  const record = (offset: number): RecordRow => bridge.cluster.record('orders', 0, offset);
  const push = (...offsets: number[]): void =>
    bridge.emit('message/tailed', {
      tailId: store.tailId ?? 'none',
      begins: [],
      records: offsets.map(record),
      dropped: 0,
      cutBatches: [],
      error: null,
      recreated: false,
    });
  const offsets = (): string[] => store.records.map((one) => one.offset);

  beforeEach(async () => {
    setActivePinia(createPinia());
    bridge = new LinkedFixture('healthy');
    useFixture(bridge);
    store = useMessagesStore();
    stop = store.start();
    await store.tail('orders', null);
  });

  afterEach(() => stop());

  it('puts the newest on top, and holds what comes while it is paused', () => {
    push(1, 2);
    push(3);
    expect(offsets()).toEqual(['3', '2', '1']);
    store.setPaused(true);
    push(4, 5);
    expect(offsets()).toEqual(['3', '2', '1']);
    expect(store.held).toHaveLength(2);
    store.setPaused(false);
    expect(offsets()).toEqual(['5', '4', '3', '2', '1']);
  });

  it('takes nothing of a tail that it has left', async () => {
    const old = store.tailId ?? '';
    await store.untail();
    bridge.emit('message/tailed', {
      tailId: old,
      begins: [],
      records: [record(1)],
      dropped: 0,
      cutBatches: [],
      error: null,
      recreated: false,
    });
    expect(offsets()).toEqual([]);
    expect(bridge.asked.at(-1)).toMatchObject({ channel: 'message/untail', payload: { tailId: old } });
  });

  it('knows where it begins, and forgets an error that is over', async () => {
    const published = { tailId: store.tailId ?? '', records: [], dropped: 0, cutBatches: [], recreated: false };
    expect(store.begins.size).toBe(0);
    bridge.emit('message/tailed', { ...published, begins: [{ partition: 0, offset: '7' }], error: 'partition 1 has no leader' });
    expect(store.error?.message).toBe('partition 1 has no leader');
    bridge.emit('message/tailed', { ...published, begins: [{ partition: 1, offset: '3' }], error: null });
    expect([...store.begins]).toEqual([[0, '7'], [1, '3']]); // prettier-ignore
    expect(store.error).toBeNull();
    await store.tail('orders', [1]);
    expect(store.begins.size).toBe(0);
  });

  it('keeps a bounded number', () => {
    push(...Array.from({ length: 2_500 }, (_, i) => i));
    expect(store.records).toHaveLength(2_000);
    expect(offsets()[0]).toBe('2499');
  });

  it('is asked for again when a lost line returns', async () => {
    const tails = (): number => bridge.asked.filter((one) => one.channel === 'message/tail').length;
    bridge.say('lost');
    expect(tails()).toBe(1);
    bridge.say('open');
    await settle();
    expect(tails()).toBe(2);
    push(7);
    expect(offsets()).toEqual(['7']);
  });
});
