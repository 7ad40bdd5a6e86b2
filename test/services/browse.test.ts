/** Pages of records over logs with holes, idle partitions and times out of order: limits count records, and the order is the log's. */
import { beforeEach, describe, expect, test } from 'vitest';
import { decodeWindow } from '../../electron/admin/decoding/record-window.ts';
import { AdminError } from '../../electron/admin/errors.ts';
import { fetch as fetchApi } from '../../electron/cluster/protocol/apis/fetch.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import type { OpenConnection } from '../../electron/services/open-connections.ts';
import { MessagesService } from '../../electron/services/messages.ts';
import type { BrowseResult, Payload } from '../../shared/ipc.ts';

interface Log {
  /** Offsets that hold a record, with its time. */
  records: Map<number, number>;
  end: number;
}

/** One leader, whose answers hold a few batches each, of ten offsets. */
class FakeClient {
  logs: Log[] = [];
  fetches = 0;
  /** Batches in one answer for a partition. */
  batches = 3;

  metadata = () =>
    Promise.resolve({
      topics: [
        {
          errorCode: 0,
          name: 't',
          partitions: this.logs.map((_log, partitionIndex) => ({ errorCode: 0, partitionIndex, leaderId: 1, leaderEpoch: 0 })),
        },
      ],
      brokers: [],
    });

  eachBroker = async (ids: readonly number[], ask: (id: number) => Promise<unknown>) =>
    Promise.all(ids.map(async (broker) => ({ broker, value: await ask(broker) })));

  onBroker = async (_id: number, api: { key: number }, body: Asked) => {
    const asked = body.topics[0]?.partitions ?? [];
    if (api.key !== fetchApi.key) {
      const offset = (partition: number, timestamp: bigint): bigint => (timestamp === -1n ? BigInt(this.logs[partition]?.end ?? 0) : 0n);
      return {
        topics: [
          {
            name: 't',
            partitions: asked.map(({ partitionIndex = 0, timestamp = 0n }) => ({
              partitionIndex,
              errorCode: 0,
              offset: offset(partitionIndex, timestamp),
            })),
          },
        ],
      };
    }
    this.fetches++;
    const partitions = asked.map(({ partition = 0, fetchOffset = 0n }) => ({
      partitionIndex: partition,
      errorCode: 0,
      highWatermark: BigInt(this.logs[partition]?.end ?? 0),
      logStartOffset: 0n,
      records: this.batchesFrom(partition, Number(fetchOffset)),
    }));
    return { errorCode: 0, responses: [{ topic: 't', partitions }] };
  };

  private batchesFrom(partition: number, from: number): Buffer {
    const { records, end } = this.logs[partition] ?? { records: new Map<number, number>(), end: 0 };
    const batches: Buffer[] = [];
    for (let base = Math.floor(from / 10) * 10; base < end && batches.length < this.batches; base += 10) {
      const held = Array.from({ length: 10 }, (_none, delta) => delta).filter((delta) => records.has(base + delta));
      // Compaction removes what holds no record, except for the end of the log.
      if (held.length === 0 && base + 10 < end) continue;
      batches.push(
        buildBatch({
          baseOffset: BigInt(base),
          lastOffsetDelta: Math.min(9, end - base - 1),
          records: held.map((offsetDelta) => ({
            offsetDelta,
            value: Buffer.from(`${partition}:${base + offsetDelta}`),
            timestamp: BigInt(records.get(base + offsetDelta) ?? 0),
          })),
        }),
      );
    }
    return Buffer.concat(batches);
  }
}

interface Asked {
  topics: { partitions: { partition?: number; partitionIndex?: number; fetchOffset?: bigint; timestamp?: bigint }[] }[];
}

let client: FakeClient;
let service: MessagesService;

beforeEach(() => {
  client = new FakeClient();
  service = new MessagesService({
    decode: (window) => Promise.resolve(decodeWindow(window)),
  });
});

/** A record at each of the offsets, at the time that equals its offset unless others are given. */
function log(offsets: readonly number[], end: number, times?: readonly number[]): Log {
  return { end, records: new Map(offsets.map((offset, i) => [offset, times?.[i] ?? offset])) };
}
const range = (count: number): number[] => Array.from({ length: count }, (_none, i) => i);
const browse = (kind: 'newest' | 'oldest', limit: number, more: Partial<Payload<'message/browse'>> = {}): Promise<BrowseResult> =>
  service.browse({ foreground: client } as unknown as Pick<OpenConnection, 'foreground'>, {
    connectionId: 'c',
    topic: 't',
    partitions: null,
    from: { kind },
    limit,
    ...more,
  });
const texts = ({ records }: BrowseResult): string[] => records.map(({ value }) => value.text);

