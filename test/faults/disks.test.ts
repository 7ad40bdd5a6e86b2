import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../electron/cluster/lib/system-clock.ts';
import { systemRandom } from '../../electron/cluster/lib/system-random.ts';
import { PeerClient } from '../../electron/cluster/network/client.ts';
import { tcpNetwork } from '../../electron/cluster/network/tcp.ts';
import { fetch } from '../../electron/cluster/protocol/apis/fetch.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { iterateBatches } from '../../electron/cluster/protocol/record-batch.ts';
import { expectAll, FAILOVER_MS, FaultBench, later } from '../helpers/fault-bench.ts';

/** Reads partition 0 from that very broker as a consumer does: how far it comes, and the error that ends it (none at the end of the log). */
async function readAll(bench: FaultBench, node: number, topic: string): Promise<[bigint, number]> {
  const client = new PeerClient({
    network: tcpNetwork(),
    clock: systemClock,
    random: systemRandom(),
    address: { host: '127.0.0.1', port: Number(bench.cluster.bootstrap.split(',')[node - 1]?.split(':')[1]) },
    clientId: 'reader',
  });
  try {
    for (let fetchOffset = 0n; ;) {
      const answer = await client.send(
        fetch,
        12,
        {
          maxWaitMs: 10,
          minBytes: 1,
          maxBytes: 1 << 20,
          topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }],
        },
        { timeoutMs: 5_000 },
      );
      const [partition] = answer.responses[0]?.partitions ?? [];
      if (partition === undefined) return [fetchOffset, answer.errorCode];
      const last = [...iterateBatches(partition.records ?? Buffer.alloc(0))].at(-1);
      if (partition.errorCode !== ErrorCode.NONE || last === undefined) return [fetchOffset, partition.errorCode];
      fetchOffset = last.lastOffset + 1n;
    }
  } finally {
    client.close();
  }
}

