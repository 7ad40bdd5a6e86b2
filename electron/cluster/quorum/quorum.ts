/**
 * A node's part in the metadata quorum: Raft over the log on disk, the image of its records, the controller, and the APIs of the CONTROLLER
 * listener.
 */
import { createDispatch } from '../dispatch/api-registry.ts';
import { inProcessConnection, type Dispatch } from '../dispatch/request.ts';
import { assert } from '../lib/assert.ts';
import type { Clock } from '../lib/clock.ts';
import type { Disk } from '../lib/disk.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { NodeConfig } from '../lib/node-config.ts';
import type { Random } from '../lib/random.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { ALLOW_ALL, type Authorizer } from '../security/authorizer.ts';
import type { Session } from '../security/session.ts';
import { controllerApis } from './api-registry.ts';
import type { ControllerServer } from './controller-api.ts';
import { ControllerChannel } from './controller-channel.ts';
import { Controller } from './controller.ts';
import type { ImageChange, MetadataImage } from './image.ts';
import { MetadataDecoder } from './metadata-decoding.ts';
import { METADATA_DIRECTORY, removeDamagedMetadata } from './metadata-directory.ts';
import { MetadataLoader } from './metadata-loader.ts';
import { MetadataLog } from './metadata-log.ts';
import { recoverMetadata } from './metadata-recovery.ts';
import type { NodeSettings } from './node-settings.ts';
import { PeerChannels, type ConnectPeer, type Purpose } from './peer-channels.ts';
import type { RaftLog, SnapshotId } from './raft-log.ts';
import { RaftNode, type QuorumReplicaState, type RaftStatus, type RaftTransport } from './raft.ts';
import { Snapshotting } from './snapshotting.ts';
import { NO_VOTE, QUORUM_STATE_FILE, QuorumStateFile } from './vote-store.ts';
import { ZooKeeperLogState } from './zookeeper-state/log-state.ts';
import type { ZooKeeperChange, ZooKeeperView } from './zookeeper-state/view.ts';

const RAFT_FETCH: Purpose = { name: 'fetch' };
const RAFT_VOTE: Purpose = { name: 'vote' };

export interface MetadataQuorumOptions {
  readonly config: NodeConfig;
  readonly settings: NodeSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly logger: Logger;
  readonly events: EventSink;
  /** Creates a connection to another node's controller listener; it connects with the first request and reconnects after a loss. */
  readonly connectPeer: ConnectPeer;
  /** Called once when this node can no longer take part (a disk failure, a violated invariant); the node should stop. */
  readonly onFailure?: (error: unknown) => void;
  /** Of the requests at the CONTROLLER listener; `ALLOW_ALL` if absent. */
  readonly authorizer?: Authorizer;
}

const IN_PROCESS = inProcessConnection('CONTROLLER');

export interface QuorumDescription {
  /** −1 while unknown. */
  readonly leaderId: number;
  readonly leaderEpoch: number;
  /** −1n while unknown. */
  readonly highWatermark: bigint;
  /** Empty on a node that does not lead. */
  readonly voters: readonly QuorumReplicaState[];
  readonly observers: readonly QuorumReplicaState[];
}

export class MetadataQuorum {
  readonly raft: RaftNode;
  readonly controller: Controller;
  /** Requests of the broker to the active controller. */
  readonly channel: ControllerChannel;
  /** Answers the requests of the CONTROLLER listener. */
  readonly dispatch: Dispatch;
  private readonly server: ControllerServer;
  private readonly options: MetadataQuorumOptions;
  private readonly log: RaftLog;
  private readonly snapshotting: Snapshotting;
  private readonly loader: MetadataLoader;
  private readonly zookeeper = new ZooKeeperLogState();
  private readonly peers: PeerChannels;
  private state: 'new' | 'running' | 'stopped' = 'new';
  /** The log and snapshots on disk have been read. */
  private started = false;

