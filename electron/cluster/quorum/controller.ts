/**
 * The controller. It runs on every node and is active on the one that leads the quorum. Requests are decided one at a time, in order,
 * on a speculative image: the committed one and everything decided since. A decision's records go to the quorum as one batch, and the
 * answer leaves when they are committed. It is the only writer of the metadata.
 */
import { assert } from '../lib/assert.ts';
import type { Clock, Timer } from '../lib/clock.ts';
import type { EventSink } from '../lib/events.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';
import type { brokerHeartbeat } from '../protocol/apis/broker-heartbeat.ts';
import type { brokerRegistration } from '../protocol/apis/broker-registration.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import { completeMetadataRecord, encodeMetadataRecord, type MetadataRecordIn } from '../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../protocol/schema.ts';
import type { Properties } from './config-definitions.ts';
import { BrokerSessions } from './broker-sessions.ts';
import { controllerOperations, type AnyOperation, type CoordinationDecisions } from './controller-operations.ts';
import { decideHeartbeat } from './controller/broker-heartbeat.ts';
import { isActive, type ControllerEvent, type Decision, type DecisionContext } from './controller/decision.ts';
import { electLeaders } from './controller/elect-leaders.ts';
import { electForLeaderless, moveEvents } from './controller/partition-moves.ts';
import { fenceBroker } from './controller/fence-broker.ts';
import { registerBroker } from './controller/register-broker.ts';
import { ChangeKind } from './coordination/coordination.ts';
import { decideHeard, decideSession, expireSession, SessionClock } from './coordination/sessions.ts';
import { changeOf, decideWrite } from './coordination/transaction.ts';
import { applyRecords } from './image-apply.ts';
import type { MetadataImage } from './image.ts';
import type { CommittedBatch } from './raft-log.ts';
import type { RaftNode, RaftStatus } from './raft.ts';

export interface ControllerSettings {
  /** `broker.session.timeout.ms`. */
  readonly sessionTimeoutMs: number;
  /** How often sessions are looked at. */
  readonly sweepMs: number;
  /** What the quorum has to confirm a change where the request does not say. */
  readonly commitTimeoutMs: number;
  /** Most requests that may wait for a slow disk. */
  readonly maxQueued: number;
  /** Every so often leaderships go back to the preferred replicas; 0: never (`auto.leader.rebalance.enable`). */
  readonly rebalanceMs: number;
  /** Levels that a fresh cluster is given. */
  readonly bootstrapFeatures: Readonly<Record<string, number>>;
}

export const DEFAULT_CONTROLLER_SETTINGS: ControllerSettings = {
  sessionTimeoutMs: 3000,
  sweepMs: 250,
  commitTimeoutMs: 5000,
  maxQueued: 1000,
  rebalanceMs: 300_000,
  // 4.3-IV0, whose record versions are the ones written here.
  bootstrapFeatures: { 'metadata.version': 30, 'eligible.leader.replicas.version': 1 },
};

export interface ControllerOptions {
  readonly nodeId: number;
  readonly raft: Pick<RaftNode, 'append' | 'status' | 'logEndOffset' | 'epochStartOffset'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly events: EventSink;
  readonly properties: Properties;
  /** The committed image. */
  image(): MetadataImage;
  /** See `Disk.admit`. */
  admit(bytes: number): Promise<void> | undefined;
  readonly settings?: Partial<ControllerSettings>;
}

interface Queued {
  run(): void;
  refuse(error: KafkaError): void;
}

/** What leading one epoch takes; gone with the leadership. */
interface Active {
  readonly epoch: number;
  image: MetadataImage;
  /** Of the newest append; what changes nothing waits for it too, since it was decided on top of it. */
  lastCommit: Promise<unknown>;
  sweepAt: number;
  rebalanceAt: number;
  leaderlessAt: number;
  timer: Timer | undefined;
}

export class Controller {
  private readonly options: ControllerOptions;
  private readonly settings: ControllerSettings;
  private readonly operations: ReadonlyMap<number, AnyOperation>;
  private readonly brokerSessions: BrokerSessions;
  /** Of the ZooKeeper endpoint's clients. */
  private readonly clientSessions = new SessionClock();
  private active: Active | undefined;
  private readonly queue: Queued[] = [];
  private waitsForDisk = false;

  constructor(options: ControllerOptions) {
    this.options = options;
    this.settings = { ...DEFAULT_CONTROLLER_SETTINGS, ...options.settings };
    this.brokerSessions = new BrokerSessions(this.settings.sessionTimeoutMs);
    this.operations = controllerOperations(
      (context, request) => this.decideRegistration(context, request),
      (context, request) => this.decideHeartbeat(context, request),
      this.coordinationDecisions(),
    );
  }