describe('faults of disks and clocks', () => {
  let bench: FaultBench;

  beforeAll(async () => {
    bench = await FaultBench.start();
  });
  afterEach(() => bench.heal());
  afterAll(() => bench.close());

  test('slow disk of the leader: every write waits', async () => {
    const topic = await bench.topic('slow-disk');
    // A producer's id is metadata, which waits for the same disk, and this client gives it a second only.
    const writer = await bench.writer(topic);
    await bench.inject({ type: 'slowDisk', node: 1, latencyMs: 200 });
    // A timer may fire up to a millisecond early.
    expect(Math.min(...(await writer.timeWrites(3)))).toBeGreaterThan(199);
    await bench.heal();
    await writer.more(20);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('full disk of the leader: another one leads, nothing is lost, and with room it comes back', async () => {
    const topic = await bench.topic('full-disk');
    const writer = await bench.writer(topic);
    await writer.more(20);
    const fault = await bench.inject({ type: 'fullDisk', node: 1 });
    await bench.until(topic, ({ leader }) => leader > 1, FAILOVER_MS);
    await writer.more(20);
    await expect.poll(async () => (await bench.cluster.nodes())[0]?.state, { timeout: FAILOVER_MS }).toBe('failed');
    await bench.cluster.control('DELETE', `/faults/${fault.id}`);
    await bench.whole(topic);
    await writer.more(5);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('corruption of the tail on one replica: recovery notices, and the others make it whole', async () => {
    const topic = await bench.topic('corrupt', { 'segment.bytes': '1048576' });
    const writer = await bench.writer(topic, 100_000);
    await writer.more(25);
    await bench.cluster.kill(1);
    const fault = await bench.inject({ type: 'corrupt', node: 1, topic, partition: 0, where: 'tail' });
    expect(fault.detail).toMatch(/8 bytes of corrupt-0\/\d{20}\.log flipped, from byte \d+ on/);
    const closed = await bench.inject({ type: 'corrupt', node: 1, topic, partition: 0, where: 'closedSegment' });
    // Healed before a reader reaches it: the same bytes as before.
    await bench.cluster.control('DELETE', `/faults/${closed.id}`);
    // Not the last event of all: the session of the killed broker may have expired meanwhile.
    const healed = (await bench.timeline()).findLast(({ type }) => type === 'lab/faultHealed');
    expect(healed).toMatchObject({ reason: expect.stringContaining('the original bytes were restored') });
    await bench.cluster.startNode(1);
    await bench.whole(topic);
    const acked = await writer.stop();
    expectAll(acked, await bench.read(topic));
    // Byte for byte the same on every node, the damaged one included; where a segment ends depends on how much came at once.
    const [first, second, third] = [1, 2, 3].map((node) => {
      const directory = join(bench.cluster.line.data, `node-${node}`, `${topic}-0`);
      const segments = readdirSync(directory).filter((name) => name.endsWith('.log'));
      return Buffer.concat(segments.sort().map((name) => readFileSync(join(directory, name))));
    });
    expect(second?.length).toBeGreaterThan(25 * 100_000);
    expect([first?.equals(second as Buffer), third?.equals(second as Buffer)]).toEqual([true, true]);
    const [found, ...more] = (await bench.timeline()).filter(({ type, topic: of }) => type === 'node/corruptionFound' && of === topic);
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      node: 1,
      broker: 1,
      partitions: [0],
      reason: expect.stringMatching(/^\d+ bytes from offset \d+ on cut off \(checksum .*\): fetched again from /),
      details: { foundBy: 'recovery', follows: 'fetchedAgain' },
      causeId: fault.eventId,
    });
  });

  test('corruption of a closed segment: its reader is refused until it is repaired from another replica, and reads every record then', async () => {
    const topic = await bench.topic('rot', { 'segment.bytes': '1048576' });
    const writer = await bench.writer(topic, 100_000);
    await writer.more(25);
    const acked = await writer.stop();
    // What is in memory is served from there, whatever the disk says: the node has to have forgotten it.
    await bench.inject({ type: 'stop', node: 1 });
    const fault = await bench.inject({ type: 'corrupt', node: 1, topic, partition: 0, where: 'closedSegment' });
    await bench.cluster.startNode(1);
    await bench.whole(topic);
    // A follower serves consumers too, from its own files.
    const [fetched, broken] = await readAll(bench, 1, topic);
    const events = async (type: string) => (await bench.timeline()).filter((event) => event.type === type && event.topic === topic);
    // The answer to a client may be read before the event has reached the timeline.
    await expect.poll(async () => (await events('node/corruptionFound')).length, { timeout: FAILOVER_MS }).toBeGreaterThan(0);
    const [found, ...more] = await events('node/corruptionFound');
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      node: 1,
      partitions: [0],
      reason: expect.stringMatching(
        /^the batch at offset \d+ is not handed out \(checksum .*\): reads are refused there until it is repaired from /,
      ),
      details: { foundBy: 'read', follows: 'repair', offset: String(fetched), bytes: 0 },
      causeId: fault.eventId,
    });
    // One that clients try again after.
    expect(broken).toBe(ErrorCode.KAFKA_STORAGE_ERROR);
    await expect.poll(() => readAll(bench, 1, topic), { timeout: FAILOVER_MS }).toEqual([BigInt(acked.length), ErrorCode.NONE]);
    await expect.poll(async () => (await events('node/segmentRepaired')).length, { timeout: FAILOVER_MS }).toBeGreaterThan(0);
    expect(await events('node/segmentRepaired')).toMatchObject([{ node: 1, partitions: [0], causeId: found?.id }]);
  });

  test('clock skew: records have the wrong timestamp, and the cluster works', async () => {
    const topic = await bench.topic('clock', { 'message.timestamp.type': 'LogAppendTime' });
    const writer = await bench.writer(topic);
    await writer.more(5);
    await bench.inject({ type: 'clockSkew', node: 1, offsetMs: 3_600_000 });
    await bench.inject({ type: 'clockSkew', node: 2, offsetMs: -7_200_000 });
    const since = (await bench.timeline()).at(-1)?.id ?? 0;
    await writer.more(20);
    await later(1_500);
    expect(await bench.partition(topic)).toEqual({ leader: 1, isr: [1, 2, 3] });
    const [offset] = await bench.admin.fetchTopicOffsetsByTimestamp(topic, Date.now() + 3_000_000);
    expect(Number(offset?.offset)).toBeGreaterThanOrEqual(5);
    expect((await bench.timeline(since)).filter(({ type }) => type === 'cluster/brokerFenced')).toEqual([]);
    await bench.heal();
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('one call undoes all of it: a broker that was stopped, one whose disk filled up, and one that is frozen', async () => {
    bench.witnesses = [1, 2];
    const topic = await bench.topic('undone-together', {}, [3, 1, 2]);
    const writer = await bench.writer(topic);
    await writer.more(10);
    await bench.inject({ type: 'stop', node: 1 });
    await bench.inject({ type: 'fullDisk', node: 3 });
    await expect.poll(() => bench.stateOf(3), { timeout: FAILOVER_MS }).toBe('failed');
    await bench.inject({ type: 'freeze', node: 2 });
    await bench.heal();
    expect(await Promise.all([1, 2, 3].map((node) => bench.stateOf(node)))).toEqual(['running', 'running', 'running']);
    await bench.whole(topic);
    await writer.more(10);
    expectAll(await writer.stop(), await bench.read(topic));
  });

  test('a broker that was frozen while its disk was full meets that late, and is back all the same', async () => {
    bench.witnesses = [1, 3];
    const topic = await bench.topic('met-late', {}, [2, 1, 3]);
    const writer = await bench.writer(topic);
    await writer.more(10);
    await bench.inject({ type: 'freeze', node: 2 });
    await bench.inject({ type: 'fullDisk', node: 2 });
    await bench.until(topic, ({ leader }) => leader !== 2, FAILOVER_MS);
    await bench.heal();
    await bench.whole(topic);
    expect(await bench.stateOf(2)).toBe('running');
    await writer.more(10);
    expectAll(await writer.stop(), await bench.read(topic));
  });
});
