/** A voter's metadata files that are missing, empty, truncated or corrupt at its start: detected, fetched again, and never used to vote. */
import { beforeEach, describe, expect, it } from 'vitest';
import { requireMetadata } from '../../../electron/cluster/cluster-metadata.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { MemoryDisk } from '../../../electron/cluster/lib/memory-disk.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { createTopics } from '../../../electron/cluster/protocol/apis/create-topics.ts';
import { iterateBatches } from '../../../electron/cluster/protocol/record-batch.ts';
import { readAcknowledgedEnd } from '../../../electron/cluster/quorum/acknowledged-end.ts';
import { inspectMetadata } from '../../../electron/cluster/quorum/metadata-inspection.ts';
import { MetadataLog } from '../../../electron/cluster/quorum/metadata-log.ts';
import { NO_VOTE, QuorumStateFile, type VoteState } from '../../../electron/cluster/quorum/vote-store.ts';
import { damageFile, damageMetadata, METADATA_WAYS } from '../../helpers/metadata-damage.ts';
import { QuorumCluster, TestBroker } from '../../helpers/quorum-cluster.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const DIRECTORY = '/data/__cluster_metadata-0';
const open = (disk: MemoryDisk, clock = new VirtualClock()): MetadataLog =>
  MetadataLog.open({ disk, dataDirectory: '/data', clock, logger: silentLogger });
const values = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const vote: VoteState = { epoch: 4, leaderId: 2, votedId: -1, votesFrom: 0 };

/** The given operation of the disk fails, counted from 0 from now on. */
function failAt(disk: MemoryDisk, failing: number): void {
  let operations = 0;
  disk.options.fault = () => (operations++ >= failing ? { code: 'EIO' } : undefined);
}
function fails(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}

/** Epochs 1 and 4, eleven records; with snapshots at 4 and 7, where segments end too. */
function filled(snapshots: boolean, clock = new VirtualClock()): { disk: MemoryDisk; log: MetadataLog } {
  const disk = new MemoryDisk();
  const log = open(disk, clock);
  new QuorumStateFile(disk, `${DIRECTORY}/quorum-state`, [1, 2, 3]).write(vote);
  const snapshot = (endOffset: bigint, epoch: number): void => {
    if (!snapshots) return;
    const writer = log.writeSnapshot({ endOffset, epoch }, 5);
    writer.append(values(`all up to ${endOffset}`));
    writer.finish();
  };
  const change = { leaderId: 1, voters: [1, 2, 3], grantingVoters: [1, 3] };
  log.appendLeaderChange(1, 5, change);
  for (const text of ['a', 'b', 'c']) log.append(1, 5, values(text));
  log.flush();
  snapshot(4n, 1);
  log.appendLeaderChange(4, 6, change);
  for (const text of ['d', 'e']) log.append(4, 6, values(text));
  log.flush();
  snapshot(7n, 4);
  for (const text of ['f', 'g', 'h', 'i']) log.append(4, 6, values(text));
  log.flush();
  return { disk, log };
}

