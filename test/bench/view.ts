/**
 * Updates of the view of a large cluster, from what brokers answer to the bytes for one client, without brokers. With `BROKERDESK_BASE`, the
 * directory of another commit, that one is measured in the same run, its rounds between those of this one.
 */
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ClusterMetadata } from '../../electron/admin/cluster-client.ts';
import type { CommittedOffset } from '../../electron/admin/groups.ts';
import type { LedPartition, LogBounds } from '../../electron/admin/topics.ts';
import type { ViewPatch } from '../../electron/services/view-diff.ts';
import type { ClusterState } from '../../electron/services/view/state.ts';
import type { ClusterView, Connection } from '../../shared/models/cluster.ts';
import type * as HistoryModule from '../../electron/services/history/history.ts';
import type * as ViewDiffModule from '../../electron/services/view-diff.ts';
import type * as BuildModule from '../../electron/services/view/build.ts';
import type * as GroupsPartModule from '../../electron/services/view/groups-part.ts';
import type * as MetadataPartModule from '../../electron/services/view/metadata-part.ts';
import type * as ReachModule from '../../electron/services/view/reach.ts';
import type * as SamplingPartModule from '../../electron/services/view/sampling-part.ts';
import type * as StateModule from '../../electron/services/view/state.ts';
import type { Figure } from './table.ts';

const CONNECTION: Connection = { id: 'c', name: 'c', kind: 'remote', bootstrap: '', colour: 'flow' };
const BROKERS = [1, 2, 3];
const CHANGED = 10;
/** Shorter times are not measured. */
const CLOCK_MS = 0.001;
const ROUNDS = 5;
const UPDATES_A_ROUND = 8;
const HERE = resolve(import.meta.dirname, '../..');

interface Size {
  readonly topics: number;
  readonly partitions: number;
  readonly groups: number;
  readonly topicsPerGroup: number;
}

/** 10,000 topics of one partition, and 50,000 partitions with 2,000 groups. */
const SIZES: readonly Size[] = [
  { topics: 10_000, partitions: 1, groups: 0, topicsPerGroup: 0 },
  { topics: 5_000, partitions: 10, groups: 2_000, topicsPerGroup: 5 },
];

type Rounds = Record<'metadata' | 'groups' | 'offsets', () => Promise<void>>;

/** The code of one commit, with a cluster of its own. */
class Watched {
  private readonly size: Size;
  private readonly state: ClusterState;
  private readonly rounds: Rounds;
  private readonly publish: () => ViewPatch | null;
  private readonly take: (patch: ViewPatch) => string;
  private readonly ends: bigint[];
  private turn = 0;

  private constructor(
    size: Size,
    parts: {
      state: ClusterState;
      rounds: Rounds;
      publish: () => ViewPatch | null;
      take: (patch: ViewPatch) => string;
      ends: bigint[];
    },
  ) {
    this.size = size;
    [this.state, this.rounds, this.publish, this.take, this.ends] = [parts.state, parts.rounds, parts.publish, parts.take, parts.ends];
  }

  static async load(root: string, size: Size): Promise<Watched> {
    const load = (path: string): Promise<unknown> => import(pathToFileURL(join(root, path)).href);
    const services = join('electron', 'services');
    const { emptyState } = (await load(join(services, 'view/state.ts'))) as typeof StateModule;
    const { MetadataPart } = (await load(join(services, 'view/metadata-part.ts'))) as typeof MetadataPartModule;
    const { GroupsPart } = (await load(join(services, 'view/groups-part.ts'))) as typeof GroupsPartModule;
    const { SamplingPart } = (await load(join(services, 'view/sampling-part.ts'))) as typeof SamplingPartModule;
    const { Reach } = (await load(join(services, 'view/reach.ts'))) as typeof ReachModule;
    const { History } = (await load(join(services, 'history/history.ts'))) as typeof HistoryModule;
    const { ViewDiff, toClusterPatch } = (await load(join(services, 'view-diff.ts'))) as typeof ViewDiffModule;
    // Before rows were built from marks, one function built the whole view.
    const builders = (await load(join(services, 'view/build.ts'))) as Partial<typeof BuildModule> & {
      buildView?: (connection: Connection, state: ClusterState) => ClusterView;
    };
    const state = emptyState();
    const common = { state, reach: new Reach(state.unreachable, state.otherClusters), onChange: () => undefined };
    const answers = new Answers(size);
    const metadata = new MetadataPart({ state, read: () => Promise.resolve(answers.metadata) });
    const groups = new GroupsPart({
      ...common,
      source: {
        brokers: () => BROKERS,
        list: (broker) => Promise.resolve(answers.listed(broker)),
        describe: (_broker, listed) => Promise.resolve(listed.map(({ id, coordinator }) => answers.described(id, coordinator))),
      },
    });
    const sampling = new SamplingPart({
      ...common,
      onStaleMetadata: () => undefined,
      source: {
        committed: (_coordinator, ids) => Promise.resolve(new Map(ids.map((id) => [id, answers.committed(id)]))),
        bounds: (_leader, keys) => Promise.resolve(answers.bounds(keys)),
      },
    });
    const published = new ViewDiff();
    const history = new History({ faults: null, loads: null, onError: (_what, error) => console.error(error) });
    const builder = builders.ViewBuilder === undefined ? undefined : new builders.ViewBuilder(CONNECTION, state);
    const next = (): unknown => builder?.build() ?? builders.buildView?.(CONNECTION, state);
    const watched = new Watched(size, {
      state,
      ends: answers.ends,
      rounds: {
        metadata: () => metadata.round(),
        groups: () => groups.round('all'),
        offsets: () => sampling.round({ topics: 'all', groups: 'all' }),
      },
      publish: () => published.advance(next() as Parameters<typeof published.advance>[0]),
      take: (patch) => {
        history.take(patch);
        return JSON.stringify(toClusterPatch(patch));
      },
    });
    await watched.read();
    watched.update();
    return watched;
  }

