/** What is asked on a connection behind a write that waits: it is answered as things are once the write is. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { FaultBench } from '../helpers/fault-bench.ts';
import { RawClient } from '../helpers/raw-client.ts';

const VERSION = 9;

let bench: FaultBench;
let client: RawClient | undefined;

beforeAll(async () => {
  bench = await FaultBench.start();
});
afterEach(async () => {
  client?.close();
  await bench.heal();
});
afterAll(() => bench.close());

test('a Metadata request behind a Produce request that waits for a frozen follower returns the ISR without it', async () => {
  const [controller, follower, leader] = await bench.controllerFirst();
  bench.witnesses = [controller, leader];
  const topic = await bench.topic('behind', { 'min.insync.replicas': '1' }, [leader, follower, controller]);
  client = await RawClient.open(Number(bench.cluster.bootstrap.split(',')[leader - 1]?.split(':')[1]));
  await bench.inject({ type: 'freeze', node: follower });

  const records = buildBatch({ records: [{ value: Buffer.from('waits') }], timestamp: BigInt(Date.now()) });
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  const asked = { topics: [{ name: topic }], allowAutoTopicCreation: false };
  client.send(...encodeRequest(produce, VERSION, { correlationId: 1, clientId: 'behind' }, { acks: -1, timeoutMs: 30_000, topicData }));
  client.send(...encodeRequest(metadata, VERSION, { correlationId: 2, clientId: 'behind' }, asked));
  const { frames } = client;
  await client.until(() => frames.length === 2, 30_000);
  const [first, second] = frames as [Buffer, Buffer];
  const [written] = decodeResponse(produce, VERSION, first).body.responses[0]?.partitionResponses ?? [];
  const [found] = decodeResponse(metadata, VERSION, second).body.topics[0]?.partitions ?? [];
  // The write was acknowledged since the ISR had shrunk, and that is what the answer behind it has to know.
  expect(written).toMatchObject({ errorCode: 0 });
  expect([...(found?.isrNodes ?? [])].sort()).toEqual([controller, leader].sort());
});
