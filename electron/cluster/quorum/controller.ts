/**
 * The controller. It runs on every node and is active on the leader of the quorum. It decides requests one at a time, in order, on a
 * speculative image: the committed image and all decisions since. The records of a decision are appended to the quorum as one batch, and its
 * response is sent when they are committed. Only the controller writes metadata.
 */
import { assert } from '../lib/assert.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import { setRunningTimer } from '../lib/running-time.ts';
import { brokerHeartbeat } from '../protocol/apis/broker-heartbeat.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { completeMetadataRecord, encodeMetadataRecord, type MetadataRecordIn } from '../protocol/records/metadata-records.ts';
import { ALLOW_ALL, isAllowed, type Authorizer, type ItemRule } from '../security/authorizer.ts';
import type { Properties } from './config-definitions.ts';
import type { DecidedApi, DecidedRequest, DecisionQueue } from './controller-api.ts';
import { notController, tooLate, unconfirmed } from './controller-errors.ts';
import { ControllerSessions, wallTime } from './controller-sessions.ts';
import type { ControllerSettings } from './controller-settings.ts';
import { refuseOversized, type ControllerEvent, type Decision, type DecisionContext } from './controller/decision.ts';
import { electLeaders } from './controller/elect-leaders.ts';
import { electForLeaderless, moveEvents } from './controller/partition-moves.ts';
import { ChangeKind, type CoordinationImage } from './zookeeper-state/state.ts';
import { changeOf } from './zookeeper-state/transaction.ts';
import { applyRecords } from './image-apply.ts';
import type { MetadataImage } from './image.ts';
import type { CommittedBatch } from './raft-log.ts';
import type { RaftNode, RaftStatus } from './raft.ts';

export interface ControllerOptions {
  readonly nodeId: number;
  readonly raft: Pick<RaftNode, 'append' | 'status' | 'logEndOffset' | 'epochStartOffset' | 'searchCause' | 'confirmAfterStall'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly properties: Properties;
  /** The committed image. */
  image(): MetadataImage;
  /** The committed state of the ZooKeeper endpoint's clients, as of the same offset. */
  zookeeper(): CoordinationImage;
  /** Calls `listener` with committed batches once both have them. */
  onApplied(listener: (batches: readonly CommittedBatch[]) => void): void;
  /** `ALLOW_ALL` if absent. */
  readonly authorizer?: Authorizer | undefined;
  /** See `Disk.admit`. */
  admit(bytes: number): Promise<void> | undefined;
  readonly settings: ControllerSettings;
}

interface Queued {
  /** Monotonic ms at which the client's request times out; Infinity for the controller's own decisions. */
  readonly deadline: number;
  run(): void;
  refuse(error: KafkaError): void;
}

/** Admission of a request to the queue. */
interface Admission {
  readonly deadline: number;
  /** Queue length from which the request is refused. */
  readonly limit: number;
}

/** State of this node's time as the active controller, for one epoch. */
interface Active {
  readonly epoch: number;
  image: MetadataImage;
  /** Of the newest append; responses without a change wait for it too, since they were decided on top of it. */
  lastCommit: Promise<unknown>;
  rebalanceAt: number;
  leaderlessAt: number;
  timer: Timer | undefined;
}

export class Controller implements DecisionQueue {
  private readonly options: ControllerOptions;
  private readonly settings: ControllerSettings;
  private readonly heldSessions: ControllerSessions;
  private active: Active | undefined;
  private readonly queue: Queued[] = [];
  private waitsForDisk = false;

  constructor(options: ControllerOptions) {
    this.options = options;
    this.settings = options.settings;
    this.heldSessions = new ControllerSessions(options.clock, this.settings);
    options.onApplied((batches) => this.onApplied(batches));
  }

  /** Whether this node is the active controller: its first record is committed. */
  get isActive(): boolean {
    return this.active !== undefined;
  }

  /** The quorum as this node sees it. */
  get status(): RaftStatus {
    return this.options.raft.status;
  }