  /** Asks every broker for everything. */
  async read(): Promise<void> {
    for (const round of Object.values(this.rounds)) await round();
  }

  readOffsets(): Promise<void> {
    return this.rounds.offsets();
  }

  /** Writes to this many partitions, spread over the topics. */
  write(count: number): void {
    const all = this.ends.length;
    for (let i = 0; i < count; i++) this.ends[(this.turn++ * 7_919) % all]! += 1n;
  }

  /** As if the end offsets of some partitions had been read. */
  changeOffsets(count: number): void {
    const { topics, partitions } = this.size;
    for (let i = 0; i < count; i++) {
      const name = topicName((this.turn++ * 7_919) % topics);
      const known = this.state.offsets.get(name);
      if (known === undefined) throw new Error(`topic ${name} was not read`);
      const bounds = { start: 0n, end: BigInt(this.turn), stable: null };
      this.state.offsets.set(name, { ...known, partitions: new Map(known.partitions).set(this.turn % partitions, bounds) });
    }
    this.state.asOf++;
  }

  /** Returns the bytes that a client receives. */
  update(): number {
    const patch = this.publish();
    return patch === null ? 0 : this.take(patch).length;
  }
}

const topicName = (index: number): string => `topic-${String(index).padStart(5, '0')}`;

/** As the readers return them: an answer that did not change is the same object. */
class Answers {
  readonly metadata: ClusterMetadata;
  /** By topic and partition. */
  readonly ends: bigint[];
  private readonly size: Size;
  private readonly offsets = new Map<string, readonly CommittedOffset[]>();
  private readonly descriptions = new Map<string, ReturnType<Answers['describe']>>();

  constructor(size: Size) {
    this.size = size;
    this.ends = new Array<bigint>(size.topics * size.partitions).fill(100n);
    this.metadata = {
      throttleTimeMs: 0,
      brokers: BROKERS.map((nodeId) => ({ nodeId, host: 'h', port: 9_092, rack: null })),
      clusterId: 'c',
      controllerId: 1,
      topics: Array.from({ length: size.topics }, (_, index) => ({
        errorCode: 0,
        name: topicName(index),
        topicId: `id-${index}`,
        isInternal: false,
        partitions: Array.from({ length: size.partitions }, (_unused, partitionIndex) => ({
          errorCode: 0,
          partitionIndex,
          leaderId: 1 + ((index + partitionIndex) % BROKERS.length),
          leaderEpoch: 1,
          replicaNodes: BROKERS,
          isrNodes: BROKERS,
          offlineReplicas: [],
        })),
        topicAuthorizedOperations: 0,
      })),
      clusterAuthorizedOperations: 0,
      errorCode: 0,
    };
  }

  listed(broker: number) {
    const ids = Array.from({ length: this.size.groups }, (_, index) => index).filter((index) => 1 + (index % BROKERS.length) === broker);
    return ids.map((index) => ({
      id: `group-${String(index).padStart(5, '0')}`,
      coordinator: broker,
      protocolType: 'consumer',
      type: 'classic',
    }));
  }

