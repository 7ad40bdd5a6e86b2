/**
 * Watches one cluster: composes the parts that read it, each with a poller of its own, and publishes what changed, at most ten times a
 * second. It reads what the pages of its clients show, and what the history of the embedded cluster needs.
 */
import type { ClusterClient, ClusterMetadata } from '../../admin/cluster-client.ts';
import { topicSettings } from '../../admin/configs.ts';
import { readConfirmedBounds, readConfirmedCommitted } from '../../admin/confirmed-reads.ts';
import { appDecoder } from '../../admin/decoding/decoder.ts';
import { AdminError } from '../../admin/errors.ts';
import { describeGroupsOf, listGroupsOf } from '../../admin/groups.ts';
import { readLogDirectories } from '../../admin/log-directories.ts';
import { readNextUnread } from '../../admin/next-unread.ts';
import { readQuorum } from '../../admin/quorum.ts';
import type { ClusterView, Connection, LagSample } from '#shared/models/cluster';
import type { LabNode } from '../lab.ts';
import { Poller } from '../poller.ts';
import { ViewDiff, type ViewPatch } from '../view-diff.ts';
import { ViewBuilder } from './build.ts';
import { groupRow } from './group-rows.ts';
import { rebalancingGroups } from './group-readings.ts';
import { GroupsPart } from './groups-part.ts';
import { groupsShownAlone, NOTHING, unionOf, type Interest } from './interest.ts';
import { lagByTopic } from './lag-sample.ts';
import { MetadataPart } from './metadata-part.ts';
import { NodesPart } from './nodes-part.ts';
import { ProcessorBudget } from './processor-budget.ts';
import { QuorumPart } from './quorum-part.ts';
import { Reach } from './reach.ts';
import { SamplingPart } from './sampling-part.ts';
import { SettingsPart } from './settings-part.ts';
import { SizesPart } from './sizes-part.ts';
import { UnreadPart } from './unread-part.ts';
import { emptyState } from './state.ts';

export interface MonitorOptions {
  connection: Connection;
  client: ClusterClient;
  /**
   * For requests that a broker forwards to the quorum's leader: it answers a connection in order, so while there is no leader
   * everything behind such a request would wait with it.
   */
  quorumClient: ClusterClient;
  /** Nodes of the embedded cluster; undefined for a remote one. */
  nodes?: () => Promise<readonly LabNode[]>;
  onPatch: (patch: ViewPatch) => void;
  onLag: (group: string, sample: LagSample) => void;
  onError: (what: string, error: unknown) => void;
}

const PUBLISH_GAP_MS = 100;
const EMBEDDED_PAUSE_MS = 500;
const REMOTE_PAUSE_MS = 2_000;
/** Each round is a Fetch to each leader that has unread records. */
const UNREAD_PAUSE_MS = 2_000;
/** Sizes and settings change slowly and cost the broker more. */
const SLOW_FACTOR = 6;
/** Without a client the history of the embedded cluster needs a reading every few seconds, nothing more. */
const IDLE_FACTOR = 4;
/** A patch is built after a pause of this many times what the last ones took at least. */
const PAUSE_PER_PUBLISH_MS = 30;
const MAX_PUBLISH_PAUSE_MS = 5_000;
const SETTINGS_SHOWN = ['cleanup.policy', 'min.insync.replicas'];

