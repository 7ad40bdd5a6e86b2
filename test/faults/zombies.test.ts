/** A former leader that was frozen, replaced and thawed: nothing that it does before it learns of its successor takes effect. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { heartbeat } from '../../electron/cluster/protocol/apis/heartbeat.ts';
import { produce } from '../../electron/cluster/protocol/apis/produce.ts';
import { ErrorCode, errorName } from '../../electron/cluster/protocol/error-codes.ts';
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { buildBatch } from '../../electron/cluster/protocol/records-builder.ts';
import { decodeRecords } from '../../electron/cluster/protocol/records-reader.ts';
import { expectAll, FAILOVER_MS, FaultBench, later } from '../helpers/fault-bench.ts';
import { RawClient } from '../helpers/raw-client.ts';

let bench: FaultBench;
const clients: RawClient[] = [];

beforeAll(async () => {
  bench = await FaultBench.start();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await bench.heal();
});
afterAll(() => bench.close());

async function open(node: number): Promise<RawClient> {
  const client = await RawClient.open(Number(bench.cluster.bootstrap.split(',')[node - 1]?.split(':')[1]));
  clients.push(client);
  return client;
}

function write(
  client: RawClient,
  topic: string,
  value: string,
  acks: number,
  sequence?: { producerId: bigint; baseSequence: number },
): void {
  const idempotent = sequence === undefined ? {} : { ...sequence, producerEpoch: 0 };
  const records = buildBatch({ records: [{ value: Buffer.from(value) }], timestamp: BigInt(Date.now()), ...idempotent });
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }];
  client.send(...encodeRequest(produce, 9, { correlationId: 1, clientId: 'zombie' }, { acks, timeoutMs: 15_000, topicData }));
}

/** How the one write of a connection was answered. */
async function answer(client: RawClient): Promise<{ errorCode: number; baseOffset: bigint }> {
  await client.until(() => client.frames.length > 0 || client.closed, 20_000);
  const [frame] = client.frames;
  if (frame === undefined) throw new Error(`no answer to a write; the connection is ${client.closed ? 'closed' : 'open'}`);
  const [partition] = decodeResponse(produce, 9, frame).body.responses[0]?.partitionResponses ?? [];
  if (partition === undefined) throw new Error('an answer to a write that names no partition');
  return partition;
}

function ask(client: RawClient, topic: string, fetchOffset: bigint): void {
  const topics = [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }];
  const body = { maxWaitMs: 100, minBytes: 1, maxBytes: 1 << 20, topics };
  client.send(...encodeRequest(fetch, 11, { correlationId: 1, clientId: 'zombie-reader' }, body));
}

/** The values in what a consumer was answered. */
function valuesIn(frame: Buffer): string[] {
  const [partition] = decodeResponse(fetch, 11, frame).body.responses[0]?.partitions ?? [];
  const values: string[] = [];
  for (const batch of iterateBatches(partition?.records ?? Buffer.alloc(0))) {
    for (const { value } of decodeRecords(batch, 1 << 20)) values.push(value?.toString() ?? '');
  }
  return values;
}

