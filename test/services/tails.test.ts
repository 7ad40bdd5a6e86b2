import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodeWindow } from '../../electron/admin/decoding/record-window.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import type { OpenConnection } from '../../electron/services/open-connections.ts';
import { EventBus, type Audience } from '../../electron/services/event-bus.ts';
import { TailsService } from '../../electron/services/tails.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { fetch as fetchApi } from '../../electron/cluster/protocol/apis/fetch.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import type { Events } from '../../shared/ipc.ts';

function batchOf(baseOffset: bigint, values: readonly string[]): Buffer {
  return buildBatch({ baseOffset, records: values.map((value) => ({ key: null, value: Buffer.from(value) })) });
}

/** A topic, the log of each partition, and the error that a leader returns instead. */
class FakeClient {
  logs: string[][] = [[]];
  /** By partition. */
  leaders = [1];
  refusal: number | null = null;
  topicId = 'A'.repeat(21) + 'B';
  /** Of Fetch. */
  version = 16;
  closed = false;
  fetches = 0;

  get log(): string[] {
    return this.logs[0] ?? [];
  }
  set log(values: string[]) {
    this.logs[0] = values;
  }

  metadata = () => {
    if (this.closed) return Promise.reject(new AdminError({ code: 'NOT_CONNECTED', message: 'closed' }));
    const partitions = this.leaders.map((leaderId, partitionIndex) => ({ errorCode: 0, partitionIndex, leaderId, leaderEpoch: 0 }));
    return Promise.resolve({ topics: [{ errorCode: 0, name: 'a', topicId: this.topicId, partitions }], brokers: [] });
  };

  versionOn = () => this.version;

  eachBroker = async (ids: readonly number[], ask: (id: number) => Promise<unknown>) =>
    Promise.all(ids.map(async (broker) => ({ broker, value: await ask(broker) })));

  onBroker = async (_id: number, api: { key: number }, body: Asked) => {
    if (this.closed) throw new AdminError({ code: 'NOT_CONNECTED', message: 'closed' });
    const asked = body.topics[0]?.partitions ?? [];
    const endOf = (partition = 0): bigint => BigInt(this.logs[partition]?.length ?? 0);
    if (api.key !== fetchApi.key) {
      return {
        topics: [
          {
            name: 'a',
            partitions: asked.map(({ partitionIndex = 0, timestamp }) => ({
              partitionIndex,
              errorCode: 0,
              offset: timestamp === -2n ? 0n : endOf(partitionIndex),
            })),
          },
        ],
      };
    }
    this.fetches++;
    const byId = body.topics[0]?.topicId;
    const isUnknown = byId !== undefined && byId !== this.topicId;
    const partitions = asked.map(({ partition = 0, fetchOffset: from = 0n }) => {
      const errorCode = isUnknown
        ? ErrorCode.UNKNOWN_TOPIC_ID
        : (this.refusal ?? (from > endOf(partition) ? ErrorCode.OFFSET_OUT_OF_RANGE : 0));
      const values = errorCode === 0 ? (this.logs[partition] ?? []).slice(Number(from)) : [];
      const records = values.length === 0 ? null : batchOf(from, values);
      return { partitionIndex: partition, errorCode, highWatermark: endOf(partition), logStartOffset: 0n, records };
    });
    if (partitions.every(({ errorCode, records }) => errorCode === 0 && records === null))
      await new Promise((resolve) => setTimeout(resolve, 500));
    return { errorCode: 0, responses: [{ topic: 'a', partitions }] };
  };
}

interface Asked {
  topics: { topicId?: string; partitions: { partition?: number; partitionIndex?: number; fetchOffset?: bigint; timestamp?: bigint }[] }[];
}

let client: FakeClient;
let service: TailsService;
let deliveries: Events['message/tailed'][];
let audiences: Audience[];

beforeEach(() => {
  vi.useFakeTimers();
  client = new FakeClient();
  const events = new EventBus();
  deliveries = [];
  audiences = [];
  events.subscribe((event, payload, audience) => {
    if (event !== 'message/tailed') return;
    deliveries.push(payload as Events['message/tailed']);
    audiences.push(audience);
  });
  service = new TailsService(events, {
    decode: (window) => Promise.resolve(decodeWindow(window)),
  });
});
afterEach(() => {
  service.close();
  vi.useRealTimers();
});

const texts = () => deliveries.flatMap(({ records }) => records.map(({ value }) => value.text));
const TAB = 'tab';
const start = (input: { topic: string; partitions: number[] | null }, clientId = TAB) =>
  service.start(clientId, { foreground: client } as unknown as Pick<OpenConnection, 'foreground'>, input);
