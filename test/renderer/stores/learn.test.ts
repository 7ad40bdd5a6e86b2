// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest';
import { createPinia, setActivePinia } from 'pinia';
import type { Bridge, Payload, RequestChannel } from '../../../shared/ipc.ts';
import { ratesBetween, snapshotOffsets } from '../../../renderer/lab/flow.ts';
import { useClusterStore } from '../../../renderer/stores/cluster.ts';
import { useLearnStore } from '../../../renderer/stores/learn.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';
import { partitionRow, topicRow } from '../learn/learn-fixture.ts';

let bridge: FixtureBridge;
/** What stands in for an answer of the fixture's, by channel. */
let instead: Partial<Record<RequestChannel, unknown>>;

beforeEach(async () => {
  localStorage.clear();
  bridge = new FixtureBridge('healthy');
  instead = {};
  const front: Bridge = {
    invoke: (channel, payload) => (channel in instead ? (Promise.resolve(instead[channel]) as never) : bridge.invoke(channel, payload)),
    on: (event, listener) => bridge.on(event, listener),
  };
  useFixture(bridge, front);
  setActivePinia(createPinia());
  await useClusterStore().load();
});

describe('what was sent', () => {
  const record = { topic: 'orders', key: 'a', value: 'x', acks: -1 as const };

  it('is kept as it was answered', async () => {
    const learn = useLearnStore();
    await learn.send(record);
    expect(learn.sent).toHaveLength(1);
    expect(learn.sent[0]).toMatchObject({ key: 'a', partition: 0, error: null, partitions: 6 });
    expect(learn.sent[0]?.leader).toBe(useClusterStore().topics.get('orders')?.partitions[0]?.leader);
    const asked = bridge.asked.find(({ channel }) => channel === 'message/produce')?.payload as Payload<'message/produce'>;
    expect(asked).toMatchObject({ partition: null, key: { encoding: 'utf8', text: 'a' } });
  });

  it('was taken by the broker that answered, though the page knew of another leader; who was in sync then is not known', async () => {
    const learn = useLearnStore();
    const known = useClusterStore().topics.get('orders')?.partitions[0]?.leader ?? 0;
    instead['message/produce'] = { ok: true, value: { partition: 0, leader: known + 1, offset: '7', timestamp: null } };
    expect(await learn.send(record)).toMatchObject({ leader: known + 1, isr: null });
  });

  it('was acknowledged late by the leader: the ISR may have shrunk meanwhile, and without a newer view it is not known', async () => {
    const learn = useLearnStore();
    const row = useClusterStore().topics.get('orders')?.partitions[0];
    const answer = { ok: true, value: { partition: 0, leader: row?.leader, offset: '7', timestamp: null } };
    expect(row?.isr).toHaveLength(3);
    instead['message/produce'] = new Promise((resolve) => setTimeout(() => resolve(answer), 600));
    expect(await learn.send(record)).toMatchObject({ leader: row?.leader, isr: null });
  });

  it('has no partition and offset where it was refused, or where no broker was reached', async () => {
    const learn = useLearnStore();
    instead['message/produce'] = { ok: false, error: { code: 'NOT_ENOUGH_REPLICAS', message: 'Too few.' } };
    expect(await learn.send(record)).toMatchObject({ partition: null, offset: null, error: 'Too few.' });
    instead['message/produce'] = { ok: true, value: { partition: 2, leader: 1, offset: '-1', timestamp: null } };
    expect(await learn.send({ ...record, acks: 0 })).toMatchObject({ partition: null, offset: null, error: null });
  });
});

describe('what was read again', () => {
  const answer = (offset: string) => ({
    ok: true,
    value: {
      records: [{ partition: 1, offset, timestamp: 5, key: { encoding: 'null', text: '' }, value: { encoding: 'utf8', text: 'v' } }],
      failed: [],
      more: false,
    },
  });

  it('is the record of that place, no other', async () => {
    const learn = useLearnStore();
    instead['message/browse'] = answer('8');
    expect(await learn.readBack('orders', 1, '8')).toBeNull();
    expect(learn.reads).toMatchObject([{ partition: 1, offset: '8', key: null, value: 'v' }]);
    instead['message/browse'] = answer('9');
    expect((await learn.readBack('orders', 1, '8'))?.message).toBe('Offset 8 of orders-1 could not be read.');
    expect(learn.reads).toHaveLength(1);
  });
});

it('remembers what was there first, and the largest lag since', () => {
  const learn = useLearnStore();
  const cluster = useClusterStore();
  learn.begin();
  expect(learn.begun?.topics.has('orders')).toBe(true);
  const first = learn.begun;
  const group = cluster.groups.get('billing');
  const peak = learn.peaks.get('billing') ?? -1n;
  expect(`${peak}`).toBe(group?.lag);
  for (const lag of ['9000000', '3']) {
    if (group !== undefined) cluster.groups.set('billing', { ...group, lag });
    learn.begin();
  }
  expect(learn.peaks.get('billing')).toBe(9_000_000n);
  expect(learn.begun).toBe(first);
});

it('a check that is done stays as it was first said', () => {
  const learn = useLearnStore();
  learn.finish('producer', 'a and b.');
  learn.finish('producer', 'c and d.');
  expect(learn.done['producer']?.said).toBe('a and b.');
});

it('measures what each partition gained, and nothing that it does not know', () => {
  const at = (ends: (string | null)[], time: number) =>
    snapshotOffsets([topicRow({ partitions: ends.map((endOffset, i) => partitionRow(i, { endOffset })) })], time);
  const rates = ratesBetween(at(['10', '5', null], 1_000), at(['30', '5', '9'], 3_000));
  expect([...rates]).toEqual([['learn-orders-0', 10]]);
});