  /** Whether this node decides, its own first record being committed. */
  get isActive(): boolean {
    return this.active !== undefined;
  }

  /** The quorum as this node knows it. */
  get status(): RaftStatus {
    return this.options.raft.status;
  }

  /** Ms since the last heartbeat by broker; undefined unless this node decides. */
  sessions(): ReadonlyMap<number, number> | undefined {
    return this.active === undefined ? undefined : this.brokerSessions.ages(this.options.clock.monotonic());
  }

  /** Keys of the APIs that `handle` answers. */
  get apiKeys(): ReadonlySet<number> {
    return new Set(this.operations.keys());
  }

  operation(apiKey: number): AnyOperation | undefined {
    return this.operations.get(apiKey);
  }

  /**
   * Answers a decoded request. Failures are answers too: NOT_CONTROLLER on a node that does not decide, REQUEST_TIMED_OUT when the
   * majority does not confirm in time (the change may still come about).
   */
  async handle(apiKey: number, request: unknown): Promise<unknown> {
    const operation = this.operations.get(apiKey);
    if (operation === undefined) throw new KafkaError(ErrorCode.UNSUPPORTED_VERSION, `The controller does not answer API ${apiKey}.`);
    const timeoutMs = Math.max(1, operation.timeoutMs?.(request) ?? this.settings.commitTimeoutMs);
    try {
      return await this.within(
        timeoutMs,
        this.enqueue((context) => operation.decide(context, request)),
      );
    } catch (error) {
      if (error instanceof KafkaError) return operation.failed(request, error);
      this.options.logger.error('a request to the controller failed', { api: operation.api.name, error });
      const failure = new KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, 'The controller failed on this request; its log says why.', {
        cause: error,
      });
      return operation.failed(request, failure);
    }
  }

  // ── leadership ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** To be called with every change of the quorum's leader. */
  onLeaderChange(status: RaftStatus): void {
    if (this.active !== undefined && (status.role !== 'leader' || status.epoch !== this.active.epoch)) this.deactivate();
  }

  /** To be called after the committed image has taken in `batches`. The batch that opens this node's own epoch makes it decide. */
  onCommitted(batches: readonly CommittedBatch[]): void {
    const { raft } = this.options;
    if (this.active !== undefined || raft.status.role !== 'leader') return;
    if (batches.some((batch) => batch.control && batch.baseOffset === raft.epochStartOffset)) this.activate(raft.status.epoch);
  }

  /** Stops to decide; the node is going down. */
  stop(): void {
    if (this.active !== undefined) this.deactivate();
  }

  private activate(epoch: number): void {
    const { clock, events, logger, nodeId } = this.options;
    const image = this.options.image();
    const now = clock.monotonic();
    this.brokerSessions.reset(
      [...image.brokers.values()].filter((broker) => !broker.fenced).map((broker) => broker.id),
      now,
    );
    this.clientSessions.reset(image.coordination, now);
    const { rebalanceMs } = this.settings;
    const lastCommit = Promise.resolve();
    const [rebalanceAt, leaderlessAt] = [now + rebalanceMs, now + LEADERLESS_MS];
    this.active = { epoch, image, lastCommit, sweepAt: now, rebalanceAt, leaderlessAt, timer: undefined };
    this.scheduleSweep(this.active);
    logger.info('decides for the cluster', { epoch });
    events({
      type: 'quorum/leaderElected',
      at: clock.now(),
      broker: nodeId,
      reason: `a majority of the quorum voted for it in epoch ${epoch}`,
      details: { epoch },
    });
    if (image.features.size === 0) this.bootstrap();
    this.announce(epoch);
  }

  private deactivate(): void {
    this.active?.timer?.cancel();
    this.active = undefined;
    this.options.logger.info('decides no longer');
    for (const queued of this.queue.splice(0)) queued.refuse(notController());
  }

  /** The first records of a cluster: which formats and features it starts with. */
  private bootstrap(): void {
    const records: MetadataRecordIn[] = Object.entries(this.settings.bootstrapFeatures).map(([name, featureLevel]) => ({
      type: 'FeatureLevelRecord',
      value: { name, featureLevel },
    }));
    this.decideOnItsOwn('bootstrap', () => ({ records, response: undefined, events: [] }));
  }

  /** What /controller tells: a record, so that every node tells the same from the same moment on. */
  private announce(epoch: number): void {
    this.decideOnItsOwn('announce itself', (context) => {
      const change = { ...changeOf(ChangeKind.controller), id: BigInt(this.options.nodeId), number: epoch };
      const coordination = { zxid: context.nextOffset, time: this.time(), changes: [change] };
      return { records: [{ type: 'NoOpRecord', value: { coordination } }], response: undefined, events: [] };
    });
  }

  private time(): bigint {
    return BigInt(Math.trunc(this.options.clock.now()));
  }

  // ── deciding ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private enqueue<R>(decide: (context: DecisionContext) => Decision<R>): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.active === undefined) {
        reject(notController());
        return;
      }
      if (this.queue.length >= this.settings.maxQueued) {
        reject(new KafkaError(ErrorCode.THROTTLING_QUOTA_EXCEEDED, 'Too many requests wait for the controller; try again in a moment.'));
        return;
      }
      this.queue.push({
        run: () => {
          resolve(this.decide(decide));
        },
        refuse: reject,
      });
      this.pump();
    });
  }

  /** Takes requests in order, as fast as the disk admits. */
  private pump(): void {
    while (!this.waitsForDisk) {
      const wait = this.queue.length === 0 ? undefined : this.options.admit(1024);
      if (wait !== undefined) {
        this.waitsForDisk = true;
        const goOn = (): void => {
          this.waitsForDisk = false;
          this.pump();
        };
        void wait.then(goOn, goOn);
        return;
      }
      const next = this.queue.shift();
      if (next === undefined) return;
      next.run();
    }
  }

  /** Decides and appends before it returns; the promise is the answer, once committed. */
  private async decide<R>(decide: (context: DecisionContext) => Decision<R>): Promise<R> {
    const { active, options } = this;
    if (active === undefined) throw notController();
    const { raft, properties, random } = options;
    const { records, response, events } = decide({ image: active.image, properties, random, nextOffset: raft.logEndOffset });
    if (records.length > 0) {
      // Applied first: records that cannot be applied must not reach the log, where they would stop every node.
      const offset = raft.logEndOffset + BigInt(records.length) - 1n;
      const { image } = applyRecords(active.image, records.map(completeMetadataRecord), {
        offset,
        epoch: active.epoch,
        timestamp: options.clock.now(),
      });
      const { lastOffset, committed } = raft.append(records.map(encodeMetadataRecord));
      assert(lastOffset === offset, `decided for offset ${offset}, appended at ${lastOffset}`);
      active.image = image;
      active.lastCommit = committed;
      // Whoever waits sees the failure; nobody may be waiting.
      committed.then(
        () => this.tell(events),
        () => undefined,
      );
    }
    await active.lastCommit;
    return response;
  }

  /** A decision that nobody asked for. */
  private decideOnItsOwn(what: string, decide: (context: DecisionContext) => Decision<unknown>): void {
    this.enqueue(decide).catch((error: unknown) => this.options.logger.warn(`could not ${what}`, { error }));
  }

  private tell(events: readonly ControllerEvent[]): void {
    const at = this.options.clock.now();
    for (const event of events) this.options.events({ ...event, at });
  }

  private async within<T>(timeoutMs: number, answer: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = this.options.clock.setTimer(timeoutMs, () => {
      const message = `The metadata quorum did not confirm the change within ${timeoutMs} ms; a majority of its nodes may be down. The change may still come about.`;
      late.reject(new KafkaError(ErrorCode.REQUEST_TIMED_OUT, message));
    });
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      timer.cancel();
    }
  }

  // ── brokers ───────────────────────────────────────────────────────────────────────────────────────────────────────

  private decideRegistration(
    context: DecisionContext,
    request: RequestOf<typeof brokerRegistration>,
  ): Decision<ResponseIn<typeof brokerRegistration>> {
    const now = this.options.clock.monotonic();
    const decision = registerBroker(context, request, (id) => this.brokerSessions.isAlive(id, now));
    this.brokerSessions.open(request.brokerId, now);
    return decision;
  }

  private decideHeartbeat(
    context: DecisionContext,
    request: RequestOf<typeof brokerHeartbeat>,
  ): Decision<ResponseIn<typeof brokerHeartbeat>> {
    const { image } = context;
    const { brokerId } = request;
    const others = [...image.brokers.values()].filter((broker) => broker.id !== brokerId && isActive(broker));
    const offsets = others.map((broker) => this.brokerSessions.metadataOffset(broker.id));
    const lowestActiveOffset = offsets.length === 0 ? undefined : offsets.reduce((a, b) => (a < b ? a : b));
    const registered = image.brokers.get(brokerId);
    const session =
      registered?.epoch === request.brokerEpoch
        ? this.brokerSessions.heard(brokerId, request.currentMetadataOffset, this.options.clock.monotonic())
        : undefined;
    if (registered?.inControlledShutdown === true && session !== undefined) session.shutdownOffset ??= image.offset;
    const decision = decideHeartbeat(context, request, { shutdownOffset: session?.shutdownOffset, lowestActiveOffset });
    if (request.wantShutDown && session !== undefined) {
      if (decision.response.shouldShutDown) this.brokerSessions.close(brokerId);
      else if (decision.records.length > 0) session.shutdownOffset = context.nextOffset + BigInt(decision.records.length) - 1n;
    }
    return decision;
  }

  /** A leader may have been missing only because nobody had been heard of yet. */
  private electWhereLeaderless(active: Active): void {
    const { properties } = this.options;
    if (electForLeaderless(active.image, properties).length === 0) return;
    this.decideOnItsOwn('elect leaders', ({ image }) => {
      const moves = electForLeaderless(image, properties);
      const records = moves.map(({ record }) => record);
      return { records, response: undefined, events: moveEvents(moves, 'a replica that may lead is up') };
    });
  }

  private coordinationDecisions(): CoordinationDecisions {
    const { clock } = this.options;
    const heard = (id: bigint): void => this.clientSessions.heard(id, clock.monotonic());
    return {
      write: (context, request) => {
        heard(request.sessionId);
        return decideWrite(context, request, this.time());
      },
      session: (context, request) => {
        const decision = decideSession(context, request, this.time());
        if (decision.records.length > 0) heard(decision.response.sessionId ?? request.sessionId);
        return decision;
      },
      heard: (context, request) => {
        for (const id of request.sessionIds) heard(id);
        return decideHeard(context, request);
      },
    };
  }

  private scheduleSweep(active: Active): void {
    active.timer = this.options.clock.setTimer(this.settings.sweepMs, () => {
      if (this.active !== active) return;
      this.sweep(active);
      this.scheduleSweep(active);
    });
  }

  /** Fences whose session has run out. */
  private sweep(active: Active): void {
    const now = this.options.clock.monotonic();
    const late = now - active.sweepAt - this.settings.sweepMs;
    active.sweepAt = now;
    // Heartbeats that came while this node stood still are yet to be read.
    if (late > this.settings.sweepMs) {
      this.brokerSessions.excuse(late);
      this.clientSessions.excuse(late);
    }
    this.sweepClients(active, now);
    for (const broker of active.image.brokers.values()) {
      if (broker.fenced) continue;
      const silentMs = this.brokerSessions.silentFor(broker.id, now);
      if (silentMs < this.settings.sessionTimeoutMs) continue;
      const seconds = (Math.min(silentMs, this.settings.sessionTimeoutMs) / 1000).toFixed(1);
      this.decideOnItsOwn('fence a broker', (context) => {
        const current = context.image.brokers.get(broker.id);
        const stale = current === undefined || current.epoch !== broker.epoch || this.brokerSessions.isValid(broker.id, now);
        if (stale) return { records: [], response: undefined, events: [] };
        this.brokerSessions.close(broker.id);
        return fenceBroker(context, current, `its session expired: no heartbeat for ${seconds} s`);
      });
    }
    if (now >= active.leaderlessAt) {
      active.leaderlessAt = now + LEADERLESS_MS;
      this.electWhereLeaderless(active);
    }
    if (this.settings.rebalanceMs > 0 && now >= active.rebalanceAt) {
      active.rebalanceAt = now + this.settings.rebalanceMs;
      this.decideOnItsOwn('rebalance leaderships', (context) =>
        electLeaders(context, { electionType: 0, topicPartitions: null, timeoutMs: this.settings.commitTimeoutMs }),
      );
    }
  }

  /** Ends the sessions of clients that no node has heard of in time. */
  private sweepClients(active: Active, now: number): void {
    for (const { id } of this.clientSessions.expired(active.image.coordination, now)) {
      this.decideOnItsOwn("end a client's session", (context) => {
        const { coordination } = context.image;
        const session = coordination.sessions.get(id);
        const over = session !== undefined && this.clientSessions.expired(coordination, now).includes(session);
        return over ? expireSession(context, session, this.time()) : { records: [], response: undefined, events: [] };
      });
    }
  }
}

/** How often partitions without a leader are looked at, beside every time that a broker comes back. */
const LEADERLESS_MS = 1000;

function notController(): KafkaError {
  return new KafkaError(ErrorCode.NOT_CONTROLLER, 'This node is not the active controller.');
}
