/**
 * Batches of 100 KB that hold millions of records, in a topic that a page shows: the page holds what was asked for, the batch is
 * reported, and neither the app's thread nor another client waits for it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClusterClient } from '../../electron/admin/cluster-client.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import type { Events } from '../../shared/ipc.ts';
import { startTestHost, type TestHost } from '../helpers/app-host.ts';
import { batchAround, consecutiveRecords } from '../helpers/record-bombs.ts';

const TOPIC = 'bombs';
/** The most that the embedded cluster takes, some 9 MB decompressed; record-window.test.ts has the larger ones of other clusters. */
const RECORDS = 1_000_000;
const BOMBS = 8;

let app: TestHost;
let client: ClusterClient;
let bomb: Buffer;

beforeAll(async () => {
  app = await startTestHost(1);
  client = new ClusterClient({ bootstrap: app.host.bootstrap(), clientId: 'bomber' });
  await client.metadata([]);
  const configs = { 'max.message.bytes': '52428800' };
  for (const name of [TOPIC, 'quiet', 'wide'])
    await app.get('topic/create', { name, partitions: name === 'wide' ? 12 : 1, replicationFactor: 1, configs, validateOnly: false });
  bomb = batchAround(consecutiveRecords(RECORDS), RECORDS, 'zstd');
});
afterAll(async () => {
  client.close();
  await app.host.close();
});

async function write(topic: string, partition: number, records: Buffer): Promise<bigint> {
  return client.retrying(async () => {
    await client.metadata([topic]);
    const answer = await client.onBroker(
      1,
      produce,
      { acks: -1, timeoutMs: 30_000, topicData: [{ name: topic, partitionData: [{ index: partition, records }] }] },
      { maxVersion: 12, timeoutMs: 60_000 },
    );
    const result = answer.responses[0]?.partitionResponses[0];
    if (result?.errorCode !== 0) throw new Error(`produce: ${result?.errorCode} ${result?.errorMessage}`);
    return result.baseOffset;
  });
}

const one = (text: string, timestamp = BigInt(Date.now())): Buffer => buildBatch({ timestamp, records: [{ value: Buffer.from(text) }] });

/**
 * Runs `work` and measures the most processor time that this thread spent without a pause (unlike time on the wall it does not grow
 * while the machine does something else), and the largest resident memory.
 */
async function measured<T>(work: () => Promise<T>): Promise<{ value: T; blockedMs: number; residentMb: number }> {
  const spentMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  let last = spentMs();
  let blockedMs = 0;
  let residentMb = 0;
  const look = (): void => {
    const now = spentMs();
    blockedMs = Math.max(blockedMs, now - last);
    last = now;
    residentMb = Math.max(residentMb, process.memoryUsage.rss() / 1e6);
  };
  const beat = setInterval(look, 5);
  try {
    const value = await work();
    look();
    return { value, blockedMs: Math.round(blockedMs), residentMb: Math.round(residentMb) };
  } finally {
    clearInterval(beat);
  }
}

