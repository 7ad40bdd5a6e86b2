import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { MetadataLog } from '../../../electron/cluster/quorum/metadata-log.ts';
import { parseSnapshotFileName, snapshotDefect, snapshotFileName } from '../../../electron/cluster/quorum/metadata-snapshots.ts';
import { QuorumCluster, type TestNode } from '../../helpers/quorum-cluster.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const DIRECTORY = '/data/__cluster_metadata-0';
const open = (disk: MemoryDisk): MetadataLog =>
  MetadataLog.open({ disk, dataDirectory: '/data', clock: new VirtualClock(), logger: silentLogger });
const values = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const files = (disk: MemoryDisk): string[] => disk.list(DIRECTORY).filter((name) => name.includes('.checkpoint'));

function append(log: MetadataLog, epoch: number, count: number): void {
  for (let i = 0; i < count; i++) log.append(epoch, 5, values(`${epoch}.${i}`));
  log.flush();
}
function snapshot(log: MetadataLog, endOffset: bigint, epoch: number, ...texts: string[]): void {
  const writer = log.writeSnapshot({ endOffset, epoch }, 77);
  writer.append(values(...texts));
  writer.finish();
}
const contents = (log: MetadataLog): string[] => [...log.snapshotRecords(log.latestSnapshot!)].flat().map(String);