test('writes that reached a frozen leader and are handled after its thaw are never read, and with acks=all never acknowledged', async () => {
  const [controller, leader, other] = await bench.controllerFirst();
  bench.witnesses = [controller, other];
  const topic = await bench.topic('zombie', {}, [leader, controller, other]);
  const writer = await bench.writer(topic);
  await writer.more(20);
  const [one, all, reader] = [await open(leader), await open(leader), await open(leader)];
  const fault = await bench.inject({ type: 'freeze', node: leader });
  // The kernel takes these: they are the first thing that the thawed node finds.
  write(one, topic, 'zombie acks=1', 1);
  write(all, topic, 'zombie acks=all', -1);
  await bench.until(topic, (state) => state.leader !== leader, FAILOVER_MS);
  await writer.more(20);
  // Only this producer has written to the new leader.
  const end = BigInt(writer.acked.length);
  // A consumer at the former leader, whose log has more records of its own epoch.
  ask(reader, topic, 0n);
  const since = (await bench.timeline()).at(-1)?.id ?? 0;
  await bench.cluster.control('DELETE', `/faults/${fault.id}`);
  const [first, second] = await Promise.all([answer(one), answer(all)]);
  const atZombie: string[] = [];
  for (let i = 0; i < 20; i++) {
    await reader.until(() => reader.frames.length > 0 || reader.closed);
    for (const frame of reader.frames.splice(0)) atZombie.push(...valuesIn(frame));
    ask(reader, topic, 0n);
    await later(50);
  }
  await bench.whole(topic);
  await writer.more(20);
  const acked = await writer.stop();
  const read = await bench.read(topic);
  expectAll(acked, read);

  expect(errorName(second.errorCode)).toBe('NOT_LEADER_OR_FOLLOWER');
  expect([...read, ...atZombie].filter((value) => value.startsWith('zombie'))).toEqual([]);
  expect(atZombie.length).toBeGreaterThan(0);
  if (first.errorCode !== ErrorCode.NONE) {
    // On a busy machine the thawed node may receive the new metadata first.
    expect(errorName(first.errorCode)).toBe('NOT_LEADER_OR_FOLLOWER');
    return;
  }
  // The limit of acks=1: the record was in the log of the former leader only.
  expect(first.baseOffset).toBeLessThan(end);
  const cut = (await bench.timeline(since)).filter(
    ({ type, node, topic: of }) => type === 'partition/truncated' && node === leader && of === topic,
  );
  expect(cut).toMatchObject([{ partitions: [0], causeId: expect.any(Number) }]);
  const { from, to } = cut[0]?.details ?? {};
  expect(BigInt(String(to))).toBeLessThanOrEqual(first.baseOffset);
  // Both were appended, in whichever order; the writer may have had a record of its own on the way there when the node froze.
  expect(BigInt(String(from)) - BigInt(String(to))).toBeGreaterThanOrEqual(2n);
});

test('a write behind others that a new leader took is sent there by a leader that thaws, not refused as out of order', async () => {
  const [controller, leader, other] = await bench.controllerFirst();
  bench.witnesses = [controller, other];
  const topic = await bench.topic('sequences', {}, [leader, controller, other]);
  const producerId = 4_242n;
  const begin = await open(leader);
  write(begin, topic, 's0', -1, { producerId, baseSequence: 0 });
  expect(errorName((await answer(begin)).errorCode)).toBe('NONE');
  // All of these wait in the socket of the frozen node, and are the first that it reads.
  const [behind, unknown, group, end] = [await open(leader), await open(leader), await open(leader), await open(leader)];
  const fault = await bench.inject({ type: 'freeze', node: leader });
  write(behind, topic, 's4', -1, { producerId, baseSequence: 4 });
  write(unknown, topic, 'one', 1);
  const state = await bench.until(topic, (now) => now.leader > 0 && now.leader !== leader, FAILOVER_MS).then(() => bench.partition(topic));
  for (const sequence of [1, 2, 3]) {
    const next = await open(state.leader);
    write(next, topic, `s${sequence}`, -1, { producerId, baseSequence: sequence });
    expect(errorName((await answer(next)).errorCode)).toBe('NONE');
  }
  // A consumer that has read from the new leader, and asks the old one beyond its end, without an epoch.
  ask(end, topic, 4n);
  const member = { groupId: 'zombies', generationId: 7, memberId: 'member-of-another-coordinator' };
  group.send(...encodeRequest(heartbeat, 4, { correlationId: 1, clientId: 'zombie-member' }, member));
  await bench.cluster.control('DELETE', `/faults/${fault.id}`);
  expect(errorName((await answer(behind)).errorCode)).toBe('NOT_LEADER_OR_FOLLOWER');
  expect(errorName((await answer(unknown)).errorCode)).toBe('NOT_LEADER_OR_FOLLOWER');
  await end.until(() => end.frames.length > 0);
  const [asked] = decodeResponse(fetch, 11, end.frames[0] as Buffer).body.responses[0]?.partitions ?? [];
  // As a follower it serves consumers too, once it has what they ask for; it never says that the offset does not exist.
  expect(['NONE', 'NOT_LEADER_OR_FOLLOWER', 'OFFSET_NOT_AVAILABLE']).toContain(errorName(asked?.errorCode ?? -1));
  await group.until(() => group.frames.length > 0);
  expect(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'UNKNOWN_MEMBER_ID']).toContain(
    errorName(decodeResponse(heartbeat, 4, group.frames[0] as Buffer).body.errorCode),
  );
  const again = await open(state.leader);
  write(again, topic, 's4', -1, { producerId, baseSequence: 4 });
  expect(errorName((await answer(again)).errorCode)).toBe('NONE');
  await bench.whole(topic);
  expect(await bench.read(topic)).toEqual(['s0', 's1', 's2', 's3', 's4']);
});
