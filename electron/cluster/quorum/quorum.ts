/**
 * A node's part in the metadata quorum: Raft over the log on disk, the image of its records, the controller, and the APIs of the CONTROLLER
 * listener.
 */
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { NodeConfig } from '../lib/node-config.ts';
import type { Random } from '../lib/random.ts';
import type { Api } from '../protocol/schema.ts';
import { runWhole } from '../lib/work-slices.ts';
import { brokerSettings } from './config-definitions.ts';
import { ControllerChannel, type ConnectPeer, type Peer } from './controller-channel.ts';
import { Controller, type ControllerSettings } from './controller.ts';
import { applyRecords } from './image-apply.ts';
import { diffImages } from './image-diff.ts';
import { imageInSteps } from './image-records.ts';
import { EMPTY_IMAGE, type ImageChange, type MetadataImage } from './image.ts';
import { MetadataDecoder } from './metadata-decoding.ts';
import { METADATA_DIRECTORY, removeDamagedMetadata } from './metadata-directory.ts';
import { MetadataLog } from './metadata-log.ts';
import { recoverMetadata } from './metadata-recovery.ts';
import { quorumApis, type ControllerDispatch, controllerDispatch, type QuorumDescription } from './quorum-apis.ts';
import type { CommittedBatch, RaftLog, SnapshotId } from './raft-log.ts';
import type { RaftSettings } from './raft-settings.ts';
import { RaftNode, type RaftStatus, type RaftTransport } from './raft.ts';
import { Snapshotting } from './snapshotting.ts';
import { NO_VOTE, QUORUM_STATE_FILE, QuorumStateFile } from './vote-store.ts';

export interface MetadataQuorumOptions {
  readonly config: NodeConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly logger: Logger;
  readonly events: EventSink;
  /** Creates a connection to another node's controller listener; it connects with the first request and reconnects after a loss. */
  readonly connectPeer: ConnectPeer;
  /** Called once when this node can no longer take part (a disk failure, a violated invariant); the node should stop. */
  readonly onFailure?: (error: unknown) => void;
  /** Settings that `config.properties` does not hold. */
  readonly raftSettings?: Partial<RaftSettings>;
  readonly controllerSettings?: Partial<ControllerSettings>;
}

interface LoadedSnapshot {
  readonly id: SnapshotId;
  readonly image: MetadataImage;
  readonly count: number;
}

export class MetadataQuorum {
  readonly raft: RaftNode;
  readonly controller: Controller;
  /** Requests of the broker to the active controller. */
  readonly channel: ControllerChannel;
  /** Answers the requests of the CONTROLLER listener; fits `network/dispatch.ts`. */
  readonly dispatch: ControllerDispatch;
  private readonly options: MetadataQuorumOptions;
  private readonly log: RaftLog;
  private readonly snapshotting: Snapshotting;
  private readonly decoder: MetadataDecoder;
  private readonly peers = new Map<string, Peer>();
  private readonly imageListeners = new Set<(change: ImageChange) => void>();
  private readonly leaderListeners = new Set<(status: RaftStatus) => void>();
  private current: MetadataImage;
  /** The image of a received snapshot whose file has not replaced the log yet. */
  private prepared: LoadedSnapshot | undefined;
  private state: 'new' | 'running' | 'stopped' = 'new';
  /** The log and snapshots on disk have been read. */
  private started = false;