const tail = () => start({ topic: 'a', partitions: null }).tailId;
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a live tail', () => {
  test('starts at the end and delivers later records once, in order', async () => {
    client.log = ['old'];
    tail();
    await pass(100);
    client.log.push('1', '2');
    await pass(1_000);
    client.log.push('3');
    await pass(1_000);
    expect(texts()).toEqual(['1', '2', '3']);
  });

  test.each([
    { version: 16, logs: ['a', 'b', 'c', 'd', 'e', 'f'], shown: ['1', 'a', 'b', 'c', 'd', 'e', 'f'] },
    { version: 16, logs: ['a'], shown: ['1', 'a'] },
    // Without topic ids in Fetch, a position beyond the new log reveals the new topic.
    { version: 12, logs: ['a'], shown: ['1', 'a'] },
  ])('follows a topic that was deleted and created again from its first record (Fetch $version, $logs.length records)', async (one) => {
    client.version = one.version;
    client.log = ['old', 'older'];
    tail();
    await pass(100);
    client.log.push('1');
    await pass(1_000);
    expect(deliveries.at(-1)?.recreated).toBe(false);
    client.topicId = 'A'.repeat(21) + 'C';
    client.log = one.logs;
    await pass(4_000);
    expect(texts()).toEqual(one.shown);
    expect(deliveries.at(-1)?.recreated).toBe(true);
    client.log.push('later');
    await pass(1_000);
    expect(texts().at(-1)).toBe('later');
  });

  test('reports its start offsets after it has found them', async () => {
    client.log = ['old', 'older'];
    client.leaders = [-1];
    tail();
    await pass(500);
    expect(deliveries.map(({ begins, error }) => ({ begins, error }))).toEqual([
      { begins: [], error: expect.stringContaining('partition 0 (it has no leader now)') as string },
    ]);
    client.log.push('unseen');
    client.leaders = [1];
    await pass(1_500);
    expect(deliveries.slice(1)).toMatchObject([{ begins: [{ partition: 0, offset: '3' }], records: [], error: null }]);
    client.log.push('seen');
    await pass(1_000);
    expect(texts()).toEqual(['seen']);
  });

  test('follows a partition without a leader as soon as it has one, and the others meanwhile', async () => {
    client.logs = [['old'], ['old']];
    client.leaders = [1, -1];
    tail();
    await pass(500);
    client.log.push('1');
    await pass(1_000);
    expect(texts()).toEqual(['1']);
    expect(deliveries.at(-1)?.error).toContain('partition 1 (it has no leader now)');
    client.leaders = [1, 2];
    await pass(2_500);
    expect(deliveries.at(-1)).toMatchObject({ begins: [{ partition: 1, offset: '1' }], error: null });
    client.logs[1]?.push('2');
    await pass(1_000);
    expect(texts()).toEqual(['1', '2']);
  });

  test('reports a partition that does not exist, without requests in a loop', async () => {
    let asked = 0;
    const { metadata } = client;
    client.metadata = () => {
      asked++;
      return metadata();
    };
    start({ topic: 'a', partitions: [9] });
    await pass(5_000);
    expect(asked).toBeLessThan(10);
    expect(deliveries.at(-1)?.error).toBe('a has no such partition.');
  });

  test('sends at most five events a second, with the newest 200 records of a burst and the number of the others', async () => {
    tail();
    await pass(100);
    client.log = Array.from({ length: 5_000 }, (_, i) => String(i));
    await pass(1_000);
    const [burst, ...others] = deliveries.filter(({ records }) => records.length > 0);
    expect(others).toEqual([]);
    expect(burst?.records).toHaveLength(200);
    expect(burst?.records.at(-1)?.value.text).toBe('4999');
    expect(burst?.dropped).toBe(4_800);
  });

  test('reports a missing leader, and continues at its position when a leader is elected', async () => {
    tail();
    await pass(100);
    client.refusal = ErrorCode.NOT_LEADER_OR_FOLLOWER;
    await pass(1_500);
    expect(deliveries.at(-1)?.error).toContain('its leadership is moving');
    client.log.push('1');
    client.refusal = null;
    await pass(3_000);
    expect(texts()).toEqual(['1']);
    expect(deliveries.at(-1)?.error).toBeNull();
  });

  test('continues at the end of a log that is shorter than its position, without requests in a loop', async () => {
    client.log = ['1', '2', '3'];
    tail();
    await pass(100);
    client.log = [];
    const before = client.fetches;
    await pass(5_000);
    expect(client.fetches - before).toBeLessThan(30);
    client.log.push('new');
    await pass(3_000);
    expect(texts()).toEqual(['new']);
  });

  test('sends no event after it was stopped', async () => {
    const tailId = tail();
    await pass(100);
    service.stop(TAB, tailId);
    client.log.push('1');
    await pass(3_000);
    expect(deliveries).toEqual([]);
  });

  test('ends when its connection is closed', async () => {
    tail();
    await pass(100);
    client.closed = true;
    await pass(2_000);
    const { fetches } = client;
    client.closed = false;
    await pass(5_000);
    expect(client.fetches).toBe(fetches);
    expect(deliveries.at(-1)?.error).toBe('closed');
  });

  test('the ninth tail ends the first one, whose client is notified', async () => {
    const first = tail();
    for (let i = 0; i < 8; i++) tail();
    expect(deliveries).toEqual([
      {
        tailId: first,
        begins: [],
        records: [],
        dropped: 0,
        cutBatches: [],
        recreated: false,
        error: expect.stringContaining('took its place'),
      },
    ]);
    await pass(100);
    client.log.push('1');
    await pass(1_000);
    expect(new Set(deliveries.slice(1).map(({ tailId }) => tailId)).size).toBe(8);
  });

  test('is delivered to the client that started it, and only that client can end it', async () => {
    const mine = tail();
    const others = start({ topic: 'a', partitions: null }, 'other').tailId;
    await pass(100);
    service.stop('other', mine);
    client.log.push('1');
    await pass(1_000);
    expect(audiences.map((audience) => audience)).toEqual(deliveries.map(({ tailId }) => ({ clientId: tailId === mine ? TAB : 'other' })));
    expect(new Set(deliveries.flatMap(({ tailId, records }) => (records.length > 0 ? [tailId] : [])))).toEqual(new Set([mine, others]));
    service.stopAllOf('other');
    deliveries.length = 0;
    client.log.push('2');
    await pass(1_000);
    expect(deliveries.map(({ tailId }) => tailId)).toEqual([mine]);
  });
});