describe('the inspection of a metadata directory', () => {
  const logFile = `${DIRECTORY}/00000000000000000000.log`;

  it('finds nothing in a directory that is new, intact, killed, closed, or without power at any flush', () => {
    expect(inspectMetadata(new MemoryDisk(), '/data')).toBeUndefined();
    for (const snapshots of [false, true]) {
      const { disk, log } = filled(snapshots);
      expect(inspectMetadata(disk, '/data')).toBeUndefined();
      log.append(4, 6, values('not flushed'));
      for (let seed = 0; seed < 20; seed++) {
        const other = filled(snapshots);
        for (let i = 0; i <= seed % 5; i++) other.log.append(4, 6, values('torn', String(i)));
        other.disk.powerCut(seededRandom(seed));
        expect(inspectMetadata(other.disk, '/data')).toBeUndefined();
      }
      log.close();
      expect(inspectMetadata(disk, '/data')).toBeUndefined();
    }
  });

  it.each(['killed', 'without power'])('finds nothing after a truncation by the leader, %s at any write of it', (how) => {
    for (let failing = 0; ; failing++) {
      const { disk, log } = filled(false);
      failAt(disk, failing);
      const failed = fails(() => log.truncate(5n));
      delete disk.options.fault;
      if (how !== 'killed') disk.powerCut(seededRandom(failing));
      expect(inspectMetadata(disk, '/data'), `operation ${failing}`).toBeUndefined();
      expect(failed ? [5n, 11n] : [5n], `operation ${failing}`).toContain(open(disk).endOffset);
      if (!failed) break;
    }
  });

  it.each(['killed', 'without power'])('finds nothing after a truncation of unflushed records, %s at any write of it', (how) => {
    for (let failing = 0; ; failing++) {
      const { disk, log } = filled(false);
      for (const text of ['j', 'k', 'l']) log.append(4, 6, values(text));
      failAt(disk, failing);
      const failed = fails(() => log.truncate(13n));
      delete disk.options.fault;
      if (how !== 'killed') disk.powerCut(seededRandom(failing));
      expect(inspectMetadata(disk, '/data'), `operation ${failing}`).toBeUndefined();
      const { endOffset } = open(disk);
      expect(endOffset >= (failed ? 11n : 13n) && endOffset <= 14n, `operation ${failing}: ${endOffset}`).toBe(true);
      if (!failed) break;
    }
  });

  it.each(['killed', 'without power'])(
    'finds nothing after a snapshot replaced a longer log of an older epoch, %s at any write of it and of the next start',
    (how) => {
      const end = (disk: MemoryDisk, seed: number): void => {
        delete disk.options.fault;
        if (how !== 'killed') disk.powerCut(seededRandom(seed));
      };
      for (let failing = 0, received = false; !received; failing++) {
        expect(failing).toBeLessThan(100);
        for (let later = 0, opened = false; !opened; later++) {
          expect(later).toBeLessThan(100);
          const { disk, log } = filled(false);
          new QuorumStateFile(disk, `${DIRECTORY}/quorum-state`, [1, 2, 3]).write({ ...vote, epoch: 9 });
          const leader = open(new MemoryDisk());
          const written = leader.writeSnapshot({ endOffset: 7n, epoch: 9 }, 5);
          written.append(values('all up to 7'));
          written.finish();
          failAt(disk, failing);
          received = !fails(() => {
            const receiver = log.receiveSnapshot({ endOffset: 7n, epoch: 9 });
            receiver.append(leader.readSnapshot({ endOffset: 7n, epoch: 9 }, 0n, 1_000_000)!.bytes);
            receiver.finish();
          });
          end(disk, failing);
          const at = `operation ${failing}, then ${later}`;
          expect(inspectMetadata(disk, '/data'), at).toBeUndefined();
          failAt(disk, later);
          opened = !fails(() => open(disk));
          end(disk, later);
          expect(inspectMetadata(disk, '/data'), at).toBeUndefined();
          expect(received ? [7n] : [7n, 11n], at).toContain(open(disk).endOffset);
        }
      }
    },
  );

  it('detects lost records that were flushed more than a second before a power cut, also without a flush afterwards', async () => {
    const clock = new VirtualClock();
    const { disk, log } = filled(false, clock);
    await clock.advance(999);
    log.append(4, 6, values('the last one'));
    log.flush();
    await clock.advance(1_001);
    // Each may take what is not durable.
    for (let seed = 0; seed < 8; seed++) disk.powerCut(seededRandom(seed));
    expect(readAcknowledgedEnd(disk, DIRECTORY)).toMatchObject({ endOffset: 12n, epoch: 4 });
  });

  it.each(METADATA_WAYS)('names a log file that is %s', (way) => {
    for (const snapshots of [false, true]) {
      const { disk } = filled(snapshots);
      const file = disk.list(DIRECTORY).findLast((name) => name.endsWith('.log') && disk.size(`${DIRECTORY}/${name}`) > 0)!;
      damageFile(disk, `${DIRECTORY}/${file}`, way, seededRandom(1));
      const found = inspectMetadata(disk, '/data');
      expect(`${found?.file} ${found?.reason}`, `${snapshots}`).toContain(file);
      expect(found?.epoch).toBe(4);
    }
  });

  it('detects every truncation of the log, and every flipped bit with an effect', () => {
    const { disk } = filled(false);
    const bytes = disk.readFile(logFile);
    for (let length = 0; length < bytes.length; length++) {
      disk.writeFileAtomic(logFile, bytes.subarray(0, length));
      expect(inspectMetadata(disk, '/data'), `cut to ${length}`).toBeDefined();
    }
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      disk.writeFileAtomic(logFile, flipped);
      expect(inspectMetadata(disk, '/data'), `byte ${at}`).toBeDefined();
    }
  });

  it.each([1, 2, 3])('detects another epoch in a LeaderChange without a successor (%i flipped)', (bits) => {
    const { disk, log } = filled(false);
    new QuorumStateFile(disk, `${DIRECTORY}/quorum-state`, [1, 2, 3]).write({ ...vote, epoch: 9 });
    log.appendLeaderChange(6, 7, { leaderId: 1, voters: [1, 2, 3], grantingVoters: [1, 3] });
    log.flush();
    expect(inspectMetadata(disk, '/data')).toBeUndefined();
    const bytes = disk.readFile(logFile);
    bytes[[...iterateBatches(bytes)].at(-1)!.position + 15]! ^= bits;
    disk.writeFileAtomic(logFile, bytes);
    expect(inspectMetadata(disk, '/data')?.file).toBe(logFile);
  });

  it('detects an epoch that begins without a LeaderChange', () => {
    const { disk } = filled(false);
    const bytes = disk.readFile(logFile);
    const third = [...iterateBatches(bytes)].find(({ baseOffset }) => baseOffset === 3n)!;
    bytes.writeInt32BE(4, third.position + 12);
    disk.writeFileAtomic(logFile, bytes);
    expect(inspectMetadata(disk, '/data')).toMatchObject({ file: logFile, reason: expect.stringContaining('without the LeaderChange') });
  });

  it('needs no snapshot while the log reaches back far enough, an older one where it reaches that, and else names the snapshot', () => {
    const { disk } = filled(true);
    const [older, newest] = disk.list(DIRECTORY).filter((name) => name.endsWith('.checkpoint'));
    for (const way of METADATA_WAYS) {
      const one = filled(true).disk;
      damageFile(one, `${DIRECTORY}/${newest}`, way, seededRandom(2));
      expect(inspectMetadata(one, '/data')).toBeUndefined();
      const log = open(one);
      expect([log.latestSnapshot, log.endOffset]).toEqual([{ endOffset: 4n, epoch: 1 }, 11n]);
      log.close();
      damageFile(one, `${DIRECTORY}/${older}`, way, seededRandom(3));
      const found = inspectMetadata(one, '/data');
      expect(found?.file).toContain(way === 'missing' ? 'a snapshot up to 4' : older);
    }
  });

  it.each(METADATA_WAYS)('names a quorum-state that is %s', (way) => {
    const { disk } = filled(false);
    damageFile(disk, `${DIRECTORY}/quorum-state`, way, seededRandom(4));
    expect(inspectMetadata(disk, '/data')).toMatchObject({ file: `${DIRECTORY}/quorum-state`, epoch: 4 });
  });

  it('reports corruption when all metadata of a broker that has served is missing', () => {
    const { disk } = filled(false);
    disk.makeDirectory('/data/orders-0');
    disk.remove(DIRECTORY);
    expect(inspectMetadata(disk, '/data')).toMatchObject({ file: DIRECTORY, reason: 'is missing' });
  });

  it.each(METADATA_WAYS)('is not misled by an acknowledged end that is %s', (way) => {
    const { disk } = filled(true);
    damageFile(disk, `${DIRECTORY}/acknowledged-end`, way, seededRandom(5));
    expect(inspectMetadata(disk, '/data')).toBeUndefined();
    const log = open(disk);
    expect(log.endOffset).toBe(11n);
    log.append(4, 6, values('more'));
    log.flush();
    const file = disk.list(DIRECTORY).findLast((name) => name.endsWith('.log'))!;
    const last = [...iterateBatches(disk.readFile(`${DIRECTORY}/${file}`))].at(-1)!;
    disk.writeFileAtomic(`${DIRECTORY}/${file}`, disk.readFile(`${DIRECTORY}/${file}`).subarray(0, last.position));
    expect(inspectMetadata(disk, '/data')).toMatchObject({ file: `${DIRECTORY}/${file}` });
  });
});