  constructor(options: MetadataQuorumOptions) {
    const { config, settings, clock, random, disk, events } = options;
    const logger = options.logger.child({ part: 'quorum' });
    this.options = options;
    const decoder = new MetadataDecoder({ nodeId: config.nodeId, clock, logger, events });
    this.loader = new MetadataLoader({ decoder, clusterId: config.clusterId, states: [this.zookeeper] });
    const voterIds = config.voters.map((voter) => voter.id);
    const { dataDirectory, nodeId } = config;
    const isDamaged = recoverMetadata({ disk, dataDirectory, nodeId, voters: voterIds, clock, logger, events });
    this.log = MetadataLog.open({ disk, dataDirectory, clock, logger });
    const voteStore = new QuorumStateFile(disk, `${dataDirectory}/${METADATA_DIRECTORY}/${QUORUM_STATE_FILE}`, voterIds);
    if (config.firstStart === true) voteStore.begin();
    // An observer has no vote to regain: its next start shows that it fetched the metadata.
    const isRecovered = voterIds.includes(nodeId) ? voteStore.read().votesFrom !== NO_VOTE : !isDamaged;
    if (isRecovered) removeDamagedMetadata(disk, dataDirectory);
    const { voters } = config;
    this.peers = new PeerChannels({ connectPeer: options.connectPeer, addressOf: (id) => voters.find((voter) => voter.id === id) });
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
        onCommitted: (batches) => this.loader.applyBatches(batches),
        onSnapshot: (id) => this.loader.loadSnapshot(id, () => this.log.snapshotRecords(id)),
        prepareSnapshot: (id, batches) => this.loader.prepareSnapshot(id, batches),
        onFailure: (error) => options.onFailure?.(error),
      },
      logger,
      settings: settings.raft,
    });
    this.controller = new Controller({
      nodeId: config.nodeId,
      raft: this.raft,
      clock,
      random,
      logger: options.logger.child({ part: 'controller' }),
      events,
      properties: config.properties,
      authorizer: options.authorizer,
      image: () => this.loader.image,
      zookeeper: () => this.zookeeper.current,
      onApplied: (listener) => this.loader.onApplied(listener),
      admit: (bytes) => this.log.admit(bytes),
      settings: settings.controller,
    });
    this.snapshotting = new Snapshotting({
      nodeId: config.nodeId,
      log: this.log,
      clock,
      logger,
      events,
      metadata: this.loader,
      maxBytes: settings.broker.metadataLogMaxRecordBytesBetweenSnapshots,
      maxIntervalMs: settings.broker.metadataLogMaxSnapshotIntervalMs,
    });
    this.loader.onLoaded((id, records) => this.onLoaded(id, records));
    this.loader.onImage(({ brokers, after }) => {
      for (const id of brokers) if (!after.brokers.has(id)) this.raft.forgetObserver(id);
    });
    this.server = {
      raft: this.raft,
      controller: this.controller,
      voters: config.voters,
      registry: controllerApis,
      authorizer: options.authorizer ?? ALLOW_ALL,
      logger: options.logger.child({ part: 'controller' }),
    };
    this.channel = new ControllerChannel({
      nodeId: config.nodeId,
      peers: this.peers,
      leaderId: () => this.raft.status.leaderId,
      local: (apiKey, version, request, session) => this.answer(apiKey, version, request, session === undefined ? {} : { session }),
      clock,
      random,
      logger,
    });
    this.dispatch = createDispatch(controllerApis, this.server);
  }

  /**
   * Answers a decoded request of this node, at the address of its CONTROLLER listener. Rejects with `KafkaError` NOT_CONTROLLER, and with
   * UNSUPPORTED_VERSION for an API that the listener does not serve.
   */
  async answer(
    apiKey: number,
    version: number,
    request: unknown,
    { session = IN_PROCESS.session, receivedAt = this.options.clock.monotonic() }: { session?: Session; receivedAt?: number } = {},
  ): Promise<unknown> {
    const found = controllerApis.find(apiKey);
    if (found === undefined) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `API ${apiKey} is not served by the controller.`);
    const { listener } = IN_PROCESS;
    const clientId = `broker-${this.options.config.nodeId}`;
    return found.answer(request, { version, clientId, connection: IN_PROCESS, session, listener, receivedAt }, this.server);
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
    this.peers.close();
    this.log.close();
  }

  /** The newest committed metadata of this node. */
  image(): MetadataImage {
    return this.loader.image;
  }

  /** Calls `listener` after every change of the image; returns its removal. */
  onImage(listener: (change: ImageChange) => void): () => void {
    return this.loader.onImage(listener);
  }

  /** The image and the state of the ZooKeeper endpoint's clients, as of the same offset. */
  zookeeperView(): ZooKeeperView {
    return { image: this.loader.image, zookeeper: this.zookeeper.current };
  }

  /** `onImage` with the changes of the ZooKeeper endpoint's clients. */
  onZooKeeperChange(listener: (change: ZooKeeperChange) => void): () => void {
    return this.loader.onImage((change) => listener({ ...this.zookeeper.lastChange, metadata: change }));
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
  }

  private onLoaded({ endOffset, epoch }: SnapshotId, records: number): void {
    const { config, clock, events } = this.options;
    const details = { endOffset: Number(endOffset), epoch, records };
    const reason = this.started ? 'the leader no longer has the records that this node lacks' : 'the node started';
    events({ type: 'quorum/snapshotLoaded', at: clock.now(), broker: config.nodeId, reason, details });
  }

  /** Long polls have a connection of their own: they block the requests behind them. */
  private transport(): RaftTransport {
    return {
      send: (voterId, api, body, timeoutMs) => {
        const purpose = api.name === 'Fetch' || api.name === 'FetchSnapshot' ? RAFT_FETCH : RAFT_VOTE;
        return this.peers.send(voterId, purpose, { api, version: api.maxVersion, body, timeoutMs });
      },
    };
  }
}