  /** Milliseconds since the last heartbeat, by broker; undefined unless this node is the active controller. */
  sessions(): ReadonlyMap<number, number> | undefined {
    return this.active === undefined ? undefined : this.heldSessions.ages();
  }

  /**
   * Decides a decoded request. Rejects with the `KafkaError` that fails it as a whole: NOT_CONTROLLER on a node that is not active,
   * REQUEST_TIMED_OUT when the majority does not confirm in time (the change may still take effect) or the disk does not admit it in time (it
   * will not). The request's timeout counts from `receivedAt`.
   */
  async handle<Request, Response>(
    api: DecidedApi<Request, Response>,
    request: Request,
    { receivedAt, session }: DecidedRequest,
  ): Promise<Response> {
    const { key } = api.api;
    const { commitTimeoutMs, maxQueued } = this.settings;
    const timeoutMs = Math.max(1, api.timeoutMs?.(request) ?? commitTimeoutMs);
    if (this.active !== undefined) this.heldSessions.extendSessions(key, request, this.active.image);
    const admission = { deadline: receivedAt + timeoutMs, limit: api.ofBrokers === true ? maxQueued * 2 : maxQueued };
    const allows = (rule: ItemRule, name: string): boolean => isAllowed(this.options.authorizer ?? ALLOW_ALL, session, rule, name);
    const decide = (context: DecisionContext): Decision<Response> => api.decide({ ...context, allows }, request, this.heldSessions);
    const read = key === brokerHeartbeat.key ? this.decideWithoutDisk(decide, request) : undefined;
    return read === undefined
      ? this.within(timeoutMs, admission, decide)
      : this.inTime(read, admission.deadline, () => unconfirmed(timeoutMs));
  }

  // ── leadership ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** To be called with every change of the leader of the quorum. */
  onLeaderChange(status: RaftStatus): void {
    const { active } = this;
    if (active === undefined || (status.role === 'leader' && status.epoch === active.epoch)) return;
    this.deactivate();
    const { clock, events, nodeId, raft } = this.options;
    const known = status.leaderId >= 0 && status.leaderId !== nodeId;
    const reason = known ? `node ${status.leaderId} is the leader of epoch ${status.epoch}` : raft.searchCause;
    events({ type: 'quorum/leaderResigned', at: clock.now(), broker: nodeId, reason, details: { epoch: active.epoch } });
  }

  /** The batch that opens this node's epoch makes it active. */
  private onApplied(batches: readonly CommittedBatch[]): void {
    const { raft } = this.options;
    if (this.active !== undefined || raft.status.role !== 'leader') return;
    if (batches.some((batch) => batch.control && batch.baseOffset === raft.epochStartOffset)) this.activate(raft.status.epoch);
  }

  /** Stops deciding; the node is shutting down. */
  stop(): void {
    if (this.active !== undefined) this.deactivate();
  }

  private activate(epoch: number): void {
    const { clock, events, logger, nodeId } = this.options;
    const image = this.options.image();
    const now = clock.monotonic();
    this.heldSessions.reset(image, this.options.zookeeper());
    const { rebalanceMs } = this.settings;
    const lastCommit = Promise.resolve();
    const [rebalanceAt, leaderlessAt] = [now + rebalanceMs, now + LEADERLESS_MS];
    this.active = { epoch, image, lastCommit, rebalanceAt, leaderlessAt, timer: undefined };
    this.scheduleSweep(this.active);
    logger.info('Became active controller', { epoch });
    events({
      type: 'quorum/leaderElected',
      at: clock.now(),
      broker: nodeId,
      reason: `elected by a majority in epoch ${epoch} because ${this.options.raft.searchCause}`,
      details: { epoch },
    });
    if (image.features.size === 0) this.bootstrap();
    this.announce(epoch);
  }

  private deactivate(): void {
    this.active?.timer?.cancel();
    this.active = undefined;
    this.options.logger.info('Resigned as active controller');
    for (const queued of this.queue.splice(0)) queued.refuse(notController());
  }