describe('a quorum with corrupt metadata', () => {
  let cluster: QuorumCluster;
  const properties = { 'metadata.log.max.record.bytes.between.snapshots': '1500' };
  const topic = (from: number, name: string) => {
    const one = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
    return cluster.send(from, createTopics, { topics: [one], timeoutMs: 5000, validateOnly: false });
  };
  const restart = (id: number): void => {
    const node = cluster.start(id);
    node.broker = new TestBroker(cluster, node);
  };
  const votesFrom = (id: number): number =>
    new QuorumStateFile(cluster.node(id).disk, `${DIRECTORY}/quorum-state`, [1, 2, 3]).read().votesFrom;
  const settled = async (names: readonly string[]): Promise<void> => {
    const holds = (): boolean =>
      cluster.controller !== undefined &&
      [1, 2, 3].every((id) => names.every((name) => cluster.node(id).quorum.image().topics.has(name)) && votesFrom(id) !== NO_VOTE);
    expect(await cluster.clock.until(holds, 20_000, 20)).toBe(true);
  };

  beforeEach(() => {
    cluster = new QuorumCluster(3, { seed: 11, properties });
  });

  it("fetches it again on the affected node, for any file and any defect, and restores that node's vote", async () => {
    await cluster.withBrokers();
    const names: string[] = [];
    let round = 0;
    for (const kind of ['log', 'checkpoint', 'quorum-state', 'acknowledged-end'] as const) {
      for (const way of METADATA_WAYS) {
        const leader = await cluster.ready();
        const id = round++ % 2 === 0 ? leader.id : (leader.id % 3) + 1;
        for (let i = 0; i < 3; i++) {
          names.push(`${kind}-${way}-${i}`);
          expect((await topic((id % 3) + 1, names.at(-1)!)).topics[0]!.errorCode).toBe(0);
        }
        cluster.kill(id);
        const { disk } = cluster.node(id);
        for (const name of disk.list(DIRECTORY).filter((file) => file.endsWith(kind) || file.endsWith(`.${kind}`)))
          damageFile(disk, `${DIRECTORY}/${name}`, way, cluster.random);
        restart(id);
        await settled(names);
        expect(disk.exists(`${DIRECTORY}-replacement`)).toBe(false);
      }
    }
    expect(cluster.events.filter(({ type }) => type === 'node/corruptionFound').length).toBeGreaterThan(8);
    expect(cluster.failures).toEqual([]);
  });

  it('elects no leader with a voter that lost acknowledged records and one that never had them', async () => {
    await cluster.withBrokers();
    const leader = await cluster.ready();
    const [voter, behind] = [1, 2, 3].filter((id) => id !== leader.id) as [number, number];
    await topic(leader.id, 'before');
    await cluster.clock.advance(1000);
    cluster.kill(behind);
    expect((await topic(leader.id, 'on-two-voters')).topics[0]!.errorCode).toBe(0);
    cluster.kill(leader.id);
    cluster.kill(voter);
    const { disk } = cluster.node(voter);
    const file = disk.list(DIRECTORY).findLast((name) => name.endsWith('.log') && disk.size(`${DIRECTORY}/${name}`) > 0)!;
    const bytes = disk.readFile(`${DIRECTORY}/${file}`);
    // Truncated at a batch, before the records of the topic: the file itself shows no defect.
    const batches = [...iterateBatches(bytes)];
    const cut = batches.at(-Math.min(4, batches.length))!;
    disk.writeFileAtomic(`${DIRECTORY}/${file}`, bytes.subarray(0, cut.position));
    restart(voter);
    restart(behind);
    await cluster.clock.advance(20_000);
    expect(cluster.controller).toBeUndefined();
    restart(leader.id);
    await settled(['before', 'on-two-voters']);
    expect(cluster.failures).toEqual([]);
  });

  it('elects no leader while two of three are affected, and refuses the start of the cluster with node, file and advice', async () => {
    await cluster.withBrokers();
    await topic(1, 'kept');
    for (const id of [1, 2, 3]) cluster.kill(id);
    const disks = new Map([1, 2, 3].map((id) => [id, cluster.node(id).disk]));
    const merged = new MemoryDisk();
    for (const id of [1, 2]) damageFile(disks.get(id)!, `${DIRECTORY}/quorum-state`, 'empty', cluster.random);
    for (const [id, disk] of disks) {
      merged.makeDirectory(`/node-${id}/__cluster_metadata-0`);
      for (const name of disk.list(DIRECTORY))
        merged.writeFileAtomic(`/node-${id}/__cluster_metadata-0/${name}`, disk.readFile(`${DIRECTORY}/${name}`));
    }
    const check = (voters: readonly number[]) => requireMetadata(merged, voters, (id) => `/node-${id}`);
    expect(() => check([1, 2, 3])).toThrow(
      /2 of 3 voters.*node 1: \/node-1\/__cluster_metadata-0\/quorum-state cannot be read: it is empty; node 2: .*Nothing was changed\. Restore/,
    );
    expect(() => check([1])).toThrow(/the only voter/);
    expect(() => check([1, 3])).not.toThrow();
    merged.remove('/node-2');
    expect(() => check([1, 2, 3])).toThrow(/node 2: \/node-2 has no metadata/);
    for (const id of [1, 2, 3]) restart(id);
    await cluster.clock.advance(20_000);
    expect(cluster.controller).toBeUndefined();
    expect(disks.get(1)!.exists(`${DIRECTORY}-damaged`)).toBe(true);
  });

  /** Stops all nodes; returns their disks as one disk, as the supervisor sees it. */
  const merged = (): MemoryDisk => {
    const disk = new MemoryDisk();
    for (const id of [1, 2, 3]) {
      const from = cluster.node(id).disk;
      for (const directory of from.list('/data').filter((name) => name.startsWith('__cluster_metadata'))) {
        disk.makeDirectory(`/node-${id}/${directory}`);
        for (const name of from.list(`/data/${directory}`))
          disk.writeFileAtomic(`/node-${id}/${directory}/${name}`, from.readFile(`/data/${directory}/${name}`));
      }
    }
    return disk;
  };
  const check = (): Map<number, string> => requireMetadata(merged(), [1, 2, 3], (id) => `/node-${id}`);

  it('refuses a start with one corrupt voter while another one has no vote, and names the directory moved aside', async () => {
    await cluster.withBrokers();
    await topic(1, 'kept');
    for (const id of [1, 2, 3]) cluster.kill(id);
    damageFile(cluster.node(1).disk, `${DIRECTORY}/quorum-state`, 'empty', cluster.random);
    expect([...check().keys()]).toEqual([1]);
    restart(1);
    cluster.kill(1);
    expect([...check().values()]).toEqual([
      'node 1: its metadata was damaged and moved to /node-1/__cluster_metadata-0-damaged, and has not been fetched from a leader yet',
    ]);
    damageFile(cluster.node(2).disk, `${DIRECTORY}/quorum-state`, 'empty', cluster.random);
    expect(check).toThrow(/2 of 3 voters.*node 1: .*__cluster_metadata-0-damaged.*; node 2: .*quorum-state cannot be read/);
  });

  it('refuses a start after two voters were moved aside one by one, and names both directories', async () => {
    await cluster.withBrokers();
    await topic(1, 'kept');
    for (const id of [1, 2, 3]) cluster.kill(id);
    for (const id of [1, 2]) {
      damageFile(cluster.node(id).disk, `${DIRECTORY}/quorum-state`, 'missing', cluster.random);
      restart(id);
      cluster.kill(id);
    }
    expect(check).toThrow(/2 of 3 voters.*\/node-1\/__cluster_metadata-0-damaged.*\/node-2\/__cluster_metadata-0-damaged.*an older copy/);
  });

  it('keeps the first directory that it moved aside until the vote is regained, and then removes all of them', async () => {
    await cluster.withBrokers();
    await topic(1, 'kept');
    for (const id of [1, 2, 3]) cluster.kill(id);
    const { disk } = cluster.node(1);
    const log = disk.list(DIRECTORY).findLast((name) => name.endsWith('.log') && disk.size(`${DIRECTORY}/${name}`) > 0)!;
    const first = disk.readFile(`${DIRECTORY}/${log}`);
    for (let i = 0; i < 3; i++) {
      damageFile(disk, `${DIRECTORY}/quorum-state`, 'empty', cluster.random);
      restart(1);
      cluster.kill(1);
      expect(disk.readFile(`${DIRECTORY}-damaged/${log}`)).toEqual(first);
    }
    for (const id of [1, 2, 3]) restart(id);
    await settled(['kept']);
    cluster.kill(1);
    restart(1);
    expect(disk.list('/data').filter((name) => name.startsWith('__cluster'))).toEqual(['__cluster_metadata-0']);
  });

  it('creates no new cluster of three voters that have all lost their votes', async () => {
    await cluster.withBrokers();
    for (const id of [1, 2, 3]) {
      cluster.kill(id);
      damageFile(cluster.node(id).disk, `${DIRECTORY}/quorum-state`, 'missing', cluster.random);
    }
    for (const id of [1, 2, 3]) restart(id);
    await cluster.clock.advance(20_000);
    expect(cluster.controller).toBeUndefined();
  });

  it('does not start the only voter, and changes nothing', async () => {
    cluster = new QuorumCluster(1, { seed: 3 });
    await cluster.withBrokers();
    cluster.kill(1);
    const { disk } = cluster.node(1);
    damageFile(disk, `${DIRECTORY}/00000000000000000000.log`, 'cut', cluster.random);
    const before = disk.list(DIRECTORY).map((name) => disk.readFile(`${DIRECTORY}/${name}`));
    expect(() => cluster.start(1)).toThrow(/00000000000000000000\.log .*Nothing was changed\. Restore/);
    expect(disk.list(DIRECTORY).map((name) => disk.readFile(`${DIRECTORY}/${name}`))).toEqual(before);
  });

  it('loses no acknowledged topic while one voter after another is corrupt or down: 5 seeds', async () => {
    for (let seed = 1; seed <= 5; seed++) expect(await damages(seed), `seed ${seed}`).toEqual([]);
  }, 60_000);
});