describe('a topic with record bombs', () => {
  test('is browsed while another client writes without a pause', async () => {
    await write(TOPIC, 0, one('first'));
    for (let i = 0; i < BOMBS; i++) await write(TOPIC, 0, bomb);
    await write(TOPIC, 0, one('last'));
    const end = BOMBS * RECORDS + 2;
    // The first use starts the worker.
    await app.get('message/browse', { topic: 'quiet', partitions: null, from: { kind: 'oldest' }, limit: 1 });

    let longestWriteMs = 0;
    let writing = true;
    const writer = (async () => {
      while (writing) {
        const at = performance.now();
        await write('quiet', 0, one('x'));
        longestWriteMs = Math.max(longestWriteMs, performance.now() - at);
      }
    })();
    const { value, blockedMs, residentMb } = await measured(async () => ({
      oldest: await app.get('message/browse', { topic: TOPIC, partitions: null, from: { kind: 'oldest' }, limit: 500 }),
      newest: await app.get('message/browse', { topic: TOPIC, partitions: null, from: { kind: 'newest' }, limit: 500 }),
      middle: await app.get('message/browse', {
        topic: TOPIC,
        partitions: null,
        from: { kind: 'offset', offset: `${RECORDS - 10}` },
        limit: 50,
      }),
    }));
    writing = false;
    await writer;
    console.log(
      `${BOMBS} bombs of ${bomb.length} bytes, ${RECORDS} records each: blocked ${blockedMs} ms, resident ${residentMb} MB, write ${Math.round(longestWriteMs)} ms`,
    );

    const offsets = (name: keyof typeof value): number[] => value[name].records.map(({ offset }) => Number(offset));
    expect(offsets('oldest')).toEqual(Array.from({ length: 500 }, (_none, i) => i));
    expect(value.oldest.records[0]?.value.text).toBe('first');
    expect(value.oldest.cutBatches).toMatchObject([{ offset: '1', records: RECORDS, shown: 499, reason: 'RECORDS' }]);
    expect(offsets('newest')).toEqual(Array.from({ length: 500 }, (_none, i) => end - 1 - i));
    expect(value.newest.records[0]?.value.text).toBe('last');
    expect(offsets('middle')).toEqual(Array.from({ length: 50 }, (_none, i) => RECORDS - 10 + i));
    for (const name of ['oldest', 'newest', 'middle'] as const) expect(value[name]).toMatchObject({ failed: [], more: true });
    // Before, in this thread: seconds for each batch, and its end at the second one.
    expect(blockedMs).toBeLessThan(3_000);
    expect(longestWriteMs).toBeLessThan(10_000);
  });

  test('is tailed: the newest 200 are shown, the rest is counted, and the tail continues', async () => {
    const tailed: Events['message/tailed'][] = [];
    const unsubscribe = app.host.services.events.subscribe((event, payload) => {
      if (event === 'message/tailed') tailed.push(payload as Events['message/tailed']);
    });
    const { tailId } = await app.get('message/tail', { topic: TOPIC, partitions: null });
    await expect.poll(() => tailed.flatMap(({ begins }) => begins), { timeout: 20_000 }).toHaveLength(1);
    const texts = (): string[] => tailed.flatMap(({ records }) => records.map(({ value }) => value.text));
    const { blockedMs, residentMb } = await measured(async () => {
      for (let i = 0; i < BOMBS; i++) await write(TOPIC, 0, bomb);
      await write(TOPIC, 0, one('after the bombs'));
      await expect.poll(texts, { timeout: 60_000, interval: 100 }).toContain('after the bombs');
    });
    console.log(`tail: blocked ${blockedMs} ms, resident ${residentMb} MB`);
    const shown = tailed.reduce((sum, { records }) => sum + records.length, 0);
    const dropped = tailed.reduce((sum, part) => sum + part.dropped, 0);
    expect(shown + dropped).toBe(BOMBS * RECORDS + 1);
    expect(tailed.flatMap(({ cutBatches }) => cutBatches).every(({ reason }) => reason === 'RECORDS')).toBe(true);
    expect(tailed.at(-1)?.error).toBeNull();
    expect(blockedMs).toBeLessThan(3_000);
    await app.get('message/untail', { tailId });
    unsubscribe();
  });

  test('a batch of 12,000 small records does not end a live tail', async () => {
    const tailed: Events['message/tailed'][] = [];
    const unsubscribe = app.host.services.events.subscribe((event, payload) => {
      if (event === 'message/tailed') tailed.push(payload as Events['message/tailed']);
    });
    const { tailId } = await app.get('message/tail', { topic: 'quiet', partitions: null });
    await expect.poll(() => tailed.flatMap(({ begins }) => begins), { timeout: 20_000 }).toHaveLength(1);
    const many = buildBatch({ records: Array.from({ length: 12_000 }, () => ({ value: Buffer.from('ab') })), timestamp: 1n });
    for (let i = 0; i < 20; i++) await write('quiet', 0, many);
    await write('quiet', 0, one('after'));
    await expect
      .poll(() => tailed.flatMap(({ records }) => records.map(({ value }) => value.text)), { timeout: 60_000 })
      .toContain('after');
    const total = tailed.reduce((sum, { records, dropped }) => sum + records.length + dropped, 0);
    expect(total).toBe(240_001);
    await app.get('message/untail', { tailId });
    unsubscribe();
  });
});

describe('a page of records', () => {
  test('is filled from one busy partition among twelve, newest and oldest first', async () => {
    const records = Array.from({ length: 1_000 }, (_none, i) => ({ value: Buffer.from(`${i}`), timestamp: BigInt(1_000 + i) }));
    await write('wide', 7, buildBatch({ records }));
    await write('wide', 2, one('oldest of all', 1n));
    const browse = async (kind: 'newest' | 'oldest'): Promise<string[]> => {
      const { records: rows, failed } = await app.get('message/browse', { topic: 'wide', partitions: null, from: { kind }, limit: 50 });
      expect(failed).toEqual([]);
      return rows.map(({ value }) => value.text);
    };
    expect(await browse('newest')).toEqual(Array.from({ length: 50 }, (_none, i) => `${999 - i}`));
    expect(await browse('oldest')).toEqual(['oldest of all', ...Array.from({ length: 49 }, (_none, i) => `${i}`)]);
  });
});