  /** The first records of a cluster: its formats and features. */
  private bootstrap(): void {
    const records: MetadataRecordIn[] = Object.entries(this.settings.bootstrapFeatures).map(([name, featureLevel]) => ({
      type: 'FeatureLevelRecord',
      value: { name, featureLevel },
    }));
    this.enqueueInternal('bootstrap', () => ({ records, response: undefined, events: [] }));
  }

  /** The content of /controller: a record, so that all nodes serve the same content from the same offset on. */
  private announce(epoch: number): void {
    this.enqueueInternal('announce itself', (context) => {
      const change = { ...changeOf(ChangeKind.controller), id: BigInt(this.options.nodeId), number: epoch };
      const coordination = { zxid: context.nextOffset, time: wallTime(this.options.clock), changes: [change] };
      return { records: [{ type: 'NoOpRecord', value: { coordination } }], response: undefined, events: [] };
    });
  }

  // ── deciding ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private enqueue<R>(decide: (context: DecisionContext) => Decision<R>, { deadline, limit }: Admission): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.active === undefined) {
        reject(notController());
        return;
      }
      if (this.queue.length >= limit) {
        reject(new KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED, 'Too many requests wait for the controller. Retry later.'));
        return;
      }
      this.queue.push({
        deadline,
        run: () => {
          resolve(this.decide(decide));
        },
        refuse: reject,
      });
      this.pump();
    });
  }

  /** Takes requests in order, as fast as the disk admits them. Requests that wait together share one write and one flush. */
  private pump(): void {
    while (!this.waitsForDisk && this.queue.length > 0) {
      const wait = this.options.admit(BYTES_OF_DECISION * this.queue.length);
      if (wait === undefined) this.takeQueued();
      else {
        this.waitsForDisk = true;
        const admitted = (): void => {
          this.waitsForDisk = false;
          this.takeQueued();
          this.pump();
        };
        void wait.then(admitted, admitted);
      }
    }
  }

  private takeQueued(): void {
    const now = this.options.clock.monotonic();
    for (const next of this.queue.splice(0)) {
      // Its sender was answered or timed out: the change must not take effect any more.
      if (now >= next.deadline) next.refuse(tooLate());
      else next.run();
    }
  }

  /**
   * The response to a request that changes nothing; undefined where it changes something and has to wait for the disk with the others. A broker
   * without responses to its heartbeats considers itself fenced.
   */
  private decideWithoutDisk<R>(decide: (context: DecisionContext) => Decision<R>, request: unknown): Promise<R> | undefined {
    const { active } = this;
    // A decision on a controlled shutdown changes the broker's session, so it is made only once.
    if (active === undefined || this.heldSessions.changesWith(request, active.image)) return undefined;
    const { records, response } = decide(this.context(active));
    return records.length > 0 ? undefined : active.lastCommit.then(() => this.asLeader(response));
  }

  /** A response that no commit of its own confirms. After a stall another node may be active: NOT_CONTROLLER. */
  private async asLeader<R>(response: R): Promise<R> {
    const confirmed = this.options.raft.confirmAfterStall();
    if (confirmed !== undefined && !(await confirmed)) throw notController();
    return response;
  }

  private context({ image }: Active): DecisionContext {
    const { properties, random, raft } = this.options;
    return { image, properties, random, nextOffset: raft.logEndOffset, allows: () => true };
  }

  /** Decides and appends before it returns; the promise resolves with the response, once committed. */
  private async decide<R>(decide: (context: DecisionContext) => Decision<R>): Promise<R> {
    const { active, options } = this;
    if (active === undefined) throw notController();
    const { raft } = options;
    const { records, response, events } = decide(this.context(active));
    if (records.length > 0) {
      const values = records.map(encodeMetadataRecord);
      refuseOversized(values);
      // Applied first: a record that cannot be applied must not reach the log, where it would stop every node.
      const offset = raft.logEndOffset + BigInt(records.length) - 1n;
      const at = { offset, epoch: active.epoch, timestamp: options.clock.now() };
      const complete = records.map(completeMetadataRecord);
      const { image, change } = applyRecords(active.image, complete, at);
      const applyToClients = this.heldSessions.prepare(complete, change, at);
      const { lastOffset, committed } = raft.append(values);
      assert(lastOffset === offset, `decided for offset ${offset}, appended at ${lastOffset}`);
      active.image = image;
      applyToClients();
      active.lastCommit = committed;
      // Callers that wait see the failure; there may be none.
      committed.then(
        () => this.publish(events),
        () => undefined,
      );
    }
    await active.lastCommit;
    return records.length > 0 ? response : this.asLeader(response);
  }

  /** Enqueues a decision without a request. */
  private enqueueInternal(what: string, decide: (context: DecisionContext) => Decision<unknown>): void {
    const admission = { deadline: Number.POSITIVE_INFINITY, limit: this.settings.maxQueued * 2 };
    this.enqueue(decide, admission).catch((error: unknown) => this.options.logger.warn(`Could not ${what}`, { error }));
  }

  private publish(events: readonly ControllerEvent[]): void {
    const at = this.options.clock.now();
    for (const event of events) this.options.events({ ...event, at });
  }

  /** The queued decision; REQUEST_TIMED_OUT once the deadline has passed. */
  private within<R>(timeoutMs: number, admission: Admission, decide: (context: DecisionContext) => Decision<R>): Promise<R> {
    let state: 'queued' | 'decided' | 'refused' = 'queued';
    const answer = this.enqueue((context) => {
      // Timers may fire up to 1 ms early, so `takeQueued` can run before the deadline after the client was answered.
      if (state === 'refused') throw tooLate();
      state = 'decided';
      return decide(context);
    }, admission);
    return this.inTime(answer, admission.deadline, () => {
      if (state === 'decided') return unconfirmed(timeoutMs);
      state = 'refused';
      return tooLate();
    });
  }

  /** The response, or the error of `late` once the deadline (monotonic ms) has passed. */
  private async inTime<R>(answer: Promise<R>, deadline: number, late: () => KafkaError): Promise<R> {
    const { clock } = this.options;
    const expired = Promise.withResolvers<never>();
    const timer = clock.setTimer(Math.max(0, deadline - clock.monotonic()), () => {
      expired.reject(late());
    });
    try {
      return await Promise.race([answer, expired.promise]);
    } finally {
      timer.cancel();
    }
  }

  // ── decisions without a request ───────────────────────────────────────────────────────────────────────────────────

  private scheduleSweep(active: Active): void {
    active.timer = setRunningTimer(this.options.clock, this.settings.sweepMs, () => {
      if (this.active !== active) return;
      this.sweep(active);
      this.scheduleSweep(active);
    });
  }

  private sweep(active: Active): void {
    for (const { what, decide } of this.heldSessions.sweep(active.image)) this.enqueueInternal(what, decide);
    const now = this.options.clock.monotonic();
    if (now >= active.leaderlessAt) {
      active.leaderlessAt = now + LEADERLESS_MS;
      this.electWhereLeaderless(active);
    }
    if (this.settings.rebalanceMs > 0 && now >= active.rebalanceAt) {
      active.rebalanceAt = now + this.settings.rebalanceMs;
      this.enqueueInternal('rebalance leaderships', (context) =>
        electLeaders(context, { electionType: 0, topicPartitions: null, timeoutMs: this.settings.commitTimeoutMs }),
      );
    }
  }

  /** A replica may have been ineligible only because this controller had not received a heartbeat of its broker yet. */
  private electWhereLeaderless(active: Active): void {
    const { properties } = this.options;
    if (electForLeaderless(active.image, properties).length === 0) return;
    this.enqueueInternal('elect leaders', ({ image }) => {
      const moves = electForLeaderless(image, properties);
      const records = moves.map(({ record }) => record);
      return { records, response: undefined, events: moveEvents(moves, 'sweep', 'an eligible leader is live') };
    });
  }
}

/** Approximate bytes of one decision. */
const BYTES_OF_DECISION = 1024;
/** Interval at which partitions without a leader are checked, besides each unfencing of a broker. */
const LEADERLESS_MS = 1000;
