/**
 * Watches one cluster: asks its brokers for what the pages of its clients show, keeps the last of everything, and publishes what
 * changed, at most ten times a second. Each kind of thing has a poller of its own, so that a broker that is silent delays
 * only what it alone knows.
 */
import type { ClusterClient, ClusterMetadata } from '../../admin/cluster-client.ts';
import { topicSettings } from '../../admin/configs.ts';
import { AdminError, UnreachableError } from '../../admin/errors.ts';
import { committedOffsets, describeAllGroups, listAllGroups } from '../../admin/groups.ts';
import { readQuorum } from '../../admin/quorum.ts';
import { EARLIEST, LATEST, leadersOf, readLogSizes, readOffsets, type PartitionKey } from '../../admin/topics.ts';
import type { ClusterPatch } from '#shared/ipc';
import type { ClusterView, Connection, LagSample, QuorumView } from '#shared/models/cluster';
import type { LabNode } from '../lab.ts';
import { LagHistory } from '../lag-history.ts';
import { Poller } from '../poller.ts';
import { ViewDiff } from '../view-diff.ts';
import { buildView } from './build.ts';
import { NOTHING, unionOf, type Interest } from './interest.ts';
import { emptyState, mergeCommitted, type Committed } from './state.ts';

export interface MonitorOptions {
  connection: Connection;
  client: ClusterClient;
  /**
   * For questions that a broker passes on to the quorum's leader: it answers a connection in order, so while there is no
   * leader everything behind such a question would wait with it.
   */
  quorumClient: ClusterClient;
  /** Nodes of the embedded cluster; undefined for a remote one. */
  nodes?: () => Promise<readonly LabNode[]>;
  onPatch: (patch: ClusterPatch) => void;
  onLag: (group: string, sample: LagSample) => void;
  onError: (what: string, error: unknown) => void;
}

const PUBLISH_GAP_MS = 100;
const EMBEDDED_PAUSE_MS = 500;
const REMOTE_PAUSE_MS = 2_000;
/** Sizes and settings change slowly and cost the broker more. */
const SLOW_FACTOR = 6;
const SETTINGS_SHOWN = ['cleanup.policy', 'min.insync.replicas'];

export class ClusterMonitor {
  private readonly options: MonitorOptions;
  private readonly state = emptyState();
  private readonly diff = new ViewDiff();
  private readonly lag = new LagHistory();
  private readonly pollers: Poller[];
  private readonly metadataPoller: Poller;
  /** By client. */
  private readonly interests = new Map<string, Interest>();
  private interest: Interest = NOTHING;
  private publishTimer: NodeJS.Timeout | undefined;
  private closed = false;
  private lastRecords: { at: number; total: bigint; partitions: number } | undefined;
  private lastTraffic: { at: number; inBytes: number; outBytes: number } | undefined;
  private leaderSince: { key: string; at: number } | undefined;

  constructor(options: MonitorOptions) {
    this.options = options;
    const pause = options.nodes === undefined ? REMOTE_PAUSE_MS : EMBEDDED_PAUSE_MS;
    const poller = (what: string, run: () => Promise<void>, pauseMs = pause): Poller =>
      new Poller({
        run: async () => {
          await run();
          this.schedulePublish();
        },
        pauseMs: () => pauseMs,
        onError: (error) => {
          this.noteFailure(what, error);
          this.schedulePublish();
        },
      });
    this.metadataPoller = poller('metadata', () => this.readMetadata());
    this.pollers = [
      this.metadataPoller,
      poller('quorum', () => this.readCoordination()),
      poller('offsets', () => this.readTopicOffsets()),
      poller('groups', () => this.readGroups()),
      poller('sizes', () => this.readSizes(), pause * SLOW_FACTOR),
      poller('settings', () => this.readSettings(), pause * SLOW_FACTOR),
    ];
    if (options.nodes !== undefined) this.pollers.push(poller('nodes', () => this.readNodes(), EMBEDDED_PAUSE_MS / 2));
  }

