/** The end of everything, while something is wrong: it does not take long, and who can close its logs does. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { FaultBench, later } from '../helpers/fault-bench.ts';
import { RawClient } from '../helpers/raw-client.ts';

/** Before this was looked after it took 30 s; it takes a second, or a few where a node has to be given up. */
const PROMPT_MS = 15_000;

let bench: FaultBench;
let data: string;

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'brokerdesk-endings-'));
  bench = await FaultBench.start(['--data', data]);
});
afterEach(async () => {
  await bench.cluster.stop();
  rmSync(data, { recursive: true, force: true });
});

/** SIGINT; returns which nodes closed their logs in order. */
async function end(): Promise<number[]> {
  await bench.admin.disconnect();
  const from = performance.now();
  // No code: it had to be killed.
  expect(await bench.cluster.stop({ timeoutMs: 40_000 })).toBe(0);
  expect(performance.now() - from).toBeLessThan(PROMPT_MS);
  return [1, 2, 3].filter((node) => existsSync(join(data, `node-${node}`, '.kafka_cleanshutdown')));
}

test('a frozen node is not waited for', async () => {
  const topic = await bench.topic('frozen');
  const writer = await bench.writer(topic);
  await writer.more(5);
  await writer.stop();
  await bench.inject({ type: 'freeze', node: 2 });
  expect(await end()).toEqual([1, 3]);
  expect(bench.cluster.stderr).toContain('broker 2: frozen, so it is terminated without a stop');
});

test('a disk that takes minutes for a write does not delay the shutdown', async () => {
  const topic = await bench.topic('slow', {}, [2, 1, 3]);
  await bench.inject({ type: 'slowDisk', node: 2, latencyMs: 600_000 });
  const client = await RawClient.open(Number(bench.cluster.bootstrap.split(',')[1]?.split(':')[1]));
  const records = buildBatch({ records: [{ value: Buffer.from('waits') }], timestamp: BigInt(Date.now()) });
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  client.send(...encodeRequest(produce, 9, { correlationId: 1, clientId: 'test' }, { acks: -1, timeoutMs: 600_000, topicData }));
  await later(1_000);
  await end();
  client.close();
});

test('controlled shutdown of the whole cluster: a broker without a possible successor is answered and closes its logs', async () => {
  const topic = await bench.topic('leaving');
  const writer = await bench.writer(topic);
  await writer.more(5);
  await writer.stop();
  // No node answers the third one.
  await bench.inject({ type: 'freeze', node: 1 });
  await bench.inject({ type: 'freeze', node: 2 });
  const leaving = bench.inject({ type: 'stop', node: 3 }).catch(() => undefined);
  await expect.poll(async () => (await bench.cluster.nodes())[2]?.state, { timeout: 20_000 }).toBe('stopping');
  expect(await end()).toEqual([3]);
  await leaving;
  expect(bench.cluster.stderr).not.toContain('broker 3: terminated');
});
