/** Internal topics take no client's records; what the admin client may write there does not keep groups from being served. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { findCoordinator } from '../../electron/cluster/protocol/apis/find-coordinator.ts';
import { listGroups } from '../../electron/cluster/protocol/apis/list-groups.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { offsetCommit } from '../../electron/cluster/protocol/apis/offset-commit.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { until } from '../helpers/processes.ts';
import { ProtocolClient } from '../helpers/protocol-client.ts';

const OFFSETS = '__consumer_offsets';
let cluster: ClusterProcess;
let client: ProtocolClient;
let admin: ProtocolClient;

beforeAll(async () => {
  cluster = await ClusterProcess.start(['--memory', '--brokers', '1']);
  const port = Number(cluster.bootstrap.split(':').at(-1));
  client = new ProtocolClient(port, 'any-client');
  admin = new ProtocolClient(port, '__admin_client');
});
afterAll(async () => {
  client.close();
  admin.close();
  await cluster.stop();
});

async function write(as: ProtocolClient, index: number): Promise<number | undefined> {
  const records = buildBatch({ records: [{ key: Buffer.from('k'), value: Buffer.from('v') }] });
  const topicData = [{ name: OFFSETS, partitionData: [{ index, records }] }];
  const answer = await as.ask(produce, 9, { acks: -1, timeoutMs: 5_000, topicData });
  return answer?.responses[0]?.partitionResponses[0]?.errorCode;
}

async function groups(): Promise<{ errorCode: number; ids: string[] } | undefined> {
  const answer = await client.ask(listGroups, 3, {});
  return answer && { errorCode: answer.errorCode, ids: answer.groups.map(({ groupId }) => groupId) };
}

test('a record that is none of its own in every partition of __consumer_offsets: groups are served after a restart of the coordinator', async () => {
  await until('the group has a coordinator', 30_000, async () => {
    const found = await client.ask(findCoordinator, 2, { key: 'billing', keyType: 0 });
    return found?.errorCode === ErrorCode.NONE;
  });
  await until('an offset is committed', 30_000, async () => {
    await client.ask(metadata, 8, { topics: [{ name: 'orders' }], allowAutoTopicCreation: true });
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: '' }] }];
    const answer = await client.ask(offsetCommit, 7, { groupId: 'billing', generationIdOrMemberEpoch: -1, memberId: '', topics });
    return answer?.topics[0]?.partitions[0]?.errorCode === ErrorCode.NONE;
  });
  const described = await client.ask(metadata, 8, { topics: [{ name: OFFSETS }], allowAutoTopicCreation: false });
  const count = described?.topics[0]?.partitions.length ?? 0;
  expect(count).toBeGreaterThan(1);
  expect(await write(client, 0)).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION);
  for (let index = 0; index < count; index++) expect(await write(admin, index)).toBe(ErrorCode.NONE);
  const read = await client.ask(fetch, 11, {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: OFFSETS, partitions: [{ partition: 1, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }],
  });
  expect(read?.responses[0]?.partitions[0]?.records?.length).toBeGreaterThan(0);

  await cluster.kill(1);
  await cluster.startNode(1);
  await until('every partition is loaded', 30_000, async () => {
    const listed = await groups().catch(() => undefined);
    return listed?.errorCode === ErrorCode.NONE && listed.ids.includes('billing');
  });
  const events = await cluster.control<{ type: string; details?: { foundBy?: string; records?: number } }[]>('GET', '/timeline?since=0');
  const skipped = events.filter(({ type, details }) => type === 'node/corruptionFound' && details?.foundBy === 'decode');
  expect(skipped.map(({ details }) => details?.records)).toEqual(Array.from({ length: count }, () => 1));
});