/** Random corruption of one voter at a time, while another one may be down for a while. */
async function damages(seed: number): Promise<string[]> {
  const cluster = new QuorumCluster(3, { seed, properties: { 'metadata.log.max.record.bytes.between.snapshots': '900' } });
  const { clock, random } = cluster;
  const acknowledged = new Set<string>();
  const ids = [1, 2, 3];
  const votes = (id: number): number => new QuorumStateFile(cluster.node(id).disk, `${DIRECTORY}/quorum-state`, ids).read().votesFrom;
  let found = 0;
  await cluster.withBrokers();
  // A new voter may have missed the first election; it has nothing yet that could be corrupted.
  if (!(await clock.until(() => ids.every((id) => votes(id) !== NO_VOTE), 10_000, 20))) return ['not every voter votes'];
  for (let round = 0; round < 6; round++) {
    const down = 1 + random.int(3);
    const away = random.int(2) === 0 ? 1 + (down % 3) : undefined;
    const until = clock.monotonic() + random.int(400);
    for (let number = 0; clock.monotonic() < until; number++) {
      const name = `t-${seed}-${round}-${number}`;
      const one = { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] };
      const from = cluster.node(1 + random.int(3)).quorum;
      from.channel.send(createTopics, 7, { topics: [one], timeoutMs: 2000, validateOnly: false }, { timeoutMs: 2000 }).then(
        (answer) => {
          if (answer.topics[0]?.errorCode === 0) acknowledged.add(name);
        },
        () => undefined,
      );
      await clock.advance(5 + random.next() * 20);
    }
    if (away !== undefined) cluster.kill(away);
    await clock.advance(random.int(300));
    cluster.kill(down);
    const before = cluster.events.length;
    const did = damageMetadata(cluster.node(down).disk, DIRECTORY, random);
    const started = cluster.start(down);
    started.broker = new TestBroker(cluster, started);
    found += cluster.events.slice(before).filter(({ type }) => type === 'node/corruptionFound').length;
    await clock.advance(random.int(2500));
    if (away !== undefined) {
      const node = cluster.start(away);
      node.broker = new TestBroker(cluster, node);
    }
    const whole = (): boolean =>
      cluster.controller !== undefined &&
      ids.every((id) => {
        return votes(id) !== NO_VOTE && [...acknowledged].every((name) => cluster.node(id).quorum.image().topics.has(name));
      });
    if (!(await clock.until(whole, 20_000, 20))) {
      const lost = [...acknowledged].filter((name) => !ids.every((id) => cluster.node(id).quorum.image().topics.has(name)));
      const states = ids.map((id) => JSON.stringify({ ...cluster.node(id).quorum.status, votesFrom: votes(id) }));
      return [
        `round ${round}: not whole 20 s after ${did} on ${down}, ${away} away; missing: ${lost.join()}; ${states.join()}`,
        ...cluster.failures.map(String),
      ];
    }
  }
  const problems = cluster.failures.map(String);
  if (acknowledged.size < 10 || found < 1) problems.push(`${acknowledged.size} topics, ${found} damages: the test tests nothing`);
  for (const id of ids) cluster.kill(id);
  return problems;
}
