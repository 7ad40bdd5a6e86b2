/** A received snapshot is checked, decoded and applied in slices; until the last slice the log and the image do not change. */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { completeMetadataRecord } from '../../../electron/cluster/protocol/records/metadata-records.ts';
import { applySnapshotInSteps } from '../../../electron/cluster/quorum/image-records.ts';
import { MetadataLog } from '../../../electron/cluster/quorum/metadata-log.ts';
import { QuorumCluster, type TestNode } from '../../helpers/quorum-cluster.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const ID = { endOffset: 30n, epoch: 3 };
const open = (): MetadataLog =>
  MetadataLog.open({ disk: new MemoryDisk(), dataDirectory: '/data', clock: new VirtualClock(), logger: silentLogger });

function snapshotBytes(records: number): Buffer {
  const source = open();
  for (let index = 0; index < 30; index++) source.append(3, 5, [Buffer.from(`r${index}`)]);
  source.flush();
  const writer = source.writeSnapshot(ID, 77);
  for (let at = 0; at < records; at += 100) {
    writer.append(Array.from({ length: Math.min(100, records - at) }, (_, index) => Buffer.from(`record ${at + index}`)));
  }
  writer.finish();
  return Buffer.from(source.readSnapshot(ID, 0n, 1 << 24)?.bytes ?? []);
}

function receive(bytes: Buffer) {
  const log = open();
  const receiver = log.receiveSnapshot(ID);
  for (let at = 0; at < bytes.length; at += 1_000) receiver.append(bytes.subarray(at, at + 1_000));
  return { log, receiver };
}

describe('a received snapshot', () => {
  it('yields its records batch by batch, and replaces the log only when it is finished', () => {
    const { log, receiver } = receive(snapshotBytes(2_000));
    const batches = [...receiver.records()].filter((batch) => batch.length > 0);
    expect(batches).toHaveLength(20);
    expect(batches.flat().map(String)).toEqual(Array.from({ length: 2_000 }, (_, index) => `record ${index}`));
    expect([log.endOffset, log.latestSnapshot]).toEqual([0n, undefined]);
    receiver.finish();
    expect([log.endOffset, log.latestSnapshot]).toEqual([30n, ID]);
  });

  it.each([
    ['a flipped bit', (bytes: Buffer) => void (bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1)],
    ['no footer', (bytes: Buffer) => bytes.subarray(0, bytes.length - 80)],
    ['bytes behind its footer', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('more')])],
    ['no bytes', () => Buffer.alloc(0)],
    ['no header', (bytes: Buffer) => bytes.subarray(12 + bytes.readInt32BE(8))],
  ])('with %s is refused, with or without its records read before', (_what, change) => {
    const bytes = snapshotBytes(500);
    const damaged = change(bytes) ?? bytes;
    const corrupt = expect.objectContaining({ code: ErrorCode.CORRUPT_MESSAGE }) as Error;
    const { log, receiver } = receive(damaged);
    expect(() => [...receiver.records()]).toThrow(corrupt);
    expect(() => receiver.finish()).toThrow(corrupt);
    expect(log.latestSnapshot).toBeUndefined();
    expect(() => receive(damaged).receiver.finish()).toThrow(corrupt);
  });
});

it('is converted to an image in steps of at most a few hundred records', () => {
  const records = Array.from({ length: 5_000 }, (_, index) =>
    completeMetadataRecord({
      type: 'ConfigRecord',
      value: { resourceType: 2, resourceName: `t${index}`, name: 'retention.ms', value: '5' },
    }),
  );
  let yields = 0;
  const work = applySnapshotInSteps(records, 'p8vRBjG1T0aqJvHCvtYbXg', { offset: 5_000n, epoch: 1 });
  for (let step = work.next(); step.done !== true; step = work.next()) yields++;
  expect(yields).toBeGreaterThanOrEqual(5_000 / 1_000);
});

describe('a follower that receives a snapshot', () => {
  const properties = { 'metadata.log.max.record.bytes.between.snapshots': '1500' };
  const topic = (cluster: QuorumCluster, from: TestNode, name: string) =>
    cluster.clock.settled(
      from.quorum.channel.send(
        createTopics,
        7,
        { topics: [{ name, numPartitions: 3, replicationFactor: 1, assignments: [], configs: [] }], timeoutMs: 3000, validateOnly: false },
        { timeoutMs: 3000 },
      ),
      3500,
    );

  /** Three nodes, one of which was down for so long that it needs a snapshot, with a clock on which every reading takes `costMs`. */
  async function lagging(costMs: number) {
    const cluster = new QuorumCluster(3, { seed: 3, properties });
    await cluster.withBrokers();
    const away = [...cluster.nodes.values()].find((node) => node !== cluster.controller) as TestNode;
    cluster.kill(away.id);
    for (let index = 0; index < 30; index++) await topic(cluster, cluster.controller as TestNode, `t-${index}`);
    await cluster.clock.advance(500);
    const back = cluster.start(away.id);
    const { log } = back.quorum as unknown as { log: MetadataLog };
    const receiveSnapshot = log.receiveSnapshot.bind(log);
    const seen = { slices: 0, batches: 0, finished: 0 };
    log.receiveSnapshot = (id) => {
      const receiver = receiveSnapshot(id);
      const finish = receiver.finish.bind(receiver);
      const records = receiver.records.bind(receiver);
      receiver.finish = () => {
        seen.finished++;
        finish();
      };
      receiver.records = function* () {
        for (const batch of records()) {
          seen.batches++;
          cluster.clock.stall(costMs);
          yield batch;
        }
      };
      return receiver;
    };
    const { setTimer } = cluster.clock;
    cluster.clock.setTimer = function (delayMs, callback) {
      if (delayMs === 0 && seen.batches > 0 && seen.finished === 0) seen.slices++;
      return setTimer.call(this, delayMs, callback);
    };
    return { cluster, away: away.id, back, seen };
  }

  it('applies it in several slices, and then has the image of the others', async () => {
    const { cluster, back, seen } = await lagging(25);
    const image = cluster.controller?.quorum.image();
    expect(await cluster.clock.until(() => back.quorum.image().topics.size === 30, 10_000, 20)).toBe(true);
    expect(seen.batches).toBeGreaterThanOrEqual(3);
    // Every batch takes longer than a slice.
    expect(seen.slices).toBeGreaterThanOrEqual(seen.batches - 1);
    expect(seen.finished).toBe(1);
    expect(back.quorum.image().topics).toEqual(image?.topics);
    expect(cluster.failures).toEqual([]);
  });

  it('restarts after a stop between two slices', async () => {
    const { cluster, away, back, seen } = await lagging(25);
    expect(await cluster.clock.until(() => seen.slices > 0, 10_000, 1)).toBe(true);
    expect(back.quorum.image().topics.size).toBeLessThan(30);
    cluster.kill(away);
    await cluster.clock.advance(100);
    expect(seen.finished).toBe(0);
    const again = cluster.start(away);
    expect(await cluster.clock.until(() => again.quorum.image().topics.size === 30, 10_000, 20)).toBe(true);
    expect(cluster.failures).toEqual([]);
  });
});