  constructor(options: MetadataQuorumOptions) {
    const { config, clock, random, disk, events } = options;
    const logger = options.logger.child({ part: 'quorum' });
    const settings = brokerSettings(config.properties, config.voters.length);
    this.options = options;
    this.current = { ...EMPTY_IMAGE, clusterId: config.clusterId };
    this.decoder = new MetadataDecoder({ nodeId: config.nodeId, clock, logger, events });
    const voterIds = config.voters.map((voter) => voter.id);
    const { dataDirectory, nodeId } = config;
    const isDamaged = recoverMetadata({ disk, dataDirectory, nodeId, voters: voterIds, clock, logger, events });
    this.log = MetadataLog.open({ disk, dataDirectory, clock, logger });
    this.snapshotting = new Snapshotting({
      nodeId: config.nodeId,
      log: this.log,
      clock,
      logger,
      events,
      image: () => this.current,
      maxBytes: settings.metadataLogMaxRecordBytesBetweenSnapshots,
      maxIntervalMs: settings.metadataLogMaxSnapshotIntervalMs,
    });
    const voteStore = new QuorumStateFile(disk, `${dataDirectory}/${METADATA_DIRECTORY}/${QUORUM_STATE_FILE}`, voterIds);
    if (config.firstStart === true) voteStore.begin();
    // An observer has no vote to regain: its next start shows that it fetched the metadata.
    const isRecovered = voterIds.includes(nodeId) ? voteStore.read().votesFrom !== NO_VOTE : !isDamaged;
    if (isRecovered) removeDamagedMetadata(disk, dataDirectory);
    this.raft = new RaftNode({
      nodeId: config.nodeId,
      clusterId: config.clusterId,
      voters: voterIds,
      clock,
      random,
      log: this.log,
      voteStore,
      transport: this.transport(),
      listener: {
        onLeaderChange: (status) => this.onLeaderChange(status),
        onCommitted: (batches) => this.onCommitted(batches),
        onSnapshot: (id) => this.onSnapshot(id),
        prepareSnapshot: (id, batches) => this.prepareSnapshot(id, batches),
        onFailure: (error) => options.onFailure?.(error),
      },
      logger,
      settings: {
        fetchTimeoutMs: settings.controllerQuorumFetchTimeoutMs,
        electionTimeoutMs: settings.controllerQuorumElectionTimeoutMs,
        backoffCapMs: settings.controllerQuorumElectionBackoffMaxMs,
        ...options.raftSettings,
      },
    });
    this.controller = new Controller({
      nodeId: config.nodeId,
      raft: this.raft,
      clock,
      random,
      logger: options.logger.child({ part: 'controller' }),
      events,
      properties: config.properties,
      image: () => this.current,
      admit: (bytes) => this.log.admit(bytes),
      settings: {
        sessionTimeoutMs: settings.brokerSessionTimeoutMs,
        rebalanceMs: settings.autoLeaderRebalanceEnable ? settings.leaderImbalanceCheckIntervalMs : 0,
        ...options.controllerSettings,
      },
    });
    const apis = quorumApis({ raft: this.raft, controller: this.controller, voters: config.voters });
    this.channel = new ControllerChannel({
      nodeId: config.nodeId,
      voters: config.voters,
      connectPeer: options.connectPeer,
      leaderId: () => this.raft.status.leaderId,
      local: (apiKey, request) => apis.answer(apiKey, request),
      clock,
      random,
      logger,
    });
    this.dispatch = controllerDispatch(apis);
  }

  start(): void {
    assert(this.state === 'new', 'the quorum can be started only once');
    this.state = 'running';
    this.raft.start();
    this.started = true;
  }

  /** Resigns where this node leads, and leaves. Idempotent. */
  async stop(): Promise<void> {
    if (this.state === 'stopped') return;
    this.state = 'stopped';
    await this.raft.resign('the node is stopping');
    this.kill();
  }

  /** Leaves at once, as in a crash, but closes its files. */
  kill(): void {
    this.state = 'stopped';
    this.raft.stop();
    this.controller.stop();
    this.snapshotting.stop();
    this.channel.close();
    for (const peer of this.peers.values()) peer.close();
    this.peers.clear();
    this.log.close();
  }

  /** The newest committed metadata of this node. */
  image(): MetadataImage {
    return this.current;
  }

  /** Calls `listener` after every change of the image; returns its removal. */
  onImage(listener: (change: ImageChange) => void): () => void {
    this.imageListeners.add(listener);
    return () => this.imageListeners.delete(listener);
  }

  /** Calls `listener` with every change of leader, epoch or this node's own role. */
  onLeader(listener: (status: RaftStatus) => void): () => void {
    this.leaderListeners.add(listener);
    return () => this.leaderListeners.delete(listener);
  }