export class ClusterMonitor {
  private readonly options: MonitorOptions;
  private readonly state = emptyState();
  private readonly builder: ViewBuilder;
  private readonly diff = new ViewDiff();
  private readonly metadataPart: MetadataPart;
  private readonly metadataPoller: Poller;
  private readonly pollers: Poller[];
  private readonly budget = new ProcessorBudget();
  /** By client. */
  private readonly interests = new Map<string, Interest>();
  private interest: Interest = NOTHING;
  /** What the last two publications took. A single large one, as the first is, delays nothing. */
  private publishMs: readonly [beforeLast: number, last: number] = [0, 0];
  private publishTimer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(options: MonitorOptions) {
    this.options = options;
    const { client, quorumClient, nodes } = options;
    const { state } = this;
    this.builder = new ViewBuilder(options.connection, state);
    const reach = new Reach(state.unreachable, state.otherClusters);
    const onChange = (): void => this.schedulePublish();
    const brokers = (): number[] => client.knownBrokers.map(({ id }) => id);
    this.metadataPart = new MetadataPart({ state, read: () => client.metadata(null) });
    const readFromQuorum = (): ReturnType<typeof readQuorum> => {
      quorumClient.useBrokersOf(client);
      return readQuorum(quorumClient);
    };
    const quorum = new QuorumPart({
      state,
      source: { quorum: readFromQuorum, cluster: () => client.describeCluster() },
    });
    const groups = new GroupsPart({
      state,
      reach,
      onChange,
      source: {
        brokers,
        list: (broker) => listGroupsOf(client, broker),
        describe: (broker, listed) => describeGroupsOf(client, broker, listed),
      },
    });
    const sampling = new SamplingPart({
      state,
      reach,
      onChange,
      onStaleMetadata: () => this.metadataPoller.now(),
      source: {
        committed: (coordinator, ids) => readConfirmedCommitted(client, coordinator, ids),
        bounds: (leader, keys, withStable) => readConfirmedBounds(client, leader, keys, withStable),
      },
    });
    const unread = new UnreadPart({
      state,
      onChange,
      source: { nextUnread: (leader, positions) => readNextUnread(client, leader, positions, appDecoder()) },
    });
    const sizes = new SizesPart({ state, reach, onChange, source: { brokers, read: (broker) => readLogDirectories(client, broker) } });
    const settings = new SettingsPart({ state, read: (topics) => topicSettings(client, topics, SETTINGS_SHOWN) });
    const pause = nodes === undefined ? REMOTE_PAUSE_MS : EMBEDDED_PAUSE_MS;
    const isNothingShown = (): boolean => this.interest.topics === 'none' && this.interest.groups === 'none';
    const withoutClient = (): boolean => this.interests.size === 0;
    this.metadataPoller = this.poller('metadata', () => this.metadataPart.round(), pause, withoutClient);
    this.pollers = [
      this.metadataPoller,
      this.poller('quorum', () => quorum.round(), pause, withoutClient),
      this.poller('groups', () => this.readGroups(groups), pause, isNothingShown),
      this.poller('offsets', () => this.readSample(sampling), pause, isNothingShown),
      this.poller(
        'unread',
        () => unread.round(this.interest.groups, groupsShownAlone(this.interests.values())),
        UNREAD_PAUSE_MS,
        isNothingShown,
      ),
      this.poller('sizes', () => this.afterMetadata(() => sizes.round()), pause * SLOW_FACTOR, withoutClient),
      this.poller('settings', () => this.afterMetadata(() => settings.round()), pause * SLOW_FACTOR, withoutClient),
    ];
    if (nodes !== undefined) {
      const part = new NodesPart({ state, read: nodes, onMembership: () => this.metadataPoller.now() });
      this.pollers.push(this.poller('nodes', () => part.round(), EMBEDDED_PAUSE_MS / 2, withoutClient));
    }
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
    const published = this.diff.snapshot ?? (this.publish(), this.diff.snapshot);
    if (published === undefined) throw new Error('The view has no version after it was published');
    return published;
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

  /** Reads everything now. */
  refresh(): void {
    for (const poller of this.pollers) poller.now();
  }

  /** Metadata as last read; read now when there is none yet. */
  async metadata(): Promise<ClusterMetadata> {
    if (this.state.metadata === null) await this.metadataPart.round();
    return this.state.metadata as ClusterMetadata;
  }

  private poller(what: string, run: () => Promise<void>, pauseMs: number, isIdle: () => boolean): Poller {
    const freshPauseMs = (): number => (isIdle() ? pauseMs * IDLE_FACTOR : pauseMs);
    return new Poller({
      run: async () => {
        // A remote cluster without a client is about to be closed; it has no history to keep.
        if (this.interests.size === 0 && this.options.nodes === undefined) return;
        this.budget.begin(what);
        try {
          await run();
        } finally {
          this.budget.end(what, freshPauseMs());
        }
        this.schedulePublish();
      },
      pauseMs: () => freshPauseMs() * this.budget.factor,
      onError: (error) => {
        this.noteFailure(what, error);
        this.schedulePublish();
      },
    });
  }

  private noteFailure(what: string, error: unknown): void {
    // A cluster that does not answer is shown by the page's age; it is no failure of this process.
    if (!(error instanceof AdminError)) this.options.onError(what, error);
  }

  private schedulePublish(): void {
    if (this.closed || this.publishTimer !== undefined) return;
    const [beforeLastMs, lastMs] = this.publishMs;
    const pauseMs = Math.min(beforeLastMs, lastMs) * PAUSE_PER_PUBLISH_MS;
    this.publishTimer = setTimeout(
      () => {
        this.publishTimer = undefined;
        this.publish();
      },
      Math.max(PUBLISH_GAP_MS, Math.min(MAX_PUBLISH_PAUSE_MS, pauseMs)),
    );
  }

  /** Each version is published: a client that has one can follow by patches. */
  private publish(): void {
    const startedAt = performance.now();
    const patch = this.diff.advance(this.builder.build());
    if (patch !== null) this.options.onPatch(patch);
    this.publishMs = [this.publishMs[1], performance.now() - startedAt];
  }

  private async afterMetadata(run: () => Promise<void>): Promise<void> {
    await this.metadata();
    await run();
  }

  /**
   * All groups of the embedded cluster, whatever its pages show, so that the history of lag has no hole where an outage was. Of a remote
   * cluster what is shown, and groups whose rebalance was seen to start, so that its end is seen as well.
   */
  private get groupsToRead(): Interest['groups'] {
    if (this.options.nodes !== undefined) return 'all';
    const { groups } = this.interest;
    if (groups === 'all') return groups;
    const rebalancing = rebalancingGroups(this.state.groups);
    if (rebalancing.length === 0) return groups;
    return [...new Set([...(groups === 'none' ? [] : groups), ...rebalancing])];
  }

  private async readGroups(part: GroupsPart): Promise<void> {
    if (this.groupsToRead === 'none') return;
    await this.metadata();
    await part.round(this.groupsToRead);
  }

  private async readSample(part: SamplingPart): Promise<void> {
    await this.metadata();
    const groups = this.groupsToRead;
    await part.round({ topics: this.interest.topics, groups });
    const at = this.state.lagTimes.roundAt;
    for (const [id, group] of this.state.groups) {
      if (this.state.lagTimes.of(id) !== at) continue;
      this.options.onLag(id, { at, topics: lagByTopic(groupRow(id, group, this.state)) });
    }
  }
}