  described(id: string, coordinator: number): ReturnType<Answers['describe']> {
    let known = this.descriptions.get(id);
    if (known === undefined) this.descriptions.set(id, (known = this.describe(id, coordinator)));
    return known;
  }

  private describe(id: string, coordinator: number) {
    const assignment = this.topicsOf(id).map((topic) => ({ topic, partitions: Array.from({ length: this.size.partitions }, (_, i) => i) }));
    const members = [{ memberId: `${id}-1`, instanceId: null, clientId: 'x', host: 'h', assignment }];
    return { id, coordinator, state: 'Stable' as const, protocolType: 'consumer', protocol: 'range', members, error: null };
  }

  private topicsOf(id: string): string[] {
    const first = Number(id.slice(-5)) * this.size.topicsPerGroup;
    return Array.from({ length: this.size.topicsPerGroup }, (_, i) => topicName((first + i) % this.size.topics));
  }

  committed(id: string): readonly CommittedOffset[] {
    let known = this.offsets.get(id);
    if (known === undefined) {
      known = this.topicsOf(id).flatMap((topic) =>
        Array.from({ length: this.size.partitions }, (_, partition) => ({ topic, partition, offset: 50n, metadata: null })),
      );
      this.offsets.set(id, known);
    }
    return known;
  }

  bounds(keys: readonly LedPartition[]): Map<string, Map<number, LogBounds>> {
    const bounds = new Map<string, Map<number, LogBounds>>();
    for (const { topic, partition } of keys) {
      let own = bounds.get(topic);
      if (own === undefined) bounds.set(topic, (own = new Map()));
      own.set(partition, { start: 0n, end: this.ends[Number(topic.slice(-5)) * this.size.partitions + partition] ?? 0n, stable: null });
    }
    return bounds;
  }
}

interface Work {
  readonly name: string;
  readonly before?: (watched: Watched) => void | Promise<void>;
  readonly run: (watched: Watched) => unknown;
}

const WORK: readonly Work[] = [
  {
    name: `update with ${CHANGED} changed partitions`,
    before: (watched) => watched.changeOffsets(CHANGED),
    run: (watched) => watched.update(),
  },
  { name: 'update without a change', run: (watched) => watched.update() },
  { name: `round of offsets with ${CHANGED} writes`, before: (watched) => watched.write(CHANGED), run: (watched) => watched.readOffsets() },
  { name: 'update after it', run: (watched) => watched.update() },
  { name: 'rounds of metadata, groups and offsets without a change', run: (watched) => watched.read() },
  { name: 'update after them', run: (watched) => watched.update() },
];

/** Processor time of one run, ms: the least of some rounds, since what else the machine does can only add. */
export async function benchView(): Promise<Figure[]> {
  const base = process.env['BROKERDESK_BASE'];
  const figures: Figure[] = [];
  for (const size of SIZES) {
    const commits = await Promise.all((base === undefined ? [HERE] : [resolve(base), HERE]).map((root) => Watched.load(root, size)));
    const what = `${size.topics * size.partitions} partitions, ${size.groups} groups`;
    const best = WORK.map(() => commits.map(() => Number.POSITIVE_INFINITY));
    for (let round = 0; round < ROUNDS; round++)
      for (const [c, watched] of commits.entries())
        for (const [w, ms] of (await timesOf(watched)).entries()) {
          const own = best[w];
          if (own !== undefined) own[c] = Math.min(own[c] ?? ms, ms);
        }
    for (const [w, { name }] of WORK.entries()) {
      const [first = 0, here] = best[w] ?? [];
      if (here === undefined) figures.push({ name: `${what}: ${name}`, value: first, unit: 'ms' });
      else {
        figures.push({ name: `${what}: ${name}, base`, value: first, unit: 'ms' });
        figures.push({ name: `${what}: ${name}, here`, value: here, unit: 'ms' });
        figures.push({ name: `${what}: ${name}, base / here`, value: first / Math.max(here, CLOCK_MS), unit: 'times' });
      }
    }
  }
  return figures;
}

/** Of each kind of work, on average. */
async function timesOf(watched: Watched): Promise<number[]> {
  const sums = WORK.map(() => 0);
  for (let i = 0; i < UPDATES_A_ROUND; i++) {
    for (const [w, { before, run }] of WORK.entries()) {
      await before?.(watched);
      const start = process.threadCpuUsage();
      await run(watched);
      const { user, system } = process.threadCpuUsage(start);
      sums[w] = (sums[w] ?? 0) + (user + system) / 1_000;
    }
  }
  return sums.map((sum) => sum / UPDATES_A_ROUND);
}