  get status(): RaftStatus {
    return this.raft.status;
  }
  /** −1 while there is no active controller. */
  get leaderId(): number {
    return this.raft.status.leaderId;
  }
  get leaderEpoch(): number {
    return this.raft.status.epoch;
  }

  /** Milliseconds since the last heartbeat, by broker; undefined unless this node is the active controller. */
  sessions(): ReadonlyMap<number, number> | undefined {
    return this.controller.sessions();
  }

  /** Leader, epoch, high watermark and the log end of each replica; replicas only on the leader. */
  describeQuorum(): QuorumDescription {
    const { leaderId, epoch } = this.raft.status;
    const { voters, observers } = this.raft.describeReplicas() ?? { voters: [], observers: [] };
    return { leaderId, leaderEpoch: epoch, highWatermark: this.raft.describedHighWatermark, voters, observers };
  }

  private onLeaderChange(status: RaftStatus): void {
    this.controller.onLeaderChange(status);
    this.channel.onLeaderChange();
    for (const listener of this.leaderListeners) listener(status);
  }

  private onCommitted(batches: readonly CommittedBatch[]): void {
    for (const batch of batches) {
      const records = this.decoder.decode(batch.values, batch.baseOffset);
      const { image, change } = applyRecords(this.current, records, {
        offset: batch.lastOffset,
        epoch: batch.epoch,
        timestamp: batch.timestamp,
      });
      this.current = image;
      for (const id of change.brokers) if (!image.brokers.has(id)) this.raft.forgetObserver(id);
      for (const listener of this.imageListeners) listener(change);
    }
    this.controller.onCommitted(batches);
    this.snapshotting.onCommitted(batches);
  }

  /** Replaces the image by that of a snapshot. */
  private onSnapshot(id: SnapshotId): void {
    const { config, clock, events } = this.options;
    const { prepared } = this;
    this.prepared = undefined;
    const ready = prepared?.id.endOffset === id.endOffset && prepared.id.epoch === id.epoch ? prepared : undefined;
    const { image, count } = ready ?? runWhole(this.loadSnapshot(id, this.log.snapshotRecords(id)));
    const change = diffImages(this.current, image);
    this.current = image;
    this.snapshotting.onLoaded();
    const details = { endOffset: Number(id.endOffset), epoch: id.epoch, records: count };
    const reason = this.started ? 'the leader no longer has the records that this node lacks' : 'the node started';
    events({ type: 'quorum/snapshotLoaded', at: clock.now(), broker: config.nodeId, reason, details });
    for (const listener of this.imageListeners) listener(change);
  }

  private *prepareSnapshot(id: SnapshotId, batches: Iterable<readonly Uint8Array[]>): Generator<undefined, void, undefined> {
    this.prepared = undefined;
    this.prepared = yield* this.loadSnapshot(id, batches);
  }

  private *loadSnapshot(id: SnapshotId, batches: Iterable<readonly Uint8Array[]>): Generator<undefined, LoadedSnapshot, undefined> {
    const records = yield* this.decoder.decodeInSteps(batches, id.endOffset);
    const at = { offset: id.endOffset - 1n, epoch: id.epoch };
    return { id, image: yield* imageInSteps(records, this.options.config.clusterId, at), count: records.length };
  }

  /** Long polls have a connection of their own: they block the requests behind them. */
  private transport(): RaftTransport {
    return {
      send: <Q, S>(voterId: number, api: Api<unknown, Q, S, never>, body: Q, timeoutMs: number): Promise<S> => {
        const kind = api.name === 'Fetch' || api.name === 'FetchSnapshot' ? 'fetch' : 'vote';
        const key = `${kind}:${voterId}`;
        let peer = this.peers.get(key);
        if (peer === undefined) {
          const address = this.options.config.voters.find((voter) => voter.id === voterId);
          assert(address !== undefined, `no address of voter ${voterId}`);
          peer = this.options.connectPeer({ host: address.host, port: address.port });
          this.peers.set(key, peer);
        }
        return peer.send(api, api.maxVersion, body, { timeoutMs });
      },
    };
  }
}