describe('snapshots on disk', () => {
  it('have names by end offset and epoch, a header and a footer', () => {
    const id = { endOffset: 42n, epoch: 7 };
    expect(snapshotFileName(id)).toBe('00000000000000000042-0000000007.checkpoint');
    expect(parseSnapshotFileName(snapshotFileName(id))).toEqual(id);
    expect(parseSnapshotFileName('00000000000000000042-0000000007.checkpoint.part')).toBeUndefined();
    const disk = new MemoryDisk();
    const log = open(disk);
    append(log, 1, 3);
    snapshot(log, 3n, 1, 'a', 'b');
    const bytes = disk.readFile(`${DIRECTORY}/${files(disk)[0]}`);
    const batches = [...iterateBatches(bytes)];
    expect(batches.map((batch) => [batch.baseOffset, batch.lastOffset, batch.isControl, batch.partitionLeaderEpoch])).toEqual([
      [0n, 0n, true, 1],
      [1n, 2n, false, 1],
      [3n, 3n, true, 1],
    ]);
    expect(contents(log)).toEqual(['a', 'b']);
    // Every truncation and every flipped bit is detected.
    for (let length = 0; length < bytes.length; length++) expect(snapshotDefect(bytes.subarray(0, length))).toBeDefined();
    for (let at = 0; at < bytes.length; at += 3) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 4;
      // Base offset and epoch are not under the checksum; nothing reads them.
      const [free] = batches.filter(({ position }) => at >= position && at < position + 16);
      if (free === undefined) expect(snapshotDefect(damaged), `byte ${at}`).toBeDefined();
    }
  });

  it('replace the beginning of the log once there are two, and the log opens in that state', () => {
    const disk = new MemoryDisk();
    const log = open(disk);
    append(log, 1, 10);
    snapshot(log, 10n, 1, 'ten');
    expect(log.startOffset).toBe(0n);
    append(log, 2, 10);
    snapshot(log, 20n, 2, 'twenty');
    expect(log.startOffset).toBe(10n);
    append(log, 2, 5);
    snapshot(log, 25n, 2, 'more');
    expect(log.startOffset).toBe(20n);
    expect(files(disk)).toEqual(['00000000000000000020-0000000002.checkpoint', '00000000000000000025-0000000002.checkpoint']);
    expect(disk.list(DIRECTORY).filter((name) => name.endsWith('.log'))).toEqual(['00000000000000000020.log', '00000000000000000025.log']);
    disk.powerCut();
    const again = open(disk);
    expect([again.startOffset, again.endOffset, again.lastEpoch]).toEqual([20n, 25n, 2]);
    expect(again.endOffsetForEpoch(2)).toEqual({ epoch: 2, endOffset: 25n });
    expect(contents(again)).toEqual(['more']);
    append(again, 4, 1);
    expect(again.endOffset).toBe(26n);
  });

  it('use the older one when the newest is corrupt, and the log continues from its end', () => {
    const disk = new MemoryDisk();
    const log = open(disk);
    append(log, 1, 10);
    snapshot(log, 10n, 1, 'ten');
    append(log, 1, 10);
    snapshot(log, 20n, 1, 'twenty');
    log.close();
    const newest = `${DIRECTORY}/${files(disk).at(-1)}`;
    const file = disk.open(newest);
    file.write([Buffer.from([1])], disk.size(newest) - 3);
    file.close();
    const again = open(disk);
    expect(again.latestSnapshot).toEqual({ endOffset: 10n, epoch: 1 });
    expect([again.startOffset, again.endOffset]).toEqual([10n, 20n]);
    expect(contents(again)).toEqual(['ten']);
    again.close();
    // Without a snapshot, the beginning of the metadata is missing.
    for (const name of files(disk)) disk.remove(`${DIRECTORY}/${name}`);
    expect(() => open(disk)).toThrow(/begins at offset 10, and no snapshot/);
  });

  it('received from a leader replace the log, also when power fails at any write', () => {
    const source = open(new MemoryDisk());
    append(source, 3, 30);
    snapshot(source, 30n, 3, ...Array.from({ length: 50 }, (_, i) => `record ${i}`));
    const { bytes } = source.readSnapshot({ endOffset: 30n, epoch: 3 }, 0n, 1e6)!;
    for (let failing = 0; ; failing++) {
      const disk = new MemoryDisk();
      const log = open(disk);
      append(log, 1, 5);
      // A tail that no leader has.
      append(log, 2, 60);
      let operations = 0;
      disk.options.fault = () => (operations++ === failing ? { code: 'EIO' } : undefined);
      let failed = false;
      try {
        const receiver = log.receiveSnapshot({ endOffset: 30n, epoch: 3 });
        for (let at = 0; at < bytes.length; at += 100) receiver.append(bytes.subarray(at, at + 100));
        receiver.finish();
      } catch {
        // As intended: the disk failed.
        failed = true;
      }
      delete disk.options.fault;
      disk.powerCut(seededRandom(failing));
      const again = open(disk);
      if (again.latestSnapshot === undefined) {
        expect(failed).toBe(true);
        expect([again.startOffset, again.endOffset, again.lastEpoch]).toEqual([0n, 65n, 2]);
      } else {
        expect([again.startOffset, again.endOffset, again.lastEpoch]).toEqual([30n, 30n, 3]);
        expect(again.endOffsetForEpoch(3)).toEqual({ epoch: 3, endOffset: 30n });
        expect(contents(again)).toHaveLength(50);
      }
      append(again, 5, 1);
      again.close();
      if (!failed) break;
    }
  });

  it('are removed at the next start when incomplete, and refused when corrupt', () => {
    const disk = new MemoryDisk();
    const log = open(disk);
    append(log, 1, 3);
    log.writeSnapshot({ endOffset: 3n, epoch: 1 }, 5).append(values('a'));
    expect(files(disk)).toEqual(['00000000000000000003-0000000001.checkpoint.part']);
    const receiver = log.receiveSnapshot({ endOffset: 9n, epoch: 1 });
    receiver.append(Buffer.from('this is no snapshot, though it is longer than the header of a batch is'));
    expect(() => receiver.finish()).toThrow(/damaged/);
    expect(log.endOffset).toBe(3n);
    log.close();
    open(disk);
    expect(files(disk)).toEqual([]);
  });
});

