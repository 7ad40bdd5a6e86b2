/**
 * A closed segment of a compacted log is damaged on the replica that still has a deleted value, and the other replica has removed the tombstone:
 * after the repair no key comes back, from the leader or from the follower.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { decodeRecords } from '../../electron/cluster/protocol/records-reader.ts';
import { FaultBench } from '../helpers/fault-bench.ts';

const DATA = mkdtempSync(join(tmpdir(), 'brokerdesk-compacted-'));
/** The damaged replica leads one topic and follows in the other. */
const DAMAGED = 2;
const HEALTHY = 1;
const TOPICS = { led: [DAMAGED, HEALTHY], followed: [HEALTHY, DAMAGED] } as const;
const KEYS = ['a', 'b', 'c', 'd', 'e'];
let bench: FaultBench;

let isStopped = false;

afterAll(async () => {
  if (!isStopped) await bench.close();
  rmSync(DATA, { recursive: true, force: true });
});

function logFiles(node: number, topic: string): string[] {
  const directory = join(DATA, `node-${node}`, `${topic}-0`);
  return readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(directory, name));
}

/** Keys of the records in a replica's files, with null for a tombstone. */
function recordsOf(node: number, topic: string): [string, string | null][] {
  return logFiles(node, topic).flatMap((path) =>
    [...iterateBatches(readFileSync(path))].flatMap((batch) =>
      [...decodeRecords(batch, 1 << 20)].map(({ key, value }): [string, string | null] => [
        key?.toString() ?? '',
        value?.toString() ?? null,
      ]),
    ),
  );
}

/** What a reader of the files knows in the end. */
function stateOf(records: readonly (readonly [string, string | null])[]): string[] {
  const state = new Map<string, string>();
  for (const [key, value] of records) {
    if (value === null) state.delete(key);
    else state.set(key, value);
  }
  return [...state.keys()].sort();
}

test('a deleted key of a compacted topic does not come back with the repair of a segment', async () => {
  bench = await FaultBench.start(['--data', DATA]);
  const producer = bench.client().producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const start = Date.now() - 3_600_000;
  for (const [topic, replicas] of Object.entries(TOPICS)) {
    // No compaction is due while the test runs.
    const configs = {
      'cleanup.policy': 'compact',
      'segment.ms': '10000',
      'min.insync.replicas': '1',
      'min.compaction.lag.ms': '604800000',
    };
    await bench.topic(topic, configs, [...replicas]);
    const writes: [string, string | null][] = [
      ['deleted', 'old'],
      ['a', '1'],
      ['deleted', null],
      ['b', '2'],
      ['c', '3'],
      ['d', '4'],
      ['e', '5'],
    ];
    for (const [index, [key, value]] of writes.entries()) {
      const timestamp = String(start + (index >> 1) * 60_000);
      await producer.send({ topic, acks: -1, messages: [{ key, value, partition: 0, timestamp }] });
    }
    await bench.until(topic, ({ isr }) => isr.length === 2, 15_000);
  }
  await producer.disconnect();
  await bench.admin.disconnect();
  expect(await bench.cluster.stop()).toBe(0);
  for (const topic of Object.keys(TOPICS)) {
    // The healthy replica as compaction leaves it past delete.retention.ms: neither the value nor its tombstone.
    const [first, second] = logFiles(HEALTHY, topic) as [string, string];
    for (const path of [first, second]) removeKey(path, 'deleted');
    rmSync(join(DATA, `node-${HEALTHY}`, `${topic}-0`, 'closed-segments'), { force: true });
    for (const path of [first, second])
      for (const suffix of ['.index', '.timeindex']) rmSync(path.replace('.log', suffix), { force: true });
    rmSync(logFiles(DAMAGED, topic)[1] as string);
    expect(recordsOf(DAMAGED, topic)).toContainEqual(['deleted', 'old']);
  }
  bench = await FaultBench.start(['--data', DATA]);
  const repairs = async (): Promise<unknown[]> =>
    (await bench.timeline()).filter(({ type, node }) => type === 'node/segmentRepaired' && node === DAMAGED).map(({ topic }) => topic);
  await expect.poll(repairs, { timeout: 30_000 }).toHaveLength(2);
  expect((await repairs()).sort()).toEqual(Object.keys(TOPICS).sort());
  expect(await bench.read('led')).toEqual(['1', '2', '3', '4', '5']);
  await bench.admin.disconnect();
  expect(await bench.cluster.stop()).toBe(0);
  isStopped = true;
  for (const topic of Object.keys(TOPICS)) expect([topic, stateOf(recordsOf(DAMAGED, topic))]).toEqual([topic, KEYS]);
});

/** Removes the batches of a key from a segment's file. */
function removeKey(path: string, key: string): void {
  const bytes = readFileSync(path);
  const kept = [...iterateBatches(bytes)].filter((batch) =>
    [...decodeRecords(batch, 1 << 20)].every((record) => record.key?.toString() !== key),
  );
  writeFileSync(path, Buffer.concat(kept.map(({ position, sizeInBytes }) => bytes.subarray(position, position + sizeInBytes))));
}