  start(): void {
    for (const poller of this.pollers) poller.start();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.publishTimer);
    for (const poller of this.pollers) poller.stop();
  }

  /** The view as last published, or as it is now when nothing was. */
  snapshot(): { version: number; view: ClusterView } {
    if (this.diff.snapshot === undefined) this.publish();
    return this.diff.snapshot ?? { version: 0, view: buildView(this.options.connection, this.state) };
  }

  /** What one client shows from now on; all clients' interests together are read. */
  watch(clientId: string, interest: Interest): void {
    this.interests.set(clientId, interest);
    this.interest = unionOf(this.interests.values());
    this.refresh();
  }

  /** The client has left: what only it showed is read no more. */
  unwatch(clientId: string): void {
    this.interests.delete(clientId);
    this.interest = unionOf(this.interests.values());
  }

  /** Asks everything anew, now. */
  refresh(): void {
    for (const poller of this.pollers) poller.now();
  }

  lagHistory(group: string): LagSample[] {
    return this.lag.of(group);
  }

  /** Metadata as last heard, asked for when there is none yet. */
  async metadata(): Promise<ClusterMetadata> {
    if (this.state.metadata === null) await this.readMetadata();
    return this.state.metadata as ClusterMetadata;
  }

  private noteFailure(what: string, error: unknown): void {
    // A cluster that does not answer is a fact for the page (it shows its age), not a fault of ours.
    if (!(error instanceof AdminError)) this.options.onError(what, error);
  }

  private schedulePublish(): void {
    if (this.closed || this.publishTimer !== undefined) return;
    this.publishTimer = setTimeout(() => {
      this.publishTimer = undefined;
      this.publish();
    }, PUBLISH_GAP_MS);
  }

  /** Whoever was told a version before, by view or by patch, can follow: none is made without being published. */
  private publish(): void {
    const patch = this.diff.advance(buildView(this.options.connection, this.state));
    if (patch !== null) this.options.onPatch(patch);
  }

  private async readMetadata(): Promise<void> {
    const { state } = this;
    const answer = await this.options.client.metadata(null);
    const now = Date.now();
    state.metadata = answer;
    state.asOf = now;
    if (answer.clusterId !== null) state.clusterId = answer.clusterId;
    const listed = new Set(answer.brokers.map(({ nodeId }) => nodeId));
    for (const { nodeId, host, port, rack } of answer.brokers) state.seenBrokers.set(nodeId, { host, port, rack, goneSince: null });
    for (const [id, seen] of state.seenBrokers) if (!listed.has(id)) seen.goneSince ??= now;
    this.forgetDeletedTopics(answer);
  }

  private forgetDeletedTopics(metadata: ClusterMetadata): void {
    const names = new Set(metadata.topics.map(({ name }) => name));
    for (const offsets of [this.state.startOffsets, this.state.endOffsets]) {
      for (const key of offsets.keys()) if (!names.has(key.slice(0, key.lastIndexOf('/')))) offsets.delete(key);
    }
    for (const byName of [this.state.topicSettings, this.state.offsetsReadAt])
      for (const name of byName.keys()) if (!names.has(name)) byName.delete(name);
  }

  private async readCoordination(): Promise<void> {
    const { client, quorumClient } = this.options;
    const [quorum, cluster] = await Promise.all([readQuorum(quorumClient), client.describeCluster()]);
    const now = Date.now();
    if (quorum === 'unanswered') {
      // Who votes is still known from before; who leads, and how far, is not.
      this.state.quorum = leaderless(this.state.quorum);
    } else if (quorum !== null) {
      const key = `${quorum.leaderId}/${quorum.leaderEpoch}`;
      // The first leader we see may have led for long; only a change seen by us has a known start.
      if (this.leaderSince !== undefined && this.leaderSince.key !== key) this.leaderSince = { key, at: now };
      this.leaderSince ??= { key, at: 0 };
      // A node of ours says so itself.
      const told = this.state.nodes?.find(({ id, role }) => id === quorum.leaderId && role === 'leader')?.leadsSince ?? null;
      this.state.quorum = { ...quorum, leaderSince: told ?? (this.leaderSince.at === 0 ? null : this.leaderSince.at) };
    } else {
      this.state.quorum = null;
    }
    if (cluster !== null && cluster.clusterId !== '') this.state.clusterId = cluster.clusterId;
    // Without a quorum leader there is no controller, whatever a broker remembers of the last one.
    if (quorum === 'unanswered') this.state.controllerId = null;
    else this.state.controllerId = quorum?.leaderId ?? (cluster !== null && cluster.controllerId >= 0 ? cluster.controllerId : null);
  }

  private async readTopicOffsets(): Promise<void> {
    const { client } = this.options;
    const metadata = await this.metadata();
    const wanted = this.wantedPartitions(metadata);
    if (wanted.length === 0) {
      this.noteOffsetsRound([]);
      return;
    }
    const leaders = leadersOf(metadata);
    const [ends, starts] = await Promise.all([
      readOffsets(client, leaders, wanted, LATEST),
      readOffsets(client, leaders, wanted, EARLIEST),
    ]);
    for (const [key, answer] of ends) this.state.endOffsets.set(key, answer);
    for (const [key, answer] of starts) this.state.startOffsets.set(key, answer);
    this.noteOffsetsRound(wanted);
    this.measureRecords(wanted);
  }

  /** Topics that this round left out keep the time of the round that read them: one page's figures do not make another's fresh. */
  private noteOffsetsRound(wanted: readonly PartitionKey[]): void {
    const now = Date.now();
    this.state.offsetsAsOf = now;
    for (const { topic } of wanted) this.state.offsetsReadAt.set(topic, now);
  }

  /**
   * All groups of the embedded cluster, whatever its pages show, so that the lag charts have no hole where an outage was.
   * Of a remote cluster only what is shown.
   */
  private get groupsToRead(): Interest['groups'] {
    return this.options.nodes === undefined ? this.interest.groups : 'all';
  }

  /** Partitions of the topics in front, and those that watched groups read. */
  private wantedPartitions(metadata: ClusterMetadata): PartitionKey[] {
    const { topics } = this.interest;
    const groups = this.groupsToRead;
    const names = new Set<string>(topics === 'all' || topics === 'none' ? [] : topics);
    if (groups !== 'none') {
      for (const group of this.state.groups.values())
        for (const key of group.committed.keys()) names.add(key.slice(0, key.lastIndexOf('/')));
    }
    return metadata.topics.flatMap((topic) => {
      const name = topic.name ?? '';
      if (topics !== 'all' && !names.has(name)) return [];
      return topic.partitions.map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex }));
    });
  }

  /** Records a second over all partitions; unknown while the set of partitions changes or one of them has no offset. */
  private measureRecords(wanted: readonly PartitionKey[]): void {
    const now = Date.now();
    let total = 0n;
    for (const { topic, partition } of wanted) {
      const answer = this.state.endOffsets.get(`${topic}/${partition}`);
      if (answer === undefined || 'error' in answer) {
        this.state.recordsInPerSecond = null;
        this.lastRecords = undefined;
        return;
      }
      total += answer.offset;
    }
    const last = this.lastRecords;
    this.lastRecords = { at: now, total, partitions: wanted.length };
    if (last === undefined || last.partitions !== wanted.length || total < last.total) return;
    this.state.recordsInPerSecond = smooth(this.state.recordsInPerSecond, Number(total - last.total) / ((now - last.at) / 1000));
  }

  private measureTraffic(nodes: readonly LabNode[]): void {
    const now = Date.now();
    const total = (field: 'inBytes' | 'outBytes'): number => nodes.reduce((sum, node) => sum + node[field], 0);
    const counters = { at: now, inBytes: total('inBytes'), outBytes: total('outBytes') };
    const last = this.lastTraffic;
    this.lastTraffic = counters;
    // A node that was started again counts from zero.
    if (last === undefined || now === last.at || counters.inBytes < last.inBytes || counters.outBytes < last.outBytes) return;
    const seconds = (now - last.at) / 1000;
    this.state.inBytesPerSecond = smooth(this.state.inBytesPerSecond, (counters.inBytes - last.inBytes) / seconds);
    this.state.outBytesPerSecond = smooth(this.state.outBytesPerSecond, (counters.outBytes - last.outBytes) / seconds);
  }

  private async readGroups(): Promise<void> {
    const groupsToRead = this.groupsToRead;
    if (groupsToRead === 'none') return;
    const { client } = this.options;
    await this.metadata();
    const { groups: listed, failed } = await listAllGroups(client);
    this.noteReach(failed);
    const wanted = groupsToRead === 'all' ? listed : listed.filter(({ id }) => groupsToRead.includes(id));
    const committed = await committedOffsets(client, wanted);
    const described = new Map((await describeAllGroups(client, wanted)).map((group) => [group.id, group]));
    const now = Date.now();
    for (const group of listed) {
      const before = this.state.groups.get(group.id);
      const offsets = committed.get(group.id);
      this.state.groups.set(group.id, {
        listed: group,
        described: described.get(group.id) ?? before?.described ?? null,
        committed:
          offsets === undefined ? (before?.committed ?? new Map<string, Committed>()) : mergeCommitted(before?.committed, offsets, now),
        asOf: described.has(group.id) ? now : (before?.asOf ?? 0),
        error: null,
      });
    }
    this.keepOrForgetUnlisted(new Set(listed.map(({ id }) => id)), failed.length > 0);
    this.sampleLag(now);
  }

  /** Of a round that asked every broker: which did not answer. One that answers with an error is there. */
  private noteReach(failed: readonly { broker: number; error: AdminError }[]): void {
    const { unreachable } = this.state;
    unreachable.clear();
    for (const { broker, error } of failed) if (error instanceof UnreachableError) unreachable.set(broker, error.app.message);
  }

  /** A group that nobody lists is gone, unless a broker did not answer: then its coordinator may be the one. */
  private keepOrForgetUnlisted(listed: ReadonlySet<string>, someSilent: boolean): void {
    const brokers = new Set(this.options.client.knownBrokers.map(({ id }) => id));
    for (const [id, group] of this.state.groups) {
      if (listed.has(id)) continue;
      const coordinatorGone = !brokers.has(group.listed.coordinator) || this.state.unreachable.has(group.listed.coordinator);
      if (someSilent || coordinatorGone) group.error ??= 'COORDINATOR_NOT_AVAILABLE';
      else this.state.groups.delete(id);
    }
    this.lag.keepOnly(new Set(this.state.groups.keys()));
  }

  private sampleLag(now: number): void {
    for (const group of buildView(this.options.connection, { ...this.state, metadata: this.state.metadata }).groups) {
      const sample = this.lag.take(group, now);
      if (sample !== null) this.options.onLag(group.id, sample);
    }
  }

  private async readSizes(): Promise<void> {
    await this.metadata();
    const answers = await readLogSizes(this.options.client);
    this.noteReach(answers.flatMap((answer) => ('error' in answer ? [answer] : [])));
    for (const answer of answers) {
      if ('value' in answer) this.state.logSizes.set(answer.broker, answer.value);
      else this.state.logSizes.delete(answer.broker);
    }
  }

  private async readSettings(): Promise<void> {
    const metadata = await this.metadata();
    const names = metadata.topics.flatMap(({ name }) => (name === null ? [] : [name]));
    if (names.length === 0) return;
    for (const [topic, settings] of await topicSettings(this.options.client, names, SETTINGS_SHOWN))
      this.state.topicSettings.set(topic, settings);
  }

  private async readNodes(): Promise<void> {
    const before = this.state.nodes;
    this.state.nodes = (await this.options.nodes?.()) ?? null;
    if (this.state.nodes !== null) this.measureTraffic(this.state.nodes);
    // A node that came or went changes what brokers will say; do not wait for the next round.
    const key = (nodes: readonly LabNode[] | null): string => (nodes ?? []).map(({ id, state }) => `${id}${state}`).join();
    if (key(before) !== key(this.state.nodes)) this.metadataPoller.now();
  }
}

function leaderless(last: QuorumView | null): QuorumView | null {
  if (last === null) return null;
  const voters = last.voters.map(({ id, lastFetchAt, lastCaughtUpAt }) => ({
    id,
    logEndOffset: null,
    lag: null,
    lastFetchAt,
    lastCaughtUpAt,
  }));
  return { leaderId: null, leaderEpoch: null, highWatermark: null, leaderSince: null, voters, observers: last.observers };
}

/** Half of the new, half of the old: a figure that can be read while it moves. */
function smooth(before: number | null, now: number): number {
  return before === null ? now : before / 2 + now / 2;
}