describe('a quorum with snapshots', () => {
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
  const properties = { 'metadata.log.max.record.bytes.between.snapshots': '1500' };

  it('are written by every node, loaded at a start, and sent to a node that lacks the records', async () => {
    const cluster = new QuorumCluster(3, { seed: 3, properties });
    await cluster.withBrokers();
    const away = [...cluster.nodes.values()].find((node) => node !== cluster.controller)!;
    await topic(cluster, cluster.controller!, 'before');
    cluster.kill(away.id);
    for (let i = 0; i < 30; i++) await topic(cluster, cluster.controller!, `t-${i}`);
    await cluster.clock.advance(500);
    for (const node of cluster.nodes.values()) {
      if (node.id === away.id) continue;
      expect(files(node.disk)).toHaveLength(2);
      expect(cluster.events.filter((event) => event.type === 'quorum/snapshotWritten' && event.node === node.id).length).toBeGreaterThan(2);
    }
    const image = cluster.controller!.quorum.image();
    const changes: number[] = [];
    const back = cluster.start(away.id);
    back.quorum.onImage((change) => changes.push(change.partitions.length));
    expect(await cluster.clock.until(() => back.quorum.image().offset >= image.offset, 5000, 20)).toBe(true);
    expect(Math.max(...changes)).toBeGreaterThan(3);
    expect(cluster.events.some((event) => event.type === 'quorum/snapshotLoaded' && event.node === away.id)).toBe(true);
    const { topics, brokers, features } = back.quorum.image();
    expect([...topics.keys()].sort()).toEqual([...image.topics.keys()].sort());
    expect(topics).toEqual(cluster.controller!.quorum.image().topics);
    expect(features).toEqual(image.features);
    expect([...brokers.keys()].sort()).toEqual([1, 2, 3]);

    // All stop and start: the images are loaded before any contact.
    for (const id of [1, 2, 3]) cluster.kill(id);
    for (const id of [1, 2, 3]) {
      const node = cluster.start(id);
      expect(node.quorum.image().topics.size).toBeGreaterThan(20);
    }
    await cluster.ready();
    expect([...cluster.controller!.quorum.image().topics.keys()].sort()).toEqual([...image.topics.keys()].sort());
    expect(cluster.failures).toEqual([]);
  });

  it('are written for little new metadata after the interval', async () => {
    const cluster = new QuorumCluster(1, { properties: { 'metadata.log.max.snapshot.interval.ms': '10000' } });
    await cluster.withBrokers();
    await topic(cluster, cluster.controller!, 't');
    expect(files(cluster.node(1).disk)).toEqual([]);
    await cluster.clock.advance(12_000);
    expect(files(cluster.node(1).disk)).toHaveLength(1);
    await cluster.clock.advance(30_000);
    expect(files(cluster.node(1).disk)).toHaveLength(1);
  });

  it('are skipped while the disk has no space, without further effects', async () => {
    const cluster = new QuorumCluster(1, { properties });
    await cluster.withBrokers();
    const { disk } = cluster.node(1);
    disk.options.fault = (operation, path) => (operation === 'write' && path.includes('.checkpoint') ? { code: 'ENOSPC' } : undefined);
    for (let i = 0; i < 10; i++) expect((await topic(cluster, cluster.controller!, `t-${i}`)).topics[0]!.errorCode).toBe(0);
    expect(files(disk)).toEqual([]);
    delete disk.options.fault;
    await cluster.clock.advance(61_000);
    expect(files(disk)).toHaveLength(1);
    expect(cluster.failures).toEqual([]);
  });

  it('contain the records of an unknown type, in order, through several snapshots and to a node that lacks the log', async () => {
    const cluster = new QuorumCluster(3, { seed: 5, properties });
    await cluster.withBrokers();
    const away = [...cluster.nodes.values()].find((node) => node !== cluster.controller)!;
    cluster.kill(away.id);
    const unknown = ['017f00aa', '017e00bb', '017f01cc'];
    const appended = async (hex: string) => {
      const { committed } = cluster.controller!.quorum.raft.append([Buffer.from(hex, 'hex')]);
      await cluster.clock.settled(committed, 3500);
    };
    await appended(unknown[0]!);
    for (let i = 0; i < 15; i++) await topic(cluster, cluster.controller!, `t-${i}`);
    await appended(unknown[1]!);
    await appended(unknown[2]!);
    for (let i = 15; i < 30; i++) await topic(cluster, cluster.controller!, `t-${i}`);
    await cluster.clock.advance(500);
    const { quorum } = cluster.start(away.id);
    const goal = cluster.controller!.quorum.image().offset;
    expect(await cluster.clock.until(() => quorum.image().offset >= goal, 5000, 20)).toBe(true);
    for (const id of [1, 2, 3]) cluster.kill(id);
    for (const id of [1, 2, 3]) {
      const { records } = cluster.start(id).quorum.image().unappliedRecords;
      expect(records.map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual(unknown);
      const newest = files(cluster.node(id).disk).at(-1)!;
      const bytes = cluster.node(id).disk.readFile(`${DIRECTORY}/${newest}`).toString('hex');
      for (const hex of unknown) expect(bytes).toContain(hex);
    }
    expect(cluster.failures).toEqual([]);
  });
});