describe('MessagesService.browse', () => {
  test('fills the page from the one partition of twelve that has records', async () => {
    client.logs = [...Array.from({ length: 11 }, () => log([], 0)), log(range(1_000), 1_000)];
    const newest = await browse('newest', 50);
    expect(texts(newest)).toEqual(range(50).map((i) => `11:${999 - i}`));
    expect(newest).toMatchObject({ more: true, failed: [] });
    expect(texts(await browse('oldest', 50))).toEqual(range(50).map((i) => `11:${i}`));
  });

  test('shows the records that compaction left, however far apart they are', async () => {
    const live = range(62).map((i) => i * 997 + 3);
    client.logs = [log(live, 100_000), log([], 50_000)];
    for (const [kind, order] of [
      ['newest', live.toReversed()],
      ['oldest', live],
    ] as const) {
      const page = await browse(kind, 200);
      expect(texts(page)).toEqual(order.map((offset) => `0:${offset}`));
      expect(page.more).toBe(false);
      expect(texts(await browse(kind, 10))).toEqual(order.slice(0, 10).map((offset) => `0:${offset}`));
    }
  });

  test('takes the newest of all partitions, not a share of each', async () => {
    client.logs = [log(range(100), 100), log(range(100), 100, range(100).map((i) => 1_000 + i)), log([0], 1, [5_000])]; // prettier-ignore
    expect(texts(await browse('newest', 5))).toEqual(['2:0', '1:99', '1:98', '1:97', '1:96']);
    expect(texts(await browse('newest', 103))).toEqual(['2:0', ...range(100).map((i) => `1:${99 - i}`), '0:99', '0:98']);
  });

  test.each(range(40))('returns exactly the records that a reader of all partitions would order first (seed %i)', async (seed) => {
    const random = seededRandom(seed + 1);
    const expected: { text: string; at: number }[] = [];
    let time = 0;
    client.batches = 1 + random.int(4);
    client.logs = range(1 + random.int(12)).map(() => ({ records: new Map(), end: 0 }));
    const writes = random.int(600);
    for (let i = 0; i < writes; i++) {
      // Some partitions get most of the records, and some none.
      const partition = Math.min(random.int(client.logs.length), random.int(client.logs.length));
      const one = client.logs[partition] as Log;
      // A marker, or a record that compaction has removed.
      if (random.int(3) > 0) {
        one.records.set(one.end, ++time);
        expected.push({ text: `${partition}:${one.end}`, at: time });
      }
      one.end += 1 + (random.int(20) === 0 ? random.int(500) : 0);
    }
    for (const kind of ['newest', 'oldest'] as const) {
      const order = expected.toSorted((a, b) => (kind === 'newest' ? b.at - a.at : a.at - b.at)).map(({ text }) => text);
      for (const limit of [1, 50, 1 + random.int(300)]) {
        const page = await browse(kind, limit);
        expect(texts(page), `${kind} ${limit}`).toEqual(order.slice(0, limit));
        expect(page.more || order.length <= limit, `${kind} ${limit} says that more exists`).toBe(true);
      }
    }
  });

  test('keeps the offsets of a partition in order where its times are not', async () => {
    client.logs = [log([0, 1, 2], 3, [300, 100, 400]), log([0, 1, 2], 3, [150, 350, 50]), log([0, 1, 2], 3, [-1, 250, -1])];
    for (const kind of ['newest', 'oldest'] as const) {
      const page = texts(await browse(kind, 9));
      expect(page).toHaveLength(9);
      for (const partition of [0, 1, 2]) {
        const own = page.filter((text) => text.startsWith(`${partition}:`));
        const ordered = [`${partition}:0`, `${partition}:1`, `${partition}:2`];
        expect(own).toEqual(kind === 'oldest' ? ordered : ordered.toReversed());
      }
    }
  });

  test.each(['newest', 'oldest'] as const)('shows every record once over pages of any size (%s)', async (kind) => {
    client.logs = [log(range(95), 95), log(range(300).filter((i) => i % 7 === 0), 300), log(range(40), 40)]; // prettier-ignore
    const all = texts(await browse(kind, 2_000));
    expect(new Set(all).size).toBe(95 + 43 + 40);
    expect(all).toHaveLength(95 + 43 + 40);
    for (const limit of [1, 2, 3, 19, 100, 177]) expect(texts(await browse(kind, limit))).toEqual(all.slice(0, limit));
  });

  test('ends, and says that more exists, where a leader brings no records', async () => {
    client.logs = [log(range(10), 10), { end: 500, records: new Map() }];
    client.batches = 0;
    expect(await browse('oldest', 10)).toMatchObject({ records: [], more: true });
    expect(client.fetches).toBeLessThan(20);
  });

  test('a busy decoder is an error of its partition by name', async () => {
    client.logs = [log(range(10), 10)];
    service = new MessagesService({
      decode: () => Promise.reject(new AdminError({ code: 'WORKER_BUSY', message: 'busy' })),
    });
    expect((await browse('oldest', 10)).failed).toEqual([{ partition: 0, error: 'WORKER_BUSY' }]);
  });

  test.each(['newest', 'oldest'] as const)('records that ended their decoder are reported, the others are shown (%s)', async (kind) => {
    client.logs = [log(range(40), 40)];
    client.batches = 1;
    service = new MessagesService({
      decode: (window) => {
        const poisoned = Buffer.from(window.bytes).readBigInt64BE() === 10n;
        return poisoned
          ? Promise.reject(new AdminError({ code: 'WORKER_TIMED_OUT', message: 'it took too long' }))
          : Promise.resolve(decodeWindow(window));
      },
    });
    const page = await browse(kind, 40);
    expect(page.failed).toEqual([]);
    expect(new Set(texts(page))).toEqual(new Set(range(40).filter((i) => i < 10 || i > 19).map((i) => `0:${i}`))); // prettier-ignore
    expect(page.cutBatches).toMatchObject([{ lastOffset: '19', shown: 0, reason: 'WORKER_TIMED_OUT' }]);
  });
});
